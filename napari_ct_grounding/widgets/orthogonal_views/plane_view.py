"""One plane of a volume, painted: a picture that is cut anew only when its plane changes, and light lines above it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFont, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_ct_grounding.widgets.orthogonal_views.planes import (
    Flips,
    Plane,
    Voxel,
    grey_of,
    picture_of,
    place_in_picture,
    voxel_of_place,
)
from napari_ct_grounding.widgets.panels.colors import PanelColors

__all__ = ["Display", "Marks", "PlaneView", "ShownVolume"]

_TIP = (
    "Click or drag: the viewer goes there\nWheel, Page Up, Page Down: the next plane\nArrow keys: one voxel\n"
    "On the canvas: Shift and drag moves the cross"
)
_WHITE, _GROUND = QColor("white"), QColor(0, 0, 0, 150)


@dataclass(frozen=True, eq=False)
class ShownVolume:
    """A volume to cut.

    Parameters
    ----------
    data : array, (z, y, x)
        The layer's own; never copied.
    spacing_mm : tuple of float
        (z, y, x).
    flipped : tuple of bool
        Axes of `data` that do not grow towards Superior, Anterior, Right.
    """

    data: Any
    spacing_mm: tuple[float, float, float]
    flipped: Flips = (False, False, False)

    def is_same(self, other: ShownVolume) -> bool:
        """Whether the very same array lies at the same place."""
        return self.data is other.data and (self.spacing_mm, self.flipped) == (other.spacing_mm, other.flipped)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(z, y, x)."""
        z, y, x = self.data.shape
        return z, y, x


@dataclass(frozen=True)
class Display:
    """How values become colours: `limits` as the layer's contrast limits, and 256 colours (0xAARRGGBB)."""

    limits: tuple[float, float]
    colors: tuple[int, ...]


@dataclass(frozen=True)
class Marks:
    """What the model said: a slice and the (first, last) slice of the interval, along the first axis of the data."""

    slice_index: int | None = None
    interval: tuple[int, int] | None = None


