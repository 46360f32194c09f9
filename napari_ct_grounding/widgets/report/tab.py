"""The tab "Report": the wires between its panel, the reports of the volumes, the session and the viewer."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtGui import QGuiApplication, QPen
from qtpy.QtWidgets import QApplication, QFileDialog, QLineEdit, QTabBar

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.core.slice_table import SeriesTable
from napari_ct_grounding.export.walk import Finding
from napari_ct_grounding.widgets.jobs import Continuations, JobContext
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.profile_painting import MAX_OVERLAYS, overlay_pen
from napari_ct_grounding.widgets.panels.strip_marks import StripMark
from napari_ct_grounding.widgets.report.document import ReportDocument
from napari_ct_grounding.widgets.report.grounding import ReportGrounding
from napari_ct_grounding.widgets.report.lines import ReportLine, lines_of, lines_text, status_text, walkable
from napari_ct_grounding.widgets.report.panel import ReportPanel
from napari_ct_grounding.widgets.report.placed_references import PlacedReference, ReferencePlacer
from napari_ct_grounding.widgets.report.report_file import SUFFIXES, ReportText, read_report_file
from napari_ct_grounding.widgets.report.rows import ReportRow
from napari_ct_grounding.widgets.report.study_tables import read_study_tables
from napari_ct_grounding.widgets.view import find_layer

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
        self._documents: dict[Hashable | None, ReportDocument] = {}
        self._placer = ReferencePlacer(None)
        self._studies: dict[Hashable, tuple[SeriesTable, ...]] = {}  # of volumes whose report points to other series
        self._grounding = ReportGrounding(self._controller, self._wanted, self._show, self._on_stopped)
        self._marked_rows: list[int] = []  # row of each mark on the strip
        self._marks: tuple[StripMark, ...] = ()
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
        panel.clearing_requested.connect(lambda: self._change(self._document().clear))
        panel.undo_requested.connect(lambda: self._change(self._document().undo))
        panel.redo_requested.connect(lambda: self._change(self._document().redo))
        panel.copy_requested.connect(self._on_copy_requested)
        panel.filter_changed.connect(lambda _: self._show())
        panel.other_report_requested.connect(self._on_other_report_requested)
        panel.shown.connect(self._on_shown)
        panel.list.row_requested.connect(self._on_row_requested)
        panel.list.selection_changed.connect(self._draw_strip)
        panel.list.removal_requested.connect(lambda rows: self._change(partial(self._document().remove, rows)))
        panel.list.lines.edited.connect(self._on_edited)

    # -- the dock's wishes

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self._colors = colors
        self.panel.set_colors(colors)
        self._draw_strip()

    def go_live(self) -> None:
        """Listen to volume, slider and strip, and show what is known."""
        if not self._is_live:
            self._is_live = True
            self._controller.scan_changed.connect(self._on_scan_changed)
            self._context.follower.position_changed.connect(self._on_position_changed)
            self._context.strip.profile_clicked.connect(self._on_profile_clicked)
            self._context.strip.mark_clicked.connect(self._on_mark_clicked)
            self._on_scan_changed()

    def rest(self) -> None:
        """Listen to nothing, and ask for nothing until the dock is shown again."""
        if self._is_live:
            self._is_live = False
            self._controller.scan_changed.disconnect(self._on_scan_changed)
            self._context.follower.position_changed.disconnect(self._on_position_changed)
            self._context.strip.profile_clicked.disconnect(self._on_profile_clicked)
            self._context.strip.mark_clicked.disconnect(self._on_mark_clicked)
            document = self._document()
            wants_places = document.wants_places
            self._grounding.stop()
            document.wants_places = wants_places  # it goes on when the dock is shown again

    def leave(self) -> None:
        """Let go of all reports."""
        self.rest()
        self._documents.clear()
        self._studies.clear()
        self._placer = ReferencePlacer(None)
        self.panel.list.set_lines([])

    # -- what others may ask

    def report_state(self) -> dict[str, Any]:
        """Return the report of the chosen volume as plain JSON values, for `restore`. It holds the report's text."""
        return {**self._document().to_record(), "only_localizable": self.panel.only_localizable.isChecked()}

    def restore(self, state: dict[str, Any]) -> None:
        """Show a report that `report_state` gave; undo brings back the one before.

        Raises
        ------
        InputError
            When the state is damaged or of another version.
        """
        self._document().set_record(state)
        self.panel.only_localizable.setChecked(bool(state.get("only_localizable", False)))
        self.find_places(is_silent=True)

    def walk_rows(self) -> list[Finding]:
        """Return all rows of the report with their answers and references, for a take-away."""
        return [
            Finding.of_report(
                row.sentence,
                result := self._result_of(row),
                self._refusal_of(row),
                [place.to_mark(result) for place in self._placer.place_all(row.references)],
            )
            for row in self._document().rows
        ]

    def set_report(self, text: str) -> None:
        """Take a report, and look for the places of its sentences.

        Raises
        ------
        InputError
            When there is no sentence in it.
        """
        self._document().set_text(text)
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
        self._document().wants_places = True
        if not (is_silent and self._controller.intent.source is None):
            self._try(self._grounding.start)
        self._show()

    # -- the report

    def _document(self) -> ReportDocument:
        source = self._controller.intent.source
        key = None if source is None else source.layer_id
        if key is not None and key not in self._documents and None in self._documents:
            self._documents[key] = self._documents.pop(None)  # it was pasted before a volume was open
        return self._documents.setdefault(key, ReportDocument())

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
        document = self._document()
        rows = sorted(document.rows, key=lambda row: row.is_faded)
        prompts = dict.fromkeys(row.prompt for row in rows)
        return [text for text in prompts if text and (document.wants_places or text in document.asked)]

    def _result_of(self, row: ReportRow) -> GroundingResult | None:
        answers = self._controller.answers
        return None if answers is None or row.prompt is None else answers.find(row.prompt)

    def _refusal_of(self, row: ReportRow) -> str | None:
        return None if row.prompt is None else self._grounding.refusal(row.prompt)

    def _places_of(self, row: ReportRow) -> list[PlacedReference]:
        return self._placer.place_all(row.references)

    # -- showing

    def _show(self) -> None:
        document, panel = self._document(), self.panel
        is_filtered = panel.only_localizable.isChecked()
        is_waiting = document.wants_places and (self._controller.is_encoding or self._grounding.is_running)
        lines = lines_of(
            document.rows, self._result_of, self._refusal_of, self._places_of,
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
        panel.set_others([name for name, _ in self._other_reports()])
        self._draw_strip()
        self._look_up_other_series()

    def _look_up_other_series(self) -> None:
        """Read the headers of the study, once, where the report points to a series that is not open."""
        source, path = self._controller.intent.source, self._context.volumes.source_path()
        if source is None or path is None or source.layer_id in self._studies:
            return
        places = (place for row in self._document().rows for place in self._places_of(row))
        if any(place.is_of_other_series for place in places):
            self._studies[source.layer_id] = ()  # asked for
            key = self._context.volumes.series()[1]
            # Where the files are gone the reference stays one into another series.
            self._context.file_jobs.submit(
                lambda _: read_study_tables(path, key),
                Continuations(on_done=partial(self._on_study_read, source.layer_id)),
            )

    def _on_study_read(self, layer_id: Hashable, tables: tuple[SeriesTable, ...]) -> None:
        self._studies[layer_id] = tables
        self._on_scan_changed()

    def _draw_strip(self) -> None:
        """Draw findings and references beside the profile, and the other selected sentences over it."""
        strip, view = self._context.strip, self.panel.list
        rows = view.selected_rows()
        lines = {line.row: line for line in view.lines.lines if line.row is not None}
        first, *others = [lines[row] for row in rows] or [ReportLine("")]
        overlaid: list[ReportLine] = []
        if first.result is not None and strip.result is first.result:
            overlaid = [line for line in others if line.result is not None][:MAX_OVERLAYS]
        strokes = [(line.row, overlay_pen(i, self._colors)) for i, line in enumerate(overlaid)]
        strokes += [(first.row, QPen(self._colors.accent, 1.6))] if overlaid else []
        view.painter.strokes = {row: pen for row, pen in strokes if row is not None}
        view.viewport().update()
        if not self.panel.isVisible():
            return
        places = [(line.row, _finding_mark(line)) for line in lines.values() if walkable(line)]
        places += [(row, mark) for row in rows for mark in self._reference_marks(row)]
        self._marked_rows = [row for row, _ in places if row is not None]
        self._marks = tuple(mark for _, mark in places)
        strip.set_overlays([line.result for line in overlaid if line.result is not None])
        strip.set_marks(self._marks)

    def _reference_marks(self, row: int) -> list[StripMark]:
        return [
            StripMark(*place.range_mm, f"The report says {place.long_name}", "reference")
            for place in self._places_of(self._document().rows[row])
            if place.range_mm is not None
        ]

    # -- slots: viewer, strip, session

    def _on_scan_changed(self) -> None:
        is_there = partial(find_layer, self._context.viewer)
        self._documents = {key: doc for key, doc in self._documents.items() if key is None or is_there(key) is not None}
        self._studies = {key: tables for key, tables in self._studies.items() if is_there(key) is not None}
        source = self._controller.intent.source
        self._placer = ReferencePlacer(source, () if source is None else self._studies.get(source.layer_id, ()))
        self._grounding.go_on()
        self._show()
        self._on_position_changed(self._context.follower.slice_index)

    def _on_position_changed(self, slice_index: int | None) -> None:
        source = self._controller.intent.source
        is_known = source is not None and slice_index is not None
        self.panel.list.lines.set_position(source.geometry.z_of_slice(slice_index) if is_known else None)

    def _on_profile_clicked(self, result: GroundingResult) -> None:
        rows = [line.row for line in self.panel.list.lines.lines if line.result is result and line.row is not None]
        if rows and result is not self._context.strip.result:
            self._select(rows[0])

    def _on_mark_clicked(self, number: int) -> None:
        if self._context.strip.marks == self._marks:
            self._select(self._marked_rows[number])

    def _select(self, row: int) -> None:
        """Select a row and draw it; the viewer stays where it is."""
        self.panel.list.select_row(row)
        self._context.presenter.select(self._result_of(self._document().rows[row]))
        self._draw_strip()

    def _on_stopped(self) -> None:
        document = self._document()
        document.wants_places = False
        document.asked.clear()

    # -- slots: panel

    def _on_row_requested(self, row: int) -> None:
        asked = self._document().rows[row]
        result = self._result_of(asked)
        if result is None and asked.prompt is not None and self._controller.answers is not None:
            self._document().asked.add(asked.prompt)
            self._grounding.go_on()
        self._context.presenter.select(result)
        if result is not None and result.has_location:
            self._context.presenter.jump(result.z_mm)
        self._draw_strip()

    def _on_edited(self, row: int, text: str) -> None:
        document = self._document()
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
        _, other = self._other_reports()[number]
        document = self._document()
        self._try(partial(document.set_record, other.to_record()))
        self.find_places(is_silent=True)

    def _on_shown(self) -> None:
        if not isinstance(QApplication.focusWidget(), (QLineEdit, QTabBar)):
            self.panel.take_focus()
        row = self.panel.list.current_row()
        if row is not None:
            self._context.presenter.select(self._result_of(self._document().rows[row]))
        self._draw_strip()

    def _example(self) -> str | None:
        layer = self._context.presenter.layer()
        return None if layer is None else layer.metadata.get("ct_report")

    def _other_reports(self) -> list[tuple[str, ReportDocument]]:
        """Reports of other open volumes, by the volumes' names."""
        shown = self._document()
        layers = (
            (find_layer(self._context.viewer, key), doc) for key, doc in self._documents.items() if key is not None
        )
        return [(layer.name, doc) for layer, doc in layers if layer is not None and doc is not shown and doc.rows]


def _finding_mark(line: ReportLine) -> StripMark:
    z_mm = line.place.z_mm if line.place is not None else 0.0
    return StripMark(z_mm, z_mm, line.text, "finding")


def _read(path: Path, context: JobContext) -> ReportText:
    """Runs on the thread of files."""
    return read_report_file(path)
