"""A file of results, opened for the browser. Runs on a worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_ct_grounding.core.error_rows import OpenedErrors
from napari_ct_grounding.core.errors import Cancelled, InputError
from napari_ct_grounding.core.evaluation_results import FORMAT as FIGURES_FORMAT
from napari_ct_grounding.core.evaluation_results import EvaluationResults, read_evaluation_results
from napari_ct_grounding.core.localization_error import ErrorColumns
from napari_ct_grounding.core.released_results import read_errors
from napari_ct_grounding.widgets.jobs import JobContext
from napari_ct_grounding.widgets.localization_errors.notes import CaseNote, NoteKey, note_keys, notes_path, read_notes

__all__ = ["OpenedFile", "open_results_file"]


@dataclass(frozen=True, eq=False)
class OpenedFile:
    """What a file holds, ready to be shown.

    Parameters
    ----------
    path : Path
    errors : OpenedErrors
    columns : ErrorColumns
    keys : list of NoteKey
        Of each row.
    notes : dict
        What was said about rows earlier.
    notes_problem : str or None
        Why the file of notes cannot be used.
    figures : EvaluationResults or None
        Of a file that holds the figures of an evaluation, and no rows.
    """

    path: Path
    errors: OpenedErrors
    columns: ErrorColumns
    keys: list[NoteKey]
    notes: dict[NoteKey, CaseNote]
    notes_problem: str | None = None
    figures: EvaluationResults | None = None


def open_results_file(path: Path, context: JobContext) -> OpenedFile:
    """Return what a file holds: rows, or the figures of an evaluation.

    Raises
    ------
    InputError
        When it is neither, or damaged.
    Cancelled
    """
    if _holds_figures(path):
        return OpenedFile(path, OpenedErrors((), 0), ErrorColumns(()), [], {}, figures=read_evaluation_results(path))
    errors = read_errors(path)
    if context.is_cancelled():
        raise Cancelled("Another file was opened.")
    notes: dict[NoteKey, CaseNote] = {}
    problem = None
    try:
        notes = read_notes(notes_path(path))
    except InputError as error:
        problem = str(error)
    return OpenedFile(path, errors, ErrorColumns(errors.rows), note_keys(errors.rows), notes, problem)


def _holds_figures(path: Path) -> bool:
    """Whether the head of the file says so; the whole may be large."""
    try:
        with open(path, encoding="utf-8") as file:
            return f'"{FIGURES_FORMAT}"' in file.read(500)
    except (OSError, UnicodeDecodeError):
        return False  # whoever reads it next says what is wrong
