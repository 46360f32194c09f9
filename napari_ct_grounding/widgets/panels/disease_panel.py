"""The 18 diseases, highest first, with bars; a click asks for the place."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QModelIndex, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from napari_ct_grounding.core.diseases import CHEST_DISEASES
from napari_ct_grounding.core.results import DiseaseScore
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.empty_hint import paint_hint

__all__ = ["DiseasePanel", "bar_share"]

_SCORE_ROLE = Qt.ItemDataRole.UserRole
_SHARE_ROLE = Qt.ItemDataRole.UserRole + 1
_ROW_HEIGHT = 18
_BAR_WIDTH = 46
#: Bars reach their full length at this distance from 0.5 at the latest; a scale that grows with noise would lie.
_MIN_REACH = 0.1


class DiseasePanel(QListWidget):
    """Emits `disease_requested(name)` on a click or Enter."""

    disease_requested = Signal(str)

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._delegate = _ScoreDelegate(colors, self)
        self.setItemDelegate(self._delegate)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.itemClicked.connect(lambda item: self._ask_for(item))
        self.setAccessibleName("Disease scores")

    def paintEvent(self, event: object) -> None:  # noqa: N802, D102 (Qt's name)
        super().paintEvent(event)
        paint_hint(
            self,
            "Scores of 18 diseases, once the scan is encoded. A click will show where.",
            self._delegate.colors.faded,
        )

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self._delegate.colors = colors
        self.viewport().update()

    def set_scores(self, scores: Sequence[DiseaseScore], holds_chest: bool) -> None:
        """Show scores in the order given; chest diseases are greyed and sorted last when the scan holds no chest."""
        self.clear()
        reach = max([_MIN_REACH, *(abs(entry.score - 0.5) for entry in scores)])
        meaningless = set() if holds_chest else CHEST_DISEASES
        for entry in sorted(scores, key=lambda entry: entry.name in meaningless):
            item = QListWidgetItem(entry.name, self)
            item.setData(_SCORE_ROLE, entry)
            item.setData(_SHARE_ROLE, bar_share(entry, reach))
            if entry.name in meaningless:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
                item.setToolTip(f"{entry.name}: this scan holds no chest; the score means nothing here.")
            elif entry.probability is not None:
                item.setToolTip(
                    f"{entry.name}: calibrated probability {entry.probability:.0%}; score {entry.score:.3f}. Click: go there"
                )
            else:
                item.setToolTip(
                    f"{entry.name}: score {entry.score:.3f}; above 0.5 the scan is nearer to the positive wording. "
                    "Not a probability. Click: go there"
                )

    def keyPressEvent(self, event: object) -> None:  # noqa: N802, D102 (Qt's name)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentItem() is not None:
            self._ask_for(self.currentItem())
        else:
            super().keyPressEvent(event)

    def _ask_for(self, item: QListWidgetItem) -> None:
        if item.flags() & Qt.ItemFlag.ItemIsEnabled:
            self.disease_requested.emit(item.text())


def bar_share(entry: DiseaseScore, reach: float) -> float:
    """Signed length of a bar: a probability as it is (0 to 1), a score as its distance from 0.5 over `reach` (-1 to 1)."""
    return entry.probability if entry.probability is not None else (entry.score - 0.5) / reach


class _ScoreDelegate(QStyledItemDelegate):
    """Paints name, bar and figure. Scores grow from the middle (0.5 says neither yes nor no), probabilities from the left."""

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
        figure = f"{entry.probability:.0%}" if entry.probability is not None else f"{entry.score:.3f}"
        figure_width = option.fontMetrics.horizontalAdvance("0.000") + 8
        bar = QRectF(rect.right() - figure_width - _BAR_WIDTH - 4, rect.top() + 5, _BAR_WIDTH, rect.height() - 10)
        self._paint_bar(painter, bar, share, entry.probability is not None, is_enabled)
        painter.setPen(self.colors.text if is_enabled else self.colors.line)
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(rect.adjusted(0, 0, -6, 0), middle | int(Qt.AlignmentFlag.AlignRight), figure)
        name = QRectF(rect.left() + 6, rect.top(), bar.left() - rect.left() - 12, rect.height())
        painter.drawText(
            name, middle, option.fontMetrics.elidedText(entry.name, Qt.TextElideMode.ElideRight, int(name.width()))
        )
        painter.restore()

    def _paint_bar(self, painter: QPainter, bar: QRectF, share: float, is_probability: bool, is_enabled: bool) -> None:
        origin = bar.left() if is_probability else bar.center().x()
        reach = bar.width() if is_probability else bar.width() / 2
        length = min(max(share, -1.0), 1.0) * reach
        color = QColor(self.colors.accent if share > 0 else self.colors.faded)
        if not is_enabled:
            color = QColor(self.colors.line)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawRect(QRectF(min(origin, origin + length), bar.top(), abs(length), bar.height()))
        painter.setPen(QPen(self.colors.line, 1))
        painter.drawLine(int(origin), int(bar.top()) - 3, int(origin), int(bar.bottom()) + 3)
