"""From a similarity profile along depth to an answer: best depth, interval, peaks.

A profile is one cosine per depth position. All functions take plain arrays and know no model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DECODINGS",
    "decode_depth",
    "depth_distribution",
    "find_peaks_mm",
    "highest_density_interval",
    "widened_interval",
]

#: How a depth is read from a profile; a weights card names one.
DECODINGS = ("argmax", "median")


def depth_distribution(
    profile: NDArray, temperature: float, valid: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Return softmax(profile / temperature) over the valid positions; invalid ones get 0.

    Parameters
    ----------
    profile : (d,)
        Cosine per depth position.
    temperature : float
        Above 0; from the weights' card.
    valid : (d,) bool, optional
        Positions that the model really saw; all by default.
    """
    logits = np.asarray(profile, dtype=np.float64) / temperature
    if valid is not None:
        logits = np.where(valid, logits, -np.inf)
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def decode_depth(
    profile: NDArray, depths_mm: NDArray, decoding: str, temperature: float, valid: NDArray[np.bool_] | None = None
) -> float:
    """Return the depth (mm) that a profile speaks of.

    Parameters
    ----------
    profile, depths_mm : (d,)
        Cosines and the world z of each position's centre, growing.
    decoding : {"argmax", "median"}
        "argmax": centre of the best position (released weights). "median": where the softmax at `temperature` reaches one half,
        interpolated inside the position.
    """
    if decoding == "argmax":
        masked = profile if valid is None else np.where(valid, profile, -np.inf)
        return float(depths_mm[int(np.argmax(masked))])
    if decoding != "median":
        raise ValueError(f"decoding is {decoding!r}; it must be one of {DECODINGS}.")
    if len(depths_mm) == 1:
        return float(depths_mm[0])
    probability = depth_distribution(profile, temperature, valid)
    edges = _edges(depths_mm)
    cumulative = np.concatenate([[0.0], np.cumsum(probability)])
    return float(np.interp(0.5, cumulative, edges))


def highest_density_interval(
    probability: NDArray, depths_mm: NDArray, mass: float = 0.8, depth_width_mm: float | None = None
) -> tuple[float, float]:
    """Return the smallest contiguous range (lo, hi) in mm around the peak that holds `mass`; never narrower than one position.

    Of equally small ranges the one that holds most is taken, then the one whose middle lies nearest to the peak.

    Parameters
    ----------
    probability, depths_mm : (d,)
        Probability of each position, summing to 1, and the world z of its centre, growing.
    mass : float
        Between 0 and 1.
    depth_width_mm : float, optional
        Thickness of one position. Needed where there is a single one, which has no neighbour to tell it, and where
        positions may lie closer than they are thick: a range below it is widened about its middle.
    """
    edges = _edges(depths_mm, depth_width_mm)
    best = int(np.argmax(probability))
    cumulative = np.concatenate([[0.0], np.cumsum(probability, dtype=np.float64)])
    chosen: tuple[float, float, float] | None = None
    interval = (float(edges[0]), float(edges[-1]))
    for low in range(best + 1):
        # First border above the peak at which the range has enough; the sum of all may fall short of 1 by rounding.
        high = max(int(np.searchsorted(cumulative, cumulative[low] + mass - 1e-12)), best + 1)
        if high > len(probability):
            break
        lo, hi = float(edges[low]), float(edges[high])
        rank = (
            round(hi - lo, 6),
            -round(cumulative[high] - cumulative[low], 12),
            abs((lo + hi) / 2 - float(depths_mm[best])),
        )
        if chosen is None or rank < chosen:
            chosen, interval = rank, (lo, hi)
    lacking_mm = (depth_width_mm or 0.0) - (interval[1] - interval[0])
    if lacking_mm > 1e-6:
        return interval[0] - lacking_mm / 2, interval[1] + lacking_mm / 2
    return interval


def widened_interval(
    interval_mm: tuple[float, float],
    radius_mm: float,
    covered_mm: tuple[float, float],
    min_width_mm: float = 0.0,
) -> tuple[float, float]:
    """Return an interval (lo, hi) in mm whose ends are moved outwards by `radius_mm` (inwards if negative), within the scan.

    The radius is split-conformal: how far outside of their intervals the truths of held-out cases lay, at the rank that makes
    the stated share of them fall inside (conformalized quantile regression, arXiv 1905.03222, with one radius for both ends).

    Parameters
    ----------
    interval_mm : tuple of float
        From `highest_density_interval`.
    radius_mm : float
        From the weights' card; 0 leaves the interval as it is.
    covered_mm : tuple of float
        What the model saw; a widened interval ends there.
    min_width_mm : float
        A narrowed interval keeps this width around its middle: one depth position.
    """
    low, high = interval_mm
    if radius_mm >= 0:
        return min(low, max(low - radius_mm, covered_mm[0])), max(high, min(high + radius_mm, covered_mm[1]))
    shrink = min(-radius_mm, max(0.0, (high - low - min_width_mm) / 2))
    return low + shrink, high - shrink


def find_peaks_mm(
    profile: NDArray,
    depths_mm: NDArray,
    min_distance_mm: float,
    max_peaks: int = 3,
    valid: NDArray[np.bool_] | None = None,
    max_drop: float = np.inf,
) -> tuple[float, ...]:
    """Return up to `max_peaks` depths (mm) of local maxima, best first, at least `min_distance_mm` apart.

    A local maximum is a position not lower than its neighbours; the global maximum is always the first. Those more than
    `max_drop` (cosine) below it are left out.
    """
    values = np.asarray(profile, dtype=np.float64)
    if valid is not None:
        values = np.where(valid, values, -np.inf)
    padded = np.concatenate([[-np.inf], values, [-np.inf]])
    is_peak = (
        (values >= padded[:-2]) & (values >= padded[2:]) & np.isfinite(values) & (values >= values.max() - max_drop)
    )
    chosen: list[int] = []
    for index in sorted(np.flatnonzero(is_peak), key=lambda i: (-values[i], i)):
        if all(abs(depths_mm[index] - depths_mm[other]) >= min_distance_mm for other in chosen):
            chosen.append(int(index))
        if len(chosen) == max_peaks:
            break
    return tuple(float(depths_mm[index]) for index in chosen)


def _edges(depths_mm: Sequence[float] | NDArray, depth_width_mm: float | None = None) -> NDArray[np.float64]:
    """Borders (d + 1,) between positions: halfway between centres, the outer ones mirrored."""
    centres = np.asarray(depths_mm, dtype=np.float64)
    if len(centres) == 1:
        if depth_width_mm is None:
            raise ValueError("A profile of one position has no width of its own; give depth_width_mm.")
        return centres[0] + np.array([-0.5, 0.5]) * depth_width_mm
    middles = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middles[0]], middles, [2 * centres[-1] - middles[-1]]])
