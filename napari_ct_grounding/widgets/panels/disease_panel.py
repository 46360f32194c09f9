"""The 18 diseases and the user's own prompts, highest first, with bars; a click asks for the place."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from qtpy.QtCore import QModelIndex, QPoint, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import (
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from napari_ct_grounding.core.diseases import CHEST_DISEASES
from napari_ct_grounding.core.results import DiseaseScore
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.empty_hint import paint_hint

__all__ = ["PERCENTILE", "PROBABILITY", "SCORE", "DiseasePanel", "bar_share", "figure_text", "scale_of"]

#: What a figure may be: the most telling one that the weights' card allows.
PROBABILITY, PERCENTILE, SCORE = "probability", "percentile", "score"
_HEADS = {
    PROBABILITY: "Probability, calibrated",
    PERCENTILE: "Rank among reference scans, no probability",
    SCORE: "Score, no probability",
}
_MEANINGS = {
    PROBABILITY: "12%: probability, calibrated on labelled scans. The mark stands at 50 %: more likely than not.",
    PERCENTILE: "P87: higher than in 87 % of the scans that these weights were calibrated on. Not a probability, and no "
    "threshold is known.",
    SCORE: "0.512: mean agreement with seven pairs of wordings. The mark stands at 0.5: neither present nor absent. "
    "Not a probability; scores of different diseases cannot be compared.",
}

_SCORE_ROLE = Qt.ItemDataRole.UserRole
_SHARE_ROLE = Qt.ItemDataRole.UserRole + 1
_ROW_HEIGHT = 18
_BAR_WIDTH = 46
#: Bars reach their full length at this distance from 0.5 at the latest; a scale that grows with noise would lie.
_MIN_REACH = 0.1


class DiseasePanel(QWidget):
    """Emits `disease_requested(name)` on a click or Enter."""

    disease_requested = Signal(str)
    #: (prompt) Score it, too, in this scan and in those to come.
    prompt_added = Signal(str)
    #: (prompt)
    prompt_removed = Signal(str)

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.head = QLabel(self)
        self.head.setStyleSheet("font-size: 11px;")
        self.list = _ScoreList(colors, self)
        self.add_edit = QLineEdit(self)
        self.add_edit.setPlaceholderText("Add your own disease, then Enter")
        self.add_edit.setToolTip(
            "A disease or finding in a few words (\u201cRib fracture\u201d); it is kept and scored in every scan. "
            "Delete removes it."
        )
        self.add_edit.setAccessibleName("Add your own disease")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.head)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.add_edit)
        self.list.disease_requested.connect(self.disease_requested)
        self.list.removal_requested.connect(self.prompt_removed)
        self.add_edit.returnPressed.connect(self._on_add)
        self._show_head(())

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self.list.set_colors(colors)

    def set_own(self, prompts: Collection[str]) -> None:
        """Tell which prompts are the user's own: they stand first and can be removed."""
        self.list.own = frozenset(prompts)

    def set_scores(self, scores: Sequence[DiseaseScore], holds_chest: bool) -> None:
        """Show scores; chest diseases are greyed and sorted last when the scan holds no chest."""
        self._show_head(scores)
        self.list.set_scores(scores, holds_chest)

    def clear(self) -> None:
        """Show nothing."""
        self._show_head(())
        self.list.clear()

    def _show_head(self, scores: Sequence[DiseaseScore]) -> None:
        kinds = [kind for kind in _HEADS if any(scale_of(entry) == kind for entry in scores)]
        self.head.setVisible(bool(kinds))
        self.head.setText(_HEADS[kinds[0]] if kinds else "")
        if len(kinds) > 1:
            self.head.setText(f"{_HEADS[kinds[0]].split(',')[0]}; else {' or '.join(kinds[1:])}")
        self.head.setToolTip("\n".join(_MEANINGS[kind] for kind in kinds))

    def _on_add(self) -> None:
        prompt = self.add_edit.text().strip()
        if prompt:
            self.add_edit.clear()
            self.prompt_added.emit(prompt)


