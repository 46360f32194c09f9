"""napari's own scale bar, switched on while a CT is chosen and left as the user had it; it counts in the layers' mm."""

from __future__ import annotations

from typing import Any

__all__ = ["ScaleBar"]


class ScaleBar:
    """The scale bar of one viewer. What the user switches meanwhile stays as the user wants it.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._is_asked_for = self._is_ours = False

    def show(self) -> None:
        """Switch it on, once until `restore`: a user who switches it off is not contradicted."""
        if not self._is_asked_for:
            overlay = self._viewer.canvas.overlays.scale_bar
            self._is_asked_for, self._is_ours = True, not overlay.visible
            overlay.visible = True

    def restore(self) -> None:
        """Switch it off, if it was off before."""
        if self._is_ours:
            self._viewer.canvas.overlays.scale_bar.visible = False
        self._is_asked_for = self._is_ours = False
