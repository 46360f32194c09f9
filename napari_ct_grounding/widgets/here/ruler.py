"""The anatomical ruler: landmarks beside an axis along z, head at the top, and where the viewer stands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QFont, QFontMetricsF, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_ct_grounding.widgets.panels.colors import PanelColors

__all__ = ["Ruler", "RulerMark", "spread_labels"]

_WIDTH = 108
_TOP, _BOTTOM, _AXIS, _TEXT = 6, 6, 8, 20


@dataclass(frozen=True)
class RulerMark:
    """A landmark on the ruler.

    Parameters
    ----------
    label : str
    z_mm : float
    is_in_order : bool
        Whether it agrees with the others; painted faint where it does not.
    """

    label: str
    z_mm: float
    is_in_order: bool = True


class Ruler(QWidget):
    """Emits `mark_requested(mark)` when a label is clicked, or reached by the arrow keys."""

    mark_requested = Signal(object)

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self._extent_mm: tuple[float, float] | None = None
        self._marks: list[RulerMark] = []
        self._shown: list[tuple[RulerMark, float]] = []  # with the height (px) of its label
        self._position_mm: float | None = None
        self._picture: QPixmap | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Anatomical ruler")
        self.setMinimumHeight(60)

    def sizeHint(self) -> QSize:  # noqa: N802, D102 (Qt's name)
        return QSize(_WIDTH, 200)

    # -- what is shown

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self._colors = colors
        self._repaint_all()

    def set_marks(self, extent_mm: tuple[float, float] | None, marks: Sequence[RulerMark]) -> None:
        """Show a scan from its lowest to its highest slice, and its landmarks."""
        self._extent_mm = extent_mm
        self._marks = sorted(marks, key=lambda mark: -mark.z_mm)
        self._repaint_all()

    def set_position(self, z_mm: float | None) -> None:
        """Move the line that shows where the viewer stands."""
        if z_mm != self._position_mm:
            self._position_mm = z_mm
            self.update()

    @property
    def marks(self) -> list[RulerMark]:
        """What is shown, head first."""
        return list(self._marks)

    def _repaint_all(self) -> None:
        self._picture = None
        self.update()

    # -- geometry

    def y_of_z(self, z_mm: float) -> float:
        """Height in the widget (pixels from the top) of a world z."""
        low, high = self._extent_mm or (0.0, 1.0)
        return self.height() - _BOTTOM - (z_mm - low) / max(high - low, 1e-6) * (self.height() - _TOP - _BOTTOM)

    def _font(self) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(11)
        return font

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
            y = self.y_of_z(self._position_mm)
            painter.setPen(QPen(self._colors.position, 2))
            painter.drawLine(QPointF(0, y), QPointF(_TEXT - 4, y))
        if self.hasFocus():
            painter.setPen(QPen(self._colors.line, 1, Qt.PenStyle.DotLine))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _paint_picture(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._font())
        metrics = QFontMetricsF(self._font())
        self._shown = []
        if self._extent_mm is None:
            return
        painter.setPen(QPen(self._colors.line, 1))
        painter.drawLine(QPointF(_AXIS, _TOP), QPointF(_AXIS, self.height() - _BOTTOM))
        room = self.height() - metrics.height()
        heights = spread_labels([self.y_of_z(mark.z_mm) for mark in self._marks], metrics.height(), self.height())
        for mark, y in zip(self._marks, heights, strict=True):
            tick = self.y_of_z(mark.z_mm)
            color = self._colors.text if mark.is_in_order else self._colors.line
            painter.setPen(QPen(self._colors.accent if mark.is_in_order else self._colors.line, 1.4))
            painter.drawLine(QPointF(_AXIS - 4, tick), QPointF(_AXIS + 4, tick))
            if y is None:
                continue
            painter.setPen(QPen(self._colors.line, 1))
            painter.drawLine(QPointF(_AXIS + 4, tick), QPointF(_TEXT - 3, y))
            painter.setPen(color)
            text = mark.label if mark.is_in_order else f"{mark.label} ?"
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, self.width() - _TEXT)
            top = min(max(y - metrics.height() / 2, 0.0), room)
            box = QRectF(_TEXT, top, self.width() - _TEXT, metrics.height())
            painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), text)
            self._shown.append((mark, y))

    # -- mouse and keys

    def mark_at(self, y: float) -> RulerMark | None:
        """The landmark whose label stands at a height of the widget; None where there is none."""
        near = min(self._shown, key=lambda entry: abs(entry[1] - y), default=None)
        return near[0] if near is not None and abs(near[1] - y) <= 9 else None

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        mark = self.mark_at(event.position().y())
        if mark is not None and event.button() == Qt.MouseButton.LeftButton:
            self.mark_requested.emit(mark)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102
        step = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()))
        if step is None or self._position_mm is None:
            super().keyPressEvent(event)
            return
        # Half a millimetre of grace: the viewer stands on a slice, not exactly on a landmark.
        beyond = [mark for mark in self._marks if step * (mark.z_mm - self._position_mm) > 0.5]
        if beyond:
            self.mark_requested.emit(min(beyond, key=lambda mark: step * mark.z_mm))

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if isinstance(event, QHelpEvent):
            mark = self.mark_at(event.pos().y())
            QToolTip.showText(event.globalPos(), _tip(mark), self)
            return True
        return super().event(event)


def spread_labels(heights: Sequence[float], line_height: float, room: float) -> list[float | None]:
    """Return where labels stand so that none covers another: near `heights` (growing), or None where there is no room.

    Parameters
    ----------
    heights : sequence of float
        Where each label would like its middle, growing downwards.
    line_height : float
    room : float
        Of the whole column.
    """
    num_fit = max(1, int(room // line_height))
    kept = list(range(len(heights)))
    while len(kept) > num_fit:  # the most crowded one goes
        gaps = [heights[kept[i + 1]] - heights[kept[i - 1]] for i in range(1, len(kept) - 1)]
        kept.pop(1 + gaps.index(min(gaps)) if gaps else -1)
    placed: list[float | None] = [None] * len(heights)
    edge = line_height / 2
    for i in kept:  # down: none above its wish, none over the one before
        placed[i] = max(heights[i], edge)
        edge = placed[i] + line_height
    edge = room - line_height / 2
    for i in reversed(kept):  # and up again from the lower end
        placed[i] = min(placed[i], edge)
        edge = placed[i] - line_height
    return placed


def _tip(mark: RulerMark | None) -> str:
    if mark is None:
        return (
            "Where the landmarks of the body were found, head at the top. Click one, or press up and down, to go there."
        )
    text = f"{mark.label}: z {mark.z_mm:.0f} mm. Click: go there".replace("-", "\u2212")
    return text if mark.is_in_order else f"{text}\nOut of the body's order: probably not in this scan."
