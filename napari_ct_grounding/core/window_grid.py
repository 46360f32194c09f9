"""How a resampled scan is cut into windows, and where in the world the model's depth positions then lie.

Tuples are in array order (z, y, x), world positions in RAS+ mm. The released block keeps the centred largest multiple of
the window on each axis and pads an axis shorter than one window with air; `core.coverage` lays other blocks, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.resampling import SpacedGrid

__all__ = ["VOXELS_PER_POSITION", "WindowGrid", "centred_window_grid", "depth_of_plane"]

#: Voxels along z that one depth position covers, in the released model.
VOXELS_PER_POSITION = 4
#: Rounding of a computed position that lies just on a border, mm.
BORDER_TOLERANCE_MM = 1e-6


@dataclass(frozen=True, eq=False)
class WindowGrid:
    """A block of windows laid over a resampled scan.

    Parameters
    ----------
    spaced : SpacedGrid
        The resampled scan.
    window : tuple of int
        Voxels of one window (z, y, x).
    num_windows : tuple of int
        Windows along each axis (z, y, x).
    start : tuple of int
        Index in the resampled scan of the block's first voxel (z, y, x); negative where the block begins with padding.
    voxels_per_position : int
        Voxels along z that one depth position covers.
    """

    spaced: SpacedGrid
    window: tuple[int, int, int]
    num_windows: tuple[int, int, int]
    start: tuple[int, int, int]
    voxels_per_position: int = VOXELS_PER_POSITION

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels of the block (z, y, x), padding included."""
        z, y, x = (n * size for n, size in zip(self.num_windows, self.window, strict=True))
        return z, y, x

    @cached_property
    def geometry(self) -> VolumeGeometry:
        """Of the block, padding included."""
        return self.spaced.geometry.cropped(self.start, self.shape)

    @property
    def kept(self) -> tuple[slice, slice, slice]:
        """Part of the resampled scan (z, y, x) that the block holds."""
        z, y, x = (
            slice(max(start, 0), min(start + size, total))
            for start, size, total in zip(self.start, self.shape, self.spaced.geometry.shape, strict=True)
        )
        return z, y, x

    @property
    def num_positions(self) -> int:
        """Depth positions of the whole block."""
        return self.shape[0] // self.voxels_per_position

    @property
    def depth_width_mm(self) -> float:
        """Thickness of one depth position along the slice normal, mm."""
        return self.voxels_per_position * self.spaced.geometry.spacing_mm[0]

    @cached_property
    def position_slices(self) -> NDArray[np.float64]:
        """(d,) slice index in the resampled scan of the centre of each depth position; growing."""
        return self.start[0] + (np.arange(self.num_positions, dtype=np.float64) + 0.5) * self.voxels_per_position - 0.5

    def z_of_spaced_slice(self, index: ArrayLike) -> NDArray[np.float64]:
        """World z, mm, at which slices of the resampled scan (fractional indices allowed) cross the line through the
        scan's slice centres.
        """
        source = self.spaced.source
        to_spaced = np.linalg.inv(self.spaced.geometry.affine)
        centre = np.array([(source.shape[2] - 1) / 2, (source.shape[1] - 1) / 2, 0.0, 1.0])
        # On that line both the new slice index and the world z grow evenly with the source's slice index.
        at_zero, per_slice = to_spaced[2] @ source.affine @ centre, to_spaced[2] @ source.affine[:, 2]
        source_slice = (np.asarray(index, dtype=np.float64) - at_zero) / per_slice
        return source.z_of_slice(0) + source.affine[2, 2] * source_slice

    @cached_property
    def depths_mm(self) -> NDArray[np.float64]:
        """(d,) world z of the centre of each depth position, in the middle of the scan's field of view; growing."""
        return self.z_of_spaced_slice(self.position_slices)

    @cached_property
    def is_inside(self) -> NDArray[np.bool_]:
        """(d,) False for depth positions centred more than half their width outside the scan: they hold padding
        alone.
        """
        lo, hi = self.spaced.source.z_extent_mm
        half = self.depth_width_mm * abs(self.spaced.geometry.slice_normal[2]) / 2
        limit = half + BORDER_TOLERANCE_MM
        return (self.depths_mm >= lo - limit) & (self.depths_mm <= hi + limit)

    @cached_property
    def covered_mm(self) -> tuple[float, float]:
        """(lo, hi) world z of the part of the scan that the block holds, in the middle of the field of view."""
        lo, hi = self.z_of_spaced_slice([self.start[0] - 0.5, self.start[0] + self.shape[0] - 0.5])
        scan_lo, scan_hi = self.spaced.source.z_extent_mm
        return float(max(lo, scan_lo)), float(min(hi, scan_hi))


def centred_window_grid(
    spaced: SpacedGrid, window: tuple[int, int, int], voxels_per_position: int = VOXELS_PER_POSITION
) -> WindowGrid:
    """Return the block that the released chain cuts: centred crop to whole windows, padding below one window.

    Parameters
    ----------
    spaced : SpacedGrid
        The resampled scan.
    window : tuple of int
        Voxels of one window (z, y, x).
    voxels_per_position : int
        Voxels along z of one depth position.
    """
    num_windows, starts = [], []
    for total, size in zip(spaced.geometry.shape, window, strict=True):
        count = max(1, total // size)
        num_windows.append(count)
        padding = size - total
        starts.append(-(padding // 2) if padding > 0 else total // 2 - count * size // 2)
    return WindowGrid(
        spaced,
        window,
        (num_windows[0], num_windows[1], num_windows[2]),
        (starts[0], starts[1], starts[2]),
        voxels_per_position,
    )


def depth_of_plane(
    geometry: VolumeGeometry,
    window: tuple[int, int, int],
    plane_affine: ArrayLike,
    plane_shape: tuple[int, int],
    voxels_per_position: int = VOXELS_PER_POSITION,
) -> int | None:
    """Depth position on which an image plane lies, as the released training targets define it.

    Every pixel centre falls into one cell (window in y and x, depth position in z); the depth with the most distinct
    cells wins, the lowest one at equal numbers.

    Parameters
    ----------
    geometry : VolumeGeometry
        Of the block of windows (`WindowGrid.geometry`).
    window : tuple of int
        Voxels of one window (z, y, x).
    plane_affine : (4, 4)
        Pixel (column, row, 0) to world RAS+ mm.
    plane_shape : tuple of int
        Pixels (rows, columns).
    voxels_per_position : int
        Voxels along z of one depth position.

    Returns
    -------
    int or None
        Depth position, 0 = most inferior; None when no pixel lies in the block.
    """
    cell = np.array([window[2], window[1], voxels_per_position], dtype=np.float64)
    num_cells = np.array(geometry.shape[::-1]) // cell.astype(int)
    to_cells = np.eye(4)
    to_cells[:3, :3] = np.diag(cell)
    to_cells[:3, 3] = (cell - 1) / 2
    matrix = np.linalg.inv(geometry.affine @ to_cells) @ np.asarray(plane_affine, dtype=np.float64)
    rows, columns = np.mgrid[: plane_shape[0], : plane_shape[1]]
    position = matrix[:3, 0] * columns[..., None] + matrix[:3, 1] * rows[..., None] + matrix[:3, 3]
    is_inside = ((position >= -0.5) & (position < num_cells - 0.5)).all(axis=-1)
    if not is_inside.any():
        return None
    cells = np.unique(np.floor(position[is_inside] + 0.5).astype(int), axis=0)
    return int(np.argmax(np.bincount(cells[:, 2])))
