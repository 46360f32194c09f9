"""What was said about rows, on its way to the file beside the results: soon, off the window's thread, never lost in silence."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.widgets.jobs import Continuations, JobContext, Jobs
from napari_ct_grounding.widgets.localization_errors.notes import CaseNote, NoteKey, notes_path, save_notes

__all__ = ["NoteKeeper"]

#: Typing pauses for this long (ms) before the notes are saved.
_SOON_MS = 700


class NoteKeeper(QObject):
    """Saves changed notes of one results file.

    Parameters
    ----------
    jobs : Jobs
        Where files are written.
    parent : QObject, optional
    """

    #: (why the notes cannot be saved; empty once they could)
    problem_changed = Signal(str)

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._path: Path | None = None
        self._changed: dict[NoteKey, CaseNote] = {}
        self._problem = ""
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._soon.timeout.connect(self._save)

    @property
    def num_unsaved(self) -> int:
        """Notes that are not in the file yet."""
        return len(self._changed)

    def set_results(self, path: Path | None) -> None:
        """Keep the notes of another results file; those of the last one are saved first."""
        self.flush()
        self._path = None if path is None else notes_path(path)
        self._changed, self._problem = {}, ""

    def set_note(self, key: NoteKey, note: CaseNote) -> None:
        """Keep what was said about a row."""
        self._changed[key] = note
        self._soon.start()

    def flush(self) -> None:
        """Save what is not saved yet, now: the window may be about to go."""
        self._soon.stop()
        if self._path is not None and self._changed:
            try:
                save_notes(self._path, self._changed)
            except InputError as error:
                self._tell(str(error))
            else:
                self._changed.clear()
                self._tell("")

    def _save(self) -> None:
        if self._path is None or not self._changed:
            return
        path, sent = self._path, dict(self._changed)
        self._jobs.submit(
            partial(_save, path, sent),
            Continuations(
                on_done=lambda _: self._on_saved(path, sent),
                on_failed=lambda error: self._on_failed(path, error),
            ),
        )

    def _on_saved(self, path: Path, sent: dict[NoteKey, CaseNote]) -> None:
        if path == self._path:
            # What was changed again meanwhile waits for the next time.
            self._changed = {key: note for key, note in self._changed.items() if sent.get(key) != note}
            self._tell("")

    def _on_failed(self, path: Path, error: Exception) -> None:
        if path == self._path:
            self._tell(
                str(error) if isinstance(error, InputError) else f"Notes were not saved ({type(error).__name__})."
            )

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self.problem_changed.emit(problem)


def _save(path: Path, changed: dict[NoteKey, CaseNote], _context: JobContext) -> None:
    save_notes(path, changed)
