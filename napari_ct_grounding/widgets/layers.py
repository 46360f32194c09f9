"""What we draw into the volume: a frame around the predicted slice, and a band over the interval.

The frame is seen on its own slice only; on all others its layer is switched off, since napari builds its drawing program anew
at every step for a layer that has nothing to draw. The band is an image of one voxel a slice, stretched over the field of
view; it is shown where z runs within the picture (coronal, sagittal), and hidden on axial slices, whose grey values nobody may
tint.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Shapes
from napari.utils.colormaps import Colormap

from napari_ct_grounding.widgets.sources import ROLE_KEY
from napari_ct_grounding.widgets.view import find_layer, is_through_plane

__all__ = ["HIGHLIGHT_COLOR", "TRUTH_COLOR", "TRUTH_LOOK", "HighlightLayers", "HighlightLook", "kept_selection"]

#: One colour for everything that the model says: frame, band, strip, bars.
HIGHLIGHT_COLOR = "#f5a623"
#: And one for the truth; told from the other in every common kind of colour blindness.
TRUTH_COLOR = "#d57be8"

_BAND_OPACITY = 0.28


@dataclass(frozen=True)
class HighlightLook:
    """What a frame and a band are called in the layer list, and how they look.

    Parameters
    ----------
    frame_name, band_name : str
    color : str
        As #rrggbb.
    inset : float
        Distance of the frame from the border of the picture, in widths of the frame: two frames can share a slice.
    """

    frame_name: str
    band_name: str
    color: str
    inset: float = 0.0

    @property
    def colormap(self) -> Colormap:
        """From nothing to the colour."""
        red, green, blue = (int(self.color[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return Colormap([[red, green, blue, 0.0], [red, green, blue, 1.0]], name=f"ct-grounding-{self.band_name}")


PREDICTION_LOOK = HighlightLook("predicted slice", "interval", HIGHLIGHT_COLOR)
TRUTH_LOOK = HighlightLook("true slice", "true range", TRUTH_COLOR, inset=1.5)


@contextmanager
def kept_selection(viewer: Any) -> Iterator[None]:
    """Restore the user's selected layers after layers were added, which napari would select."""
    before = set(viewer.layers.selection)
    try:
        yield
    finally:
        viewer.layers.selection.clear()
        viewer.layers.selection.update(layer for layer in before if layer in viewer.layers)


class HighlightLayers:
    """The frame and the band in one viewer. Layers are held by id; what the user deletes is made anew at the next answer.

    Parameters
    ----------
    viewer : napari.Viewer
    look : HighlightLook
    """

    def __init__(self, viewer: Any, look: HighlightLook = PREDICTION_LOOK) -> None:
        self._viewer = viewer
        self._look = look
        self._frame_id: Hashable | None = None
        self._band_id: Hashable | None = None
        self._volume_id: Hashable | None = None
        self._frame_slice: int | None = None
        self._is_frame_wanted = True  # the user may switch it off with its eye
        self._is_frame_seen = True

    def show(self, layer: Any, slice_index: int, interval_slices: tuple[int, int]) -> None:
        """Draw the frame and the band.

        Parameters
        ----------
        layer : napari.layers.Image
            The CT.
        slice_index : int
            Along the first axis of `layer`.
        interval_slices : tuple of int
            (first, last) slice of the interval, both inside, along the first axis of `layer`.
        """
        if self._volume_id != layer.unique_id:
            self.clear()
            self._volume_id = layer.unique_id
        frame, band = _frame_outline(layer, slice_index, self._look), _band_values(layer, interval_slices)
        with kept_selection(self._viewer):
            shown_band = self._found(self._band_id)
            if shown_band is None:
                self._band_id = self._viewer.add_layer(_band_layer(layer, band, self._look)).unique_id
            else:
                shown_band.data = band
            shown_frame = self._found(self._frame_id)
            if shown_frame is None:
                self._frame_id = self._viewer.add_layer(_frame_layer(layer, frame, self._look)).unique_id
            else:
                shown_frame.data = [frame]
                shown_frame.selected_data = set()
                if self._is_frame_seen:
                    self._is_frame_wanted = shown_frame.visible
                shown_frame.visible = self._is_frame_wanted
        self._frame_slice, self._is_frame_seen = slice_index, True
        self.follow_view()

    def clear(self) -> None:
        """Take both layers out of the viewer."""
        with kept_selection(self._viewer):
            for layer_id in (self._frame_id, self._band_id):
                layer = self._found(layer_id)
                if layer is not None:
                    self._viewer.layers.remove(layer)
        self._frame_id = self._band_id = self._volume_id = self._frame_slice = None
        self._is_frame_wanted = self._is_frame_seen = True

    def follow_view(self) -> None:
        """Show the band only where z runs within the picture."""
        band = self._found(self._band_id)
        if band is not None:
            band.visible = is_through_plane(self._viewer)

    def follow_slice(self, slice_index: int) -> None:
        """Switch the frame on where it can be seen: on its slice, or where z runs within the picture.

        Parameters
        ----------
        slice_index : int
            Where the viewer stands, along the first axis of the CT's layer.
        """
        frame = self._found(self._frame_id)
        if frame is None:
            return
        was_seen = self._is_frame_seen
        self._is_frame_seen = slice_index == self._frame_slice or is_through_plane(self._viewer)
        if was_seen:
            self._is_frame_wanted = frame.visible
        is_visible = self._is_frame_seen and self._is_frame_wanted
        if frame.visible != is_visible:  # setting it draws the layer anew even when nothing changes
            frame.visible = is_visible

    def _found(self, layer_id: Hashable | None) -> Any | None:
        return None if layer_id is None else find_layer(self._viewer, layer_id)


