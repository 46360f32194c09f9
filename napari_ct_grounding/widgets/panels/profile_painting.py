"""Profiles as curves along z: one filled, others as lines over it, all on one scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF

from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.panels.colors import PanelColors

__all__ = ["MAX_OVERLAYS", "MIN_SPAN", "CurveScale", "overlay_pen", "paint_overlay", "paint_profile"]

#: A difference of cosine this large fills the width; flatter profiles look flat.
MIN_SPAN = 0.2

#: Bluish green, reddish purple, yellow, violet, vermilion: apart for the colour blind (after Okabe and Ito), and each with a
#: stroke of its own.
_OVERLAYS_ON_DARK = ("#2ec4a0", "#e58fc2", "#f0e442", "#b9a5ff", "#ff7b5a")
_OVERLAYS_ON_LIGHT = ("#00755a", "#a8417f", "#7a6d00", "#5b3fc4", "#b03417")
_STROKES = ((4.0, 2.0), (1.0, 2.0), (6.0, 2.0, 1.0, 2.0), (2.0, 2.0), (8.0, 3.0))

MAX_OVERLAYS = len(_STROKES)


@dataclass(frozen=True)
class CurveScale:
    """From cosine to pixels across the plot, the same for all curves in it.

    Parameters
    ----------
    low, span : float
        Cosine at the left edge, and the difference that fills the width.
    left, reach : float
        Pixels.
    """

    low: float
    span: float
    left: float
    reach: float

    @classmethod
    def of(cls, results: Sequence[GroundingResult], plot: QRectF) -> CurveScale:
        """Return the scale on which all profiles fit into the plot."""
        values = np.concatenate([result.profile[np.isfinite(result.profile)] for result in results] or [np.zeros(0)])
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
        return cls(low, max(high - low, MIN_SPAN), plot.left() + 2, plot.width() - 8)

    def points(self, result: GroundingResult, y_of_z: Callable[[float], float]) -> list[QPointF]:
        """Return the curve of a profile; positions that the model did not see are left out."""
        is_valid = np.isfinite(result.profile)
        xs = self.left + (result.profile[is_valid].astype(float) - self.low) / self.span * self.reach
        return [QPointF(x, y_of_z(z)) for x, z in zip(xs, result.depths_mm[is_valid], strict=True)]

    def x_at(self, result: GroundingResult, z_mm: float) -> float | None:
        """Where the curve stands at a world z; None beyond its ends."""
        is_valid = np.isfinite(result.profile)
        depths_mm = result.depths_mm[is_valid]
        if not len(depths_mm) or not depths_mm[0] <= z_mm <= depths_mm[-1]:
            return None
        value = float(np.interp(z_mm, depths_mm, result.profile[is_valid]))
        return self.left + (value - self.low) / self.span * self.reach


def overlay_pen(index: int, colors: PanelColors) -> QPen:
    """Return colour and stroke of the overlay with this number."""
    is_dark = colors.field.lightness() < 128
    pen = QPen(QColor((_OVERLAYS_ON_DARK if is_dark else _OVERLAYS_ON_LIGHT)[index % MAX_OVERLAYS]), 1.6)
    pen.setDashPattern(_STROKES[index % MAX_OVERLAYS])
    return pen


def paint_profile(
    painter: QPainter,
    plot: QRectF,
    result: GroundingResult,
    scale: CurveScale,
    y_of_z: Callable[[float], float],
    colors: PanelColors,
) -> None:
    """Paint a filled profile, its interval and its place."""
    painter.save()
    painter.setClipRect(plot)
    if result.has_location:
        shade = QColor(colors.accent)
        shade.setAlpha(60)
        top, bottom = y_of_z(result.interval_mm[1]), y_of_z(result.interval_mm[0])
        painter.fillRect(QRectF(plot.left(), top, plot.width(), bottom - top), shade)
    points = scale.points(result, y_of_z)
    if points:
        color = colors.accent if result.has_location else colors.faded
        fill = QColor(color)
        fill.setAlpha(70)
        outline = QPolygonF([QPointF(plot.left(), points[0].y()), *points, QPointF(plot.left(), points[-1].y())])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawPolygon(outline)
        painter.setPen(QPen(color, 1.6))
        painter.drawPolyline(QPolygonF(points))
    if result.has_location:
        y = y_of_z(result.z_mm)
        painter.setPen(QPen(colors.accent, 1.2, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
    painter.restore()


def paint_overlay(
    painter: QPainter,
    plot: QRectF,
    result: GroundingResult,
    scale: CurveScale,
    y_of_z: Callable[[float], float],
    pen: QPen,
) -> None:
    """Paint a further profile as a line, its place as a short bar at the right edge."""
    painter.save()
    painter.setClipRect(plot)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(pen)
    painter.drawPolyline(QPolygonF(scale.points(result, y_of_z)))
    if result.has_location:
        y = y_of_z(result.z_mm)
        painter.setPen(QPen(pen.color(), 2.4))
        painter.drawLine(QPointF(plot.right() - 7, y), QPointF(plot.right(), y))
    painter.restore()
