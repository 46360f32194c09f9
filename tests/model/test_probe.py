"""The probe: do loaded weights still say what they said when they were exported?"""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.core.volume import check_hounsfield
from napari_ct_grounding.model.probe import PROBE_SENTENCE, check_probe, compute_probe, probe_volume
from tests.inference.oracle import OracleModel


def test_the_probe_volume_never_changes() -> None:
    """Cards in the world were recorded with it: these figures are part of the file format."""
    volume = probe_volume()
    check_hounsfield(volume.hu)
    assert volume.hu.shape == (24, 48, 48)
    assert volume.hu.dtype == np.int16
    assert volume.geometry.spacing_mm == (5.0, 8.0, 8.0)
    assert volume.fingerprint == probe_volume().fingerprint == "67f1f6969a80f9dcc236e55fe173c269"


def test_a_probe_survives_json_and_passes_with_the_same_model() -> None:
    model = OracleModel()
    recorded = json.loads(json.dumps(compute_probe(model)))
    assert recorded["sentence"] == PROBE_SENTENCE
    check_probe(model, recorded)


@pytest.mark.parametrize("side", ["text", "image"])
@pytest.mark.parametrize("vector", [[0.6, 0.8], [0.0, 0.0], [1.0], []])
def test_a_model_that_says_something_else_is_refused_naming_the_side(side: str, vector: list[float]) -> None:
    model = OracleModel()
    recorded = compute_probe(model) | {side: vector}
    with pytest.raises(WeightsError, match=f"{side} embedding.*cosine"):
        check_probe(model, recorded)


def test_the_recorded_sentence_is_the_one_that_is_checked() -> None:
    model = OracleModel()
    recorded = compute_probe(model, "a bright ball")
    assert recorded["text"] != compute_probe(model)["text"]
    check_probe(model, recorded)