def _placed_like(layer: Any) -> dict[str, Any]:
    """What puts a layer onto the grid of another; without the same units napari would ignore units for all layers."""
    return {
        "scale": tuple(layer.scale),
        "translate": tuple(layer.translate),
        "affine": layer.affine.affine_matrix,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def _frame_outline(layer: Any, slice_index: int, look: HighlightLook) -> np.ndarray:
    """Corners (4, 3) of the field of view on one slice, in voxels of `layer`."""
    _, rows, columns = layer.data.shape
    inset = (0.5 + look.inset) * _frame_width(layer) - 0.5
    low, high_row, high_column = inset, rows - 1 - inset, columns - 1 - inset
    return np.array(
        [
            (slice_index, low, low),
            (slice_index, low, high_column),
            (slice_index, high_row, high_column),
            (slice_index, high_row, low),
        ],
        dtype=np.float64,
    )


def _frame_width(layer: Any) -> float:
    """Width of the frame in voxels: thin on the screen at any matrix size."""
    return max(1.0, 0.008 * max(layer.data.shape[1:]))


def _frame_layer(layer: Any, outline: np.ndarray, look: HighlightLook) -> Shapes:
    return Shapes(
        [outline],
        shape_type="rectangle",
        name=look.frame_name,
        edge_color=look.color,
        face_color="transparent",
        edge_width=_frame_width(layer),
        metadata={ROLE_KEY: "frame"},
        **_placed_like(layer),
    )


def _band_values(layer: Any, interval_slices: tuple[int, int]) -> np.ndarray:
    values = np.zeros((layer.data.shape[0], 1, 1), dtype=np.float32)
    first, last = sorted(interval_slices)
    values[first : last + 1] = 1.0
    return values


def _band_layer(layer: Any, values: np.ndarray, look: HighlightLook) -> Image:
    _, rows, columns = layer.data.shape
    placed = _placed_like(layer)
    z, y, x = placed["scale"]
    t_z, t_y, t_x = placed["translate"]
    # The centre of the one voxel lies in the middle of the field of view.
    placed["scale"] = (z, y * rows, x * columns)
    placed["translate"] = (t_z, t_y + y * (rows - 1) / 2, t_x + x * (columns - 1) / 2)
    return Image(
        values,
        name=look.band_name,
        colormap=look.colormap,
        contrast_limits=(0.0, 1.0),
        opacity=_BAND_OPACITY,
        blending="translucent",
        interpolation2d="nearest",
        metadata={ROLE_KEY: "band"},
        **placed,
    )
