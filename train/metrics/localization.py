"""How far from the truth, in mm along the scan, and is it better than guessing.

Excluded: targets less than half visible (their sentence points beyond the scan). The error is the distance to the middle of
the visible part; "inside" asks instead whether the answer lies anywhere within the target's extent, which is what a reader who
jumps there sees. Intervals are bootstrapped over scans, since the sentences of one scan err together. An empty set gives None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.metrics.bootstrap import NUM_RESAMPLES, SEED, bootstrap_scans, estimates

__all__ = ["Located", "category_prior", "localization_summary", "predict_category_prior"]


@dataclass(frozen=True)
class Located:
    """One sentence of one scan: the truth, the scan's range, the answer; all in world z, mm.

    `interval_mm` and `score` are what the session would show beside the answer.
    """

    scan: int
    target: str
    is_finding: bool
    z_mm: float
    z_lo_mm: float
    z_hi_mm: float
    covered_mm: tuple[float, float]
    predicted_mm: float
    interval_mm: tuple[float, float] = (np.nan, np.nan)
    score: float = np.nan
    language: str = "en"


def category_prior(relative_positions: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the median place of each target within its scan, 0 (lowest) to 1, over training scans."""
    return {name: float(np.median(values)) for name, values in relative_positions.items()}


def predict_category_prior(located: Sequence[Located], prior: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the answers (mm) of someone who reads the sentence and never looks at the scan; the middle for unknown ones."""
    low = np.array([item.covered_mm[0] for item in located])
    high = np.array([item.covered_mm[1] for item in located])
    return low + (high - low) * np.array([prior.get(item.target, 0.5) for item in located])


def localization_summary(
    located: Sequence[Located], prior: Mapping[str, float] | None, num_resamples: int = NUM_RESAMPLES, seed: int = SEED
) -> dict[str, Any] | None:
    """Return errors of the model and of the baselines, with 95 % bootstrap intervals of the mean.

    Parameters
    ----------
    located : sequence of Located
    prior : mapping or None
        From `category_prior`; None leaves that baseline out.
    num_resamples, seed : int
        Of the bootstrap over scans.

    Returns
    -------
    dict or None
        "num_sentences", "num_scans", and for "model", "category_prior", "middle_slice", "random" a dict of "mean_mm",
        "mean_mm_ci", "median_mm", "within_12_mm", "within_24_mm", "inside", "inside_12_mm" (at most 12 mm beside the extent);
        "ratio_to_middle" (and "ratio_to_prior") of means.
    """
    if not located:
        return None
    rng = np.random.default_rng(seed)
    truth = np.array([item.z_mm for item in located])
    extent = np.array([(item.z_lo_mm, item.z_hi_mm) for item in located])
    covered = np.array([item.covered_mm for item in located])
    answers = {
        "model": np.array([item.predicted_mm for item in located]),
        "middle_slice": covered.mean(axis=1),
        "random": rng.uniform(covered[:, 0], covered[:, 1]),
    }
    if prior is not None:
        answers["category_prior"] = predict_category_prior(located, prior)
    _, scans = np.unique([item.scan for item in located], return_inverse=True)
    result: dict[str, Any] = {"num_sentences": len(located), "num_scans": int(scans.max() + 1)}
    for name, answer in answers.items():
        error = np.abs(answer - truth)
        outside_mm = np.maximum(extent[:, 0] - answer, answer - extent[:, 1])
        result[name] = {
            "mean_mm": float(error.mean()),
            "mean_mm_ci": _interval(error, scans, num_resamples, seed),
            "median_mm": float(np.median(error)),
            "within_12_mm": float((error <= 12).mean()),
            "within_24_mm": float((error <= 24).mean()),
            "inside": float((outside_mm <= 0).mean()),
            "inside_12_mm": float((outside_mm <= 12).mean()),
        }
    model = result["model"]["mean_mm"]
    for name, baseline in (("ratio_to_middle", "middle_slice"), ("ratio_to_prior", "category_prior")):
        if baseline in result:
            result[name] = model / max(result[baseline]["mean_mm"], 1e-9)
    return result


def _interval(
    error: NDArray[np.float64], scans: NDArray[np.intp], num_resamples: int, seed: int
) -> tuple[float, float]:
    """Interval of the mean when whole scans are drawn with replacement."""
    found = estimates({"mean": float(error.mean())}, {"mean": bootstrap_scans(error, scans, num_resamples, seed)})[
        "mean"
    ]
    return found.low, found.high
