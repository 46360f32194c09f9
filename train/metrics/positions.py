"""Localization as the released evaluation counts it: whole depth positions of 12 mm.

One slice per scan, the prediction is the position of greatest cosine among the valid ones, the error is the number of
positions between it and the true one. Baselines: a position drawn at random from the valid range, and its middle. Averages
run over sentences and, separately, over scans (mean within a scan, then over scans). For extents in mm, categories and our
own baselines see `metrics.localization`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from train.metrics.bootstrap import NUM_RESAMPLES, SEED, Estimate, bootstrap, estimates

__all__ = ["POSITION_MM", "best_position", "middle_position", "per_scan_figures", "position_figures", "random_position"]

POSITION_MM = 12.0


def best_position(cosine: NDArray, valid: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the valid position (n,) of greatest cosine, for cosines and validity (n, d)."""
    return np.argmax(np.where(valid, cosine, -np.inf), axis=1)


def random_position(first: NDArray, last: NDArray, seed: int = SEED) -> NDArray[np.int64]:
    """Return a position (n,) drawn from each valid range, both ends included."""
    return np.random.RandomState(seed).randint(first, np.asarray(last) + 1)  # the released generator


def middle_position(first: NDArray, last: NDArray) -> NDArray[np.int64]:
    """Return the middle (n,) of each valid range, rounded down."""
    return (np.asarray(first) + np.asarray(last)) // 2


def position_figures(
    predicted: NDArray, target: NDArray, num_resamples: int = NUM_RESAMPLES, seed: int = SEED
) -> dict[str, Estimate]:
    """Return mean_mm, median_mm, mean_positions, exact, within_12_mm, within_24_mm with intervals over sentences.

    Parameters
    ----------
    predicted, target : (n,)
        Depth positions.
    """
    columns = _columns(predicted, target)
    distance_mm = POSITION_MM * columns["mean_positions"]

    def resampled(rows: NDArray[np.int64]) -> Mapping[str, NDArray[np.float64]]:
        means = {name: values[rows].mean(axis=1) for name, values in columns.items()}
        return means | {
            "mean_mm": POSITION_MM * means["mean_positions"],
            "median_mm": np.median(distance_mm[rows], axis=1),
        }

    point = {"mean_mm": float(distance_mm.mean()), "median_mm": float(np.median(distance_mm))}
    point |= {name: float(values.mean()) for name, values in columns.items()}
    return estimates(point, bootstrap(resampled, len(distance_mm), num_resamples, seed))


def per_scan_figures(predicted: NDArray, target: NDArray, scans: NDArray) -> dict[str, float]:
    """Return mean_mm, exact and within_24_mm, each averaged within a scan and then over the scans with sentences."""
    columns = _columns(predicted, target)
    _, scan = np.unique(scans, return_inverse=True)
    size = np.bincount(scan)
    means = {name: float((np.bincount(scan, values) / size).mean()) for name, values in columns.items()}
    return {
        "mean_mm": POSITION_MM * means["mean_positions"],
        "exact": means["exact"],
        "within_24_mm": means["within_24_mm"],
        "num_scans": len(size),
    }


def _columns(predicted: NDArray, target: NDArray) -> dict[str, NDArray[np.float64]]:
    distance = np.abs(np.asarray(predicted, dtype=np.int64) - np.asarray(target)).astype(np.float64)
    return {
        "mean_positions": distance,
        "exact": (distance == 0).astype(np.float64),
        "within_12_mm": (distance <= 1).astype(np.float64),
        "within_24_mm": (distance <= 2).astype(np.float64),
    }
