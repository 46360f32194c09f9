"""Diagnostics tell the program and the size of the scan, and nothing by which anybody could be known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import napari_ct_grounding
from napari_ct_grounding.core.errors import VolumeError
from napari_ct_grounding.core.volume import SliceRecord
from napari_ct_grounding.readers.napari_reader import layer_of_volume
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.diagnostics import diagnostics_text, failure_name
from napari_ct_grounding.widgets.requests import WeightsChoice
from napari_ct_grounding.widgets.sources import source_of_layer
from napari_ct_grounding.widgets.work import SessionStore

#: Stands wherever something of the patient or of the user could.
MARK = "quetzalcoatlus"
MARK_NUMBER = 987654321


@pytest.fixture
def controller(qtbot, inline_jobs, session, volume):
    from napari.components import ViewerModel

    encode = session.encode

    def encode_with_fingerprint(*args, **options):
        encoded = encode(*args, **options)
        encoded.weights_fingerprint = "f1f2f3"
        return encoded

    session.encode = encode_with_fingerprint
    session.weights_name = f"{MARK} weights"
    session.card.description = session.card.licence = MARK
    table = tuple(SliceRecord(i, MARK_NUMBER + i, MARK_NUMBER, f"1.2.{MARK}.{i}") for i in range(volume.hu.shape[0]))
    marked = replace(volume, name=MARK, slice_table=table, notes=(MARK,), modality_facts={"kernel": MARK})
    data, meta, _ = layer_of_volume(marked, ct_source=f"/{MARK}/scan", ct_series_key=MARK)
    controller = GroundingController(inline_jobs, SessionStore(lambda *_: session))
    controller.choose_weights(WeightsChoice(Path(f"/{MARK}/weights")))
    controller.choose_source(source_of_layer(ViewerModel().add_image(data, **meta)))
    for sentence in (f"{MARK} sphere", "second"):
        controller.ground(sentence)
    inline_jobs.run_all()
    assert len(controller.answers.results) == 2
    return controller


def test_nothing_of_patient_path_weights_folder_or_sentence_is_in_it(controller):
    error = VolumeError(f"/{MARK}/scan is broken")
    text = diagnostics_text(controller, failure_name(error))
    assert MARK not in text.lower()
    assert str(MARK_NUMBER)[:5] not in text
    assert str(Path.home()) not in text
    assert "-400" not in text, "positions are of no use to anybody"


def test_it_holds_what_helps(controller):
    text = diagnostics_text(controller, failure_name(VolumeError("")))
    for part in (
        f"napari-ct-grounding {napari_ct_grounding.__version__}, Python 3.",
        "napari 0.",
        "torch 2.",
        "Qt 6.",
        "Scan: 48 x 32 x 32 voxels of 3 x 10 x 10 mm (z, y, x)",
        "Used: device cpu (no GPU found; 1 CPU thread), float32, not calibrated",
        "Weights fingerprint: f1f2f3",
        "Coverage full: 100% of the body",
        "Answers: 2 listed, 0 others, 18 diseases",
        "Last failure: VolumeError",
    ):
        assert part in text, part


def test_weights_that_we_named_are_named(inline_jobs, session, qtbot):
    controller = GroundingController(inline_jobs, SessionStore(lambda *_: session))
    assert "weights bundled" in diagnostics_text(controller)
    controller.choose_weights(WeightsChoice("radfinder"))
    assert "weights radfinder" in diagnostics_text(controller)
    controller.choose_weights(WeightsChoice(f"/people/{MARK}"))
    assert "weights of their own" in diagnostics_text(controller)


def test_without_a_scan_it_says_so(inline_jobs, session, qtbot):
    text = diagnostics_text(GroundingController(inline_jobs, SessionStore(lambda *_: session)))
    assert "Scan: none" in text
    assert text.endswith("Last failure: none")


@pytest.mark.parametrize(
    ("error", "name"),
    [(VolumeError(MARK), "VolumeError"), (FileNotFoundError(2, MARK), "FileNotFoundError (builtins)")],
)
def test_a_failure_is_named_without_its_message(error, name):
    assert failure_name(error) == name
