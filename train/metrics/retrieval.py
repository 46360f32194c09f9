"""Finding the own scan of a report, the own report of a scan, and scans alike.

**Ties.** A rank counts from 0: the number of gallery items that are strictly more similar, plus half of the others that are
equally similar. So the figures are those expected when ties are broken at random: recall at k of a query with `b` better and `t`
tied items is ``clip((k - b) / (t + 1), 0, 1)``. A model that gives every scan the same vector gets k / N, neither 1 (ties count
for) nor 0 (ties count against). Without ties the figures are those of a descending sort, as released.

Cosines that differ by less than `TIE_TOLERANCE` are equal: the same vector twice in a gallery may differ in the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.metrics.bootstrap import NUM_RESAMPLES, SEED, Estimate, bootstrap, estimates

__all__ = [
    "RECALL_KS",
    "TIE_TOLERANCE",
    "VOLUME_KS",
    "Ranking",
    "average_precision_at",
    "pool_retrieval",
    "ranking_of",
    "retrieval_figures",
    "volume_retrieval",
]

RECALL_KS = (1, 5, 10, 50, 100)
POOL_SIZES = (32, 64, 128)
POOL_KS = (1, 8)
VOLUME_KS = (5, 10, 50)
TIE_TOLERANCE = 1e-9

_CELLS_AT_ONCE = 20_000_000


@dataclass(frozen=True, eq=False)
class Ranking:
    """Where each query's own item stands in the gallery.

    Parameters
    ----------
    better : NDArray[int], (n,)
        Items that are strictly more similar.
    tied : NDArray[int], (n,)
        Other items that are equally similar.
    """

    better: NDArray[np.int64]
    tied: NDArray[np.int64]

    @property
    def rank(self) -> NDArray[np.float64]:
        """Expected rank from 0, (n,)."""
        return self.better + self.tied / 2

    def recall(self, k: int) -> NDArray[np.float64]:
        """Chance of each query to have its own item among the first `k`, (n,)."""
        return np.clip((k - self.better) / (self.tied + 1), 0.0, 1.0)


def ranking_of(queries: NDArray, gallery: NDArray, own: NDArray[np.intp] | None = None) -> Ranking:
    """Return the ranking of each query's own item by cosine.

    Parameters
    ----------
    queries : (n, e)
    gallery : (m, e)
    own : (n,), optional
        Gallery row of each query; row i by default.
    """
    queries, gallery = _unit(queries), _unit(gallery)
    own = np.arange(len(queries)) if own is None else np.asarray(own)
    better, tied = np.zeros(len(queries), np.int64), np.zeros(len(queries), np.int64)
    at_once = max(1, _CELLS_AT_ONCE // max(len(gallery), 1))
    for start in range(0, len(queries), at_once):
        part = slice(start, start + at_once)
        cosine = queries[part] @ gallery.T
        better[part], tied[part] = _better_and_tied(cosine, np.take_along_axis(cosine, own[part, None], axis=1))
    return Ranking(better, tied)


def retrieval_figures(
    ranking: Ranking, ks: Sequence[int] = RECALL_KS, num_resamples: int = NUM_RESAMPLES, seed: int = SEED
) -> dict[str, Estimate]:
    """Return recall_at_k, median_rank and mean_rank (from 1), with intervals.

    The median rank is the lower median, rounded down; its resamples take the usual median, as released. Queries are
    resampled, the gallery is not.
    """
    columns = np.stack([ranking.recall(k) for k in ks] + [ranking.rank], axis=1)
    names = [f"recall_at_{k}" for k in ks]

    def resampled(rows: NDArray[np.int64]) -> Mapping[str, NDArray[np.float64]]:
        found = {name: columns[rows, i].mean(axis=1) for i, name in enumerate(names)}
        ranks = ranking.rank[rows]
        return found | {
            "median_rank": np.floor(np.median(ranks, axis=1)) + 1,
            "mean_rank": ranks.mean(axis=1) + 1,
        }

    lower_median = np.percentile(ranking.rank, 50, method="lower")
    means = columns.mean(axis=0)
    point = {name: float(mean) for name, mean in zip(names, means, strict=False)}
    point |= {"median_rank": float(np.floor(lower_median) + 1), "mean_rank": float(means[-1] + 1)}
    return estimates(point, bootstrap(resampled, len(columns), num_resamples, seed))


def pool_retrieval(
    image: NDArray,
    text: NDArray,
    sizes: Sequence[int] = POOL_SIZES,
    ks: Sequence[int] = POOL_KS,
    num_repeats: int = 100,
    seed: int = SEED,
) -> dict[str, Estimate]:
    """Return recall of the own scan within small pools ("Merlin" protocol), text to image, as ``pool32_recall_at_1``.

    Each repeat shuffles all scans once; the pools of every size are consecutive stretches of that order, the remainder is left
    out. A repeat's figure is the mean over its pools; reported is the mean over repeats, with percentiles over repeats.

    Parameters
    ----------
    image, text : (n, e)
        Row i belongs to row i.
    """
    image, text = _unit(image), _unit(text)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(image)) for _ in range(num_repeats)]
    figures: dict[str, Estimate] = {}
    for size in sizes:
        num_pools = len(image) // size
        if num_pools == 0:
            continue
        repeats = np.empty((num_repeats, len(ks)))
        for repeat, order in enumerate(orders):
            pools = order[: num_pools * size].reshape(num_pools, size)
            cosine = text[pools] @ image[pools].swapaxes(1, 2)
            own = np.diagonal(cosine, axis1=1, axis2=2)[..., None]
            ranking = Ranking(*_better_and_tied(cosine, own))
            repeats[repeat] = [ranking.recall(k).mean() for k in ks]
        names = [f"pool{size}_recall_at_{k}" for k in ks]
        point = dict(zip(names, repeats.mean(axis=0), strict=True))
        figures |= estimates(point, dict(zip(names, repeats.T, strict=True)))
    return figures


def average_precision_at(relevant: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """Return, for each query, the sum of the precisions at its relevant ranks up to `k`, divided by `k` (always).

    Parameters
    ----------
    relevant : (n, r)
        Whether the item at each rank is relevant, best first; r >= k unless the gallery is smaller.
    """
    seen = relevant[:, :k]
    precision = np.cumsum(seen, axis=1) / np.arange(1, seen.shape[1] + 1)
    return (precision * seen).sum(axis=1) / k


def volume_retrieval(
    image: NDArray,
    labels: NDArray,
    ks: Sequence[int] = VOLUME_KS,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = SEED,
) -> tuple[dict[str, Estimate], int]:
    """Return the mean AP at k of scan-to-scan retrieval as ``map_at_5``, and how many scans took part.

    Queries and gallery: scans with at least one label, a query's own scan left out. Relevant: shares a label. Equal cosines keep
    the order of the gallery.

    Parameters
    ----------
    image : (n, e)
    labels : (n, q)
        1 where true; anything else (0, -1 for unknown) is no label.
    """
    positive = np.asarray(labels) == 1
    has_label = positive.any(axis=1)
    vectors, positive = _unit(image[has_label]), positive[has_label]
    count = len(vectors)
    if count < 2:
        return {}, count
    deepest = min(max(ks), count - 1)
    shares = positive.astype(np.float32)
    values = np.empty((count, len(ks)))
    at_once = max(1, _CELLS_AT_ONCE // count)
    for start in range(0, count, at_once):
        rows = np.arange(start, min(start + at_once, count))
        cosine = vectors[rows] @ vectors.T
        cosine[np.arange(len(rows)), rows] = -np.inf
        order = np.argsort(-cosine, axis=1, kind="stable")[:, :deepest]
        relevant = np.take_along_axis(shares[rows] @ shares.T > 0, order, axis=1)
        values[rows] = np.stack([average_precision_at(relevant, k) for k in ks], axis=1)
    names = [f"map_at_{k}" for k in ks]

    def resampled(rows: NDArray[np.int64]) -> Mapping[str, NDArray[np.float64]]:
        return {name: values[rows, i].mean(axis=1) for i, name in enumerate(names)}

    point = dict(zip(names, values.mean(axis=0), strict=True))
    return estimates(point, bootstrap(resampled, count, num_resamples, seed)), count


def _better_and_tied(cosine: NDArray, own: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    better = (cosine > own + TIE_TOLERANCE).sum(axis=-1)
    return better, (cosine >= own - TIE_TOLERANCE).sum(axis=-1) - better - 1


def _unit(vectors: NDArray) -> NDArray[np.float64]:
    """Unit vectors in double precision: there a vector's copies agree to far less than `TIE_TOLERANCE`."""
    vectors = np.asarray(vectors, dtype=np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
