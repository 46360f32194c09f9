"""Figures as Markdown, with the published numbers beside those that measure the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from napari_ct_grounding.core.evaluation_results import EvaluationResults, Figure
from train.evaluation.pairs import READINGS
from train.metrics.retrieval import RECALL_KS

__all__ = ["PUBLISHED", "PUBLISHED_TABLE", "markdown_report"]

_COLUMNS = ("CT-RATE R@10", "CT-RATE AUC (18)", "Rad-ChestCT AUC", "Merlin R@1 of 128", "sentence localization MAE")

#: Published by their authors, in per cent, on test sets of their own; one pool of CT-RATE is never comparable with another.
PUBLISHED = {
    "RadFinder": ("31.5", "83.8", "77.0", "69.0", "36.3 mm (best baseline 67.0)"),
    "SPECTRE": ("25.5 (N=1,564)", "-", "-", "33.0", "-"),
    "CT-CLIP": ("5.0", "73.1", "62.9", "-", "-"),
    "GreenRFM": ("-", "84.8", "-", "-", "-"),
    "Shi et al. 2026": ("-", "84.4", "75.4", "-", "-"),
    "MPS-CT": ("-", "83.8", "77.3", "-", "-"),
    "Merlin": ("-", "-", "-", "59.4", "-"),
}

PUBLISHED_TABLE = "\n".join(
    ["| published | " + " | ".join(_COLUMNS) + " |", "|---" * (len(_COLUMNS) + 1) + "|"]
    + [f"| {name} | " + " | ".join(values) + " |" for name, values in PUBLISHED.items()]
)

#: Where each published column stands among ours: task, data set begins with, group, figure, factor.
_OURS = (
    ("report_retrieval", "ct-rate", "text to image, first_all", "recall_at_10", 100.0),
    ("disease", "ct-rate", "all", "auroc", 100.0),
    ("disease", "rad-chestct", "all", "auroc", 100.0),
    ("pool_retrieval", "merlin", "first", "pool128_recall_at_1", 100.0),
    ("localization", "", "all", "mean_mm", 1.0),
)

_MAIN = {
    "localization": ("mean_mm", "median_mm", "within_12_mm", "within_24_mm", "inside", "inside_12_mm", "exact"),
    "interval": ("covers", "median_width_mm", "median_share_of_scan"),
    "location": ("located_lost", "outside_told", "placeless_told"),
    "disease": ("auroc", "sensitivity", "specificity", "precision", "f1", "balanced_accuracy"),
    "pairs": READINGS,
    "report_retrieval": (*(f"recall_at_{k}" for k in RECALL_KS), "ratio_to_oracle", "median_rank", "mean_rank"),
}


def markdown_report(results: Sequence[EvaluationResults]) -> str:
    """Return all figures of all tasks as tables, and at the end the published ones with a row of ours."""
    parts = [_task_table(one) for one in results]
    parts.append(f"### Published figures, and ours\n\n{PUBLISHED_TABLE}\n{_our_row(results)}\n")
    return "\n".join(parts)


def _task_table(one: EvaluationResults) -> str:
    lines = [f"### {one.task.replace('_', ' ')}, {one.dataset}", ""]
    counted = ", ".join(f"{count} {what}" for what, count in one.counts.items() if "," not in what)
    lines += [f"Weights {one.weights_name} ({one.weights_fingerprint[:12]}); {counted}.", ""]
    names = [n for n in _MAIN.get(one.task, ()) if any(f.name == n for f in one.figures)]
    names += [name for name in dict.fromkeys(f.name for f in one.figures) if name not in names and name != "threshold"]
    lines += ["| group | answer | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    for group, answer in dict.fromkeys((f.group, f.answer) for f in one.figures):
        cells = [_written(one.figure(name, group, answer)) for name in names]
        lines.append(f"| {group} | {answer} | " + " | ".join(cells) + " |")
    if one.left_out:
        lines += ["", f"Not defined, and not in the mean (all or no scans have it): {', '.join(one.left_out)}."]
    return "\n".join([*lines, ""])


def _our_row(results: Sequence[EvaluationResults]) -> str:
    cells = []
    for task, dataset, group, name, factor in _OURS:
        found = list(_matching(results, task, dataset, group, name))
        cells.append(
            "; ".join(f"{figure.value * factor:.1f} ({where})" for where, figure in found if figure.value is not None)
        )
    return "| ours | " + " | ".join(cell or "-" for cell in cells) + " |"


def _matching(
    results: Iterable[EvaluationResults], task: str, dataset: str, group: str, name: str
) -> Iterable[tuple[str, Figure]]:
    for one in results:
        figure = one.figure(name, group)
        if one.task == task and one.dataset.startswith(dataset) and figure is not None:
            yield one.dataset, figure


def _written(figure: Figure | None) -> str:
    if figure is None or figure.value is None:
        return "-"
    interval = "" if figure.low is None else f" ({figure.low:.3g} to {figure.high:.3g})"
    return f"{figure.value:.3g}{interval}"
