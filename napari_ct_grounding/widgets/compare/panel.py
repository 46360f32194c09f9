"""What the tab "Compare" shows: the second weights, figures of all sentences, and the sentences by disagreement."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QPoint, Qt, Signal
from qtpy.QtGui import QBrush, QKeyEvent, QKeySequence, QMouseEvent, QShowEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_ct_grounding.core.comparison import ComparedAnswers, ComparisonSummary
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.empty_hint import paint_hint
from napari_ct_grounding.widgets.panels.weights_chooser import WeightsChooser

__all__ = ["ComparePanel", "summary_text"]

_PAIR_ROLE = Qt.ItemDataRole.UserRole
_FIRST, _SECOND, _DIFFERENCE = 1, 2, 3
_NONE = "none"


class ComparePanel(QWidget):
    """Knows neither session nor viewer.

    Parameters
    ----------
    colors : PanelColors
    parent : QWidget, optional
    """

    compare_requested = Signal()
    stop_requested = Signal()
    #: (pair, result) A row was reached: draw the pair, and go to the place of one of its results.
    pair_chosen = Signal(object, object)
    copy_requested = Signal()
    save_requested = Signal()
    #: The panel came into sight.
    shown = Signal()

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.weights = WeightsChooser(self)
        self.weights.setAccessibleName("Second weights")
        self.weights.setPlaceholderText("choose weights")
        self.button = QPushButton("Compare", self)
        self.button.clicked.connect(self._on_clicked)
        self.summary = QLabel(self)
        self.summary.setWordWrap(True)
        self.summary.setStyleSheet("font-size: 11px;")
        self.table = _PairTable(colors, self)
        self.table.pair_chosen.connect(self.pair_chosen)
        self.table.copy_requested.connect(self.copy_requested)
        self.table.save_requested.connect(self.save_requested)
        self._is_running = False
        head = QHBoxLayout()
        head.addWidget(QLabel("Second", self))
        head.addWidget(self.weights, 1)
        head.addWidget(self.button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 3, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(head)
        layout.addWidget(self.summary)
        layout.addWidget(self.table, 1)
        self.set_running(False)

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self.table.colors = colors
        self.table.viewport().update()

    def set_running(self, is_running: bool) -> None:
        """Offer to begin, or to stop."""
        self._is_running = is_running
        self.button.setText("Stop" if is_running else "Compare")
        tip = (
            "Leave the second weights"
            if is_running
            else "Ask the second weights about the sentences that the chosen ones have answered. Both models take turns in memory"
        )
        self.button.setToolTip(tip)

    def set_pairs(self, pairs: Sequence[ComparedAnswers], first_name: str, second_name: str) -> None:
        """List these sentences, in the order given."""
        self.table.set_pairs(pairs, first_name, second_name)

    def set_message(self, text: str) -> None:
        """Say something above the table; empty says nothing."""
        self.summary.setText(text)
        self.summary.setVisible(bool(text))

    def set_hint(self, text: str) -> None:
        """Say why the table is empty."""
        self.table.hint = text
        self.table.viewport().update()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802, D102 (Qt's name)
        super().showEvent(event)
        self.shown.emit()

    def _on_clicked(self) -> None:
        (self.stop_requested if self._is_running else self.compare_requested).emit()


class _PairTable(QTreeWidget):
    """A click or an arrow key goes to the first weights' place, a click into the second column of places to the second's."""

    pair_chosen = Signal(object, object)
    copy_requested = Signal()
    save_requested = Signal()

    def __init__(self, colors: PanelColors, parent: QWidget) -> None:
        super().__init__(parent)
        self.colors = colors
        self.hint = ""
        self.setColumnCount(4)
        self.setHeaderLabels(["Sentence", "1st mm", "2nd mm", "Apart"])
        self._set_tips("the chosen weights", "the second weights")
        header = self.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(30)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setStyleSheet("QHeaderView::section { padding: 2px 3px; }")
        header.setSectionsMovable(False)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setStyleSheet("QTreeWidget { font-size: 11px; }")
        self.setAccessibleName("Sentences by disagreement")
        self.customContextMenuRequested.connect(self._on_menu_requested)
        self.currentItemChanged.connect(lambda item, _: self._tell(item, _FIRST))

    def paintEvent(self, event: object) -> None:  # noqa: N802
        super().paintEvent(event)
        paint_hint(self, self.hint, self.colors.faded)

    def set_pairs(self, pairs: Sequence[ComparedAnswers], first_name: str, second_name: str) -> None:
        self._set_tips(first_name, second_name)
        chosen = self.currentItem()
        sentence = None if chosen is None else chosen.data(0, _PAIR_ROLE).sentence
        self.blockSignals(True)
        self.clear()
        for pair in pairs:
            item = self._item(pair, first_name, second_name)
            self.addTopLevelItem(item)
            if pair.sentence == sentence:
                self.setCurrentItem(item)
        self.blockSignals(False)

    def _set_tips(self, first_name: str, second_name: str) -> None:
        tips = (
            "The greatest disagreement first",
            f"Place (z, mm) by {first_name}: the filled curve on the strip",
            f"Place (z, mm) by {second_name}: the dashed curve on the strip; a click here, or Shift and Enter, goes there",
            "How much further towards the head the second place lies, mm; grey where it is no more than one depth position",
        )
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for column, tip in enumerate(tips):
            self.headerItem().setToolTip(column, tip)
            if column:
                self.headerItem().setTextAlignment(column, right)

    def _item(self, pair: ComparedAnswers, first_name: str, second_name: str) -> QTreeWidgetItem:
        difference = pair.difference_mm
        words = "conflict" if pair.is_conflict else "" if difference is None else _signed(difference)
        item = QTreeWidgetItem([pair.sentence, _place(pair.first), _place(pair.second), words])
        item.setData(0, _PAIR_ROLE, pair)
        verdict = pair.verdict.replace("the first", first_name).replace("the second", second_name)
        for column in range(self.columnCount()):
            item.setToolTip(column, f"{pair.sentence}\n{verdict[:1].upper()}{verdict[1:]}")
            if column:
                item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if pair.is_conflict and column == _DIFFERENCE:
                item.setForeground(column, QBrush(self.colors.warning))
            elif not pair.is_conflict and not pair.is_apart:
                item.setForeground(column, QBrush(self.colors.faded))
        return item

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        place = event.position().toPoint()
        item, column = self.itemAt(place), self.columnAt(place.x())
        was_current = item is not None and item is self.currentItem()
        super().mousePressEvent(event)
        if event.button() == Qt.MouseButton.LeftButton and (column == _SECOND or was_current):
            self._tell(item, column)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_requested.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            is_second = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._tell(self.currentItem(), _SECOND if is_second else _FIRST)
        else:
            super().keyPressEvent(event)

    def _tell(self, item: QTreeWidgetItem | None, column: int) -> None:
        if item is not None:
            pair = item.data(0, _PAIR_ROLE)
            self.pair_chosen.emit(pair, pair.second if column == _SECOND else pair.first)

    def _on_menu_requested(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.addAction("Copy as text").triggered.connect(self.copy_requested)
        menu.addAction("Save as CSV\u2026").triggered.connect(self.save_requested)
        menu.setEnabled(self.topLevelItemCount() > 0)
        menu.exec(self.viewport().mapToGlobal(position))


def summary_text(summary: ComparisonSummary, num_missing: int) -> str:
    """The figures of all sentences in one line; empty where there are none."""
    if not summary.num_sentences:
        return ""
    parts = [f"{summary.num_sentences} sentence{'s' if summary.num_sentences > 1 else ''}"]
    if summary.median_mm is not None:
        parts.append(f"median {summary.median_mm:.0f} mm apart")
    parts.append(f"{summary.num_apart} differ")
    if summary.num_conflicts:
        parts.append(f"{summary.num_conflicts} conflict{'s' if summary.num_conflicts > 1 else ''}")
    if num_missing:
        parts.append(f"{num_missing} not asked yet: Compare")
    return " \u00b7 ".join(parts)


def _place(result: GroundingResult) -> str:
    return f"{result.z_mm:.0f}".replace("-", "\u2212") if result.has_location else _NONE


def _signed(value: float) -> str:
    text = f"{value:+.0f}"
    return text.replace("-", "\u2212") if float(text) else "0"
