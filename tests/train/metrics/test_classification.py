from __future__ import annotations

import numpy as np
import pytest

from train.metrics.classification import (
    CLASS_FIGURES,
    auroc_by_class,
    compare_auroc,
    disease_figures,
    disease_resamples,
)

LABELS = np.array([[1, 0, 1], [0, 0, -1], [1, 0, 0], [-1, 0, 0]])
SCORES = np.array([[0.9, 0.1, 0.3], [0.2, 0.2, 0.9], [0.1, 0.3, 0.5], [0.5, 0.4, 0.1]])


def test_unknown_labels_and_one_sided_classes_are_left_out():
    result = auroc_by_class(LABELS, SCORES, ["a", "b", "c"])
    assert result["by_class"] == {"a": pytest.approx(0.5), "b": None, "c": pytest.approx(0.5)}
    assert result["macro"] == pytest.approx(0.5)


def test_a_one_sided_class_is_named_and_does_not_make_the_mean_undefined():
    figures = disease_figures(LABELS, SCORES, ["a", "b", "c"], num_resamples=50)
    assert figures.left_out == ("b",)
    assert np.isnan(figures.by_class["b"]["auroc"].value)
    assert figures.macro["auroc"].value == pytest.approx(0.5)
    assert np.isfinite([figures.macro["auroc"].low, figures.macro["auroc"].high]).all()


@pytest.mark.parametrize("threshold", [None, 0.5, 0.9, 2.0, -1.0])
def test_resamples_are_what_scikit_learn_finds_on_the_drawn_scans(threshold):
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 1, -1], size=(25, 2))
    scores = np.round(rng.random((25, 2)) * 0.5 + 0.3 * (labels == 1), 1)  # many ties
    drawn = np.random.default_rng(7).integers(0, 25, size=(20, 25))
    resampled = disease_resamples(labels, scores, threshold, 20, 7)
    for rows, found in zip(drawn, resampled, strict=True):
        figures = disease_figures(labels[rows], scores[rows], ["a", "b"], threshold, num_resamples=0)
        expected = [[figures.by_class[n][f].value for f in CLASS_FIGURES] for n in ("a", "b")]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_a_model_is_better_than_another_only_where_the_interval_of_the_difference_says_so():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, (80, 3))
    noise = rng.standard_normal((80, 3))
    gain = compare_auroc(labels, noise, noise + 2 * labels, num_resamples=300)
    assert gain.difference.low > 0
    assert gain.p_value < 0.02
    same = compare_auroc(labels, noise, noise, num_resamples=50)
    assert (same.difference.value, same.p_value) == (0.0, 1.0)


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="one column for each name"):
        disease_figures(LABELS, SCORES, ["a"])
