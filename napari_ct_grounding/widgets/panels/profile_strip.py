"""The similarity along z, painted beside the canvas: head at the top, as in a coronal picture.

Painted by hand and cached as a picture: while the slider moves only one line changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import (
    QBrush,
    QContextMenuEvent,
    QFont,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QWheelEvent,
)
from qtpy.QtWidgets import QFileDialog, QMenu, QMessageBox, QSizePolicy, QToolTip, QWidget

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.profile_painting import (
    MAX_OVERLAYS,
    overlay_pen,
    paint_overlay,
    paint_profile,
)
from napari_ct_grounding.widgets.panels.strip_export import save_strip_picture, save_strip_table
from napari_ct_grounding.widgets.panels.strip_layout import StripContent, StripLayout
from napari_ct_grounding.widgets.panels.strip_marks import MARK_KINDS, StripMark, paint_marks

__all__ = ["ProfileStrip", "tick_positions"]

_WIDTH = 82
_TOP, _BOTTOM, _LEFT, _RIGHT = 20, 10, 33, 8


class ProfileStrip(QWidget):
    """Shows a profile, its interval, what the model did not see, and where the viewer stands.

    Over the profile lie those of other sentences (`set_overlays`), beside it what others say of the same axis (`set_marks`); both
    belong to the profile that is shown, and go when another one comes.

    Dragging and clicking ask for a place (`z_requested`), the wheel for the next slice (`step_requested`, +1 towards the head). A
    click on a curve or a mark tells which one first (`profile_clicked` with the result, `mark_clicked` with the number).
    """

    z_requested = Signal(float)
    step_requested = Signal(int)
    profile_clicked = Signal(object)
    mark_clicked = Signal(int)

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self._content = StripContent()
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
        """Show the scan from its lowest to its highest slice, and which part of it the model saw; another one comes empty."""
        if (extent_mm, covered_mm) != (self._content.extent_mm, self._content.covered_mm):
            self._show(StripContent(extent_mm, covered_mm))

    def set_result(self, result: GroundingResult | None) -> None:
        """Show a profile with its interval; None shows the axis alone. Overlays and marks of another one go."""
        if result is not self._content.result:
            self._show(StripContent(self._content.extent_mm, self._content.covered_mm, result))

    def set_overlays(self, results: Sequence[GroundingResult]) -> None:
        """Draw the first few of other profiles as lines over the one that is shown, on one scale with it."""
        overlays = tuple(result for result in results if result is not self._content.result)[:MAX_OVERLAYS]
        if overlays != self._content.overlays:
            self._show(replace(self._content, overlays=overlays))

    def set_marks(self, marks: Sequence[tuple[float, float, str, str]]) -> None:
        """Draw places beside the profile: (z_lo_mm, z_hi_mm, label, kind), see `StripMark`."""
        new = tuple(StripMark(*mark) for mark in marks)
        unknown = {mark.kind for mark in new} - set(MARK_KINDS)
        if unknown:
            raise ValueError(f"The kind of a mark is {sorted(unknown)}; it must be one of {MARK_KINDS}.")
        if new != self._content.marks:
            self._show(replace(self._content, marks=new))

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
        return self._content.result

    @property
    def overlays(self) -> tuple[GroundingResult, ...]:
        """The profiles drawn over it."""
        return self._content.overlays

    @property
    def marks(self) -> tuple[StripMark, ...]:
        """The places drawn beside it."""
        return self._content.marks

    def legend(self) -> list[tuple[QPen, str]]:
        """Stroke and sentence of every curve, the filled one first."""
        pens = [QPen(self._colors.accent, 1.6)] if self.result is not None else []
        pens += [overlay_pen(number, self._colors) for number in range(len(self.overlays))]
        return [(pen, curve.sentence) for pen, curve in zip(pens, self._content.curves, strict=True)]

    def _show(self, content: StripContent) -> None:
        self._content = content
        self._repaint_all()

    def _repaint_all(self) -> None:
        self._picture = None
        self.update()

    # -- geometry

    def _plot(self) -> QRectF:
        return QRectF(_LEFT, _TOP, max(1, self.width() - _LEFT - _RIGHT), max(1, self.height() - _TOP - _BOTTOM))

    def _layout(self) -> StripLayout:
        return StripLayout(self._content, self._plot())

    def y_of_z(self, z_mm: float) -> float:
        """Height in the widget (pixels from the top) of a world z."""
        return self._layout().y_of_z(z_mm)

    def z_of_y(self, y: float) -> float:
        """World z (mm) at a height in the widget, clipped to the scan."""
        return self._layout().z_of_y(y)

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
        if self._position_mm is not None and self._content.extent_mm is not None:
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
        if self._content.extent_mm is None:
            return
        self._paint_uncovered(painter, plot)
        self._paint_curves(painter, plot)
        paint_marks(painter, self._layout().marks(), self._colors)
        painter.setPen(QPen(self._colors.line, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(plot.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setPen(self._colors.faded)
        for z in tick_positions(*self._content.extent_mm, max(2, int(plot.height() // 48))):
            y = self.y_of_z(z)
            painter.drawLine(QPointF(_LEFT - 3, y), QPointF(_LEFT, y))
            flags = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            painter.drawText(QRectF(0, y - 7, _LEFT - 5, 14), flags, f"{z:.0f}".replace("-", "\u2212"))

    def _paint_uncovered(self, painter: QPainter, plot: QRectF) -> None:
        extent, covered = self._content.extent_mm, self._content.covered_mm
        if extent is None or covered is None:
            return
        brush = QBrush(self._colors.faded, Qt.BrushStyle.BDiagPattern)
        for low, high in ((extent[0], covered[0]), (covered[1], extent[1])):
            if high - low > 0.5:
                top, bottom = self.y_of_z(high), self.y_of_z(low)
                painter.fillRect(QRectF(plot.left(), top, plot.width(), bottom - top), brush)

    def _paint_curves(self, painter: QPainter, plot: QRectF) -> None:
        layout = self._layout()
        scale = layout.scale()
        if self.result is not None:
            paint_profile(painter, plot, self.result, scale, layout.y_of_z, self._colors)
        for number, overlay in enumerate(self.overlays):
            paint_overlay(painter, plot, overlay, scale, layout.y_of_z, overlay_pen(number, self._colors))

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
        if event.button() != Qt.MouseButton.LeftButton:
            return
        place, layout = event.position(), self._layout()
        mark, curve = layout.mark_at(place), layout.curve_at(place)
        if mark is not None:
            z_mm = self.marks[mark].z_mm  # whoever hears of the click may set other marks
            self.mark_clicked.emit(mark)
            self.z_requested.emit(z_mm)
            return
        if curve is not None:
            self.profile_clicked.emit(curve)
        self._ask_for_place(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._ask_for_place(event)
        elif self._content.extent_mm is not None:
            QToolTip.showText(event.globalPosition().toPoint(), self._layout().description(event.position()), self)

    def _ask_for_place(self, event: QMouseEvent) -> None:
        if self._content.extent_mm is not None:
            self.z_requested.emit(self.z_of_y(event.position().y()))

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802, D102
        # Touchpads send many small turns; one step is 120 (eighths of a degree).
        self._wheel_rest += event.angleDelta().y()
        steps = int(self._wheel_rest / 120)
        if steps and self._content.extent_mm is not None:
            self._wheel_rest -= 120 * steps
            self.step_requested.emit(steps)
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802, D102 (Qt's name)
        menu = QMenu(self)
        picture = menu.addAction("Save as picture (PNG)\u2026")
        picture.triggered.connect(lambda: self._save("PNG (*.png)", ".png"))
        table = menu.addAction("Save profiles as table (CSV)\u2026")
        table.triggered.connect(lambda: self._save("CSV (*.csv)", ".csv"))
        picture.setEnabled(self._content.extent_mm is not None)
        table.setEnabled(bool(self._content.curves))
        menu.exec(event.globalPos())

    def _save(self, kind: str, suffix: str) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save the profile strip", f"profile{suffix}", kind)
        if not name:
            return
        try:
            self.save(Path(name).with_suffix(suffix))
        except InputError as error:
            QMessageBox.warning(self, "Profile strip", str(error))

    def save(self, path: Path) -> None:
        """Write the strip as a picture (.png) or its profiles as a table (.csv).

        Raises
        ------
        InputError
            When the file cannot be written.
        """
        if path.suffix == ".png":
            save_strip_picture(path, self, self.legend(), self.palette().window().color(), self._colors.text)
        else:
            save_strip_table(path, self._content.curves)


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
