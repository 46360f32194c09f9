"""The table of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QModelIndex, QSignalBlocker, Qt, Signal
from qtpy.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from napari_ct_grounding.widgets.localization_errors.notes import TAGS
from napari_ct_grounding.widgets.localization_errors.row_filter import RowFilter
from napari_ct_grounding.widgets.localization_errors.table_model import COLUMNS, ErrorTableModel
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.empty_hint import paint_hint

__all__ = ["EMPTY_HINT", "ErrorTable"]

EMPTY_HINT = (
    "Drop a file of localization results here, or open one with the button File.\n\n"
    "'ct-grounding batch cases.csv --out results.json' makes one, and so does 'python -m train evaluate --real ... --results "
    "results.json'. No file yet? File, Try the demo case."
)
#: What the dock does for n, p, a and t.
STEP_KEYS = (Qt.Key.Key_N, Qt.Key.Key_P, Qt.Key.Key_A, Qt.Key.Key_T)
NOTHING_SHOWN = "No row passes the filter. Clear takes it away."

#: Widths (px) of the columns as they are at first.
_WIDTHS = {
    "Error mm": 86,
    "Sentence": 152,
    "Category": 74,
    "Rank": 56,
    "Status": 76,
    "Tag": 88,
    "Note": 120,
    "Case": 90,
}


class ErrorTable(QTableView):
    """Emits `row_chosen(number)` when another row becomes current, `opening_requested(number)` for Enter and a double click.

    `number` is the index of the row in the file, from 0.
    """

    row_chosen = Signal(int)
    opening_requested = Signal(int)
    tag_requested = Signal(str)

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self.rows = ErrorTableModel(colors.faded, self)
        self.setModel(self.rows)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(False)
        self.setAlternatingRowColors(False)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAccessibleName("Rows of the results file")
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsMovable(True)
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicator(0, Qt.SortOrder.DescendingOrder)  # the worst first, as the model begins
        header.sortIndicatorChanged.connect(self._sort)
        header.setStyleSheet("QHeaderView::section { padding: 2px 4px; }")
        for place, column in enumerate(COLUMNS):
            self.setColumnWidth(place, _WIDTHS.get(column.name, 70))
        self.selectionModel().currentRowChanged.connect(self._on_current_changed)
        self.doubleClicked.connect(lambda index: self._ask_to_open(index))

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self._colors = colors
        self.rows.set_faded(colors.faded)

    def set_filter(self, wish: RowFilter) -> None:
        """Show the rows that pass; the current one stays current where it passes."""
        self._keeping_current(lambda: self.rows.set_filter(wish))

    def current_number(self) -> int | None:
        """Number of the current row; None when there is none."""
        index = self.currentIndex()
        return int(self.rows.shown[index.row()]) if index.isValid() else None

    def choose(self, number: int) -> bool:
        """Make a row current; False where the filter hides it."""
        place = self.rows.place_of(number)
        if place is None:
            return False
        self._go_to(place)
        return True

    def step(self, num: int) -> None:
        """Go on by some rows among those shown, and stop at the ends."""
        num_shown = self.rows.rowCount()
        if num_shown:
            index = self.currentIndex()
            place = index.row() + num if index.isValid() else (0 if num > 0 else num_shown - 1)
            self._go_to(min(max(place, 0), num_shown - 1))

    def _go_to(self, place: int) -> None:
        self.setCurrentIndex(self.rows.index(place, 0))
        self.scrollTo(self.currentIndex())

    def _sort(self, column: int, order: Qt.SortOrder) -> None:
        self._keeping_current(lambda: self.rows.sort(column, order))

    def _keeping_current(self, change: Callable[[], None]) -> None:
        """Change which rows are shown and where; nobody is told that the current row is current again."""
        number = self.current_number()
        change()
        place = None if number is None else self.rows.place_of(number)
        if place is not None:
            with QSignalBlocker(self.selectionModel()):
                self.setCurrentIndex(self.rows.index(place, 0))
            self.scrollTo(self.currentIndex())
            self.viewport().update()

    def _on_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self.row_chosen.emit(int(self.rows.shown[current.row()]))

    def _ask_to_open(self, index: QModelIndex) -> None:
        if index.isValid():
            self.opening_requested.emit(int(self.rows.shown[index.row()]))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102 (Qt's name)
        text = event.text()
        if event.key() in STEP_KEYS and not event.modifiers():
            event.ignore()  # the dock's
        elif event.matches(QKeySequence.StandardKey.Copy):
            self._copy_row()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._ask_to_open(self.currentIndex())
        elif text and text in "012345" and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            if self.currentIndex().isValid():
                self.tag_requested.emit("" if text == "0" else TAGS[int(text) - 1])
        else:
            super().keyPressEvent(event)

    def keyboardSearch(self, search: str) -> None:  # noqa: N802 (Qt's name)
        """Letters are commands of the dock, not the beginning of a cell's text."""

    def _copy_row(self) -> None:
        place = self.currentIndex().row()
        cells = [str(self.rows.index(place, i).data() or "") for i in range(len(COLUMNS))] if place >= 0 else []
        QGuiApplication.clipboard().setText("\t".join(cells))

    def paintEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        super().paintEvent(event)
        paint_hint(self, NOTHING_SHOWN if self.rows.rows else EMPTY_HINT, self._colors.faded)
