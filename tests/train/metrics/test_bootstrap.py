from __future__ import annotations

import numpy as np
import pytest

from train.metrics import bootstrap as module
from train.metrics.bootstrap import bootstrap_scans, estimates, paired_bootstrap, resample_counts, resample_rows


def test_draws_in_chunks_are_those_of_one_matrix(monkeypatch):
    monkeypatch.setattr(module, "_DRAWS_AT_ONCE", 70)
    chunks = list(resample_rows(10, 33))
    assert [len(chunk) for chunk in chunks] == [7, 7, 7, 7, 5]
    np.testing.assert_array_equal(np.concatenate(chunks), np.random.default_rng(42).integers(0, 10, size=(33, 10)))


def test_one_draw_after_another_is_the_same_stream():
    rng = np.random.default_rng(42)
    np.testing.assert_array_equal(next(resample_rows(7, 5)), [rng.integers(0, 7, size=7) for _ in range(5)])


def test_counts_are_how_often_each_row_was_drawn():
    assert resample_counts(np.array([[0, 0, 2], [1, 1, 1]]), 3).tolist() == [[2, 0, 1], [0, 3, 0]]


def test_whole_scans_are_drawn_so_that_copies_of_a_sentence_add_no_certainty():
    values = np.array([1.0, 5.0, 3.0, 8.0])
    once = bootstrap_scans(values, np.arange(4), 200)
    np.testing.assert_allclose(bootstrap_scans(np.repeat(values, 9), np.repeat(np.arange(4), 9), 200), once)
    two = bootstrap_scans(np.stack([values, values + 1], axis=1), np.arange(4), 200)
    np.testing.assert_allclose(two, np.stack([once, once + 1], axis=1))


def test_undefined_resamples_are_left_out_of_the_interval():
    found = estimates({"a": 1.0, "b": 2.0}, {"a": np.array([np.nan, 1.0, 3.0])})
    assert (found["a"].low, found["a"].high) == pytest.approx((1.05, 2.95))
    assert np.isnan(found["b"].low)


def test_a_pair_is_compared_row_by_row():
    rng = np.random.default_rng(0)
    hard = rng.exponential(20, 60)  # how hard a sentence is hides how much better the second model is
    gain = paired_bootstrap(hard + 3, hard + rng.normal(0, 1, 60), num_resamples=400)
    assert gain.difference.low < -3 < gain.difference.high < -2
    assert gain.p_value == pytest.approx(2 / 401)
    with pytest.raises(ValueError, match="shapes"):
        paired_bootstrap(np.zeros(0), np.zeros(0))
