"""What the profile strip shows, and where in it: heights, curves, marks, and what lies under the mouse."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import QPointF, QRectF

from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.panels.profile_painting import CurveScale
from napari_ct_grounding.widgets.panels.strip_marks import StripMark, mark_rect

__all__ = ["StripContent", "StripLayout"]

#: A click within this distance (px) of a curve means it.
_NEAR = 4.0
#: Marks that can be clicked; bands fill the plot, so that every click would mean them.
_TARGETS = ("finding", "reference")


@dataclass(frozen=True, eq=False)
class StripContent:
    """All that is drawn but the line of the slider.

    Parameters
    ----------
    extent_mm : tuple of float or None
        World z of the lowest and highest slice.
    covered_mm : tuple of float or None
        What the model saw.
    result : GroundingResult or None
    overlays : tuple of GroundingResult
    marks : tuple of StripMark
    """

    extent_mm: tuple[float, float] | None = None
    covered_mm: tuple[float, float] | None = None
    result: GroundingResult | None = None
    overlays: tuple[GroundingResult, ...] = ()
    marks: tuple[StripMark, ...] = ()

    @property
    def curves(self) -> list[GroundingResult]:
        """The filled profile first, then those over it."""
        return [*(() if self.result is None else (self.result,)), *self.overlays]


@dataclass(frozen=True, eq=False)
class StripLayout:
    """A content in a plot of some size.

    Parameters
    ----------
    content : StripContent
    plot : QRectF
    """

    content: StripContent
    plot: QRectF

    def y_of_z(self, z_mm: float) -> float:
        """Height (pixels from the top of the widget) of a world z."""
        low, high = self.content.extent_mm or (0.0, 1.0)
        return self.plot.bottom() - (z_mm - low) / max(high - low, 1e-6) * self.plot.height()

    def z_of_y(self, y: float) -> float:
        """World z (mm) at a height, clipped to the scan."""
        low, high = self.content.extent_mm or (0.0, 1.0)
        share = (self.plot.bottom() - y) / self.plot.height()
        return low + min(max(share, 0.0), 1.0) * (high - low)

    def scale(self) -> CurveScale:
        """The scale that all curves share."""
        return CurveScale.of(self.content.curves, self.plot)

    def marks(self) -> list[tuple[StripMark, QRectF]]:
        """The marks and where they are."""
        return [
            (mark, mark_rect(mark.kind, self.plot, self.y_of_z(mark.z_hi_mm), self.y_of_z(mark.z_lo_mm)))
            for mark in self.content.marks
        ]

    def mark_at(self, place: QPointF) -> int | None:
        """Number of the mark at a place of the widget, the nearest where several lie."""
        hits = [
            (abs(rect.center().y() - place.y()), number)
            for number, (mark, rect) in enumerate(self.marks())
            if mark.kind in _TARGETS and rect.contains(place)
        ]
        return min(hits)[1] if hits else None

    def curve_at(self, place: QPointF) -> GroundingResult | None:
        """The curve at a place of the widget, the nearest where several pass, the topmost of equals."""
        scale, z_mm = self.scale(), self.z_of_y(place.y())
        curves = reversed(self.content.curves)
        far = [(x, result) for result in curves if (x := scale.x_at(result, z_mm)) is not None]
        x, result = min(far, key=lambda entry: abs(entry[0] - place.x()), default=(math.inf, None))
        return result if abs(x - place.x()) <= _NEAR else None

    def description(self, place: QPointF) -> str:
        """What is at a place of the widget, in lines."""
        content, z_mm = self.content, self.z_of_y(place.y())
        lines = [f"z {z_mm:.1f} mm"]
        if content.covered_mm is not None and not content.covered_mm[0] <= z_mm <= content.covered_mm[1]:
            lines.append("not seen by the model")
        elif content.result is not None:
            lines += _lines_of(content.result, z_mm)
        lines = [line.replace("-", "\u2212") for line in lines]
        mark, curve = self.mark_at(place), self.curve_at(place)
        if mark is not None:
            lines.append(content.marks[mark].label)
        elif curve is not None:
            lines.append(curve.sentence)
        lines += [
            mark.label for mark in content.marks if mark.kind not in _TARGETS and mark.z_lo_mm <= z_mm <= mark.z_hi_mm
        ]
        return "\n".join(lines)


def _lines_of(result: GroundingResult, z_mm: float) -> list[str]:
    lines = []
    value = result.profile[int(np.argmin(np.abs(result.depths_mm - z_mm)))]
    if np.isfinite(value):
        lines.append(f"similarity {value:.2f}")
    low, high = result.interval_mm
    if result.has_location and low <= z_mm <= high:
        lines.append(f"in the interval {low:.0f} to {high:.0f} mm")
    return lines
