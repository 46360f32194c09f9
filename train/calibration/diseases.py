"""What a disease score is worth: its distribution over reference scans and, with labels, a curve to a probability."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from train.metrics.zero_shot import disease_scores

__all__ = ["disease_references"]

NUM_QUANTILES = 41
#: Fewer scans with (or without) a disease give no curve.
MIN_OF_EACH = 10


def disease_references(disease: NDArray, embed: Any, labels: NDArray | None = None) -> dict[str, dict[str, Any]]:
    """Return, for each CT-RATE disease, the card's entry (`core.disease_reference.DiseaseReference`).

    Parameters
    ----------
    disease : (n, e)
        Disease vectors of the reference scans.
    embed : callable
        From sentences to report vectors (m, e).
    labels : (n, 18), optional
        1, 0, or -1 for unknown: adds a monotone curve (isotonic regression) to each disease that at least 10 scans have and 10
        have not. Its ends keep a distance from 0 and 1 that the number of scans justifies.
    """
    scores = disease_scores(disease, embed)
    levels = np.quantile(scores, np.linspace(0, 1, NUM_QUANTILES), axis=0)
    references: dict[str, dict[str, Any]] = {}
    for index, name in enumerate(CT_RATE_DISEASES):
        references[name] = {"quantiles": _rounded(levels[:, index]), "num_scans": len(scores)}
        if labels is not None:
            references[name] |= _curve(scores[:, index], labels[:, index])
    return references


def _curve(scores: NDArray[np.float64], labels: NDArray) -> dict[str, list[float]]:
    known = labels != -1
    truth = labels[known] == 1
    if min(truth.sum(), (~truth).sum()) < MIN_OF_EACH:
        return {}
    low, high = 1 / (truth.size + 2), (truth.size + 1) / (truth.size + 2)
    fit = IsotonicRegression(y_min=low, y_max=high, out_of_bounds="clip").fit(scores[known], truth)
    return {"scores": _rounded(fit.X_thresholds_), "probabilities": _rounded(fit.y_thresholds_)}


def _rounded(values: NDArray) -> list[float]:
    return [round(float(value), 6) for value in values]
