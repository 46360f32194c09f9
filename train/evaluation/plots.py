"""Plots of evaluation figures: one PNG per task, model and baselines with their 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing
from numpy.typing import NDArray

from napari_ct_grounding.core.evaluation_results import EvaluationResults, Figure

__all__ = ["plot_errors", "plot_results"]

#: The figure that a task is shown by, and its axis.
SHOWN = {
    "localization": ("mean_mm", "mean error, mm"),
    "disease": ("auroc", "AUROC"),
    "pairs": ("told_apart", "pairs told apart"),
    "report_retrieval": ("recall_at_10", "recall at 10"),
    "pool_retrieval": ("pool32_recall_at_1", "recall at 1 of 32"),
    "volume_retrieval": ("map_at_10", "mean AP at 10"),
}
_COLORS = {
    "model": "#0b6e99",
    "oracle": "#3a7d44",
    "category_prior": "#c97b12",
    "middle": "#7a7a7a",
    "random": "#b9b9b9",
}


def plot_results(results: EvaluationResults, folder: Path) -> Path | None:
    """Write ``TASK_DATASET.png`` into `folder` and return its path; None for a task that has no plot.

    A dot per group and answer, a line for its interval.
    """
    if results.task not in SHOWN:
        return None
    name, label = SHOWN[results.task]
    shown = [figure for figure in results.figures if figure.name == name and figure.value is not None]
    if not shown:
        return None
    groups = list(dict.fromkeys(figure.group for figure in shown))
    answers = list(dict.fromkeys(figure.answer for figure in shown))
    drawing = Drawing(figsize=(7, 1.2 + 0.3 * len(groups) * max(1, len(answers) * 0.6)), layout="constrained")
    axes = drawing.add_subplot()
    for place, answer in enumerate(answers):
        of_answer = [figure for figure in shown if figure.answer == answer]
        heights = [-groups.index(figure.group) - 0.18 * (place - (len(answers) - 1) / 2) for figure in of_answer]
        values = [figure.value for figure in of_answer if figure.value is not None]
        color = _COLORS.get(answer, "#444444")
        axes.errorbar(values, heights, xerr=_errors(of_answer), fmt="o", ms=4, lw=1.2, color=color, label=answer)
    axes.set_yticks([-place for place in range(len(groups))], groups)
    axes.set_xlabel(label)
    axes.set_title(f"{results.task.replace('_', ' ')}, {results.dataset} ({results.weights_name})", fontsize=10)
    if results.task == "disease":
        axes.axvline(0.5, color="#b9b9b9", lw=1, ls="--")
    if len(answers) > 1:
        drawing.legend(loc="outside lower center", ncols=len(answers), fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return _saved(drawing, folder / results.file_name.replace(".json", ".png"))


def plot_errors(error_mm: NDArray[np.float64], results: EvaluationResults, folder: Path) -> Path:
    """Write the share of sentences that err by at most so many mm, and return the file's path."""
    drawing = Drawing(figsize=(5, 3.4), layout="constrained")
    axes = drawing.add_subplot()
    axes.step(np.sort(error_mm), np.arange(1, len(error_mm) + 1) / len(error_mm), where="post", color=_COLORS["model"])
    for limit in (12, 24):
        axes.axvline(limit, color="#b9b9b9", lw=1, ls="--")
    axes.set_xscale("symlog", linthresh=10)
    axes.set(xlabel="error, mm", ylabel="share of sentences", ylim=(0, 1), xlim=(0, None))
    axes.set_title(f"{results.dataset} ({results.weights_name}), n = {len(error_mm)}", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    return _saved(drawing, folder / results.file_name.replace(".json", "_errors.png"))


def _errors(figures: Sequence[Figure]) -> NDArray[np.float64]:
    """Lengths (2, n) of the intervals to the left and right; none where there is no interval."""
    ends = [
        (f.value, f.low if f.low is not None else f.value, f.high if f.high is not None else f.value) for f in figures
    ]
    value, low, high = np.array(ends, dtype=np.float64).T
    return np.maximum([value - low, high - value], 0.0)


def _saved(drawing: Drawing, path: Path) -> Path:
    FigureCanvasAgg(drawing)
    partial = path.with_name(f".{path.stem}.partial.png")
    drawing.savefig(partial, dpi=130)
    partial.replace(path)
    return path
