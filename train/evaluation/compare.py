"""Is one model better than another? Both asked the same, row by row, and resampled together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import InputError
from train.metrics.bootstrap import NUM_RESAMPLES, PairedDifference, paired_bootstrap
from train.metrics.classification import compare_auroc

__all__ = ["compare_folders", "comparison_table"]

#: Rows whose means are compared, by their name.
_MEANS = {
    "error_mm": "mean error, mm",
    "rank": "mean rank",
    "inside": "interval covers",
    "told_apart": "pairs told apart",
}


def compare_folders(first: Path, second: Path, num_resamples: int = NUM_RESAMPLES) -> dict[str, PairedDifference]:
    """Return, for every task that both folders of `evaluate --out` hold, what the second gains over the first.

    Raises
    ------
    InputError
        When they share no task, or were asked different questions.
    """
    shared = sorted({p.name for p in Path(first).glob("*.npz")} & {p.name for p in Path(second).glob("*.npz")})
    if not shared:
        raise InputError(
            f"{Path(first).name} and {Path(second).name} share no task. Evaluate both with the same options."
        )
    differences = {}
    for name in shared:
        with np.load(first / name) as a, np.load(second / name) as b:
            rows = {key: (a[key], b[key]) for key in a.files if key in b.files}
        task = name.removesuffix(".npz")
        _check_same(rows, task)
        if "scores" in rows:
            labels, scores = rows["labels"][0], rows["scores"]
            differences[f"{task}: macro AUROC"] = compare_auroc(labels, *scores, num_resamples=num_resamples)
        for key, words in _MEANS.items():
            if key in rows:
                scans = rows["scan"][0] if "scan" in rows else None
                differences[f"{task}: {words}"] = paired_bootstrap(*rows[key], scans, num_resamples)
    return differences


def comparison_table(differences: dict[str, PairedDifference]) -> str:
    """Return the comparison as Markdown."""
    lines = ["| figure | second minus first (95 % CI) | p |", "|---|---|---|"]
    for name, found in differences.items():
        gain = found.difference
        lines.append(f"| {name} | {gain.value:+.3g} ({gain.low:+.3g} to {gain.high:+.3g}) | {found.p_value:.2g} |")
    return "\n".join(lines)


def _check_same(rows: dict[str, tuple[NDArray, NDArray]], task: str) -> None:
    for key, (one, other) in rows.items():
        if one.shape != other.shape or (key in ("scan", "labels") and not np.array_equal(one, other)):
            raise InputError(
                f"The two evaluations of {task} asked different questions. Evaluate both with the same options."
            )
