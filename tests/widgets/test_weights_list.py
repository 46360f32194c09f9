"""What the list of weights says of each."""

from __future__ import annotations

from dataclasses import replace

from napari_ct_grounding.model.weights import hub
from napari_ct_grounding.model.weights.hub import KnownWeights
from napari_ct_grounding.widgets.jobs import JobContext
from napari_ct_grounding.widgets.weights_list import entries_of, list_weights

RELEASED = KnownWeights("radfinder", "RadFinder", "as released", "CC BY-NC-SA 4.0", "hub", 4_140_000_000)


def test_an_entry_says_what_the_weights_are_their_licence_and_what_it_takes_to_have_them():
    (entry,) = entries_of([RELEASED])
    assert (entry.name, entry.label, entry.reason) == ("radfinder", "RadFinder", None)
    assert entry.tooltip == "As released\nLicence: CC BY-NC-SA 4.0\n4.1 GB to download"
    (entry,) = entries_of([replace(RELEASED, num_bytes=0)])
    assert entry.tooltip.endswith("\nOn this computer")


def test_the_list_is_that_of_the_model_room_with_its_reasons(monkeypatch):
    other = KnownWeights("other", "Other", "", "MIT", "encoder", 0, "It needs a package.")
    monkeypatch.setattr(hub, "list_known", lambda: [RELEASED, other])
    entries = list_weights(JobContext(1, lambda *_: None))
    assert [(entry.name, entry.reason) for entry in entries] == [("radfinder", None), ("other", "It needs a package.")]
