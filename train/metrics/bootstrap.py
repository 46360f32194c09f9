"""How sure a figure is: percentile intervals over resampled rows, the same draws as the released evaluation.

Rows (queries, sentences, scans) are drawn with replacement, 10,000 times, by ``numpy.random.default_rng(42)``; the interval runs
from the 2.5th to the 97.5th percentile (linear interpolation). The point estimate is that of the full set, not the resamples'
mean. Draws come in chunks, so that 10,000 x 3,039 of them never lie in memory at once; the stream is that of one matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "NUM_RESAMPLES",
    "SEED",
    "Estimate",
    "PairedDifference",
    "bootstrap",
    "bootstrap_scans",
    "estimates",
    "paired_bootstrap",
    "paired_difference",
    "resample_counts",
    "resample_rows",
]

NUM_RESAMPLES = 10_000
SEED = 42

_LEVEL = 0.95
_DRAWS_AT_ONCE = 2_000_000

#: From drawn rows (b, n) to the value (b,) of each figure.
Statistic = Callable[[NDArray[np.int64]], Mapping[str, NDArray[np.float64]]]


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval.

    Parameters
    ----------
    value : float
        On the full set; NaN where it is not defined.
    low, high : float
        Ends of the 95 % interval; NaN without resamples.
    """

    value: float
    low: float = float("nan")
    high: float = float("nan")

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class PairedDifference:
    """What a second model gains over a first one on the same rows.

    Parameters
    ----------
    difference : Estimate
        Second minus first.
    p_value : float
        Two-sided: how often resamples do not share the sign of the difference, times two; never 0 (one is added to both counts).
    """

    difference: Estimate
    p_value: float


def resample_rows(
    num_rows: int,
    num_resamples: int = NUM_RESAMPLES,
    seed: int | np.random.Generator = SEED,
    num_drawn: int | None = None,
) -> Iterator[NDArray[np.int64]]:
    """Yield drawn row indices, (b, n) at a time, `num_resamples` in all.

    Parameters
    ----------
    num_rows : int
    num_resamples : int
    seed : int or Generator
    num_drawn : int, optional
        Rows of a resample; as many as there are by default.
    """
    rng = np.random.default_rng(seed)
    width = num_rows if num_drawn is None else num_drawn
    at_once = max(1, _DRAWS_AT_ONCE // max(width, 1))
    for start in range(0, num_resamples, at_once):
        yield rng.integers(0, num_rows, size=(min(at_once, num_resamples - start), width))


def resample_counts(rows: NDArray[np.int64], num_rows: int) -> NDArray[np.int64]:
    """Return how often each row was drawn, (b, num_rows), for draws (b, n)."""
    flat = rows + np.arange(len(rows))[:, None] * num_rows
    return np.bincount(flat.ravel(), minlength=len(rows) * num_rows).reshape(len(rows), num_rows)


def bootstrap(
    statistic: Statistic, num_rows: int, num_resamples: int = NUM_RESAMPLES, seed: int = SEED
) -> dict[str, NDArray[np.float64]]:
    """Return the resampled values (num_resamples,) of each figure that `statistic` computes from drawn rows."""
    parts = [statistic(rows) for rows in resample_rows(num_rows, num_resamples, seed)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}


def estimates(
    point: Mapping[str, float], resampled: Mapping[str, NDArray[np.float64]], level: float = _LEVEL
) -> dict[str, Estimate]:
    """Return each point figure with the percentile interval of its resampled values.

    Resamples in which a figure is not defined (NaN) are left out of its interval.
    """
    tail = 100 * (1 - level) / 2
    found = {}
    for name, value in point.items():
        values = resampled.get(name, np.zeros(0))
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, [tail, 100 - tail]) if values.size else (np.nan, np.nan)
        found[name] = Estimate(float(value), float(low), float(high))
    return found


def bootstrap_scans(
    values: NDArray[np.float64], scans: NDArray, num_resamples: int = NUM_RESAMPLES, seed: int = SEED
) -> NDArray[np.float64]:
    """Return resampled means (num_resamples, ...) over rows when whole scans are drawn: the rows of one scan err together.

    Parameters
    ----------
    values : (n,) or (n, m)
        One figure, or m figures, of each row.
    scans : (n,)
        Which scan each row belongs to.
    """
    _, scan = np.unique(scans, return_inverse=True)
    num_scans = int(scan.max() + 1)
    columns = np.asarray(values, dtype=np.float64).reshape(len(scan), -1)
    total = np.stack([np.bincount(scan, column, num_scans) for column in columns.T], axis=1)
    size = np.bincount(scan, minlength=num_scans)
    parts = []
    for rows in resample_rows(num_scans, num_resamples, seed):
        counts = resample_counts(rows, num_scans)
        parts.append((counts @ total) / (counts @ size)[:, None])
    return np.concatenate(parts).reshape(-1, *np.shape(values)[1:])


def paired_bootstrap(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    scans: NDArray | None = None,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = SEED,
) -> PairedDifference:
    """Compare two models on the same rows: the mean of `second` minus `first`, resampled together.

    Parameters
    ----------
    first, second : (n,)
        The same figure of each row (error, hit, rank) for both models.
    scans : (n,), optional
        Draw whole scans; single rows by default.
    """
    gain = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    if gain.ndim != 1 or not gain.size:
        raise ValueError(
            f"first and second have the shapes {np.shape(first)} and {np.shape(second)}; both must be (n,), n > 0."
        )
    groups = np.arange(gain.size) if scans is None else scans
    return paired_difference(float(gain.mean()), bootstrap_scans(gain, groups, num_resamples, seed))


def paired_difference(point: float, resampled: NDArray[np.float64]) -> PairedDifference:
    """Return interval and p value of a difference from its resampled values (b,)."""
    beyond = min(int((resampled <= 0).sum()), int((resampled >= 0).sum()))
    difference = estimates({"gain": point}, {"gain": resampled})["gain"]
    return PairedDifference(difference, min(1.0, 2 * (beyond + 1) / (len(resampled) + 1)))
