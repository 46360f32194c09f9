"""What is remembered of what was chosen."""

from __future__ import annotations

from napari_ct_grounding.widgets.choices import Choices
from napari_ct_grounding.widgets.requests import AUTO, WeightsChoice, resolve_scan
from napari_ct_grounding.widgets.sources import LayerSource

OTHER = WeightsChoice("radfinder")


def _source(volume, layer_id="a"):
    return LayerSource(layer_id, volume.name, volume.geometry, volume=volume)


def test_asking_for_another_intent_chooses_nothing(volume):
    choices = Choices()
    before = choices.intent
    assert choices.with_weights(OTHER).weights == OTHER
    assert choices.with_device("cpu").device == "cpu"
    assert choices.with_source(_source(volume), is_orientation_unknown=False).source is not None
    assert choices.intent == before


def test_weights_come_back_with_the_coverage_and_precision_they_were_left_with():
    choices = Choices()
    choices.intent = choices.with_coverage("paper")
    choices.intent = choices.with_precision("bfloat16")
    choices.intent = choices.with_weights(OTHER)
    assert (choices.intent.coverage, choices.intent.precision) == (AUTO, AUTO)
    choices.intent = choices.with_weights(WeightsChoice())
    assert (choices.intent.coverage, choices.intent.precision) == ("paper", "bfloat16")


def test_a_volume_taken_for_hu_stays_so_until_its_layer_goes(volume):
    choices = Choices()
    choices.intent = choices.with_source(_source(volume), is_orientation_unknown=False)
    choices.intent = choices.with_hu_assumed()
    choices.intent = choices.with_source(_source(volume, "b"), is_orientation_unknown=False)
    assert not choices.intent.is_hu_assumed
    assert choices.with_source(_source(volume), is_orientation_unknown=False).is_hu_assumed
    choices.forget_layer("a")
    assert not choices.with_source(_source(volume), is_orientation_unknown=False).is_hu_assumed


def test_patience_is_for_these_weights_on_this_device(volume):
    choices = Choices()
    choices.intent = choices.with_source(_source(volume), is_orientation_unknown=False)
    choices.agree_to_wait()
    assert choices.is_patient(resolve_scan(choices.intent))
    assert not choices.is_patient(resolve_scan(choices.with_device("cpu")))
    assert not choices.is_patient(resolve_scan(choices.with_weights(OTHER)))
