"""How well scores tell scans with a disease from scans without it.

For each class: AUROC (the chance that a scan with the disease scores above one without; 0.5 is guessing); the threshold of
greatest Youden J (sensitivity + specificity - 1), chosen on the very scans that are scored, as released, so the figures at that
threshold flatter; or a fixed threshold. At the threshold, positive being score >= threshold: sensitivity, specificity, precision,
F1 weighted by the share of both classes, balanced accuracy. Then the mean over classes.

Excluded: unknown labels (-1); and a class that all or no scans have is not defined (NaN) and left out of the means (the released
code gets NaN as a mean there). `DiseaseFigures.left_out` names them.

Point figures are scikit-learn's. Their resamples come from cumulated counts, all resamples of a class at once; the test holds one
against the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_score, recall_score, roc_auc_score, roc_curve

from train.metrics.bootstrap import (
    NUM_RESAMPLES,
    SEED,
    Estimate,
    PairedDifference,
    estimates,
    paired_difference,
    resample_counts,
    resample_rows,
)

__all__ = ["CLASS_FIGURES", "DiseaseFigures", "auroc_by_class", "compare_auroc", "disease_figures", "disease_resamples"]

#: What is measured of each class, in the order of columns.
CLASS_FIGURES = ("auroc", "threshold", "sensitivity", "specificity", "precision", "f1", "balanced_accuracy")


@dataclass(frozen=True, eq=False)
class DiseaseFigures:
    """Figures of all classes and their means.

    Parameters
    ----------
    by_class : dict
        Class name to its seven `CLASS_FIGURES` (`Estimate`).
    macro : dict
        Means over the classes that are defined; the threshold is not averaged.
    left_out : tuple of str
        Classes of which only one value occurs.
    num_scans : int
    """

    by_class: dict[str, dict[str, Estimate]]
    macro: dict[str, Estimate]
    left_out: tuple[str, ...]
    num_scans: int


def disease_figures(
    labels: NDArray,
    scores: NDArray,
    names: Sequence[str],
    threshold: float | None = None,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = SEED,
) -> DiseaseFigures:
    """Return the figures of every class, with intervals over resampled scans (thresholds chosen anew in each resample).

    Parameters
    ----------
    labels : (n, q)
        1, 0, or -1 for unknown.
    scores : (n, q)
    names : sequence of str
    threshold : float, optional
        For all classes (the RATE questions: 0.5); by default that of greatest Youden J, class by class.
    num_resamples, seed : int
    """
    labels, scores = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if not (labels.shape == scores.shape == (len(labels), len(names))):
        raise ValueError(
            f"labels {labels.shape} and scores {scores.shape} must both be (n, {len(names)}), one column for each name."
        )
    point = np.array([_class_point(labels[:, q], scores[:, q], threshold) for q in range(len(names))])
    resampled = disease_resamples(labels, scores, threshold, num_resamples, seed)
    by_class = {
        name: estimates(
            dict(zip(CLASS_FIGURES, point[q], strict=True)),
            {figure: resampled[:, q, i] for i, figure in enumerate(CLASS_FIGURES)},
        )
        for q, name in enumerate(names)
    }
    means = {figure: i for i, figure in enumerate(CLASS_FIGURES) if figure != "threshold"}
    macro = estimates(
        {figure: _mean_of_defined(point[:, i]) for figure, i in means.items()},
        {figure: _mean_of_defined(resampled[:, :, i], axis=1) for figure, i in means.items()},
    )
    left_out = tuple(name for name, auroc in zip(names, point[:, 0], strict=True) if np.isnan(auroc))
    return DiseaseFigures(by_class, macro, left_out, len(labels))


def disease_resamples(
    labels: NDArray, scores: NDArray, threshold: float | None, num_resamples: int, seed: int
) -> NDArray[np.float64]:
    """Return the `CLASS_FIGURES` of every resample, (num_resamples, q, 7); NaN where a class has one value only."""
    num_scans, num_classes = labels.shape
    resampled = np.empty((num_resamples, num_classes, len(CLASS_FIGURES)))
    ranked = [_Ranked.of(labels[:, q], scores[:, q]) for q in range(num_classes)]
    start = 0
    for rows in resample_rows(num_scans, num_resamples, seed):
        counts = resample_counts(rows, num_scans)
        for q, column in enumerate(ranked):
            resampled[start : start + len(rows), q] = column.figures(counts, threshold)
        start += len(rows)
    return resampled


def compare_auroc(
    labels: NDArray, first: NDArray, second: NDArray, num_resamples: int = NUM_RESAMPLES, seed: int = SEED
) -> PairedDifference:
    """Compare the macro AUROC of two models on the same scans, resampled together: `second` minus `first`.

    Parameters
    ----------
    labels, first, second : (n, q)
        Labels (1, 0, -1 for unknown) and both models' scores.
    """
    resampled, point = [], []
    for scores in (first, second):
        point.append(_mean_of_defined(np.array([_auroc(labels[:, q], scores[:, q]) for q in range(labels.shape[1])])))
        resampled.append(
            _mean_of_defined(disease_resamples(labels, scores, None, num_resamples, seed)[:, :, 0], axis=1)
        )
    return paired_difference(float(point[1] - point[0]), resampled[1] - resampled[0])


def auroc_by_class(labels: NDArray, scores: NDArray, names: Sequence[str]) -> dict[str, Any]:
    """Return {"macro": mean, "by_class": {name: AUROC or None}}, without intervals.

    Parameters
    ----------
    labels : (n, q)
        1, 0, or -1 for unknown.
    scores : (n, q)
    names : sequence of str
    """
    found = [_auroc(labels[:, q], scores[:, q]) for q in range(len(names))]
    by_class = {name: None if np.isnan(value) else value for name, value in zip(names, found, strict=True)}
    macro = _mean_of_defined(np.array(found))
    return {"macro": None if np.isnan(macro) else float(macro), "by_class": by_class}


def _auroc(labels: NDArray, scores: NDArray) -> float:
    known = labels != -1
    truth = labels[known] == 1
    return float(roc_auc_score(truth, scores[known])) if 0 < truth.sum() < truth.size else float("nan")


def _class_point(labels: NDArray, scores: NDArray, threshold: float | None) -> list[float]:
    """The `CLASS_FIGURES` of one class, by scikit-learn."""
    known = labels != -1
    truth, scores = labels[known] == 1, scores[known]
    if not 0 < truth.sum() < truth.size:
        return [np.nan] * len(CLASS_FIGURES)
    if threshold is None:
        false_rate, true_rate, thresholds = roc_curve(truth, scores)
        threshold = float(thresholds[np.argmax(true_rate - false_rate)])
    said = scores >= threshold
    return [
        roc_auc_score(truth, scores),
        threshold,
        recall_score(truth, said),
        recall_score(truth, said, pos_label=0),
        precision_score(truth, said, zero_division=0.0),
        f1_score(truth, said, average="weighted", zero_division=0.0),
        balanced_accuracy_score(truth, said),
    ]


@dataclass(frozen=True, eq=False)
class _Ranked:
    """One class, best score first: what all its resamples share."""

    order: NDArray[np.intp]
    truth: NDArray[np.int64]
    scores: NDArray[np.float64]
    is_last: NDArray[np.bool_]  # of its ties: a threshold can only lie there

    @classmethod
    def of(cls, labels: NDArray, scores: NDArray) -> _Ranked:
        known = np.flatnonzero(labels != -1)
        order = known[np.argsort(-scores[known], kind="stable")]
        ordered = scores[order]
        is_last = np.append(ordered[1:] != ordered[:-1], True) if len(order) else np.zeros(0, bool)
        return cls(order, (labels[order] == 1).astype(np.int64), ordered, is_last)

    def figures(self, counts: NDArray[np.int64], threshold: float | None) -> NDArray[np.float64]:
        """The `CLASS_FIGURES` (b, 7) when scan i counts `counts[:, i]` times."""
        drawn = counts[:, self.order]
        true, false = (
            np.pad(np.cumsum(drawn * which, axis=1)[:, self.is_last], ((0, 0), (1, 0)))
            for which in (self.truth, 1 - self.truth)
        )
        thresholds = np.concatenate([[np.inf], self.scores[self.is_last]])
        positives, negatives = true[:, -1], false[:, -1]
        with np.errstate(invalid="ignore", divide="ignore"):
            true_rate, false_rate = true / positives[:, None], false / negatives[:, None]
            if threshold is None:
                best = np.argmax(np.nan_to_num(true_rate - false_rate, nan=-np.inf), axis=1)
            else:
                best = np.full(len(drawn), np.searchsorted(-thresholds, -threshold, side="right") - 1)
            at = np.arange(len(drawn)), best
            hits, alarms = true[at], false[at]
            misses, rejected = positives - hits, negatives - alarms
            figures = np.stack(
                [
                    np.trapezoid(true_rate, false_rate, axis=1),
                    thresholds[best] if threshold is None else np.full(len(drawn), threshold),
                    true_rate[at],
                    1 - false_rate[at],
                    np.where(hits + alarms, hits / (hits + alarms), 0.0),
                    (positives * 2 * hits / (2 * hits + alarms + misses)
                     + negatives * np.where(rejected, 2 * rejected / (2 * rejected + alarms + misses), 0.0))
                    / (positives + negatives),
                    (true_rate[at] + 1 - false_rate[at]) / 2,
                ],
                axis=1,
            )  # fmt: skip
        return np.where(((positives > 0) & (negatives > 0))[:, None], figures, np.nan)


def _mean_of_defined(values: NDArray[np.float64], axis: int | None = None) -> Any:
    """Mean without NaN; NaN where nothing is defined."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0.0).sum(axis=axis) / known.sum(axis=axis)
