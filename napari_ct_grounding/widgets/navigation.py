"""Follows the slider and moves it, for the volume that is chosen."""

from __future__ import annotations

from typing import Any

from psygnal import Signal

from napari_ct_grounding.widgets.sources import LayerSource
from napari_ct_grounding.widgets.view import current_slice, find_layer, go_to_slice

__all__ = ["SliceFollower"]


class SliceFollower:
    """Tells which slice of the chosen volume the viewer stands on.

    Slices are those of the canonical volume (0 = most inferior), whichever way the layer's axis runs.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    #: (slice index or None) The viewer stands on another slice; None outside the volume.
    position_changed = Signal(object)
    #: Axes were rolled, or 2D and 3D exchanged.
    view_changed = Signal()

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._source: LayerSource | None = None
        self._slice: int | None = None
        self._is_moving = False
        self._is_following = False

    @property
    def slice_index(self) -> int | None:
        """Where the viewer stands."""
        return self._slice

    def follow(self) -> None:
        """Begin to listen to the viewer."""
        if not self._is_following:
            self._is_following = True
            self._viewer.dims.events.point.connect(self._on_point)
            for event in (self._viewer.dims.events.order, self._viewer.dims.events.ndisplay):
                event.connect(self._on_view)
            self._viewer.scene.camera.events.orientation.connect(self._on_view)
            self._look()

    def rest(self) -> None:
        """Stop listening; nothing of this object stays connected to the viewer."""
        if self._is_following:
            self._is_following = False
            self._viewer.dims.events.point.disconnect(self._on_point)
            for event in (self._viewer.dims.events.order, self._viewer.dims.events.ndisplay):
                event.disconnect(self._on_view)
            self._viewer.scene.camera.events.orientation.disconnect(self._on_view)

    def set_source(self, source: LayerSource | None) -> None:
        """Follow another volume."""
        self._source = source
        self._slice = None
        self._look(is_forced=True)

    def go_to(self, slice_index: int) -> None:
        """Move the slider to a slice of the volume; listeners hear of it once."""
        layer = self._layer()
        if layer is None or self._source is None:
            return
        index = min(max(slice_index, 0), self._source.geometry.shape[0] - 1)
        self._is_moving = True  # set_point speaks twice, and may stop at places in between
        try:
            go_to_slice(self._viewer, layer, self._source.layer_slice(index))
        finally:
            self._is_moving = False
        self._look()

    def go_to_z(self, z_mm: float) -> None:
        """Move the slider to the slice nearest to a world z."""
        if self._source is not None:
            self.go_to(self._source.geometry.slice_of_z(z_mm))

    def step(self, num_slices: int) -> None:
        """Move by slices, towards the head when positive."""
        if self._slice is not None:
            self.go_to(self._slice + num_slices)

    def _layer(self) -> Any | None:
        return None if self._source is None else find_layer(self._viewer, self._source.layer_id)

    def _on_point(self, _event: object = None) -> None:
        if not self._is_moving:
            self._look()

    def _on_view(self, _event: object = None) -> None:
        self._look()
        self.view_changed.emit()

    def _look(self, *, is_forced: bool = False) -> None:
        layer = self._layer()
        index = None if layer is None else current_slice(self._viewer, layer)
        if index is not None and self._source is not None:
            index = self._source.layer_slice(index)
        if index != self._slice or is_forced:
            self._slice = index
            self.position_changed.emit(index)
