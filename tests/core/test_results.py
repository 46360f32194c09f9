"""Results and their JSON form."""

from __future__ import annotations

import json

import numpy as np

from napari_ct_grounding.core.results import DiseaseScore, GroundingResult, to_jsonable


def a_result() -> GroundingResult:
    return GroundingResult(
        sentence="left hilar mass",
        z_mm=-452.0,
        slice_index=70,
        image_number=64,
        score=0.31,
        interval_mm=(-476.0, -428.0),
        covered_mm=(-700.0, -350.0),
        depths_mm=np.array([-464.0, -452.0]),
        profile=np.array([0.25, np.nan], dtype=np.float32),
        peaks_mm=(-452.0,),
        has_location=True,
        is_calibrated=False,
        depth_width_mm=12.0,
        file_index=63,
    )


def test_a_result_becomes_an_object_with_the_fields_of_the_class() -> None:
    record = to_jsonable(a_result())
    assert list(record) == list(GroundingResult.__dataclass_fields__)
    assert record["interval_mm"] == [-476.0, -428.0]
    assert record["has_location"] is True


def test_json_of_a_result_is_strict_json_and_what_was_not_seen_is_null() -> None:
    text = json.dumps(to_jsonable([a_result()]), allow_nan=False)
    assert json.loads(text)[0]["profile"] == [0.25, None]


def test_numpy_scalars_and_nested_containers_become_plain() -> None:
    record = to_jsonable({"a": np.float32(0.5), "b": (np.int64(3), np.bool_(True)), "c": float("inf"), "d": None})
    assert record == {"a": 0.5, "b": [3, True], "c": None, "d": None}
    assert type(record["b"][0]) is int
    assert record["b"][1] is True


def test_a_disease_score_without_calibration_has_no_probability() -> None:
    assert to_jsonable(DiseaseScore("Emphysema", 0.5)) == {
        "name": "Emphysema",
        "score": 0.5,
        "probability": None,
        "percentile": None,
    }


def test_values_of_float32_are_written_in_few_digits_and_come_back_exactly() -> None:
    values = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    text = json.dumps(to_jsonable(values))
    np.testing.assert_array_equal(np.array(json.loads(text), dtype=np.float32), values)
    assert len(text) < 14 * len(values)
