"""Places beside a profile: what a report, a truth or another view says of the same axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF

from napari_ct_grounding.widgets.panels.colors import PanelColors

__all__ = ["MARK_KINDS", "StripMark", "mark_rect", "paint_marks"]

#: "finding": a small triangle on the left. "reference": a diamond on the right, where the report says. "truth": a hatched band
#: across the plot. "peak": a dotted line across it.
MARK_KINDS = ("finding", "reference", "truth", "peak")

#: Half the height (px) of what is drawn at a single place, and how far it reaches into the plot.
_HALF, _REACH = 5.0, 8.0


class StripMark(NamedTuple):
    """A place or range on the axis.

    Parameters
    ----------
    z_lo_mm, z_hi_mm : float
        World z; equal for a single place.
    label : str
        Shown as tooltip.
    kind : str
        One of `MARK_KINDS`.
    """

    z_lo_mm: float
    z_hi_mm: float
    label: str
    kind: str

    @property
    def z_mm(self) -> float:
        """The middle."""
        return (self.z_lo_mm + self.z_hi_mm) / 2


def mark_rect(kind: str, plot: QRectF, top: float, bottom: float) -> QRectF:
    """Return where (px) a mark is painted and can be clicked.

    Parameters
    ----------
    kind : str
    plot : QRectF
    top, bottom : float
        Heights of the upper and lower end of the range.
    """
    if kind in ("truth", "peak"):
        rect = QRectF(plot.left(), top, plot.width(), bottom - top)
        return rect if rect.height() >= 4 else rect.adjusted(0, -2, 0, 2)
    middle = (top + bottom) / 2
    high, low = min(top, middle - _HALF), max(bottom, middle + _HALF)
    left = plot.left() if kind == "finding" else plot.right() - _REACH
    return QRectF(left, high, _REACH, low - high)


def paint_marks(painter: QPainter, marks: Sequence[tuple[StripMark, QRectF]], colors: PanelColors) -> None:
    """Paint marks into their places; each kind has a shape of its own, so that colour is not the only sign."""
    painter.save()
    for mark, rect in marks:
        y = rect.center().y()
        if mark.kind == "truth":
            band = QColor(colors.truth)
            band.setAlpha(150)
            painter.fillRect(rect, QBrush(band, Qt.BrushStyle.FDiagPattern))
            painter.setPen(QPen(colors.truth, 1.2))
            for edge in (rect.top(), rect.bottom()):
                painter.drawLine(QPointF(rect.left(), edge), QPointF(rect.right(), edge))
        elif mark.kind == "peak":
            painter.setPen(QPen(colors.text, 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
        elif mark.kind == "finding":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colors.text)
            x = rect.left()
            painter.drawPolygon(QPolygonF([QPointF(x, y - 3.5), QPointF(x + 6, y), QPointF(x, y + 3.5)]))
        else:
            _paint_reference(painter, mark, rect, colors)
    painter.restore()


def _paint_reference(painter: QPainter, mark: StripMark, rect: QRectF, colors: PanelColors) -> None:
    """A diamond with an outline, readable over a filled profile; a bar joins the ends of a range."""
    x, y = rect.right() - 4.5, rect.center().y()
    if mark.z_hi_mm > mark.z_lo_mm:
        painter.setPen(QPen(colors.text, 1.5))
        painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
    painter.setPen(QPen(colors.field, 1))
    painter.setBrush(colors.text)
    painter.drawPolygon(QPolygonF([QPointF(x, y - 5), QPointF(x + 4.5, y), QPointF(x, y + 5), QPointF(x - 4.5, y)]))
