"""The colour of the truth, in the volume and on our panels."""

from __future__ import annotations

from qtpy.QtGui import QColor

from napari_ct_grounding.widgets.layers import TRUTH_COLOR
from napari_ct_grounding.widgets.panels.colors import PanelColors

__all__ = ["truth_color"]


def truth_color(colors: PanelColors) -> QColor:
    """Return it, readable on the field of a theme."""
    return QColor(TRUTH_COLOR) if colors.field.lightness() < 128 else QColor("#8b2fa0")
