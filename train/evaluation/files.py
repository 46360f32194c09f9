"""What `evaluate --out` leaves in a folder: a JSON file, rows and a plot for each task, and one Markdown page.

Every file appears whole or not at all, and the figures of a run depend on its options alone: a run that was killed is simply
started again (phantoms and scans that were encoded are taken from their caches) and ends with the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_ct_grounding.core.evaluation_results import EvaluationResults, read_evaluation_results
from train.evaluation.compare import compare_folders, comparison_table
from train.evaluation.plots import plot_errors, plot_results
from train.evaluation.tables import markdown_report
from train.evaluation.tasks import Measured

__all__ = ["write_measured"]

PAGE = "figures.md"


def write_measured(measured: Sequence[Measured], out: Path, against: Path | None = None) -> str:
    """Write all files and return the page: everything the folder holds by now, and a comparison where one is wanted.

    Parameters
    ----------
    measured : sequence of Measured
    out : Path
        Made where it is missing.
    against : Path, optional
        Folder of another model's evaluation: what this one gains over it, with paired intervals.

    Raises
    ------
    InputError
        When the folder cannot be written to, or the other one was asked different questions.
    """
    out.mkdir(parents=True, exist_ok=True)
    for item in measured:
        path = item.results.write(out)
        if item.rows:
            partial = path.with_name(f".{path.stem}.partial.npz")
            np.savez(partial, **item.rows)  # type: ignore[arg-type]  # names of arrays, not options
            partial.replace(path.with_suffix(".npz"))
        plot_results(item.results, out)
        if "error_mm" in item.rows and len(item.rows["error_mm"]):
            plot_errors(item.rows["error_mm"], item.results, out)
    page = markdown_report(_all_results(out))
    if against is not None:
        table = comparison_table(compare_folders(against, out))
        page += f"\n### Compared with {against.name}, the same questions\n\n{table}\n"
    partial = out / f".{PAGE}.partial"
    partial.write_text(page, encoding="utf-8")
    partial.replace(out / PAGE)
    return page


def _all_results(out: Path) -> list[EvaluationResults]:
    return [read_evaluation_results(path) for path in sorted(out.glob("*.json")) if not path.name.startswith("answers")]
