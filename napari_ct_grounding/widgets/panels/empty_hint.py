"""What a list says while it is empty."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QPainter

__all__ = ["paint_hint"]


def paint_hint(view: Any, text: str, color: QColor) -> None:
    """Write a hint into the middle of an item view that has no rows; called from its `paintEvent`."""
    if view.model().rowCount() == 0:
        painter = QPainter(view.viewport())
        painter.setPen(color)
        flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
        painter.drawText(view.viewport().rect().adjusted(12, 4, -12, -4), flags, text)
        painter.end()
