from __future__ import annotations

import numpy as np

from train.metrics.positions import best_position, middle_position, position_figures, random_position


def test_padding_never_wins():
    cosine = np.array([[0.1, 0.3, 0.9], [0.2, 0.1, 0.0]])
    valid = np.array([[True, True, False], [False, True, True]])
    assert best_position(cosine, valid).tolist() == [1, 1]


def test_random_answers_stay_within_each_range_and_come_in_order():
    first, last = np.arange(500) % 7, np.arange(500) % 7 + 5
    answers = random_position(first, last)
    assert ((answers >= first) & (answers <= last)).all()
    generator = np.random.RandomState(42)
    assert answers.tolist() == [generator.randint(a, b + 1) for a, b in zip(first, last, strict=True)]
    assert set(answers - first) == set(range(6))
    assert middle_position([0, 3], [23, 4]).tolist() == [11, 3]


def test_a_position_is_twelve_millimetres():
    figures = position_figures(np.array([0, 5]), np.array([0, 3]), num_resamples=10)
    assert figures["mean_mm"].value == 12.0
    assert figures["within_24_mm"].value == 1.0
    assert figures["within_12_mm"].value == figures["exact"].value == 0.5
