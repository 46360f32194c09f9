"""The probe: do loaded weights still say what they said when they were exported?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_ct_grounding.core.coverage import full_plan
from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.core.resampling import spaced_grid
from napari_ct_grounding.core.volume import check_hounsfield
from napari_ct_grounding.model.radfinder.preprocessing import body_positions_mm
from napari_ct_grounding.model.weights.probe import (
    PROBE_SENTENCE,
    check_first_probe,
    check_probe,
    compute_probe,
    first_probe_path,
    one_window_volume,
    probe_volume,
)
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


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for records of this user."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    return tmp_path / "cache"


def test_the_volume_of_first_probes_is_one_window_of_the_released_model() -> None:
    """Records on people's machines were made with it, and a load must stay quick."""

    volume = one_window_volume()
    check_hounsfield(volume.hu)
    assert volume.fingerprint == one_window_volume().fingerprint == "f5032b3544dd6e116bc7f0331a97c74d"
    spaced = spaced_grid(volume.geometry, (3.0, 0.75, 0.75))
    assert full_plan(spaced, (32, 128, 128), body_positions_mm(volume)).num_windows == 1


def test_the_first_load_is_recorded_and_later_ones_must_agree(cache: Path) -> None:
    model = OracleModel()
    check_first_probe(model, "f00d")
    record = first_probe_path("f00d")
    assert record.is_relative_to(cache)
    check_first_probe(model, "f00d")
    said = json.loads(record.read_text())
    record.write_text(json.dumps(said | {"text": said["text"][::-1]}))
    with pytest.raises(WeightsError, match=r"text embedding that they gave when they were first loaded.*f00d\.json"):
        check_first_probe(model, "f00d")
    check_first_probe(model, "beef")  # other weights have a record of their own


@pytest.mark.parametrize("content", ["", "{", "[]", '{"text": []}', '{"text": ["a"], "image": [1]}'])
def test_a_record_that_cannot_be_read_is_made_again(cache: Path, content: str) -> None:
    path = first_probe_path("f00d")
    path.parent.mkdir(parents=True)
    path.write_text(content)
    check_first_probe(OracleModel(), "f00d")
    assert json.loads(path.read_text())["sentence"] == PROBE_SENTENCE
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_machine_without_a_place_for_the_record_works_on(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache.write_text("a file where the folder should be")
    check_first_probe(OracleModel(), "f00d")
    assert "could not be recorded" in caplog.text
