from __future__ import annotations

import numpy as np
import pytest

from train.metrics.retrieval import (
    average_precision_at,
    pool_retrieval,
    ranking_of,
    retrieval_figures,
    volume_retrieval,
)

EYE = np.eye(4)


def test_a_right_order_and_a_shifted_one():
    assert retrieval_figures(ranking_of(EYE, EYE), num_resamples=0)["recall_at_1"].value == 1.0
    shifted = retrieval_figures(ranking_of(np.roll(EYE, 1, axis=0), EYE), num_resamples=0)
    # The own item ties with two others, below the wrong one.
    assert shifted["recall_at_1"].value == 0.0
    assert shifted["mean_rank"].value == pytest.approx(1 + 1 + 2 / 2)


def test_ties_count_as_if_broken_at_random():
    ones = np.ones((8, 3))
    figures = retrieval_figures(ranking_of(ones, ones), ks=(1, 2, 8), num_resamples=0)
    assert figures["recall_at_1"].value == pytest.approx(1 / 8)
    assert figures["recall_at_2"].value == pytest.approx(2 / 8)
    assert figures["recall_at_8"].value == 1.0
    assert figures["mean_rank"].value == pytest.approx(4.5)


def test_expected_recall_is_the_mean_over_all_ways_to_break_ties():
    rng = np.random.default_rng(0)
    gallery = np.eye(6)[rng.integers(0, 3, 12)]  # copies
    queries = rng.standard_normal((12, 6))
    ranking = ranking_of(queries, gallery)
    simulated = np.zeros(12)
    for _ in range(3000):
        order = rng.permutation(12)
        cosine = np.round((queries / np.linalg.norm(queries, axis=1, keepdims=True)) @ gallery[order].T, 9)
        places = np.argsort(-cosine, axis=1, kind="stable")
        simulated += (order[places[:, :3]] == np.arange(12)[:, None]).any(axis=1)
    np.testing.assert_allclose(ranking.recall(3), simulated / 3000, atol=0.04)


def test_identical_vectors_tie_wherever_they_stand_in_the_gallery():
    rng = np.random.default_rng(3)
    vector = rng.standard_normal(129).astype(np.float32)
    gallery = np.repeat(vector[None], 501, axis=0)
    assert ranking_of(rng.standard_normal((5, 129)), gallery).tied.tolist() == [500] * 5


def test_several_queries_may_share_a_gallery_item():
    ranking = ranking_of(EYE[[2, 2, 0]], EYE, own=np.array([2, 1, 0]))
    assert ranking.better.tolist() == [0, 1, 0]


def test_pools_that_the_set_cannot_fill_are_left_out():
    figures = pool_retrieval(np.eye(40), np.eye(40), num_repeats=3)
    assert sorted(figures) == ["pool32_recall_at_1", "pool32_recall_at_8"]
    assert figures["pool32_recall_at_1"].value == 1.0


def test_average_precision_divides_by_k_even_where_fewer_are_relevant():
    relevant = np.array([[True, False, True, False, False]])
    assert average_precision_at(relevant, 5)[0] == pytest.approx((1 + 2 / 3) / 5)
    assert average_precision_at(relevant, 1)[0] == 1.0


def test_scans_without_a_label_neither_ask_nor_answer():
    vectors = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.95, 0.05]])
    figures, num_scans = volume_retrieval(
        vectors, np.array([[1, 0], [1, 0], [0, 1], [0, -1]]), ks=(1,), num_resamples=20
    )
    assert num_scans == 3
    assert figures["map_at_1"].value == pytest.approx(2 / 3)
    assert volume_retrieval(vectors, np.zeros((4, 2))) == ({}, 0)
