"""Two weights on the same sentences: who comes first, what is a conflict, what is apart."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from napari_ct_grounding.core.comparison import compare_answers, comparison_table, summary_of
from napari_ct_grounding.core.results import GroundingResult


def answer(sentence, z_mm, *, has_location=True, width_mm=12.0):
    return GroundingResult(
        sentence, z_mm, 0, None, 0.25, (z_mm - 10, z_mm + 10), (-500.0, 0.0), np.array([z_mm]), np.array([0.25], np.float32),
        (z_mm,), has_location, False, width_mm, 0,
    )  # fmt: skip


def compared(first, second):
    (pair,) = compare_answers([first], [second])
    return pair


def test_the_difference_is_positive_towards_the_head():
    pair = compared(answer("a", -300.0), answer("a", -260.0))
    assert pair.difference_mm == 40.0
    assert (pair.is_apart, pair.is_conflict, pair.verdict) == (True, False, "apart")


@pytest.mark.parametrize(("width_mm", "is_apart"), [(5.0, True), (12.0, False), (10.0, False)])
def test_places_within_the_coarser_depth_position_agree(width_mm, is_apart):
    pair = compared(answer("a", -300.0, width_mm=5.0), answer("a", -290.0, width_mm=width_mm))
    assert pair.is_apart is is_apart


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [(True, False, "only the first finds a place"), (False, True, "only the second finds a place"),
     (False, False, "neither finds a place"), (True, True, "agree")],
)  # fmt: skip
def test_a_place_that_only_one_finds_is_a_conflict(first, second, verdict):
    pair = compared(answer("a", 0.0, has_location=first), answer("a", 0.0, has_location=second))
    assert pair.is_conflict is (first != second)
    assert pair.verdict == verdict
    assert (pair.difference_mm is None) is not (first and second)


def test_conflicts_come_first_then_the_farthest_and_last_what_neither_finds():
    first = [answer("near", 0.0), answer("none", 0.0, has_location=False), answer("far", 0.0), answer("conflict", 0.0),
             answer("unanswered", 0.0), answer("near too", 0.0)]  # fmt: skip
    second = [answer("conflict", 0.0, has_location=False), answer("far", -90.0), answer("near", 3.0), answer("near too", -3.0),
              answer("none", 0.0, has_location=False)]  # fmt: skip
    assert [pair.sentence for pair in compare_answers(first, second)] == ["conflict", "far", "near", "near too", "none"]


def test_the_summary_counts_and_takes_the_median_of_what_both_place():
    first = [answer(name, 0.0) for name in "abcd"]
    second = [answer("a", 3.0), answer("b", -50.0), answer("c", 20.0), answer("d", 0.0, has_location=False)]
    summary = summary_of(compare_answers(first, second))
    assert (summary.num_sentences, summary.num_conflicts, summary.num_apart, summary.median_mm) == (4, 1, 2, 20.0)
    assert summary_of([]).median_mm is None


def test_the_table_names_the_weights_and_survives_commas_and_quotes():
    pairs = compare_answers([answer('a "mass", left', -300.0)], [answer('a "mass", left', 0.0, has_location=False)])
    (row,) = csv.DictReader(io.StringIO(comparison_table(pairs, "bundled", "mine")))
    assert row["sentence"] == 'a "mass", left'
    assert row["bundled z mm"] == "-300.0"
    assert row["mine z mm"] == row["mine interval low mm"] == row["difference mm"] == ""
    assert row["verdict"] == "only bundled finds a place"
    assert comparison_table([], "a", "b", delimiter="\t").count("\t") == 10
