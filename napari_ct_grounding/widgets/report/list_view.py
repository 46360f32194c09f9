"""The list of a report: walked by the arrow keys, edited in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QEvent, QItemSelection, QItemSelectionModel, QModelIndex, QPoint, QRect, QRectF, Qt, Signal
from qtpy.QtGui import QHelpEvent, QKeySequence, QPainter, QPaintEvent, QPen, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QListView, QMenu, QToolTip, QWidget

from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.report.line_painter import LinePainter
from napari_ct_grounding.widgets.report.lines import COLUMNS, ReportLine, walkable
from napari_ct_grounding.widgets.report.list_model import LINE_ROLE, ReportListModel

__all__ = ["ReportListView"]

_KEY = QKeySequence.StandardKey
#: Keys that napari or the window might take first.
_OWN_KEYS = (_KEY.Copy, _KEY.Paste, _KEY.Undo, _KEY.Redo, _KEY.Delete)

_COLUMN_TIPS = (
    "Image number of the DICOM series, as on the workstation; index of the slice where images bear no numbers",
    "Position of the slice in the patient (RAS, towards the head), mm",
    "Range (mm) that holds most of the similarity; the model cannot say it more exactly",
    "Cosine similarity, -1 to 1. Not a probability",
    "How far the prediction lies above (+) or below the image that the sentence itself refers to",
)


class ReportListView(QListView):
    """Shows a `ReportListModel`. Up and down go from finding to finding, with Ctrl from line to line."""

    #: (row of the report) It became the current one, or was pressed again: go there.
    row_requested = Signal(int)
    #: The selected rows are others.
    selection_changed = Signal()
    #: (rows of the report)
    removal_requested = Signal(object)
    undo_requested = Signal()
    redo_requested = Signal()
    paste_requested = Signal()
    copy_requested = Signal()

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_silent = self._has_asked = False
        self.lines = ReportListModel(self)
        self.setModel(self.lines)
        self.painter = LinePainter(colors, self)
        self.setItemDelegate(self.painter)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu_requested)
        self.setMouseTracking(True)
        self.setAccessibleName("Report")
        self._header = _Header(self)
        self.setViewportMargins(0, self._header.height(), 0, 0)

    # -- what is shown

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self.painter.colors = colors
        self.viewport().update()
        self._header.update()

    def set_lines(self, lines: Sequence[ReportLine]) -> None:
        """Show other lines; the current row stays current where it is still there, and nobody is told."""
        row = self.current_row()
        self._is_silent = True
        if self.lines.set_lines(lines) and row is not None:
            self._make_current(row)
        self._is_silent = False

    def set_strokes(self, strokes: dict[int, QPen]) -> None:
        """Show beside these rows how their curves are drawn."""
        self.painter.strokes = strokes
        self.viewport().update()

    def select_row(self, row: int) -> None:
        """Make a row the current one without telling anybody."""
        self._is_silent = True
        self._make_current(row)
        self._is_silent = False

    def current_row(self) -> int | None:
        """Row of the report that is current; None where there is none."""
        return _row_of(self.currentIndex())

    def selected_rows(self) -> list[int]:
        """Selected rows of the report, the current one first, the others from top to bottom."""
        rows = sorted(row for index in self.selectedIndexes() if (row := _row_of(index)) is not None)
        current = self.current_row()
        return sorted(rows, key=lambda row: row != current)

    # -- walking

    def walk(self, step: int) -> None:
        """Go to the next finding that has a place (+1), or the one before (-1); to the next sentence where none has."""
        numbers = [n for n, line in enumerate(self.lines.lines) if walkable(line)]
        numbers = numbers or [n for n, line in enumerate(self.lines.lines) if line.row is not None]
        here = self.currentIndex().row()  # -1 where nothing is current
        ahead = [n for n in numbers if n > here] if step > 0 else [n for n in reversed(numbers) if n < here]
        if ahead:
            self.setCurrentIndex(self.lines.index(ahead[0]))

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        key, is_plain = event.key(), not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and is_plain:
            self.walk(-1 if key == Qt.Key.Key_Up else 1)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._step(-1 if key == Qt.Key.Key_Up else 1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._ask_for(self.currentIndex())
        elif event.matches(_KEY.Copy):
            self.copy_requested.emit()
        elif event.matches(_KEY.Paste):
            self.paste_requested.emit()
        elif event.matches(_KEY.Undo):
            self.undo_requested.emit()
        elif event.matches(_KEY.Redo) or _is_ctrl(event, Qt.Key.Key_Y):
            self.redo_requested.emit()
        elif event.matches(_KEY.Delete):
            self._ask_for_removal()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Keep our keys: a shortcut of the window would take them first."""
        if event.type() == QEvent.Type.ShortcutOverride and (
            any(event.matches(key) for key in _OWN_KEYS) or _is_ctrl(event, Qt.Key.Key_Y)  # type: ignore[attr-defined]
        ):
            event.accept()
            return True
        return bool(super().event(event))

    def _step(self, step: int) -> None:
        """Go to the next sentence, whatever it is."""
        number = self.currentIndex().row() + step
        while 0 <= number < len(self.lines.lines) and self.lines.lines[number].row is None:
            number += step
        if 0 <= number < len(self.lines.lines):
            self.setCurrentIndex(self.lines.index(number))

    # -- wishes

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:  # noqa: N802, D102 (Qt's name)
        super().currentChanged(current, previous)
        if not self._is_silent:
            self._ask_for(current)

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:  # noqa: N802, D102
        super().selectionChanged(selected, deselected)
        if not self._is_silent:
            self.selection_changed.emit()

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        self._has_asked = False
        super().mousePressEvent(event)
        if not self._has_asked and event.button() == Qt.MouseButton.LeftButton and not event.modifiers():
            self._ask_for(self.indexAt(event.position().toPoint()))  # the row was current already; go there again

    def _ask_for(self, index: QModelIndex) -> None:
        row = _row_of(index)
        if row is not None:
            self._has_asked = True
            self.row_requested.emit(row)

    def _ask_for_removal(self) -> None:
        rows = self.selected_rows()
        if rows:
            self.removal_requested.emit(rows)

    def _on_menu_requested(self, place: QPoint) -> None:
        menu = QMenu(self)
        index = self.indexAt(place)
        if _row_of(index) is not None:
            menu.addAction("Edit sentence (F2)").triggered.connect(lambda: self.edit(index))
            menu.addAction("Remove (Del)").triggered.connect(self._ask_for_removal)
            menu.addSeparator()
        menu.addAction("Copy selected lines (Ctrl+C)").triggered.connect(self.copy_requested.emit)
        menu.exec(self.viewport().mapToGlobal(place))

    def _make_current(self, row: int) -> None:
        number = self.lines.number_of_row(row)
        if number is not None:
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self.selectionModel().setCurrentIndex(self.lines.index(number), flags)

    # -- the head

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 (Qt's name)
        super().resizeEvent(event)
        viewport = self.viewport().geometry()
        height = self._header.height()
        self._header.setGeometry(QRect(viewport.left(), viewport.top() - height, viewport.width(), height))
        self.scheduleDelayedItemsLayout()  # sentences wrap at another width


class _Header(QWidget):
    """Names the columns of figures."""

    def __init__(self, view: ReportListView) -> None:
        super().__init__(view)
        self._view = view
        self.resize(10, view.fontMetrics().height() + 4)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._view.painter.colors.field)
        painter.setFont(self._view.painter.figure_font())
        painter.setPen(self._view.painter.colors.faded)
        columns = self._view.painter.columns()
        last = len(COLUMNS) - 1
        for number, (name, (left, right)) in enumerate(zip(COLUMNS, columns.figures, strict=True)):
            side = Qt.AlignmentFlag.AlignLeft if number == last else Qt.AlignmentFlag.AlignRight
            if number == 0 and self._view.lines.are_slices_unnumbered:
                name = "Slice"
            painter.drawText(
                QRectF(left, 0, right - left, self.height()), int(side | Qt.AlignmentFlag.AlignVCenter), name
            )
        if columns.is_beside:
            painter.drawText(
                QRectF(columns.text[0], 0, 200, self.height()), int(Qt.AlignmentFlag.AlignVCenter), "Sentence"
            )
        painter.end()

    def event(self, event: QEvent) -> bool:
        """Explain the column under the mouse."""
        if isinstance(event, QHelpEvent):
            places = self._view.painter.columns().figures
            tips = [tip for tip, (left, right) in zip(_COLUMN_TIPS, places, strict=True) if left <= event.x() < right]
            QToolTip.showText(event.globalPos(), tips[0] if tips else "", self)
            return True
        return bool(super().event(event))


def _row_of(index: QModelIndex) -> int | None:
    line: ReportLine | None = index.data(LINE_ROLE) if index.isValid() else None
    return None if line is None else line.row


def _is_ctrl(event: Any, key: Qt.Key) -> bool:
    return bool(event.key() == key and event.modifiers() == Qt.KeyboardModifier.ControlModifier)
