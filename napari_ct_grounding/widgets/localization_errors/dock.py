"""The dock "Localization errors": wires between a file of results, its panels, its scans and the viewer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QKeySequence

from napari_ct_grounding.core.error_rows import ErrorRow
from napari_ct_grounding.core.localization_error import NO_CATEGORY
from napari_ct_grounding.widgets.dock_life import DockLife
from napari_ct_grounding.widgets.freed_memory import give_back_freed_memory_soon
from napari_ct_grounding.widgets.jobs import FILES_THREAD_NAME, READING_THREAD_NAME, JobThread
from napari_ct_grounding.widgets.localization_errors.browser_panels import BrowserPanels
from napari_ct_grounding.widgets.localization_errors.canvas_keys import CanvasKeys
from napari_ct_grounding.widgets.localization_errors.file_session import FileSession
from napari_ct_grounding.widgets.localization_errors.notes import TAGS, CaseNote
from napari_ct_grounding.widgets.localization_errors.results_file import OpenedFile
from napari_ct_grounding.widgets.localization_errors.row_filter import NO_TAG, RowFilter
from napari_ct_grounding.widgets.localization_errors.scan_walk import ScanWalk
from napari_ct_grounding.widgets.localization_errors.volume_finder import FoundScans
from napari_ct_grounding.widgets.log_file import start_log
from napari_ct_grounding.widgets.panels.colors import colors_of_theme

__all__ = ["LocalizationErrorsDock"]

#: A row that is merely passed by is not opened: so long (ms) it must stay current.
_LINGER_MS = 250
_FAILED, _MISSING, _SAVING, _ABOUT = "failed", "missing", "saving", "about the file"


class LocalizationErrorsDock(DockLife, BrowserPanels):
    """Open a file of localization results, and walk through its rows in the viewer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(colors_of_theme(napari_viewer.theme), self._recent_files)
        start_log()
        self.viewer = napari_viewer
        self.file_jobs = JobThread(self, FILES_THREAD_NAME)
        self.reading_jobs = JobThread(self, READING_THREAD_NAME)
        self.model_jobs = JobThread(self)
        self.session = FileSession(self.file_jobs, self.model_jobs, self)
        self.walk = ScanWalk(napari_viewer, self.reading_jobs, self.notices, self._current, self)
        self._linger = QTimer(self)
        self._linger.setSingleShot(True)
        self._linger.setInterval(_LINGER_MS)
        self._linger.timeout.connect(self.open_current)
        self._is_live = self._has_left = False
        self._canvas_keys = CanvasKeys(napari_viewer, self.step)
        self.setAcceptDrops(True)
        self._connect()
        self.filter_bar.setEnabled(False)
        self._return()
        self.begin_life()

    def _connect(self) -> None:
        session, bar, follower = self.session, self.file_bar, self.walk.view.follower
        bar.file_chosen.connect(lambda path: session.open(Path(path)))
        bar.folder_chosen.connect(lambda path: session.choose_folder(Path(path)))
        bar.export_chosen.connect(lambda path: session.export(Path(path), self.table.rows.shown.tolist()))
        bar.sample_requested.connect(session.open_sample)
        bar.cancel_requested.connect(session.cancel)
        session.opened.connect(self._on_file_opened)
        session.scans_found.connect(self._on_scans_found)
        session.failed.connect(lambda text: self.notices.show_notice(_FAILED, text, is_closable=True))
        session.working_changed.connect(bar.set_working)
        session.progressed.connect(bar.set_progress)
        session.notes_problem_changed.connect(self._on_notes_problem)
        session.exported.connect(lambda name, num: show_info(f"{num:,} rows are in {name}."))
        self.filter_bar.filter_changed.connect(self._on_filter_changed)
        self.table.row_chosen.connect(self._on_row_chosen)
        self.table.opening_requested.connect(lambda _number: self.open_current())
        self.table.tag_requested.connect(lambda tag: self._on_note_changed(tag, None))
        self.summary.row_chosen.connect(self.table.choose)
        self.summary.category_chosen.connect(self.filter_bar.set_category)
        self.detail.z_requested.connect(follower.go_to_z)
        self.detail.slice_step_requested.connect(follower.step)
        self.detail.row_step_requested.connect(self.step)
        self.detail.opening_requested.connect(self.open_current)
        self.detail.note_changed.connect(self._on_note_changed)
        self.walk.placed_changed.connect(self._show_current)
        follower.position_changed.connect(self._on_position_changed)

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Letters that nobody in the dock took: lines of text keep theirs."""
        calls = {
            Qt.Key.Key_N: lambda: self.step(1),
            Qt.Key.Key_P: lambda: self.step(-1),
            Qt.Key.Key_A: self.detail.ask_for_answer,
            Qt.Key.Key_T: self.detail.ask_for_truth,
        }
        call = None if event.modifiers() else calls.get(event.key())
        if call is not None:
            call()
        elif event.matches(QKeySequence.StandardKey.Find):
            self.filter_bar.text.setFocus()
        else:
            super().keyPressEvent(event)

    def _recent_files(self) -> tuple[str, ...]:
        return self.session.memory.files

    # -- living and resting

    def _return(self) -> None:
        if self._is_live:
            return
        self._is_live, self._has_left = True, False
        self.viewer.events.theme.connect(self._on_theme_changed)
        self.viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self.viewer.layers.events.removed.connect(self._on_layer_removed)
        self.walk.view.follower.follow()
        self._canvas_keys.bind()
        self._on_theme_changed()

    def _rest(self) -> None:
        """Stop listening, but for layers that go: their voxels must go with them."""
        if self._is_live:
            self._is_live = False
            self.viewer.events.theme.disconnect(self._on_theme_changed)
            self.walk.view.follower.rest()
            self._canvas_keys.release()
            self._linger.stop()
        self.detail.take_note()
        self.session.flush()
        for jobs in (self.file_jobs, self.reading_jobs, self.model_jobs):
            jobs.rest()

    def _stop(self, *, wait: bool = False) -> None:
        self.session.cancel()
        self.walk.opener.cancel()
        for jobs in (self.file_jobs, self.reading_jobs, self.model_jobs):
            jobs.stop(wait=wait)

    def _leave(self) -> None:
        if not self._has_left:
            self._has_left = True
            self._rest()
            self._stop()
            self.viewer.layers.events.removed.disconnect(self._on_layer_removed)
            self.walk.clear()
            give_back_freed_memory_soon()

    def dragEnterEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        event.setAccepted(_dropped_file(event) is not None)

    def dropEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        path = _dropped_file(event)
        if path is not None:
            self.session.open(Path(path))
            event.acceptProposedAction()

    # -- the file

    def _on_file_opened(self, file: OpenedFile) -> None:
        for key in (_FAILED, _MISSING, _SAVING, _ABOUT):
            self.notices.remove_notice(key)
        self.walk.begin_anew()
        rows, errors = file.errors.rows, file.errors
        self.file_bar.set_file(file.path, has_rows=bool(rows))
        self.status_line.set_facts(errors.facts, "What the rows were made with")
        self.filter_bar.setEnabled(bool(rows))
        self.filter_bar.reset()
        self._offer_choices(file)
        self.table.rows.set_rows(rows, [self.session.note_of(number) for number in range(len(rows))])
        self._show_summary()
        self.show_figures(file.figures is not None)
        if file.figures is not None:
            self.figures.set_results(file.figures)
            text = f"{file.path.name} holds the figures of a whole evaluation, and no rows."
            how = "For rows, evaluate with --results, or ask by 'ct-grounding batch'."
            self.notices.show_notice(_ABOUT, f"{text} {how}", is_warning=False, is_closable=True)
        if errors.notes:
            self.notices.show_notice(_ABOUT, "\n".join(errors.notes), is_closable=True)
        if file.notes_problem is not None:
            self._on_notes_problem(file.notes_problem)
        self._show_detail(None)
        self.table.setFocus()

    def _offer_choices(self, file: OpenedFile) -> None:
        rows = file.errors.rows
        categories = sorted({row.case.category or NO_CATEGORY for row in rows})
        scans = sorted({row.case.scan for row in rows})
        self.filter_bar.set_choices(categories, scans, self._tags(file))
        self.detail.set_tags(self._tags(file)[1:])

    def _tags(self, file: OpenedFile) -> list[str]:
        own = {note.tag for note in file.notes.values() if note.tag} - set(TAGS)
        return [NO_TAG, *TAGS, *sorted(own)]

    def _on_scans_found(self, found: FoundScans) -> None:
        is_missing = self.session.is_missing()
        self.table.rows.set_missing(is_missing)
        self.notices.remove_notice(_MISSING)
        rows = () if self.session.file is None else self.session.file.errors.rows
        num_all = len({row.case.scan for row in rows})
        num = len({row.case.scan for row, missing in zip(rows, is_missing, strict=True) if missing})
        if num:
            which = "None of the scans" if num == num_all else f"{num:,} of {num_all:,} scans"
            were = "was" if num == num_all else "was not" if num == 1 else "were not"
            cut = " Only a part of it was searched, since it is very large." if found.is_cut else ""
            self.notices.show_notice(
                _MISSING,
                f"{which} {were} found under {_short(found.root)}; their rows are grey, and can be read all the same.{cut}",
                [("Choose the folder of the scans\u2026", self.file_bar.choose_folder)],
                is_closable=True,
            )
        self._show_current()

    def _on_filter_changed(self, wish: RowFilter) -> None:
        self.table.set_filter(wish)
        self._show_summary()

    def _show_summary(self) -> None:
        file, table = self.session.file, self.table.rows
        self.set_count(len(table.shown), len(table.rows))
        self.summary.set_columns(None if file is None else file.columns, table.shown)

    # -- tags and notes

    def _on_note_changed(self, tag: str, text: str | None) -> None:
        number = self.table.current_number()
        file = self.session.file
        if number is None or file is None or (text is not None and self.detail.row is None):
            return
        if text is not None and self.detail.row is not None:
            number = self.detail.row.number - 1  # a note that was still being typed belongs to the row that was left
        before = self.session.note_of(number)
        note = replace(before, tag=tag) if text is None else CaseNote(tag, text)
        if note == before:
            return
        is_new_tag = bool(note.tag) and note.tag not in self._tags(file)
        self.session.set_note(number, note)
        self.table.rows.set_note(number, note)
        if is_new_tag:
            self._offer_choices(file)
        if text is None:
            self.detail.show_note(note)

    def _on_notes_problem(self, problem: str) -> None:
        self.notices.remove_notice(_SAVING)
        if problem:
            self.notices.show_notice(_SAVING, problem, [("Try again", self.session.flush)], is_closable=True)

    # -- rows

    def step(self, num: int) -> None:
        """Go on by some rows among those shown, and open the scan."""
        before = self.table.current_number()
        self.table.step(num)
        if self.table.current_number() != before:
            self.open_current()

    def _on_row_chosen(self, number: int) -> None:
        self.summary.set_current(number)
        self._show_current()
        self._linger.start()

    def _current(self) -> ErrorRow | None:
        number, file = self.table.current_number(), self.session.file
        return None if number is None or file is None else file.errors.rows[number]

    def _show_current(self) -> None:
        self._show_detail(self._current())

    def _show_detail(self, row: ErrorRow | None) -> None:
        """Show a row at the bottom: with the positions of its scan once that stands in the viewer."""
        placed, source = self.walk.placed, self.walk.view.source
        if self.walk.is_placed(row) and placed is not None and source is not None:
            answer = placed.prediction
            # By position: the scan may be another one, with other slices.
            record = None if answer is None else source.record(source.geometry.slice_of_z(answer.z_mm))
            image_number = None if record is None else record.image_number
            self.detail.show_row(placed, source.geometry.z_extent_mm, image_number, is_open=True)
        else:
            is_missing = row is not None and self.session.found is not None and not self.session.candidates(row)
            self.detail.show_row(row, is_missing=is_missing)
        if row is not None:
            self.detail.show_note(self.session.note_of(row.number - 1))
        self._on_position_changed()

    # -- the viewer

    def open_current(self) -> None:
        """Open the scan of the current row, where it was found, and go to the answer."""
        self._linger.stop()
        row = self._current()
        if row is not None and self._is_live:
            self.walk.show(row, self.session.candidates(row))

    def _on_layer_removed(self, event: Any) -> None:
        self.walk.forget_layer(event.value.unique_id)

    def _on_position_changed(self, _slice_index: int | None = None) -> None:
        is_there = self.walk.is_placed(self._current())
        self.detail.strip.set_position(self.walk.view.z_mm if is_there else None)

    def _on_theme_changed(self, _event: object = None) -> None:
        self.set_colors(colors_of_theme(self.viewer.theme))


def _short(folder: Path) -> str:
    """The end of a path: enough to know it by."""
    return str(folder) if len(folder.parts) <= 3 else f"\u2026/{'/'.join(folder.parts[-2:])}"


def _dropped_file(event: Any) -> str | None:
    """Path of the JSON file that is dragged; None for anything else."""
    paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
    return paths[0] if len(paths) == 1 and paths[0].lower().endswith(".json") else None