class PlaneView(QWidget):
    """Emits `voxel_requested((z, y, x))` on clicks, drags, keys and the wheel.

    Parameters
    ----------
    plane : Plane
    colors : PanelColors
    parent : QWidget, optional
    """

    voxel_requested = Signal(object)

    def __init__(self, plane: Plane, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plane = plane
        self._colors = colors
        self._volume: ShownVolume | None = None
        self._voxel: Voxel = (0, 0, 0)
        self._place_mm: float | None = None
        self._display: Display | None = None
        self._marks = Marks()
        self._picture: QImage | None = None
        self._wheel_rest = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 100)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setToolTip(_TIP)
        self.setAccessibleName(f"{plane.name} view")

    def sizeHint(self) -> QSize:  # noqa: N802, D102 (Qt's name)
        return QSize(320, 240)

    # -- what is shown

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme; the picture stays black and white."""
        self._colors = colors
        self.update()

    def set_volume(self, volume: ShownVolume | None) -> None:
        """Cut another volume; None lets go of it. The picture of the same array stays."""
        if volume is None or self._volume is None or not volume.is_same(self._volume):
            self._picture = None
            self.update()
        self._volume = volume

    def set_display(self, display: Display) -> None:
        """Paint with other limits or colours."""
        if display != self._display:
            self._display = display
            self._picture = None
            self.update()

    def set_voxel(self, voxel: Voxel, place_mm: float) -> None:
        """Move the cross; `place_mm` is the world position of this plane along the axis that it stands across."""
        if voxel[self.plane.axis] != self._voxel[self.plane.axis]:
            self._picture = None
        self._voxel, self._place_mm = voxel, place_mm
        self.update()

    def set_marks(self, marks: Marks) -> None:
        """Show what the model said."""
        self._marks = marks
        self.update()

    @property
    def voxel(self) -> Voxel:
        """Where the cross stands."""
        return self._voxel

    @property
    def has_picture(self) -> bool:
        """Whether a picture of the present plane is at hand."""
        return self._picture is not None

    def title(self) -> str:
        """What stands in the corner."""
        if self._place_mm is None:
            return self.plane.name
        return f"{self.plane.name}  {'zyx'[self.plane.axis]} {self._place_mm:.1f} mm".replace("-", "\u2212")

    # -- geometry

    def picture_rect(self) -> QRectF:
        """Where the picture stands: as large as fits, in the proportions of the patient."""
        if self._volume is None:
            return QRectF()
        height_mm, width_mm = (
            self._volume.shape[axis] * self._volume.spacing_mm[axis]
            for axis in (self.plane.row_axis, self.plane.column_axis)
        )
        scale = min(self.width() / width_mm, self.height() / height_mm)
        width, height = width_mm * scale, height_mm * scale
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    def _point_of(self, voxel: Voxel) -> QPointF:
        rect = self.picture_rect()
        assert self._volume is not None
        down, along = place_in_picture(self.plane, voxel, self._volume.shape, self._volume.flipped)
        return QPointF(rect.left() + along * rect.width(), rect.top() + down * rect.height())

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        if self._volume is not None and self._display is not None:
            if self._picture is None:
                self._picture = self._cut(self._volume, self._display)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self.picture_rect(), self._picture)
            self._paint_marks(painter, self._volume)
            self._paint_cross(painter)
            self._paint_words(painter)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._colors.position, 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _cut(self, volume: ShownVolume, display: Display) -> QImage:
        cut = picture_of(volume.data, self.plane, self._voxel[self.plane.axis], volume.flipped)
        grey = grey_of(cut, display.limits)
        height, width = grey.shape
        values = grey.tobytes()  # Python's, and needed until the line below has copied them
        image = QImage(values, width, height, width, QImage.Format.Format_Indexed8)
        image.setColorTable(list(display.colors))
        return image.convertToFormat(QImage.Format.Format_RGB32)

    def _paint_marks(self, painter: QPainter, volume: ShownVolume) -> None:
        rect, marks = self.picture_rect(), self._marks
        if self.plane.axis == 0:
            if marks.slice_index == self._voxel[0]:
                painter.setPen(QPen(self._colors.accent, 2))
                painter.drawRect(rect.adjusted(1, 1, -1, -1))
            return
        half = rect.height() / volume.shape[0] / 2
        if marks.interval is not None:
            ends = sorted(self._point_of((index, 0, 0)).y() for index in marks.interval)
            shade = QColor(self._colors.accent)
            shade.setAlpha(60)
            painter.fillRect(QRectF(rect.left(), ends[0] - half, rect.width(), ends[1] - ends[0] + 2 * half), shade)
        if marks.slice_index is not None:
            y = self._point_of((marks.slice_index, 0, 0)).y()
            painter.setPen(QPen(self._colors.accent, 1.5, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))

    def _paint_cross(self, painter: QPainter) -> None:
        rect, at = self.picture_rect(), self._point_of(self._voxel)
        color = QColor("#5cc8ff")  # the dark theme's: the picture is black in every theme
        color.setAlpha(190)
        painter.setPen(QPen(color, 1))
        gap = 6  # what the cross names stays visible
        painter.drawLine(QPointF(rect.left(), at.y()), QPointF(at.x() - gap, at.y()))
        painter.drawLine(QPointF(at.x() + gap, at.y()), QPointF(rect.right(), at.y()))
        painter.drawLine(QPointF(at.x(), rect.top()), QPointF(at.x(), at.y() - gap))
        painter.drawLine(QPointF(at.x(), at.y() + gap), QPointF(at.x(), rect.bottom()))

    def _paint_words(self, painter: QPainter) -> None:
        font = QFont(self.font())
        font.setPixelSize(12)
        painter.setFont(font)
        center = Qt.AlignmentFlag.AlignCenter
        box = QRectF(self.rect())
        width = painter.fontMetrics().horizontalAdvance(self.title()) + 10
        places = [(self.title(), QRectF(2, 2, width, 18))]
        letters = self.plane.letters
        top = 2 if box.center().x() - 9 > width + 2 else 20  # below the title where that is as long
        places += [
            (letters["top"], QRectF(box.center().x() - 9, top, 18, 18)),
            (letters["bottom"], QRectF(box.center().x() - 9, box.bottom() - 20, 18, 18)),
            (letters["left"], QRectF(2, box.center().y() - 9, 18, 18)),
            (letters["right"], QRectF(box.right() - 20, box.center().y() - 9, 18, 18)),
        ]
        for text, place in places:
            painter.fillRect(place, _GROUND)
            painter.setPen(_WHITE)
            painter.drawText(place, int(center), text)

    # -- mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        if event.button() == Qt.MouseButton.LeftButton:
            self._ask_for(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._ask_for(event.position())

    def _ask_for(self, point: QPointF) -> None:
        rect = self.picture_rect()
        if self._volume is not None and rect.width() > 0:
            place = (point.y() - rect.top()) / rect.height(), (point.x() - rect.left()) / rect.width()
            voxel = voxel_of_place(self.plane, place, self._voxel, self._volume.shape, self._volume.flipped)
            self.voxel_requested.emit(voxel)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802, D102
        # Touchpads send many small turns; one step is 120 (eighths of a degree).
        self._wheel_rest += event.angleDelta().y()
        steps = int(self._wheel_rest / 120)
        self._wheel_rest -= 120 * steps
        if steps:
            self._step(self.plane.axis, steps)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102
        row, column, across = self.plane.row_axis, self.plane.column_axis, self.plane.axis
        steps = {
            Qt.Key.Key_Up: (row, 1),
            Qt.Key.Key_Down: (row, -1),
            Qt.Key.Key_Left: (column, 1),
            Qt.Key.Key_Right: (column, -1),
            Qt.Key.Key_PageUp: (across, 1),
            Qt.Key.Key_PageDown: (across, -1),
        }
        if event.key() in steps:
            self._step(*steps[event.key()])
        else:
            super().keyPressEvent(event)

    def _step(self, axis: int, num_steps: int) -> None:
        """Ask for a voxel `num_steps` further towards Superior, Anterior or Right."""
        if self._volume is None:
            return
        voxel = list(self._voxel)
        voxel[axis] += -num_steps if self._volume.flipped[axis] else num_steps
        voxel[axis] = min(max(voxel[axis], 0), self._volume.shape[axis] - 1)
        if tuple(voxel) != self._voxel:
            self.voxel_requested.emit(tuple(voxel))
