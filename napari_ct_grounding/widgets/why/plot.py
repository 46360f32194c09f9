"""Several profiles over one another, painted small: z upwards as in the strip, similarity to the right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.profile_painting import MIN_SPAN

__all__ = ["ProfilePlot"]

_WIDTH = 74
_MARGIN = 5


class ProfilePlot(QWidget):
    """The sentence's profile thick, those of its variants thin, the chosen one dashed."""

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self._original: GroundingResult | None = None
        self._variants: list[GroundingResult] = []
        self._chosen: GroundingResult | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(60)
        self.setAccessibleName("Profiles of the variants")
        self.setToolTip(
            "Similarity (to the right) along z (head at the top), all on one scale.\n"
            "Thick: the sentence. Thin: its variants. Dashed: the chosen one; ticks at the right: the two places."
        )

    def sizeHint(self) -> QSize:  # noqa: N802, D102 (Qt's name)
        return QSize(_WIDTH, 200)

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self._colors = colors
        self.update()

    def set_profiles(self, original: GroundingResult | None, variants: Sequence[GroundingResult]) -> None:
        """Show a sentence and its variants; none is chosen."""
        self._original, self._variants, self._chosen = original, list(variants), None
        self.update()

    def choose(self, result: GroundingResult | None) -> None:
        """Bring one variant forward."""
        self._chosen = result
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.fillRect(plot, self._colors.field)
        painter.setPen(QPen(self._colors.line, 1))
        painter.drawRect(plot)
        if self._original is not None:
            results = [self._original, *self._variants]
            low = min(float(np.nanmin(result.profile)) for result in results)
            high = max(float(np.nanmax(result.profile)) for result in results)
            scale = _Scale(plot, self._original, low, max(high - low, MIN_SPAN))
            thin = QColor(self._colors.faded)
            thin.setAlpha(130)
            for result in self._variants:
                self._paint(painter, scale, result, QPen(thin, 0.8))
            self._paint(painter, scale, self._original, QPen(self._colors.accent, 2.2))
            if self._chosen is not None and self._chosen is not self._original:
                self._paint(painter, scale, self._chosen, QPen(self._colors.position, 1.8, Qt.PenStyle.DashLine))
            for result, color in ((self._original, self._colors.accent), (self._chosen, self._colors.position)):
                if result is not None and result.has_location:
                    painter.setPen(QPen(color, 2.4))
                    y = scale.y(result.z_mm)
                    painter.drawLine(QPointF(plot.right() - 8, y), QPointF(plot.right(), y))
        painter.end()

    def _paint(self, painter: QPainter, scale: _Scale, result: GroundingResult, pen: QPen) -> None:
        is_valid = np.isfinite(result.profile)
        painter.setPen(pen)
        painter.drawPolyline(
            QPolygonF(
                [
                    QPointF(scale.x(float(value)), scale.y(float(z_mm)))
                    for z_mm, value in zip(result.depths_mm[is_valid], result.profile[is_valid], strict=True)
                ]
            )
        )


class _Scale:
    """From depth and cosine to the widget."""

    def __init__(self, plot: QRectF, result: GroundingResult, low: float, span: float) -> None:
        self._plot = plot.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        self._bottom_mm, top_mm = float(result.depths_mm[0]), float(result.depths_mm[-1])
        self._length_mm = max(top_mm - self._bottom_mm, 1e-6)
        self._low, self._span = low, span

    def x(self, value: float) -> float:
        return self._plot.left() + (value - self._low) / self._span * self._plot.width()

    def y(self, z_mm: float) -> float:
        return self._plot.bottom() - (z_mm - self._bottom_mm) / self._length_mm * self._plot.height()
