"""Hears when a layer's voxels, place or units change, so that nothing is said about what it showed before."""

from __future__ import annotations

from typing import Any

from napari.layers import Image
from psygnal import Signal

from napari_ct_grounding.widgets.sources import ROLE_KEY

__all__ = ["LayerWatch"]

_EVENTS = ("data", "scale", "translate", "rotate", "shear", "affine", "units")


class LayerWatch:
    """Listens to the image layers of a viewer, except those that we add.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    #: (id of the layer)
    altered = Signal(object)

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer

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
        layers = [layer for layer in self._viewer.layers if isinstance(layer, Image) and ROLE_KEY not in layer.metadata]
        return [getattr(layer.events, name) for layer in layers for name in _EVENTS if hasattr(layer.events, name)]

    def _on_altered(self, event: Any) -> None:
        self.altered.emit(event.source.unique_id)
