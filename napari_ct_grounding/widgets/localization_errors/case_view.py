"""A row in the viewer: the slice of its answer, frame and band of answer and truth, and where the slider stands."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from napari_ct_grounding.core.error_rows import ErrorRow
from napari_ct_grounding.core.released_positions import placed_in_scan
from napari_ct_grounding.widgets.layers import TRUTH_LOOK, HighlightLayers
from napari_ct_grounding.widgets.navigation import SliceFollower
from napari_ct_grounding.widgets.sources import LayerSource, source_of_layer
from napari_ct_grounding.widgets.view import find_layer, radiological_view_of, restore_axial, uncover

__all__ = ["CaseView"]


class CaseView:
    """Draws one row at a time into a viewer. Holds the layer by its id, and the volume only while the layer is there.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.follower = SliceFollower(viewer)
        self._answer = HighlightLayers(viewer)
        self._truth = HighlightLayers(viewer, TRUTH_LOOK)
        self._source: LayerSource | None = None
        self.follower.position_changed.connect(self._on_position_changed)
        self.follower.view_changed.connect(self._on_view_changed)

    @property
    def source(self) -> LayerSource | None:
        """The volume of the row that is shown; None while none is."""
        return self._source

    @property
    def z_mm(self) -> float | None:
        """Where the viewer stands in that volume."""
        index = self.follower.slice_index
        return None if self._source is None or index is None else self._source.geometry.z_of_slice(index)

    def show(self, row: ErrorRow, layer_id: Hashable, *, is_new: bool, others: list[Hashable]) -> ErrorRow:
        """Draw a row, and go to the slice of its answer; return the row with positions of this scan.

        Parameters
        ----------
        row : ErrorRow
        layer_id : hashable
            Of the layer that shows its scan.
        is_new : bool
            Whether the layer has just come: then the view is made radiological.
        others : list of hashable
            Layers that may be switched off so that this one is seen.

        Raises
        ------
        InputError
            When the positions of the row do not fit the scan, or the layer is no volume any more.
        """
        layer = find_layer(self._viewer, layer_id)
        source = source_of_layer(layer)
        row = placed_in_scan(row, source.geometry)
        self._source = source
        self.follower.set_source(source)
        uncover(self._viewer, layer, others)
        if is_new:
            radiological_view_of(self._viewer, source.screen_signs)
        else:
            restore_axial(self._viewer)
        self._draw(row, layer, source)
        result, truth = row.prediction, row.truth_mm
        if result is not None:
            self.follower.go_to_z(result.z_mm)
        elif truth is not None:
            self.follower.go_to_z(sum(truth) / 2)
        return row

    def forget(self, layer_id: Hashable) -> bool:
        """Let go of a layer that was removed; whether it was the one shown."""
        if self._source is None or self._source.layer_id != layer_id:
            return False
        self.clear()
        return True

    def clear(self) -> None:
        """Take frames and bands out of the viewer, and let go of the volume."""
        self._source = None
        self.follower.set_source(None)
        self._answer.clear()
        self._truth.clear()

    def _draw(self, row: ErrorRow, layer: Any, source: LayerSource) -> None:
        geometry = source.geometry

        def drawn(z_mm: float) -> int:
            return source.layer_slice(geometry.slice_of_z(z_mm))

        low, high = geometry.z_extent_mm
        truth, result = row.truth_mm, row.prediction
        if (
            truth is not None and truth[0] <= high and truth[1] >= low
        ):  # of another place in the body nothing can be drawn
            inside = max(truth[0], low), min(truth[1], high)
            self._truth.show(layer, drawn(sum(inside) / 2), (drawn(inside[0]), drawn(inside[1])))
        else:
            self._truth.clear()
        if result is not None:
            self._answer.show(layer, drawn(result.z_mm), (drawn(result.interval_mm[0]), drawn(result.interval_mm[1])))
        else:
            self._answer.clear()

    def _on_position_changed(self, slice_index: int | None) -> None:
        if self._source is not None and slice_index is not None:
            for highlight in (self._answer, self._truth):
                highlight.follow_slice(self._source.layer_slice(slice_index))

    def _on_view_changed(self) -> None:
        for highlight in (self._answer, self._truth):
            highlight.follow_view()
        self._on_position_changed(self.follower.slice_index)
