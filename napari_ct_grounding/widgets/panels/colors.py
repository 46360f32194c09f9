"""Colours for what we paint ourselves, taken from napari's theme."""

from __future__ import annotations

from dataclasses import dataclass

from napari.utils.theme import get_theme
from qtpy.QtGui import QColor

__all__ = ["PanelColors", "colors_of_theme"]


@dataclass(frozen=True)
class PanelColors:
    """Colours of one theme.

    Parameters
    ----------
    text, faded, line, field, selection : QColor
        Text; text of lesser weight; ticks and borders; the ground of lists and plots; the selected row.
    accent : QColor
        What the model says.
    position : QColor
        Where the viewer stands.
    warning : QColor
        Text of a warning, readable on `field`.
    truth : QColor
        Where a sentence really points.
    """

    text: QColor
    faded: QColor
    line: QColor
    field: QColor
    selection: QColor
    accent: QColor
    position: QColor
    warning: QColor
    truth: QColor


def colors_of_theme(theme_id: str) -> PanelColors:
    """Return the colours that go with a napari theme."""
    theme = get_theme(theme_id)

    def color(name: str) -> QColor:
        return QColor(*getattr(theme, name).as_rgb_tuple()[:3])

    text, field = color("text"), color("foreground")
    is_dark = field.lightness() < 128
    return PanelColors(
        text=text,
        faded=_mixed(text, field, 0.65),
        line=_mixed(text, field, 0.3),
        field=field,
        selection=color("current"),
        accent=QColor("#f5a623") if is_dark else QColor("#c26a00"),
        position=QColor("#5cc8ff") if is_dark else QColor("#0067b8"),
        warning=QColor("#ffcf5c") if is_dark else QColor("#8a4b00"),
        truth=QColor("#d57be8") if is_dark else QColor("#8b2fa0"),
    )


def _mixed(front: QColor, back: QColor, share: float) -> QColor:
    """`share` of the front colour over the back one."""
    return QColor(
        *(round(share * a + (1 - share) * b) for a, b in zip(front.getRgb()[:3], back.getRgb()[:3], strict=True))
    )
