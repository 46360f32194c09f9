"""Where the viewer stands, and how to move it: always through world coordinates, never through `dims.current_step`.

`current_step` counts in the union of all layers, so it is a slice index only by luck. Layers are 3D and lie on the last
three axes of the viewer; units of the viewer may differ from the layer's (napari takes the finest among all layers).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable
from typing import Any

from napari.viewer import Viewer

__all__ = [
    "current_slice",
    "current_voxel",
    "find_layer",
    "go_to_slice",
    "go_to_voxel",
    "is_axial",
    "orientation_letters",
    "radiological_view",
    "radiological_view_of",
    "uncover",
]


def radiological_view(viewer: Viewer) -> None:
    """Show axial slices as on a workstation: anterior up, the patient's right on the left of the screen, on black.

    For layers of our reader; `radiological_view_of` serves those that other readers show mirrored.
    """
    radiological_view_of(viewer, (1, 1, 1))


def radiological_view_of(viewer: Any, screen_signs: tuple[int, int, int]) -> None:
    """Show axial slices of a layer as on a workstation.

    Parameters
    ----------
    viewer : napari.Viewer
    screen_signs : tuple of int
        For each canonical axis (z, y, x) 1 where it grows along the viewer's axis, -1 where the layer shows it mirrored.
    """
    viewer.dims.ndisplay = 2
    restore_axial(viewer)
    _, sign_y, sign_x = screen_signs
    viewer.scene.camera.orientation2d = ("up" if sign_y > 0 else "down", "left" if sign_x > 0 else "right")
    viewer.canvas.background_color_override = "black"  # air is black, also in a light theme
    viewer.reset_view()


def restore_axial(viewer: Any) -> None:
    """Put the axes into their own order, so that the slider of a volume (z, y, x) runs along z."""
    viewer.dims.ndisplay = 2
    viewer.dims.order = tuple(range(viewer.dims.ndim))


def is_axial(viewer: Any) -> bool:
    """Whether the picture shows axial slices: two axes displayed, and z is not among them."""
    dims = viewer.dims
    return dims.ndim >= 3 and dims.ndisplay == 2 and _z_axis(viewer) not in dims.displayed


def is_through_plane(viewer: Any) -> bool:
    """Whether z runs within the picture (coronal, sagittal or 3D)."""
    return viewer.dims.ndim >= 3 and _z_axis(viewer) in viewer.dims.displayed


def orientation_letters(viewer: Any, screen_signs: tuple[int, int, int] = (1, 1, 1)) -> dict[str, str]:
    """Return which side of the patient lies at each edge of the picture ("left", "right", "top", "bottom"); empty in 3D.

    Parameters
    ----------
    viewer : napari.Viewer
    screen_signs : tuple of int
        For each canonical axis (z, y, x), which grows towards Superior, Anterior, Right: -1 where the layer shows it mirrored.
    """
    dims = viewer.dims
    if dims.ndim < 3 or dims.ndisplay != 2 or any(axis < dims.ndim - 3 for axis in dims.displayed):
        return {}
    names = (("S", "I"), ("A", "P"), ("R", "L"))  # (where the axis grows to, where it comes from)
    places = [axis - dims.ndim + 3 for axis in dims.displayed]
    rows, columns = (names[place][:: screen_signs[place]] for place in places)
    vertical, horizontal = (str(getattr(side, "value", side)) for side in viewer.scene.camera.orientation2d)
    top, bottom = rows if vertical == "up" else rows[::-1]
    left, right = columns if horizontal == "left" else columns[::-1]
    return {"left": left, "right": right, "top": top, "bottom": bottom}


def find_layer(viewer: Any, layer_id: Any) -> Any | None:
    """Return the layer with this `unique_id`; None when it was removed."""
    return next((layer for layer in viewer.layers if layer.unique_id == layer_id), None)


def uncover(viewer: Any, layer: Any, others: Collection[Hashable]) -> None:
    """Let a layer be seen: switch it on, and off those of `others` (ids) that lie above it, unless they stand side by side."""
    layer.visible = True
    if not viewer.canvas.grid.enabled:
        for above in viewer.layers[viewer.layers.index(layer) + 1 :]:
            if above.unique_id in others:
                above.visible = False


def current_slice(viewer: Any, layer: Any) -> int | None:
    """Index along the first axis of `layer` of the slice that the slider stands on; None when it stands outside the layer."""
    if viewer.dims.ndim < 3:
        return None
    per_layer_unit = _viewer_units_per_layer_unit(viewer, layer)
    world = [value / per_layer_unit for value in viewer.dims.point[-3:]]
    index = math.floor(float(layer.world_to_data(world)[0]) + 0.5)
    return index if 0 <= index < layer.data.shape[0] else None


def go_to_slice(viewer: Any, layer: Any, index: int) -> None:
    """Move the slider to the centre of the slice `index` of `layer`."""
    _, num_rows, num_columns = layer.data.shape
    world = layer.data_to_world((index, (num_rows - 1) / 2, (num_columns - 1) / 2))
    viewer.dims.set_point(_z_axis(viewer), float(world[0]) * _viewer_units_per_layer_unit(viewer, layer))


def current_voxel(viewer: Any, layer: Any) -> tuple[int, int, int] | None:
    """Index (z, y, x) in `layer` of the voxel at the viewer's point, clipped; None where the viewer has no three axes."""
    if viewer.dims.ndim < 3:
        return None
    per_layer_unit = _viewer_units_per_layer_unit(viewer, layer)
    voxel = layer.world_to_data([value / per_layer_unit for value in viewer.dims.point[-3:]])
    z, y, x = (
        min(max(math.floor(float(at) + 0.5), 0), size - 1) for at, size in zip(voxel, layer.data.shape, strict=True)
    )
    return z, y, x


def go_to_voxel(viewer: Any, layer: Any, voxel: tuple[int, int, int]) -> None:
    """Move the viewer's point to the centre of a voxel (z, y, x) of `layer`."""
    per_layer_unit = _viewer_units_per_layer_unit(viewer, layer)
    world = [float(value) * per_layer_unit for value in layer.data_to_world(voxel)]
    viewer.dims.set_point(range(_z_axis(viewer), viewer.dims.ndim), world)


def _z_axis(viewer: Any) -> int:
    return viewer.dims.ndim - 3


def _viewer_units_per_layer_unit(viewer: Any, layer: Any) -> float:
    """How many of the viewer's units along z one of the layer's is; 1 where napari ignores units."""
    units = getattr(viewer.dims, "units", None)
    if not units or len(units) < 3:
        return 1.0
    ours, theirs = layer.units[0], units[-3]
    if ours is theirs or ours == theirs:
        return 1.0
    if not ours.is_compatible_with(theirs):
        return 1.0
    return float((1 * ours).to(theirs).magnitude)
