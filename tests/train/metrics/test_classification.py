from __future__ import annotations

import numpy as np
import pytest

from train.metrics.classification import auroc_by_class, recall_at_k


def test_unknown_labels_and_one_sided_classes_are_left_out():
    labels = np.array([[1, 0, 1], [0, 0, -1], [1, 0, 0], [-1, 0, 0]])
    scores = np.array([[0.9, 0.1, 0.3], [0.2, 0.2, 0.9], [0.1, 0.3, 0.5], [0.5, 0.4, 0.1]])
    result = auroc_by_class(labels, scores, ["a", "b", "c"])
    assert result["by_class"] == {"a": pytest.approx(0.5), "b": None, "c": pytest.approx(0.5)}
    assert result["macro"] == pytest.approx(0.5)


def test_recall_counts_own_scans_among_the_first_and_ties_count_against():
    eye = np.eye(4)
    assert recall_at_k(eye, eye, 1) == 1.0
    assert recall_at_k(eye, np.roll(eye, 1, axis=0), 1) == 0.0
    assert recall_at_k(np.ones((4, 4)), np.ones((4, 4)), 3) == 0.0
