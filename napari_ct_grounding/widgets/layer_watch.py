"""Hears when a layer's voxels, place or units change, so that nothing is said about what it showed before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from napari.layers import Image
from psygnal import Signal

from napari_ct_grounding.widgets.sources import ROLE_KEY

__all__ = ["LayerWatch"]

#: What changes the place or the values of a layer's voxels.
_PLACE_EVENTS = ("data", "scale", "translate", "rotate", "shear", "affine", "units")


class LayerWatch:
    """Listens to the image layers of a viewer, except those that we add.

    Parameters
    ----------
    viewer : napari.Viewer
    events : sequence of str
        Names of the events to hear; those that tell of other voxels or of another place by default.
    is_watched : callable
        ``is_watched(layer)``; the images that are not ours by default.
    """

    #: (id of the layer)
    altered = Signal(object)

    def __init__(
        self,
        viewer: Any,
        events: Sequence[str] = _PLACE_EVENTS,
        is_watched: Callable[[Any], bool] = lambda layer: isinstance(layer, Image) and ROLE_KEY not in layer.metadata,
    ) -> None:
        self._viewer = viewer
        self._events = events
        self._is_watched = is_watched

    def follow(self) -> None:
        """Listen to all layers that are there now; to be called again when some were added."""
        for emitter in self._emitters():
            emitter.disconnect(self._on_altered)
            emitter.connect(self._on_altered)

    def rest(self) -> None:
        """Stop listening; nothing of this object stays connected to a layer."""
        for emitter in self._emitters():
            emitter.disconnect(self._on_altered)

    def _emitters(self) -> list[Any]:
        layers = [layer for layer in self._viewer.layers if self._is_watched(layer)]
        return [getattr(layer.events, name) for layer in layers for name in self._events if hasattr(layer.events, name)]

    def _on_altered(self, event: Any) -> None:
        self.altered.emit(event.source.unique_id)
