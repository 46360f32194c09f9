"""Finding the own scan of a report in a pool of phantoms, beside the best that findings alone allow.

The oracle reads the truth instead of images: it ranks scans by how far their findings (`kind@place`, at least half visible)
agree with those of the report's scan. Its own scan agrees wholly, so what it loses are scans with just the same findings, which
it cannot tell apart: ties, counted as everywhere (`metrics.retrieval`). It does not use what reports tell besides (sizes, normal
statements, the scan's range), so a model may in principle do better.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.evaluation_results import Figure
from train.data.batches import MIN_VISIBLE_FRACTION
from train.data.phantoms import CachedPhantom
from train.metrics.bootstrap import NUM_RESAMPLES, bootstrap, estimates
from train.metrics.retrieval import RECALL_KS, Ranking, ranking_of

__all__ = ["oracle_ranking", "pool_baselines"]

_K = 10


def oracle_ranking(phantoms: Sequence[CachedPhantom]) -> Ranking:
    """Return where the own scan of each report stands when scans are ranked by the agreement of their findings.

    Agreement is the cosine of the sets: shared findings over the geometric mean of their numbers; no finding is one of its own.
    """
    sets = [
        {t.name for t in phantom.targets if t.is_finding and t.visible_fraction >= MIN_VISIBLE_FRACTION} or {""}
        for phantom in phantoms
    ]
    column = {name: number for number, name in enumerate(sorted(set().union(*sets)))}
    told = np.zeros((len(sets), len(column)))
    for row, findings in enumerate(sets):
        told[row, [column[name] for name in findings]] = 1.0
    return ranking_of(told, told)


def pool_baselines(model: Ranking, oracle: Ranking, group: str, num_resamples: int = NUM_RESAMPLES) -> list[Figure]:
    """Return recall of the oracle and of guessing, and ``ratio_to_oracle`` of recall at 10 with its interval over queries."""
    pool = len(model.better)
    figures = []
    for k in RECALL_KS:
        figures.append(Figure(f"recall_at_{k}", float(oracle.recall(k).mean()), group=group, answer="oracle"))
        figures.append(Figure(f"recall_at_{k}", min(1.0, k / pool), group=group, answer="random"))
    found, best = model.recall(_K), oracle.recall(_K)

    def ratio(rows: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        return {"ratio": found[rows].mean(axis=1) / np.maximum(best[rows].mean(axis=1), 1e-9)}

    point = {"ratio": float(found.mean() / max(best.mean(), 1e-9))}
    whole = estimates(point, bootstrap(ratio, pool, num_resamples))["ratio"]
    figures.append(Figure("ratio_to_oracle", whole.value, whole.low, whole.high, group))
    return figures
