"""Rows as points: painted by hand, and kept as a picture until something changes. A click chooses the nearest row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFont, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_ct_grounding.core.localization_error import GroupError
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.profile_strip import tick_positions

__all__ = ["Scatter", "ScatterPlot"]

_TOP, _BOTTOM, _LEFT, _RIGHT = 10, 34, 46, 10
#: A click or the pointer finds points within this distance (px).
_REACH = 9.0


@dataclass(frozen=True, eq=False)
class Scatter:
    """What to paint.

    Parameters
    ----------
    x, y : (n,)
        A point for each row; without NaN.
    numbers : (n,)
        Index in the file of each point's row.
    x_name, y_name : str
        Of the axes, with unit.
    groups : tuple of GroupError
        Ranges of x with their means and medians, drawn as steps.
    has_diagonal : bool
        Whether both axes are the same quantity: then equality is drawn, and 12 and 24 mm beside it.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    numbers: NDArray[np.intp]
    x_name: str
    y_name: str
    groups: tuple[GroupError, ...] = field(default=())
    has_diagonal: bool = False


class ScatterPlot(QWidget):
    """Shows points; emits `row_chosen(number)` for a click on one."""

    row_chosen = Signal(int)

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self._scatter: Scatter | None = None
        self._current: int | None = None
        self._picture: QPixmap | None = None
        self._ranges = ((0.0, 1.0), (0.0, 1.0))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(124)
        self.setMouseTracking(True)
        self.setAccessibleName("Rows as points; a click chooses one")

    def sizeHint(self) -> QSize:  # noqa: N802, D102 (Qt's name)
        return QSize(380, 124)

    # -- what is shown

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self._colors = colors
        self._repaint_all()

    def set_scatter(self, scatter: Scatter | None) -> None:
        """Show these points."""
        self._scatter = scatter
        if scatter is not None and len(scatter.x):
            x, y = _range_of(scatter.x), _range_of(scatter.y)
            if scatter.has_diagonal:
                x = y = (min(x[0], y[0]), max(x[1], y[1]))
            self._ranges = (x, y)
        self._repaint_all()

    def set_current(self, number: int | None) -> None:
        """Ring the point of a row."""
        if number != self._current:
            self._current = number
            self.update()

    def _repaint_all(self) -> None:
        self._picture = None
        self.update()

    # -- geometry

    def _plot(self) -> QRectF:
        return QRectF(_LEFT, _TOP, max(1, self.width() - _LEFT - _RIGHT), max(1, self.height() - _TOP - _BOTTOM))

    def _pixels(self, x: NDArray | float, y: NDArray | float) -> tuple[NDArray, NDArray]:
        plot, ((x_low, x_high), (y_low, y_high)) = self._plot(), self._ranges
        return (
            plot.left() + (np.asarray(x) - x_low) / (x_high - x_low) * plot.width(),
            plot.bottom() - (np.asarray(y) - y_low) / (y_high - y_low) * plot.height(),
        )

    def place_of(self, number: int) -> QPointF | None:
        """Where the point of a row stands in the widget; None where it has none."""
        if self._scatter is None:
            return None
        found = np.flatnonzero(self._scatter.numbers == number)
        if not len(found):
            return None
        x, y = self._pixels(self._scatter.x[found[0]], self._scatter.y[found[0]])
        return QPointF(float(x), float(y))

    def row_at(self, place: QPointF) -> int | None:
        """Index in the file of the row whose point is nearest; None where none is near."""
        if self._scatter is None or not len(self._scatter.x):
            return None
        x, y = self._pixels(self._scatter.x, self._scatter.y)
        distance = np.hypot(x - place.x(), y - place.y())
        nearest = int(np.argmin(distance))
        return int(self._scatter.numbers[nearest]) if distance[nearest] <= _REACH else None

    # -- painting

    def resizeEvent(self, event: object) -> None:  # noqa: N802, D102 (Qt's name)
        self._picture = None

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102 (Qt's name)
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            self._picture = QPixmap(math.ceil(self.width() * ratio), math.ceil(self.height() * ratio))
            self._picture.setDevicePixelRatio(ratio)
            self._picture.fill(Qt.GlobalColor.transparent)
            painter = QPainter(self._picture)
            self._paint_picture(painter)
            painter.end()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        place = None if self._current is None else self.place_of(self._current)
        if place is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._colors.position, 2.5))
            painter.drawEllipse(place, 6, 6)
        painter.end()

    def _paint_picture(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(11)
        painter.setFont(font)
        plot, scatter = self._plot(), self._scatter
        painter.fillRect(plot, self._colors.field)
        painter.setPen(self._colors.faded)
        if scatter is None or not len(scatter.x):
            painter.drawText(
                plot,
                int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap),
                "None of the rows shown has a point here.",
            )
            return
        self._paint_axes(painter, plot, scatter)
        painter.save()
        painter.setClipRect(plot)
        if scatter.has_diagonal:
            self._paint_diagonal(painter)
        self._paint_points(painter, scatter)
        for group in scatter.groups:
            self._paint_group(painter, group)
        painter.restore()

    def _paint_axes(self, painter: QPainter, plot: QRectF, scatter: Scatter) -> None:
        painter.setPen(QPen(self._colors.line, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(plot.adjusted(0.5, 0.5, -0.5, -0.5))
        (x_low, x_high), (y_low, y_high) = self._ranges
        painter.setPen(self._colors.faded)
        center = int(Qt.AlignmentFlag.AlignCenter)
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for value in tick_positions(x_low, x_high, max(2, int(plot.width() // 60))):
            x = float(self._pixels(value, y_low)[0])
            painter.drawLine(QPointF(x, plot.bottom()), QPointF(x, plot.bottom() + 3))
            painter.drawText(QRectF(x - 30, plot.bottom() + 3, 60, 14), center, f"{value:g}".replace("-", "\u2212"))
        for value in tick_positions(y_low, y_high, max(2, int(plot.height() // 34))):
            y = float(self._pixels(x_low, value)[1])
            painter.drawLine(QPointF(plot.left() - 3, y), QPointF(plot.left(), y))
            painter.drawText(QRectF(14, y - 7, plot.left() - 19, 14), right, f"{value:g}".replace("-", "\u2212"))
        painter.drawText(QRectF(plot.left(), self.height() - 16, plot.width(), 15), center, scatter.x_name)
        painter.save()
        painter.translate(0, plot.bottom())
        painter.rotate(-90)
        painter.drawText(QRectF(0, 0, plot.height(), 14), center, scatter.y_name)
        painter.restore()

    def _paint_diagonal(self, painter: QPainter) -> None:
        """Equality in the colour of the truth, and dashed lines 12 and 24 mm beside it."""
        low, high = self._ranges[0]
        for offset, style, width in (
            (0, Qt.PenStyle.SolidLine, 1.6),
            (12, Qt.PenStyle.DashLine, 1.0),
            (24, Qt.PenStyle.DotLine, 1.0),
        ):
            color = self._colors.truth if not offset else self._colors.faded
            painter.setPen(QPen(color, width, style))
            for side in {offset, -offset}:
                (x0, x1), (y0, y1) = self._pixels(np.array([low, high]), np.array([low, high]) + side)
                painter.drawLine(QPointF(x0, y0), QPointF(x1, y1))

    def _paint_points(self, painter: QPainter, scatter: Scatter) -> None:
        x, y = self._pixels(scatter.x, scatter.y)
        color = QColor(self._colors.accent)
        # Single points are strong, thousands let each other through.
        color.setAlpha(int(np.clip(255 * (300 / max(len(x), 1)) ** 0.4, 70, 230)))
        painter.setPen(QPen(color, 4.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawPoints(QPolygonF([QPointF(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]))

    def _paint_group(self, painter: QPainter, group: GroupError) -> None:
        for value, style in ((group.mean_mm, Qt.PenStyle.SolidLine), (group.median_mm, Qt.PenStyle.DashLine)):
            (x0, x1), (y0, _) = self._pixels(np.array([group.low, group.high]), np.array([value, value]))
            painter.setPen(QPen(self._colors.text, 2, style, Qt.PenCapStyle.FlatCap))
            painter.drawLine(QPointF(x0, y0), QPointF(max(x1, x0 + 6), y0))

    # -- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102 (Qt's name)
        number = self.row_at(event.position())
        if number is not None:
            self.row_chosen.emit(number)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102 (Qt's name)
        number, scatter = self.row_at(event.position()), self._scatter
        if number is None or scatter is None:
            self.unsetCursor()
            QToolTip.hideText()
            return
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        at = int(np.flatnonzero(scatter.numbers == number)[0])
        text = f"row {number + 1}\n{scatter.x_name}: {scatter.x[at]:.1f}\n{scatter.y_name}: {scatter.y[at]:.1f}"
        QToolTip.showText(event.globalPosition().toPoint(), text, self)


def _range_of(values: Sequence[float] | NDArray) -> tuple[float, float]:
    """A little more than the values need; never empty."""
    low, high = float(np.min(values)), float(np.max(values))
    room = max(0.04 * (high - low), 0.5)
    return low - room, high + room
