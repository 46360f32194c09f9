"""Figures of choices of rows: what they are, and what they leave out."""

from __future__ import annotations

import numpy as np
import pytest

from napari_ct_grounding.core.error_rows import error_rows, rank_of_truth
from napari_ct_grounding.core.localization_error import NO_CATEGORY, ErrorColumns
from tests.core.localization_rows import a_row, an_answer, many_rows, results_of


def columns_of(*rows):
    return ErrorColumns(error_rows(results_of(*rows)))


def test_failed_rows_and_those_without_a_truth_are_counted_and_left_out_of_every_error():
    columns = columns_of(
        a_row(100, 100), a_row(130, 100), a_row(50), a_row(None, 100), a_row(None), a_row(10, 100, has_location=False)
    )
    summary = columns.summary()
    assert (summary.num_rows, summary.num_failed, summary.num_without_truth, summary.num_scored) == (6, 2, 1, 3)
    assert summary.num_no_location == 1
    assert summary.mean_mm == pytest.approx((0 + 30 + 90) / 3)
    assert summary.median_mm == 30
    assert summary.within_12_mm == pytest.approx(1 / 3)
    assert summary.within_24_mm == pytest.approx(1 / 3)


def test_no_row_with_an_error_gives_no_figure_instead_of_a_zero():
    for columns in (columns_of(), columns_of(a_row(None, 3), a_row(5))):
        summary = columns.summary()
        assert summary.num_scored == 0
        assert {getattr(summary, name) for name in summary.__dataclass_fields__ if not name.startswith("num_")} == {
            None
        }
        assert columns.by_category(np.arange(summary.num_rows)) == []
        assert columns.by_quantity(columns.length_mm, np.arange(summary.num_rows)) == []


def test_the_mean_by_scan_gives_every_scan_the_same_weight():
    rows = [a_row(100 + error, 100, scan="a") for error in (0, 10, 20)] + [a_row(140, 100, scan="b")]
    summary = columns_of(*rows).summary()
    assert summary.mean_mm == pytest.approx(17.5)
    assert summary.scan_mean_mm == pytest.approx((10 + 40) / 2)
    assert summary.num_scans == 2


def test_the_figures_agree_with_those_of_the_results_file():
    results = results_of(*many_rows(200, 20))
    columns, told = ErrorColumns(error_rows(results)), results.summary()
    summary = columns.summary()
    for name in ("mean_mm", "median_mm", "within_12_mm", "within_24_mm", "num_rows", "num_failed"):
        assert getattr(summary, name) == pytest.approx(told[name])
    assert summary.num_scored == told["num_with_truth"]


def test_figures_of_a_choice_are_those_of_a_file_with_these_rows_alone():
    rows = many_rows(60, 6)
    chosen = np.arange(7, 41, 3)
    assert columns_of(*rows).summary(chosen) == columns_of(*(rows[i] for i in chosen)).summary()


def test_a_true_range_is_touched_by_the_interval_or_not():
    columns = columns_of(a_row(100, (112, 140)), a_row(100, (113, 140)))
    assert columns.interval_holds.tolist() == [True, False]
    assert columns.summary().interval_holds == 0.5


def test_the_truth_is_ranked_among_the_positions_of_the_scan():
    answer = an_answer(102, second_mm=198)
    assert rank_of_truth(answer, (100, 104)).rank == 1
    # The peak at 198 is lower than the one at 102 and its two neighbours.
    rank = rank_of_truth(answer, (198, 198))
    assert (rank.rank, rank.num_positions) == (2, 20)
    assert rank_of_truth(answer, (90.5, 90.5)).rank == 3, "0.21, behind both peaks"
    assert rank_of_truth(answer, (300, 310)) is None
    profile = answer.profile.copy()
    profile[8] = np.nan
    from dataclasses import replace

    assert rank_of_truth(replace(answer, profile=profile), (102, 102)) is None


def test_positions_are_measured_from_the_lower_end_of_each_scan():
    columns = columns_of(
        a_row(-1380, (-1400, -1380), covered_mm=(-1500, -1260)), a_row(60, 120, covered_mm=(0.0, 480.0))
    )
    np.testing.assert_allclose(columns.true_mm, [110, 120])
    np.testing.assert_allclose(columns.predicted_mm, [120, 60])
    np.testing.assert_allclose(columns.position, [110 / 240, 0.25])


def test_categories_come_worst_first_and_a_missing_one_has_a_name():
    rows = [a_row(100, 100, category="lung"), a_row(160, 100, category="bone"), a_row(120, 100), a_row(None, 1)]
    groups = columns_of(*rows).by_category(np.arange(4))
    assert [(group.name, group.num, group.mean_mm) for group in groups] == [
        ("bone", 1, 60),
        (NO_CATEGORY, 1, 20),
        ("lung", 1, 0),
    ]


def test_ranges_of_a_quantity_hold_every_row_once_and_about_equally_many():
    columns = columns_of(*many_rows(400, 20))
    groups = columns.by_quantity(columns.position, np.arange(400))
    scored = np.isfinite(columns.error_mm)
    assert sum(group.num for group in groups) == scored.sum()
    assert len(groups) == 5
    assert max(group.num for group in groups) - min(group.num for group in groups) <= 2
    weights = np.array([group.num for group in groups])
    means = np.array([group.mean_mm for group in groups])
    assert (weights * means).sum() / weights.sum() == pytest.approx(columns.error_mm[scored].mean())
    (only,) = columns.by_quantity(columns.length_mm, np.arange(400))
    assert (only.low, only.high, only.num) == (480, 480, scored.sum())
