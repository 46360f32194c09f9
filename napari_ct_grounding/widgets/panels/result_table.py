"""The table of answers: a line for each sentence, and below it up to three places, best first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from qtpy.QtCore import QPoint, Qt, Signal
from qtpy.QtGui import QBrush, QFont, QFontInfo, QGuiApplication, QKeySequence
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTreeWidget, QTreeWidgetItem, QWidget

from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.empty_hint import paint_hint

__all__ = ["COLUMNS", "NO_LOCATION", "ResultTable", "table_text"]

COLUMNS = ("Slice", "Image", "z mm", "Interval", "Score")
NO_LOCATION = "no clear location"

_RESULT_ROLE = Qt.ItemDataRole.UserRole
_Z_ROLE = Qt.ItemDataRole.UserRole + 1

#: From world z to (slice index, image number or None).
SliceNames = Callable[[float], tuple[int, int | None]]


class ResultTable(QTreeWidget):
    """Emits `place_requested(result, z_mm)` when a row is clicked or reached by the arrow keys."""

    place_requested = Signal(object, float)
    removal_requested = Signal(str)

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self._has_asked = False
        self.setColumnCount(len(COLUMNS))
        self.setHeaderLabels(COLUMNS)
        tips = (
            "Index of the slice in the volume, 0 = lowest",
            "Image number of the DICOM series, as on the workstation",
            "Position of the slice in the patient (RAS, towards the head), mm",
            "Range (mm) that holds most of the similarity; the model cannot say it more exactly",
            "Cosine similarity, -1 to 1. Not a probability",
        )
        for column, tip in enumerate(tips):
            self.headerItem().setToolTip(column, tip)
            self.headerItem().setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        header = self.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(30)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(COLUMNS.index("Interval"), QHeaderView.ResizeMode.Stretch)
        header.setStyleSheet("QHeaderView::section { padding: 2px 3px; }")
        header.setSectionsMovable(False)
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setUniformRowHeights(True)
        self.setItemsExpandable(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu_requested)
        self.currentItemChanged.connect(self._on_current_changed)
        self.setAccessibleName("Answers")

    def paintEvent(self, event: object) -> None:  # noqa: N802, D102 (Qt's name)
        super().paintEvent(event)
        paint_hint(
            self, "Type a sentence of a report and press Enter. Its slice will be listed here.", self._colors.faded
        )

    # -- what is shown

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme; the rows keep theirs until they are filled again."""
        self._colors = colors

    def set_results(self, results: Sequence[GroundingResult], names: SliceNames) -> None:
        """Show these answers, the last one at the top; nothing is selected, and nobody is told."""
        self.blockSignals(True)
        self.clear()
        for result in results:
            self._insert(result, names)
        self.blockSignals(False)

    def add_result(self, result: GroundingResult, names: SliceNames) -> None:
        """Put an answer at the top; one of the same sentence is replaced."""
        self.blockSignals(True)
        for row in reversed(range(self.topLevelItemCount())):
            if self.topLevelItem(row).data(0, _RESULT_ROLE).sentence == result.sentence:
                self.takeTopLevelItem(row)
        self._insert(result, names)
        self.blockSignals(False)

    def select(self, sentence: str) -> None:
        """Select the best place of a sentence without telling anybody."""
        for row in range(self.topLevelItemCount()):
            item = self.topLevelItem(row)
            if item.data(0, _RESULT_ROLE).sentence == sentence:
                self.blockSignals(True)
                self.setCurrentItem(item.child(0) if item.childCount() else item)
                self.scrollToItem(item, QAbstractItemView.ScrollHint.PositionAtTop)
                self.blockSignals(False)

    def results(self) -> list[GroundingResult]:
        """What is shown, top first."""
        return [self.topLevelItem(row).data(0, _RESULT_ROLE) for row in range(self.topLevelItemCount())]

    def copy_to_clipboard(self) -> None:
        """Copy all rows as tab-separated text."""
        QGuiApplication.clipboard().setText(table_text(self.results()))

    # -- rows

    def _insert(self, result: GroundingResult, names: SliceNames) -> None:
        head = QTreeWidgetItem([result.sentence if result.has_location else f"{NO_LOCATION}: {result.sentence}"])
        head.setToolTip(0, result.sentence)
        head.setData(0, _RESULT_ROLE, result)
        head.setData(0, _Z_ROLE, result.z_mm if result.has_location else None)
        font = head.font(0)
        font.setBold(True)
        head.setFont(0, font)
        self.insertTopLevelItem(0, head)
        head.setFirstColumnSpanned(True)
        for rank, z_mm in enumerate(_places(result)):
            head.addChild(self._place_item(result, rank, z_mm, names))
        if not result.has_location:
            head.setForeground(0, QBrush(self._colors.warning))
        head.setExpanded(True)

    def _place_item(self, result: GroundingResult, rank: int, z_mm: float, names: SliceNames) -> QTreeWidgetItem:
        is_answer = rank == 0 and result.has_location
        slice_index, image_number = (result.slice_index, result.image_number) if is_answer else names(z_mm)
        score = result.score if rank == 0 else _score_at(result, z_mm)
        item = QTreeWidgetItem(
            [
                str(slice_index),
                "\u2013" if image_number is None else str(image_number),
                _signed(z_mm, 0),  # the model's positions are 5 to 12 mm thick
                _interval_text(result) if is_answer else "",
                _signed(score, 2),
            ]
        )
        font = QFont(self.font())
        font.setPixelSize(max(9, QFontInfo(font).pixelSize() - 1))  # an interval must fit into a narrow dock
        for column in range(len(COLUMNS)):
            item.setFont(column, font)
            item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if not is_answer:
                item.setForeground(column, QBrush(self._colors.faded))
                item.setToolTip(
                    column,
                    f"Another peak of the profile ({rank + 1})" if rank else "Highest place, not a clear one",
                )
        item.setData(0, _RESULT_ROLE, result)
        item.setData(0, _Z_ROLE, z_mm)
        return item

    # -- wishes

    def _on_current_changed(self, item: QTreeWidgetItem | None, _previous: object) -> None:
        self._ask_for(item)

    def mousePressEvent(self, event: object) -> None:  # noqa: N802, D102 (Qt's name)
        self._has_asked = False
        super().mousePressEvent(event)
        if not self._has_asked and event.button() == Qt.MouseButton.LeftButton:
            # The row was current already; a press on it jumps again.
            self._ask_for(self.itemAt(event.position().toPoint()))

    def _ask_for(self, item: QTreeWidgetItem | None) -> None:
        if item is not None:
            self._has_asked = True
            z_mm = item.data(0, _Z_ROLE)
            self.place_requested.emit(item.data(0, _RESULT_ROLE), float("nan") if z_mm is None else float(z_mm))

    def keyPressEvent(self, event: object) -> None:  # noqa: N802, D102 (Qt's name)
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_to_clipboard()
        elif event.key() == Qt.Key.Key_Delete and self.currentItem() is not None:
            self.removal_requested.emit(self.currentItem().data(0, _RESULT_ROLE).sentence)
        else:
            super().keyPressEvent(event)

    def _on_menu_requested(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.addAction("Copy table").triggered.connect(self.copy_to_clipboard)
        item = self.itemAt(position)
        if item is not None:
            sentence = item.data(0, _RESULT_ROLE).sentence
            menu.addAction("Remove sentence").triggered.connect(lambda: self.removal_requested.emit(sentence))
        menu.exec(self.viewport().mapToGlobal(position))


def table_text(results: Sequence[GroundingResult]) -> str:
    """Return the table as tab-separated lines with a head, for a spreadsheet."""
    lines = ["\t".join(("sentence", "slice", "image number", "z mm", "interval low mm", "interval high mm", "score"))]
    for result in results:
        if result.has_location:
            place = [str(result.slice_index), "" if result.image_number is None else str(result.image_number)]
            place += [f"{result.z_mm:.1f}", f"{result.interval_mm[0]:.1f}", f"{result.interval_mm[1]:.1f}"]
        else:
            place = [NO_LOCATION, "", "", "", ""]
        lines.append("\t".join([result.sentence, *place, f"{result.score:.3f}"]))
    return "\n".join(lines)


def _places(result: GroundingResult) -> list[float]:
    """Depths (mm) to list, at most three: the answer, then the peaks that are not the answer's own."""
    if not result.has_location or not result.peaks_mm:
        return list(result.peaks_mm[:3])
    low, high = result.interval_mm
    # With median decoding the answer is no peak itself; the best peak, when it lies in the interval, is what it stands for.
    best, *rest = result.peaks_mm
    others = ([] if low <= best <= high else [best]) + rest
    others = [z for z in others if abs(z - result.z_mm) >= result.depth_width_mm]
    return [result.z_mm, *others[:2]]


def _score_at(result: GroundingResult, z_mm: float) -> float:
    return float(result.profile[int(np.argmin(np.abs(result.depths_mm - z_mm)))])


def _interval_text(result: GroundingResult) -> str:
    low, high = result.interval_mm
    return f"{_signed(low, 0)}\u2026{_signed(high, 0)}"


def _signed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "\u2212")
