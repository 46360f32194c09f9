"""A file of results and all that belongs to it: its rows, its notes, where its scans lie. Knows neither panel nor viewer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_ct_grounding.core.error_rows import ErrorRow
from napari_ct_grounding.core.errors import GroundingError, InputError
from napari_ct_grounding.core.whole_file import write_whole
from napari_ct_grounding.widgets.jobs import Continuations, JobContext, Jobs
from napari_ct_grounding.widgets.localization_errors.csv_export import csv_text
from napari_ct_grounding.widgets.localization_errors.memory import BrowserMemory, read_memory, write_memory
from napari_ct_grounding.widgets.localization_errors.note_keeper import NoteKeeper
from napari_ct_grounding.widgets.localization_errors.notes import CaseNote
from napari_ct_grounding.widgets.localization_errors.results_file import OpenedFile, open_results_file
from napari_ct_grounding.widgets.localization_errors.sample_results import write_sample_results
from napari_ct_grounding.widgets.localization_errors.volume_finder import FoundScans, find_scans

__all__ = ["FileSession"]


class FileSession(QObject):
    """Opens files and looks for their scans beside the window; one job of a kind at a time, the last wish counts.

    Parameters
    ----------
    file_jobs : Jobs
        Where files are read and written.
    model_jobs : Jobs
        Where the demo case is asked about.
    parent : QObject, optional
    """

    #: (OpenedFile) Its scans are being looked for.
    opened = Signal(object)
    #: (FoundScans)
    scans_found = Signal(object)
    #: (what went wrong, in words)
    failed = Signal(str)
    #: (what is being done; None when nothing is)
    working_changed = Signal(object)
    #: (done, total)
    progressed = Signal(int, int)
    #: (why notes cannot be saved; empty once they could)
    notes_problem_changed = Signal(str)
    #: (name of the file, number of rows)
    exported = Signal(str, int)

    def __init__(self, file_jobs: Jobs, model_jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._file_jobs, self._model_jobs = file_jobs, model_jobs
        self._running: dict[str, tuple[Jobs, int]] = {}
        self._memory: BrowserMemory | None = None
        self.file: OpenedFile | None = None
        self.found: FoundScans | None = None
        self._keeper = NoteKeeper(file_jobs, self)
        self._keeper.problem_changed.connect(self.notes_problem_changed)

    # -- what is known

    @property
    def memory(self) -> BrowserMemory:
        """Files and folders of earlier times; read when first asked for."""
        if self._memory is None:
            self._memory = read_memory()
        return self._memory

    @property
    def is_working(self) -> bool:
        """Whether anything is being opened, looked for or asked."""
        return bool(self._running)

    @property
    def num_unsaved_notes(self) -> int:
        """Notes that are not in the file yet."""
        return self._keeper.num_unsaved

    @property
    def folder(self) -> Path | None:
        """Where the scans of the open file are looked for."""
        return None if self.file is None else self.memory.folder_of(self.file.path)

    def candidates(self, row: ErrorRow) -> tuple[Path, ...]:
        """Where the scan of a row may lie; empty while it is not found."""
        return () if self.found is None else self.found.paths.get(row.case.scan, ())

    def is_missing(self) -> NDArray[np.bool_]:
        """(n,) Rows whose scan was not found; none as long as the search goes on."""
        rows = () if self.file is None else self.file.errors.rows
        if self.found is None:
            return np.zeros(len(rows), dtype=bool)
        return np.array([row.case.scan not in self.found.paths for row in rows], dtype=bool)

    def note_of(self, number: int) -> CaseNote:
        """What was said about a row of the open file."""
        if self.file is None:
            return CaseNote()
        return self.file.notes.get(self.file.keys[number], CaseNote())

    # -- wishes

    def open(self, path: Path) -> None:
        """Open a file of results."""
        self._run("open", self._file_jobs, partial(open_results_file, path), self._on_opened, f"Opening {path.name}")

    def open_sample(self) -> None:
        """Ask the bundled weights about the demo case, and open what they say."""
        self._run("sample", self._model_jobs, write_sample_results, self._on_sample, "Loading the bundled weights")

    def choose_folder(self, folder: Path) -> None:
        """Look for the scans of the open file below a folder, now and next time."""
        if self.file is not None:
            self._remember(self.memory.found_under(self.file.path, folder))
            self._find()

    def set_note(self, number: int, note: CaseNote) -> None:
        """Keep what is said about a row."""
        if self.file is not None and self.note_of(number) != note:
            self.file.notes[self.file.keys[number]] = note
            self._keeper.set_note(self.file.keys[number], note)

    def export(self, path: Path, numbers: Sequence[int]) -> None:
        """Write rows of the open file, in this order, as CSV."""
        if self.file is None:
            return
        rows = [(self.file.errors.rows[number], self.note_of(number)) for number in numbers]

        def write(_context: JobContext) -> None:
            try:
                # The mark at the beginning tells spreadsheet programs that it is UTF-8.
                write_whole(path, "\ufeff" + csv_text(rows))
            except OSError as error:
                raise InputError(f"{path.name} cannot be written ({error.strerror}). Choose another place.") from error

        self._run("export", self._file_jobs, write, lambda _: self.exported.emit(path.name, len(rows)), None)

    def cancel(self) -> None:
        """Give up what is being opened, looked for or asked."""
        for jobs, job in list(self._running.values()):
            jobs.cancel(job)

    def flush(self) -> None:
        """Save notes that wait."""
        self._keeper.flush()

    # -- answers

    def _on_opened(self, file: OpenedFile) -> None:
        self._keeper.set_results(file.path if file.notes_problem is None else None)
        self.file, self.found = file, None
        self._remember(self.memory.opened(file.path))
        self.opened.emit(file)
        if file.errors.rows:
            self._find()

    def _on_sample(self, made: tuple[Path, Path]) -> None:
        results, scans = made
        self._remember(self.memory.opened(results).found_under(results, scans))
        self.open(results)

    def _find(self) -> None:
        if self.file is None or self.folder is None:
            return
        self.found = None
        scans, folder = [row.case.scan for row in self.file.errors.rows], self.folder

        def find(context: JobContext) -> FoundScans:
            return find_scans(folder, scans, context.is_cancelled)

        self._run("find", self._file_jobs, find, self._on_found, "Looking for the scans")

    def _on_found(self, found: FoundScans) -> None:
        self.found = found
        self.scans_found.emit(found)

    def _remember(self, memory: BrowserMemory) -> None:
        self._memory = memory
        with suppress(OSError):  # a browser that remembers nothing still browses
            write_memory(memory)

    # -- jobs

    def _run(
        self,
        kind: str,
        jobs: Jobs,
        task: Callable[[JobContext], Any],
        on_done: Callable[[Any], None],
        stage: str | None,
    ) -> None:
        if kind in self._running:
            running_jobs, running = self._running[kind]
            running_jobs.cancel(running)
        job: list[int] = []  # the continuations need the number that submit returns

        def finish(*answer: Any) -> None:
            if self._running.get(kind) == (jobs, job[0]):
                del self._running[kind]
                self.working_changed.emit(None)
                if answer:
                    on_done(*answer)

        def fail(error: Exception) -> None:
            finish()
            known = isinstance(error, GroundingError)
            self.failed.emit(
                str(error) if known else f"Something went wrong ({type(error).__name__}). The log holds the details."
            )

        continuations = Continuations(
            on_done=finish,
            on_failed=fail,
            on_cancelled=finish,
            on_progress=lambda done, total: self.progressed.emit(done, total),
            on_stage=lambda text: self.working_changed.emit(text),
        )
        job.append(jobs.submit(task, continuations))
        self._running[kind] = (jobs, job[0])
        if stage is not None:
            self.working_changed.emit(stage)