class _ScoreList(QListWidget):
    disease_requested = Signal(str)
    removal_requested = Signal(str)

    def __init__(self, colors: PanelColors, parent: QWidget) -> None:
        super().__init__(parent)
        self.own: frozenset[str] = frozenset()
        self._delegate = _ScoreDelegate(colors, self)
        self.setItemDelegate(self._delegate)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)
        self.itemClicked.connect(lambda item: self.ask_for(item))
        self.setAccessibleName("Disease scores")

    def paintEvent(self, event: object) -> None:  # noqa: N802 (Qt's name)
        super().paintEvent(event)
        paint_hint(
            self,
            "Scores of 18 diseases, once the scan is encoded. A click will show where.",
            self._delegate.colors.faded,
        )

    def set_colors(self, colors: PanelColors) -> None:
        self._delegate.colors = colors
        self.viewport().update()

    def set_scores(self, scores: Sequence[DiseaseScore], holds_chest: bool) -> None:
        current = self.currentItem().text() if self.currentItem() is not None else None
        self.clear()
        reach = max([_MIN_REACH, *(abs(entry.score - 0.5) for entry in scores)])
        meaningless = set() if holds_chest else CHEST_DISEASES - self.own

        def rank(entry: DiseaseScore) -> tuple[bool, bool, int, float]:
            kind, value = _shown_value(entry)
            return entry.name not in self.own, entry.name in meaningless, -kind, -value

        for entry in sorted(scores, key=rank):
            item = QListWidgetItem(entry.name, self)
            item.setData(_SCORE_ROLE, entry)
            item.setData(_SHARE_ROLE, bar_share(entry, reach))
            if entry.name in meaningless:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
                item.setToolTip(f"{entry.name}: this scan holds no chest; the score means nothing here.")
            else:
                own = (
                    "\nYour own prompt: nothing is known of its reliability. Delete removes it"
                    if entry.name in self.own
                    else ""
                )
                item.setToolTip(
                    f"{entry.name}\n{_MEANINGS[scale_of(entry)]}\nScore {entry.score:.3f}. Click: go there{own}"
                )
            if entry.name == current:
                self.setCurrentItem(item)

    def keyPressEvent(self, event: object) -> None:  # noqa: N802 (Qt's name)
        item = self.currentItem()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and item is not None:
            self.ask_for(item)
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and item is not None:
            self._remove(item)
        else:
            super().keyPressEvent(event)

    def ask_for(self, item: QListWidgetItem) -> None:
        if item.flags() & Qt.ItemFlag.ItemIsEnabled:
            self.disease_requested.emit(item.text())

    def _remove(self, item: QListWidgetItem) -> None:
        if item.text() in self.own:
            self.removal_requested.emit(item.text())

    def _on_menu(self, position: QPoint) -> None:
        item = self.itemAt(position)
        if item is not None and item.text() in self.own:
            menu = QMenu(self)
            menu.addAction("Remove your own disease").triggered.connect(lambda: self._remove(item))
            menu.exec(self.viewport().mapToGlobal(position))


def scale_of(entry: DiseaseScore) -> str:
    """Which figure of a score is shown: the probability where there is one, else the percentile, else the score."""
    if entry.probability is not None:
        return PROBABILITY
    return SCORE if entry.percentile is None else PERCENTILE


def figure_text(entry: DiseaseScore) -> str:
    """The figure of a score, so written that its scale can be told."""
    if entry.probability is not None:
        return f"{entry.probability:.0%}"
    return f"{entry.score:.3f}" if entry.percentile is None else f"P{entry.percentile:.0f}"


def bar_share(entry: DiseaseScore, reach: float) -> float:
    """Signed length of a bar: probability and percentile from 0 to 1, a score by its distance from 0.5 over `reach` (-1 to 1)."""
    if entry.probability is not None:
        return entry.probability
    return (entry.score - 0.5) / reach if entry.percentile is None else entry.percentile / 100


def _shown_value(entry: DiseaseScore) -> tuple[int, float]:
    """What the list is sorted by: the figure shown; kinds of figures, which cannot be compared, stay apart."""
    if entry.probability is not None:
        return 2, entry.probability
    return (0, entry.score) if entry.percentile is None else (1, entry.percentile)


class _ScoreDelegate(QStyledItemDelegate):
    """Paints name, bar, mark and figure. Scores grow from the middle, where their mark is, the others from the left."""

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.colors = colors

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802
        return QSize(100, max(_ROW_HEIGHT, option.fontMetrics.height() + 3))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        entry: DiseaseScore = index.data(_SCORE_ROLE)
        share: float = index.data(_SHARE_ROLE)
        is_enabled = bool(index.flags() & Qt.ItemFlag.ItemIsEnabled)
        rect = QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if is_enabled and option.state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_Selected):
            ground = QColor(self.colors.selection)
            ground.setAlpha(110)
            painter.fillRect(rect, ground)
        figure_width = option.fontMetrics.horizontalAdvance("0.000") + 8
        bar = QRectF(rect.right() - figure_width - _BAR_WIDTH - 4, rect.top() + 5, _BAR_WIDTH, rect.height() - 10)
        self._paint_bar(painter, bar, share, scale_of(entry), is_enabled)
        painter.setPen(self.colors.text if is_enabled else self.colors.line)
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        right = middle | int(Qt.AlignmentFlag.AlignRight)
        painter.drawText(rect.adjusted(0, 0, -6, 0), right, figure_text(entry))
        name = QRectF(rect.left() + 6, rect.top(), bar.left() - rect.left() - 12, rect.height())
        text = option.fontMetrics.elidedText(entry.name, Qt.TextElideMode.ElideRight, int(name.width()))
        painter.drawText(name, middle, text)
        painter.restore()

    def _paint_bar(self, painter: QPainter, bar: QRectF, share: float, scale: str, is_enabled: bool) -> None:
        origin = bar.center().x() if scale == SCORE else bar.left()
        reach = bar.width() / 2 if scale == SCORE else bar.width()
        length = min(max(share, -1.0), 1.0) * reach
        color = QColor(self.colors.accent if share > 0 else self.colors.faded)
        if not is_enabled:
            color = QColor(self.colors.line)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawRect(QRectF(min(origin, origin + length), bar.top(), abs(length), bar.height()))
        painter.setPen(QPen(self.colors.line, 1))
        painter.drawLine(int(origin), int(bar.top()) - 3, int(origin), int(bar.bottom()) + 3)
        if scale == PROBABILITY:
            half = int(bar.center().x())
            painter.setPen(QPen(self.colors.text if is_enabled else self.colors.line, 1))
            painter.drawLine(half, int(bar.top()) - 3, half, int(bar.bottom()) + 3)
