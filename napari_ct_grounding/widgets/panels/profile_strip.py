"""The similarity along z, painted beside the canvas: head at the top, as in a coronal picture.

Painted by hand and cached as a picture: while the slider moves only one line changes.
"""

from __future__ import annotations

import math

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QFont, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF, QWheelEvent
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.panels.colors import PanelColors

__all__ = ["ProfileStrip", "tick_positions"]

#: A difference of cosine this large fills the width; flatter profiles look flat.
MIN_SPAN = 0.2

_WIDTH = 82
_TOP, _BOTTOM, _LEFT, _RIGHT = 20, 10, 33, 8


class ProfileStrip(QWidget):
    """Shows a profile, its interval, what the model did not see, and where the viewer stands.

    Dragging and clicking ask for a place (`z_requested`), the wheel for the next slice (`step_requested`, +1 towards the head).
    """

    z_requested = Signal(float)
    step_requested = Signal(int)

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self._extent_mm: tuple[float, float] | None = None
        self._covered_mm: tuple[float, float] | None = None
        self._result: GroundingResult | None = None
        self._position_mm: float | None = None
        self._picture: QPixmap | None = None
        self._wheel_rest = 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(160)
        self.setMouseTracking(True)
        self.setAccessibleName("Similarity profile along z")

    def sizeHint(self) -> QSize:  # noqa: N802, D102 (Qt's name)
        return QSize(_WIDTH, 400)

    # -- what is shown

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self._colors = colors
        self._repaint_all()

    def set_extent(self, extent_mm: tuple[float, float] | None, covered_mm: tuple[float, float] | None = None) -> None:
        """Show the scan from its lowest to its highest slice, and which part of it the model saw."""
        self._extent_mm, self._covered_mm = extent_mm, covered_mm
        self._result = None
        self._repaint_all()

    def set_result(self, result: GroundingResult | None) -> None:
        """Show a profile with its interval; None shows the axis alone."""
        self._result = result
        self._repaint_all()

    def set_position(self, z_mm: float | None) -> None:
        """Move the line that shows where the viewer stands."""
        if z_mm != self._position_mm:
            self._position_mm = z_mm
            self.update()

    @property
    def position_mm(self) -> float | None:
        """Where the line stands."""
        return self._position_mm

    @property
    def result(self) -> GroundingResult | None:
        """What is shown."""
        return self._result

    def _repaint_all(self) -> None:
        self._picture = None
        self.update()

    # -- geometry

    def _plot(self) -> QRectF:
        return QRectF(_LEFT, _TOP, max(1, self.width() - _LEFT - _RIGHT), max(1, self.height() - _TOP - _BOTTOM))

    def y_of_z(self, z_mm: float) -> float:
        """Height in the widget (pixels from the top) of a world z."""
        low, high = self._extent_mm or (0.0, 1.0)
        plot = self._plot()
        return plot.bottom() - (z_mm - low) / max(high - low, 1e-6) * plot.height()

    def z_of_y(self, y: float) -> float:
        """World z (mm) at a height in the widget, clipped to the scan."""
        low, high = self._extent_mm or (0.0, 1.0)
        plot = self._plot()
        share = (plot.bottom() - y) / plot.height()
        return low + min(max(share, 0.0), 1.0) * (high - low)

    # -- painting

    def resizeEvent(self, event: object) -> None:  # noqa: N802, D102
        self._picture = None

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102
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
        if self._position_mm is not None and self._extent_mm is not None:
            self._paint_position(painter)
        painter.end()

    def _paint_picture(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(10)
        painter.setFont(font)
        plot = self._plot()
        painter.fillRect(plot, self._colors.field)
        painter.setPen(self._colors.faded)
        painter.drawText(QRectF(0, 2, _LEFT - 4, 14), int(Qt.AlignmentFlag.AlignRight), "z mm")
        if self._extent_mm is None:
            return
        self._paint_uncovered(painter, plot)
        if self._result is not None:
            self._paint_profile(painter, plot, self._result)
        painter.setPen(QPen(self._colors.line, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(plot.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setPen(self._colors.faded)
        for z in tick_positions(*self._extent_mm, max(2, int(plot.height() // 48))):
            y = self.y_of_z(z)
            painter.drawLine(QPointF(_LEFT - 3, y), QPointF(_LEFT, y))
            flags = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            painter.drawText(QRectF(0, y - 7, _LEFT - 5, 14), flags, f"{z:.0f}".replace("-", "\u2212"))

    def _paint_uncovered(self, painter: QPainter, plot: QRectF) -> None:
        if self._covered_mm is None or self._extent_mm is None:
            return
        brush = QBrush(self._colors.faded, Qt.BrushStyle.BDiagPattern)
        for low, high in ((self._extent_mm[0], self._covered_mm[0]), (self._covered_mm[1], self._extent_mm[1])):
            if high - low > 0.5:
                top, bottom = self.y_of_z(high), self.y_of_z(low)
                painter.fillRect(QRectF(plot.left(), top, plot.width(), bottom - top), brush)

    def _paint_profile(self, painter: QPainter, plot: QRectF, result: GroundingResult) -> None:
        painter.save()
        painter.setClipRect(plot)
        if result.has_location:
            shade = QColor(self._colors.accent)
            shade.setAlpha(60)
            top, bottom = self.y_of_z(result.interval_mm[1]), self.y_of_z(result.interval_mm[0])
            painter.fillRect(QRectF(plot.left(), top, plot.width(), bottom - top), shade)
        is_valid = np.isfinite(result.profile)
        if is_valid.any():
            values = result.profile[is_valid].astype(float)
            low = float(values.min())
            span = max(float(values.max()) - low, MIN_SPAN)
            reach = plot.width() - 8
            points = [
                QPointF(plot.left() + 2 + (value - low) / span * reach, self.y_of_z(z))
                for z, value in zip(result.depths_mm[is_valid], values, strict=True)
            ]
            color = self._colors.accent if result.has_location else self._colors.faded
            fill = QColor(color)
            fill.setAlpha(70)
            outline = QPolygonF([QPointF(plot.left(), points[0].y()), *points, QPointF(plot.left(), points[-1].y())])
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            painter.drawPolygon(outline)
            painter.setPen(QPen(color, 1.6))
            painter.drawPolyline(QPolygonF(points))
        if result.has_location:
            y = self.y_of_z(result.z_mm)
            painter.setPen(QPen(self._colors.accent, 1.2, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
        painter.restore()

    def _paint_position(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot = self._plot()
        y = self.y_of_z(float(self._position_mm or 0.0))
        painter.setPen(QPen(self._colors.position, 2))
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._colors.position)
        x = plot.right()
        painter.drawPolygon(QPolygonF([QPointF(x + 1, y), QPointF(x + 8, y - 5), QPointF(x + 8, y + 5)]))

    # -- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        self._ask_for_place(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._ask_for_place(event)
        elif self._extent_mm is not None:
            QToolTip.showText(event.globalPosition().toPoint(), self._description(event.position().y()), self)

    def _ask_for_place(self, event: QMouseEvent) -> None:
        if self._extent_mm is not None:
            self.z_requested.emit(self.z_of_y(event.position().y()))

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802, D102
        # Touchpads send many small turns; one step is 120 (eighths of a degree).
        self._wheel_rest += event.angleDelta().y()
        steps = int(self._wheel_rest / 120)
        if steps and self._extent_mm is not None:
            self._wheel_rest -= 120 * steps
            self.step_requested.emit(steps)
        event.accept()

    def _description(self, y: float) -> str:
        z_mm = self.z_of_y(y)
        text = f"z {z_mm:.1f} mm"
        if self._covered_mm is not None and not self._covered_mm[0] <= z_mm <= self._covered_mm[1]:
            return f"{text}\nnot seen by the model"
        if self._result is not None:
            value = self._result.profile[int(np.argmin(np.abs(self._result.depths_mm - z_mm)))]
            if np.isfinite(value):
                text += f"\nsimilarity {value:.2f}"
            low, high = self._result.interval_mm
            if self._result.has_location and low <= z_mm <= high:
                text += f"\nin the interval {low:.0f} to {high:.0f} mm"
        return text


def tick_positions(low: float, high: float, max_ticks: int) -> list[float]:
    """Return round numbers between `low` and `high`, at most `max_ticks` of them where that is possible."""
    span = high - low
    if not span > 0:
        return [low]
    for step in (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000):
        first = math.ceil(low / step) * step
        ticks = [first + i * step for i in range(int((high - first) // step) + 1)]
        if len(ticks) <= max_ticks:
            return ticks
    return [low]
