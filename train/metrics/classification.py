"""How well scores order scans by a disease.

AUROC: the chance that a scan with the disease scores above one without; 0.5 is guessing. Unknown labels (-1) are left out; a
disease that all or no scans have gives None and is left out of the macro mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

__all__ = ["auroc_by_class", "recall_at_k"]


def auroc_by_class(labels: NDArray, scores: NDArray, names: Sequence[str]) -> dict[str, Any]:
    """Return {"macro": mean, "by_class": {name: AUROC or None}}.

    Parameters
    ----------
    labels : (n, q)
        1, 0, or -1 for unknown.
    scores : (n, q)
    names : sequence of str
    """
    by_class: dict[str, float | None] = {}
    for column, name in enumerate(names):
        known = labels[:, column] != -1
        truth = labels[known, column]
        is_defined = 0 < truth.sum() < len(truth)
        by_class[name] = float(roc_auc_score(truth, scores[known, column])) if is_defined else None
    defined = [value for value in by_class.values() if value is not None]
    return {"macro": float(np.mean(defined)) if defined else None, "by_class": by_class}


def recall_at_k(image: NDArray, text: NDArray, k: int) -> float:
    """Return how often a report's own scan is among the `k` scans most like it; ties count against.

    Parameters
    ----------
    image, text : (n, e)
        Unit vectors; row i belongs to row i.
    k : int
    """
    similarity = text @ image.T
    own = similarity.diagonal()[:, None]
    better = (similarity >= own).sum(axis=1) - 1
    return float((better < k).mean())
