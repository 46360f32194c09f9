"""What stands on the canvas: the names of the slice, and which side of the patient lies where.

Overlays of our own beside napari's, so that the user's text overlay stays as it is.
"""

from __future__ import annotations

from typing import Any

from napari.components.overlays import TextOverlay

__all__ = ["CanvasText"]

_POSITION_KEY = "ct_grounding_position"
_EDGES = {"left": "middle_left", "right": "middle_right", "top": "top_center", "bottom": "bottom_center"}
_GROUND = (0.0, 0.0, 0.0, 0.6)


class CanvasText:
    """Text in the upper left corner and letters at the four edges of the canvas.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer

    def set_text(self, text: str) -> None:
        """Show what the picture is; empty takes it away."""
        self._write(_POSITION_KEY, text, "top_left", 10)

    def set_letters(self, letters: dict[str, str]) -> None:
        """Show the letters (R, L, A, P, S, I) at the edges; edges that are not named stay empty."""
        for edge, position in _EDGES.items():
            self._write(f"ct_grounding_{edge}", letters.get(edge, ""), position, 13)

    def clear(self) -> None:
        """Take everything off the canvas."""
        for key in (_POSITION_KEY, *(f"ct_grounding_{edge}" for edge in _EDGES)):
            if key in self._viewer.canvas.overlays:
                del self._viewer.canvas.overlays[key]

    def text(self) -> str:
        """What stands in the corner now."""
        overlays = self._viewer.canvas.overlays
        return overlays[_POSITION_KEY].text if _POSITION_KEY in overlays and overlays[_POSITION_KEY].visible else ""

    def letters(self) -> dict[str, str]:
        """The letters shown now, by edge."""
        overlays = self._viewer.canvas.overlays
        keys = {edge: f"ct_grounding_{edge}" for edge in _EDGES}
        return {edge: overlays[key].text for edge, key in keys.items() if key in overlays and overlays[key].visible}

    def _write(self, key: str, text: str, position: str, font_size: int) -> None:
        overlays = self._viewer.canvas.overlays
        if key not in overlays:
            if not text:
                return
            overlays[key] = TextOverlay(
                text=text,
                position=position,
                visible=True,
                font_size=font_size,
                color="white",
                box=True,
                box_color=_GROUND,
            )
            return
        overlay = overlays[key]
        if text and overlay.text != text:
            overlay.text = text
        if overlay.visible != bool(text):
            overlay.visible = bool(text)
