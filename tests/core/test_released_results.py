"""Files of schema version 1: their layout is guessed by names, and every guess is told."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_ct_grounding.core.error_rows import ErrorRow
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.released_positions import placed_in_scan
from napari_ct_grounding.core.released_results import read_errors
from tests.core.localization_rows import a_row, results_of


def stored(tmp_path, content):
    path = tmp_path / "released.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


POSITIONS = [
    {"VolumeName": "train_1_a_1.nii.gz", "snippet": "left effusion", "pred-idx": 4, "gt_idx": 6, "language": "en"},
    {"VolumeName": "train_1_a_1.nii.gz", "snippet": "Rippe 4", "pred-idx": 9, "gt_idx": 9, "language": "de"},
    {"VolumeName": "train_2.nii.gz", "snippet": "no truth", "pred-idx": 1, "gt_idx": None, "language": "en"},
]


def test_positions_become_mm_by_the_resolution_of_the_released_model(tmp_path):
    opened = read_errors(stored(tmp_path, {"schema_version": 1, "results": POSITIONS}))
    assert opened.schema_version == 1
    assert [row.error_mm for row in opened.rows] == [24, 0, None]
    assert [row.case.scan for row in opened.rows][:2] == ["train_1_a_1.nii.gz"] * 2
    assert [row.case.category for row in opened.rows] == ["en", "de", "en"]
    assert not any(row.is_in_world for row in opened.rows)
    (note,) = opened.notes
    assert "not documented" in note
    assert "predicted position = 'pred-idx'" in note
    assert "Not found: profile, depth resolution (taken as 12 mm), weights, intervals." in note


def test_another_resolution_is_taken_from_the_file_and_a_profile_gives_the_rank(tmp_path):
    profile = [0.1, 0.5, None, 0.2, 0.3, 0.1, 0.4]
    record = {"scan": "a", "text": "b", "prediction": 1, "target": 6, "profile": profile}
    opened = read_errors(stored(tmp_path, {"schema_version": 1, "rows": [record], "resolution_mm": 10}))
    (row,) = opened.rows
    assert row.error_mm == 50
    assert row.truth_rank.rank == 2
    assert row.truth_rank.num_positions == 6
    assert row.prediction.peaks_mm[0] == 15
    assert "resolution" not in opened.notes[0].split("Not found")[1]


def test_values_in_mm_are_world_z_and_go_before_positions(tmp_path):
    record = {"volume": "a", "sentence": "b", "pred": 3, "gt": 4, "pred_mm": -100.5, "gt_mm": -90}
    (row,) = read_errors(stored(tmp_path, {"schema_version": 1, "snippets": [record]})).rows
    assert row.is_in_world
    assert (row.prediction.z_mm, row.truth_mm, row.error_mm) == (-100.5, (-90, -90), 10.5)


def test_rows_may_stand_under_the_names_of_their_volumes(tmp_path):
    held = {"a.nii": [{"text": "x", "pred": 1, "target": 1}], "b.nii": {"text": "y", "pred": 0, "target": 2}}
    rows = read_errors(stored(tmp_path, {"schema_version": 1, "predictions": held})).rows
    assert [(row.case.scan, row.error_mm) for row in rows] == [("a.nii", 0), ("b.nii", 24)]


def test_errors_of_the_file_that_disagree_are_told(tmp_path):
    records = [record | {"error_mm": 24} for record in POSITIONS[:2]]
    notes = read_errors(stored(tmp_path, {"schema_version": 1, "results": records})).notes
    assert "differs from |predicted - true| in 1 of 2 rows" in notes[1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"schema_version": 1}, "no list of rows under a name that this program would expect"),
        ({"schema_version": 1, "rows": []}, "no list of rows"),
        ({"schema_version": 1, "rows": [1, 2]}, "no list of rows"),
        (
            {"schema_version": 1, "rows": [{"volume": "a", "text": "b"}]},
            "no field that could be the predicted position or the true position",
        ),
        (
            {"schema_version": 1, "rows": [{"volume": "a", "pred": 1, "target": 2}]},
            "no field that could be the sentence (looked for sentence: sentence, snippet",
        ),
        (
            {"schema_version": 1, "rows": [{"volume": "a", "text": "b", "pred": "x", "target": 2}]},
            "row 1 has 'x' for pred, which must be a number",
        ),
        (
            {"schema_version": 1, "rows": [{"volume": None, "text": "b", "pred": 1, "target": 2}]},
            "row 1 has no volume that is a text",
        ),
        ({"schema_version": 3, "format": "ct-grounding localization"}, "schema_version 3; this program reads 2"),
        ([1], "is not a file of localization results"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_message(tmp_path, content, told):
    with pytest.raises(InputError) as caught:
        read_errors(stored(tmp_path, content))
    assert told in str(caught.value)


def test_a_file_of_version_2_gives_its_rows_and_what_made_them(tmp_path):
    path = tmp_path / "results.json"
    results_of(a_row(100, 112), a_row(None)).write(path)
    opened = read_errors(path)
    assert [row.status for row in opened.rows] == ["done", "failed"]
    assert [row.error_mm for row in opened.rows] == [12, None]
    assert opened.facts[:2] == ("weights bundled (abababab)", "coverage masked")
    assert opened.notes == ()


def test_positions_find_their_place_where_the_released_chain_keeps_them(tmp_path):
    opened = read_errors(stored(tmp_path, {"schema_version": 1, "results": POSITIONS}))
    # 100 slices of 3 mm: the chain keeps 96 of them, and leaves out 2 at either end; a position is 4 slices.
    geometry = VolumeGeometry.from_spacing((100, 160, 160), (3.0, 0.75, 0.75), (-500.0, 0.0, 0.0))
    row = placed_in_scan(opened.rows[0], geometry)
    assert isinstance(row, ErrorRow)
    assert row.is_in_world
    first_mm = -500 + 2 * 3 + 1.5 * 3
    assert row.prediction.z_mm == pytest.approx(first_mm + 4 * 12)
    assert row.truth_mm == pytest.approx((first_mm + 6 * 12,) * 2)
    assert row.error_mm == 24
    assert row.prediction.slice_index == geometry.slice_of_z(row.prediction.z_mm)
    assert row.prediction.covered_mm == pytest.approx((-495.5, -207.5))
    assert placed_in_scan(row, geometry) is row


def test_a_scan_too_short_for_its_row_is_told_to_be_another(tmp_path):
    opened = read_errors(stored(tmp_path, {"schema_version": 1, "results": POSITIONS}))
    geometry = VolumeGeometry.from_spacing((40, 160, 160), (3.0, 0.75, 0.75))
    with pytest.raises(InputError, match=r"depth position 9, and this scan has 8 \(from 0\)"):
        placed_in_scan(opened.rows[1], geometry)


def test_no_scan_length_is_made_up_where_the_file_holds_none(tmp_path):
    from napari_ct_grounding.core.localization_error import ErrorColumns

    columns = ErrorColumns(read_errors(stored(tmp_path, {"schema_version": 1, "results": POSITIONS})).rows)
    assert np.isnan(columns.length_mm).all()
    assert np.isfinite(columns.true_mm[:2]).all(), "positions count from one end"
