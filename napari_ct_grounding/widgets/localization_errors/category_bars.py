"""Mean and median error of each category, as bars; a click filters by one."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_ct_grounding.core.localization_error import GroupError
from napari_ct_grounding.widgets.panels.colors import PanelColors

__all__ = ["CategoryBars"]

_ROW, _NAME, _NUMBERS = 24, 104, 112


class CategoryBars(QWidget):
    """A bar for the mean of each category, a tick for its median; emits `category_chosen(name)`."""

    category_chosen = Signal(str)

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self._groups: tuple[GroupError, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        self.setMouseTracking(True)
        self.setAccessibleName("Error of each category; a click filters by one")

    def sizeHint(self) -> QSize:  # noqa: N802, D102 (Qt's name)
        return QSize(360, self.minimumHeight())

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self._colors = colors
        self.update()

    def set_groups(self, groups: Sequence[GroupError]) -> None:
        """Show these categories from the top."""
        self._groups = tuple(groups)
        self.setMinimumHeight(_ROW * (len(self._groups) + 1) + 4)
        self.updateGeometry()
        self.update()

    @property
    def groups(self) -> tuple[GroupError, ...]:
        """What is shown."""
        return self._groups

    def group_at(self, y: float) -> GroupError | None:
        """The category at a height in the widget; None where there is none."""
        place = int(y // _ROW) - 1
        return self._groups[place] if 0 <= place < len(self._groups) else None

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102 (Qt's name)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._colors.faded)
        if not self._groups:
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), "No row shown has an error.")
            painter.end()
            return
        vertical = int(Qt.AlignmentFlag.AlignVCenter)
        right = vertical | int(Qt.AlignmentFlag.AlignRight)
        reach = max(20.0, self.width() - _NAME - _NUMBERS)
        longest = max(max(group.mean_mm, group.median_mm) for group in self._groups) or 1.0
        painter.drawText(QRectF(0, 0, _NAME, _ROW), vertical, "category")
        painter.drawText(QRectF(self.width() - _NUMBERS, 0, _NUMBERS - 6, _ROW), right, "mean, median, n")
        for place, group in enumerate(self._groups, start=1):
            top = place * _ROW
            name = painter.fontMetrics().elidedText(group.name, Qt.TextElideMode.ElideRight, _NAME - 8)
            painter.setPen(self._colors.text)
            painter.drawText(QRectF(0, top, _NAME - 6, _ROW), vertical, name)
            figures = f"{group.mean_mm:.1f}, {group.median_mm:.1f}, {group.num}"
            painter.drawText(QRectF(self.width() - _NUMBERS, top, _NUMBERS - 6, _ROW), right, figures)
            shade = QColor(self._colors.accent)
            shade.setAlpha(170)
            bar = QRectF(_NAME, top + 5, max(1.0, group.mean_mm / longest * reach), _ROW - 10)
            painter.fillRect(bar, shade)
            x = _NAME + group.median_mm / longest * reach
            painter.setPen(QPen(self._colors.text, 2))
            painter.drawLine(QPointF(x, top + 3), QPointF(x, top + _ROW - 3))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102 (Qt's name)
        group = self.group_at(event.position().y())
        if group is not None:
            self.category_chosen.emit(group.name)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102 (Qt's name)
        group = self.group_at(event.position().y())
        if group is None:
            self.unsetCursor()
            return
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        text = (
            f"{group.name}: mean {group.mean_mm:.1f} mm (bar), median {group.median_mm:.1f} mm (tick), {group.num} rows.\n"
            "Click to show them alone."
        )
        QToolTip.showText(event.globalPosition().toPoint(), text, self)
