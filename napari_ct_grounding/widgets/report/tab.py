"""The tab "Report": the wires between its panel, the reports of the volumes, the session and the viewer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QApplication, QFileDialog, QLineEdit, QTabBar

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.export.walk import Finding
from napari_ct_grounding.widgets.jobs import Continuations, JobContext
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.report.grounding import ReportGrounding
from napari_ct_grounding.widgets.report.lines import lines_of, lines_text, status_text
from napari_ct_grounding.widgets.report.panel import ReportPanel
from napari_ct_grounding.widgets.report.placed_references import PlacedReference
from napari_ct_grounding.widgets.report.report_file import SUFFIXES, ReportText, read_report_file
from napari_ct_grounding.widgets.report.rows import ReportRow
from napari_ct_grounding.widgets.report.strip_drawing import StripDrawing
from napari_ct_grounding.widgets.report.volume_reports import VolumeReports

if TYPE_CHECKING:
    from napari_ct_grounding.widgets.tabs import TabContext

__all__ = ["ReportTab"]

_ENCODING_NOTICE = "report encoding"


class ReportTab:
    """A report for each volume; the one of the chosen volume is shown.

    Parameters
    ----------
    context : TabContext
    colors : PanelColors
    """

    title = "Report"
    tool_tip = "A whole report, sentence by sentence: paste it, and walk its findings with the arrow keys"

    def __init__(self, context: TabContext, colors: PanelColors) -> None:
        self.panel = ReportPanel(colors)
        self._context = context
        self._controller = context.controller
        self._colors = colors
        self._reports = VolumeReports(
            context.viewer, context.controller, context.volumes, context.file_jobs, self._show
        )
        self._grounding = ReportGrounding(self._controller, self._wanted, self._show, self._on_stopped)
        self._drawing = StripDrawing(
            context.strip, self.panel.list, self._places_of_row, self._select, self.panel.isVisible
        )
        self._is_live = False
        self._connect_panel()

    def _connect_panel(self) -> None:
        panel = self.panel
        panel.paste_requested.connect(self._on_paste_requested)
        panel.text_dropped.connect(self._take_text)
        panel.file_dropped.connect(lambda path: self.open_file(Path(path)))
        panel.opening_requested.connect(self._on_opening_requested)
        panel.example_requested.connect(self._on_example_requested)
        panel.grounding_requested.connect(self.find_places)
        panel.stop_requested.connect(self._grounding.stop)
        panel.clearing_requested.connect(lambda: self._change(self._reports.shown.clear))
        panel.undo_requested.connect(lambda: self._change(self._reports.shown.undo))
        panel.redo_requested.connect(lambda: self._change(self._reports.shown.redo))
        panel.copy_requested.connect(self._on_copy_requested)
        panel.filter_changed.connect(lambda _: self._show())
        panel.other_report_requested.connect(self._on_other_report_requested)
        panel.shown.connect(self._on_shown)
        panel.list.row_requested.connect(self._on_row_requested)
        panel.list.selection_changed.connect(lambda: self._drawing.draw(self._colors))
        panel.list.removal_requested.connect(lambda rows: self._change(partial(self._reports.shown.remove, rows)))
        panel.list.lines.edited.connect(self._on_edited)

    # -- the dock's wishes

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self._colors = colors
        self.panel.set_colors(colors)
        self._drawing.draw(self._colors)

    def go_live(self) -> None:
        """Listen to volume, slider and strip, and show what is known."""
        if not self._is_live:
            self._is_live = True
            self._controller.scan_changed.connect(self._on_scan_changed)
            self._context.follower.position_changed.connect(self._on_position_changed)
            self._drawing.listen()
            self._on_scan_changed()

    def rest(self) -> None:
        """Listen to nothing, and ask for nothing until the dock is shown again."""
        if self._is_live:
            self._is_live = False
            self._controller.scan_changed.disconnect(self._on_scan_changed)
            self._context.follower.position_changed.disconnect(self._on_position_changed)
            self._drawing.ignore()
            document = self._reports.shown
            wants_places = document.wants_places
            self._grounding.stop()
            document.wants_places = wants_places  # it goes on when the dock is shown again

    def leave(self) -> None:
        """Let go of all reports."""
        self.rest()
        self._reports.clear()
        self.panel.list.set_lines([])

    # -- what others may ask

    def report_state(self) -> dict[str, Any]:
        """Return the report of the chosen volume as plain JSON values, for `restore`. It holds the report's text."""
        return {**self._reports.shown.to_record(), "only_localizable": self.panel.only_localizable.isChecked()}

    def restore(self, state: dict[str, Any]) -> None:
        """Show a report that `report_state` gave; undo brings back the one before.

        Raises
        ------
        InputError
            When the state is damaged or of another version.
        """
        self._reports.shown.set_record(state)
        self.panel.only_localizable.setChecked(bool(state.get("only_localizable", False)))
        self.find_places(is_silent=True)

    def walk_rows(self) -> list[Finding]:
        """Return all rows of the report with their answers and references, for a take-away."""
        return [
            Finding.of_report(
                row.sentence,
                result := self._result_of(row),
                self._refusal_of(row),
                [place.to_mark(result) for place in self._reports.places_of(row)],
            )
            for row in self._reports.shown.rows
        ]

    def set_report(self, text: str) -> None:
        """Take a report, and look for the places of its sentences.

        Raises
        ------
        InputError
            When there is no sentence in it.
        """
        self._reports.shown.set_text(text)
        self.find_places(is_silent=True)

    def open_file(self, path: Path) -> None:
        """Take the report that stands in a text file."""
        self._context.file_jobs.submit(
            partial(_read, path), Continuations(on_done=self._on_read, on_failed=self._controller.failed.emit)
        )

    def find_places(self, *, is_silent: bool = False) -> None:
        """Look for the places of all sentences; encodes the scan first when needed.

        Parameters
        ----------
        is_silent : bool
            Whether nothing is said where no volume is open.
        """
        self._reports.shown.wants_places = True
        if not (is_silent and self._controller.intent.source is None):
            self._try(self._grounding.start)
        self._show()

    # -- the report

    def _change(self, change: Callable[[], None]) -> None:
        """Change the report, look for what is new in it, and show it."""
        self._try(change)
        self._grounding.go_on()
        self._show()

    def _take_text(self, text: str) -> None:
        self._try(partial(self.set_report, text))

    def _try(self, wish: Callable[[], object]) -> None:
        """Do what may be refused for a reason that the user can mend."""
        try:
            wish()
        except InputError as error:
            self._controller.failed.emit(error)

    def _wanted(self) -> list[str]:
        """Sentences to be answered, those that tell of something to see first."""
        document = self._reports.shown
        rows = sorted(document.rows, key=lambda row: row.is_faded)
        prompts = dict.fromkeys(row.prompt for row in rows)
        return [text for text in prompts if text and (document.wants_places or text in document.asked)]

    def _result_of(self, row: ReportRow) -> GroundingResult | None:
        answers = self._controller.answers
        return None if answers is None or row.prompt is None else answers.find(row.prompt)

    def _refusal_of(self, row: ReportRow) -> str | None:
        return None if row.prompt is None else self._grounding.refusal(row.prompt)

    def _places_of_row(self, row: int) -> list[PlacedReference]:
        return self._reports.places_of(self._reports.shown.rows[row])

    # -- showing

    def _show(self) -> None:
        document, panel = self._reports.shown, self.panel
        is_filtered = panel.only_localizable.isChecked()
        is_waiting = document.wants_places and (self._controller.is_encoding or self._grounding.is_running)
        lines = lines_of(
            document.rows, self._result_of, self._refusal_of, self._reports.places_of,
            is_waiting=is_waiting, only_localizable=is_filtered,
        )  # fmt: skip
        panel.list.set_lines(lines)
        panel.set_empty(not document.rows)
        num_hidden = len(document.rows) - sum(line.row is not None for line in lines)
        progress = (self._grounding.num_known(), len(self._wanted())) if self._grounding.is_running else None
        panel.set_status(*status_text(lines, num_hidden, progress))
        can_start = any(row.prompt and not self._result_of(row) and not self._refusal_of(row) for row in document.rows)
        panel.set_running(is_running=self._grounding.is_running, can_start=can_start)
        panel.set_history(document.undo_text, document.redo_text)
        panel.hint.example.setVisible(self._example() is not None)
        panel.set_others([name for name, _ in self._reports.others()])
        self._drawing.draw(self._colors)
        self._reports.look_up_other_series()

    # -- slots: viewer, strip, session

    def _on_scan_changed(self) -> None:
        self._reports.follow_volume()
        self._grounding.go_on()
        self._show()
        self._on_position_changed(self._context.follower.slice_index)

    def _on_position_changed(self, slice_index: int | None) -> None:
        source = self._controller.intent.source
        is_known = source is not None and slice_index is not None
        self.panel.list.lines.set_position(source.geometry.z_of_slice(slice_index) if is_known else None)

    def _select(self, row: int) -> None:
        """Select a row and draw it; the viewer stays where it is."""
        self.panel.list.select_row(row)
        self._context.presenter.select(self._result_of(self._reports.shown.rows[row]))
        self._drawing.draw(self._colors)

    def _on_stopped(self) -> None:
        document = self._reports.shown
        document.wants_places = False
        document.asked.clear()

    # -- slots: panel

    def _on_row_requested(self, row: int) -> None:
        asked = self._reports.shown.rows[row]
        result = self._result_of(asked)
        if result is None and asked.prompt is not None and self._controller.answers is not None:
            self._reports.shown.asked.add(asked.prompt)
            self._grounding.go_on()
        self._context.presenter.select(result)
        if result is not None and result.has_location:
            self._context.presenter.jump(result.z_mm)
        self._drawing.draw(self._colors)

    def _on_edited(self, row: int, text: str) -> None:
        document = self._reports.shown
        before = set(document.rows)
        self._try(partial(document.edit, row, text))
        document.asked.update(entry.prompt for entry in document.rows if entry not in before and entry.prompt)
        self._grounding.go_on()
        self._show()

    def _on_paste_requested(self) -> None:
        self._take_text(QGuiApplication.clipboard().text())

    def _on_opening_requested(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        name, _ = QFileDialog.getOpenFileName(self.panel, "Open a report", "", f"Report ({kinds});;All files (*)")
        if name:
            self.open_file(Path(name))

    def _on_read(self, report: ReportText) -> None:
        self._take_text(report.text)
        if report.is_guessed:
            text = "The report file is not UTF-8; it was read as Windows-1252. Check letters such as \u00e4, \u00e9 or \u00df."
            self._context.notices.show_notice(_ENCODING_NOTICE, text, is_closable=True)
        else:
            self._context.notices.remove_notice(_ENCODING_NOTICE)

    def _on_example_requested(self) -> None:
        example = self._example()
        if example is not None:
            self._take_text(example)

    def _on_copy_requested(self) -> None:
        view = self.panel.list
        rows = set(view.selected_rows())
        lines = [line for line in view.lines.lines if not rows or line.row is None or line.row in rows]
        QGuiApplication.clipboard().setText(lines_text(lines))

    def _on_other_report_requested(self, number: int) -> None:
        _, other = self._reports.others()[number]
        document = self._reports.shown
        self._try(partial(document.set_record, other.to_record()))
        self.find_places(is_silent=True)

    def _on_shown(self) -> None:
        if not isinstance(QApplication.focusWidget(), (QLineEdit, QTabBar)):
            self.panel.take_focus()
        row = self.panel.list.current_row()
        if row is not None:
            self._context.presenter.select(self._result_of(self._reports.shown.rows[row]))
        self._drawing.draw(self._colors)

    def _example(self) -> str | None:
        layer = self._context.presenter.layer()
        return None if layer is None else layer.metadata.get("ct_report")


def _read(path: Path, context: JobContext) -> ReportText:
    """Runs on the thread of files."""
    return read_report_file(path)
