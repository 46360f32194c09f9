"""From a scan to the windows that the released network reads: the one place where volumes become its input.

The chain is that of the release: intensities to [0, 1], trilinear interpolation at 0.75 x 0.75 x 3.0 mm, float16,
crop, padding with air, windows; `core.coverage` says which part of the scan they cover. The released code interpolates
the whole scan on a dense grid of positions in float64 and crops afterwards; here each new slice is made in turn, one
axis after the other and only where the crop keeps it, so that no copy of the scan is ever held. Values are still
computed in float64 and rounded to float32, then float16, as there.

The network speaks (h, w, d) = RAS (x, y, z). `windows_of_slices` and `slices_of_windows` are the only two places that
turn one order into the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.resampling import SpacedGrid, spaced_grid
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.core.window_grid import WindowGrid, centred_window_grid
from napari_ct_grounding.model.body import body_mask

__all__ = [
    "PREPROCESSING_VERSION",
    "ScanWindows",
    "body_fraction_inside",
    "body_positions_mm",
    "cut_windows",
    "prepare_windows",
    "scale_intensity",
    "slices_of_windows",
    "windows_of_slices",
]

#: Part of the key of cached embeddings; raise it when a change here moves a voxel.
PREPROCESSING_VERSION = "radfinder-1"
#: Released spacing and window, array order (z, y, x).
RELEASED_SPACING_MM = (3.0, 0.75, 0.75)
RELEASED_WINDOW = (32, 128, 128)
#: Rows of a slice whose source columns differ by less than this (voxels) share one set of columns.
SHARED_COLUMN_TOLERANCE = 1e-7
#: A position this near (voxels) to a block's border counts as inside.
BORDER_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class ScanWindows:
    """What the window encoder reads of one scan.

    Parameters
    ----------
    pixels : NDArray[float16], (n, 1, h, w, d)
        Windows row-major over (h, w, d), d fastest; air is 0, +1000 HU is 1.
    grid : WindowGrid
        Where they lie; its tuples are in array order (z, y, x).
    """

    pixels: NDArray[np.float16]
    grid: WindowGrid

    @property
    def num_windows_hwd(self) -> tuple[int, int, int]:
        """Windows along (h, w, d)."""
        z, y, x = self.grid.num_windows
        return x, y, z


def prepare_windows(
    volume: CTVolume,
    spacing_mm: tuple[float, float, float] = RELEASED_SPACING_MM,
    window: tuple[int, int, int] = RELEASED_WINDOW,
) -> ScanWindows:
    """Cut a canonical scan into windows as released (coverage "paper").

    Parameters
    ----------
    volume : CTVolume
        Canonical, in HU.
    spacing_mm : tuple of float
        The network's spacing, mm (z, y, x).
    window : tuple of int
        Voxels of one window (z, y, x).
    """
    grid = centred_window_grid(spaced_grid(volume.geometry, spacing_mm), window)
    return ScanWindows(cut_windows(volume.hu, grid), grid)


def cut_windows(hu: NDArray, grid: WindowGrid) -> NDArray[np.float16]:
    """Fill the windows of `grid` (n, 1, h, w, d) from canonical voxels (z, y, x) in HU; what lies outside the scan is
    air (0).
    """
    nz, ny, nx = grid.num_windows
    depth, height, width = grid.window
    kept_z, kept_y, kept_x = grid.kept
    windows = np.empty((nx, ny, nz, width, height, depth), dtype=np.float16)
    slab = _slab((depth, ny * height, nx * width))
    rows = slice(kept_y.start - grid.start[1], kept_y.stop - grid.start[1])
    columns = slice(kept_x.start - grid.start[2], kept_x.stop - grid.start[2])
    slices = interpolated_slices(hu, grid.spaced, grid.kept)
    for window_z in range(nz):
        first = grid.start[0] + window_z * depth
        wanted = range(max(first, kept_z.start), min(first + depth, kept_z.stop))
        if len(wanted) < depth:
            slab[...] = 0
        for z in wanted:
            slab[z - first, rows, columns] = next(slices)
        windows[:, :, window_z] = windows_of_slices(slab, (height, width))
    return windows.reshape(-1, 1, width, height, depth)


def _slab(shape: tuple[int, int, int]) -> NDArray[np.float16]:
    """Return zeros (z, y, x) whose slices lie a little further apart in memory than they must.

    Depth becomes the fastest axis in the windows. At a distance of whole memory pages, a column of voxels through the
    slices would fall on one and the same place of the processor's cache, and reading it is then three times slower.
    """
    depth, rows, columns = shape
    gap = 32  # float16 numbers: one cache line
    return np.zeros((depth, rows * columns + gap), dtype=np.float16)[:, : rows * columns].reshape(shape)


def windows_of_slices(slab: NDArray, window_yx: tuple[int, int]) -> NDArray:
    """View a slab (z, y, x) one window deep as windows (nx, ny, h, w, d), where (h, w, d) = (x, y, z)."""
    height, width = window_yx
    depth, rows, columns = slab.shape
    return slab.reshape(depth, rows // height, height, columns // width, width).transpose(3, 1, 4, 2, 0)


def slices_of_windows(windows: NDArray, num_windows: tuple[int, int, int]) -> NDArray:
    """Put windows (n, 1, h, w, d) of a grid of `num_windows` (z, y, x) back together as one array (z, y, x)."""
    nz, ny, nx = num_windows
    width, height, depth = windows.shape[-3:]
    grid = windows.reshape(nx, ny, nz, width, height, depth)
    return grid.transpose(2, 5, 1, 4, 0, 3).reshape(nz * depth, ny * height, nx * width)


def scale_intensity(hu: NDArray, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Map -1000 HU to 0 and +1000 HU to 1, clipped, in float32; into `out` where it is given."""
    scaled = np.add(hu, np.float32(1000), dtype=np.float32, out=out)
    scaled /= np.float32(2000)
    return np.clip(scaled, 0, 1, out=scaled)


def interpolated_slices(
    hu: NDArray, spaced: SpacedGrid, kept: tuple[slice, slice, slice]
) -> Iterator[NDArray[np.float32]]:
    """Yield the kept slices (y, x) of the resampled, intensity-scaled scan, lowest first, float32.

    Parameters
    ----------
    hu : NDArray, (z, y, x)
        Canonical voxels in HU.
    spaced : SpacedGrid
        The grid to resample to.
    kept : tuple of slice
        Part of that grid (z, y, x) that is wanted.
    """
    kept_z, kept_y, kept_x = kept
    if spaced.is_unchanged:
        for z in range(kept_z.start, kept_z.stop):
            yield scale_intensity(hu[z, kept_y, kept_x])
        return
    matrix = spaced.source_index_matrix
    depth, height, width = hu.shape
    new_rows = np.arange(kept_y.start, kept_y.stop, dtype=np.float64)
    new_columns = np.arange(kept_x.start, kept_x.stop, dtype=np.float64)
    column_drift = matrix[0, 1] * (new_rows - new_rows.mean())
    shares_columns = bool(np.abs(column_drift).max() <= SHARED_COLUMN_TOLERANCE)

    def source_rows(z: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        return _neighbours(matrix[1, 1] * new_rows + matrix[1, 2] * z + matrix[1, 3], height)

    def source_columns(z: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        at = matrix[0, 0] * new_columns + matrix[0, 1] * new_rows.mean() + matrix[0, 2] * z + matrix[0, 3]
        return _neighbours(at if shares_columns else at + column_drift[:, None], width)

    # The crop may leave out many source rows and columns. A tilted or oblique stack touches others in each slice, so
    # there all are kept.
    rows, columns = source_rows(kept_z.start), source_columns(kept_z.start)
    span_y = slice(0, height) if matrix[1, 2] else _span(rows)
    span_x = slice(0, width) if matrix[0, 2] or not shares_columns else _span(columns)
    # Buffers serve all slices: new memory for each would cost as much as the arithmetic.
    mixed = np.empty((span_y.stop - span_y.start, span_x.stop - span_x.start))
    below, above = np.empty((2, len(new_rows), mixed.shape[1]))
    left, right = np.empty((2, len(new_rows), len(new_columns)))
    recent: dict[int, NDArray[np.float32]] = {}
    for z in range(kept_z.start, kept_z.stop):
        low, high, weight = _neighbours(np.array([matrix[2, 2] * z + matrix[2, 3]]), depth)
        rows, columns = source_rows(z), source_columns(z)
        pair = (int(low[0]), int(high[0]))
        for index in pair:
            if index not in recent:
                outdated = next((old for old in recent if old not in pair), None)
                buffer = None if outdated is None else recent.pop(outdated)
                recent[index] = scale_intensity(hu[index, span_y, span_x], out=buffer)
        np.copyto(mixed, recent[pair[1]])
        _mix_into(mixed, recent[pair[0]], weight[0])
        np.take(mixed, rows[0] - span_y.start, axis=0, out=below, mode="clip")
        np.take(mixed, rows[1] - span_y.start, axis=0, out=above, mode="clip")
        _mix_into(above, below, rows[2][:, None])
        if shares_columns:
            np.take(above, columns[0] - span_x.start, axis=1, out=left, mode="clip")
            np.take(above, columns[1] - span_x.start, axis=1, out=right, mode="clip")
        else:
            left, right = (np.take_along_axis(above, index, axis=1) for index in columns[:2])
        _mix_into(right, left, columns[2])
        yield right.astype(np.float32)


def _span(neighbours: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]) -> slice:
    """Source indices between the lowest and the highest that are touched."""
    low, high, _ = neighbours
    return slice(int(low.min()), int(high.max()) + 1)


def _neighbours(
    position: NDArray[np.float64], size: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return lower index, upper index and weight of the upper one for positions clamped to the axis (border values
    repeat).
    """
    clamped = np.clip(position, 0, size - 1)
    low = np.floor(clamped).astype(np.intp)
    return low, np.minimum(low + 1, size - 1), clamped - low


def _mix_into(b: NDArray[np.float64], a: NDArray, weight: NDArray[np.float64] | np.float64) -> None:
    """Turn `b` into the linear interpolation from `a` (weight 0) to `b` (weight 1)."""
    b -= a
    b *= weight
    b += a


def body_positions_mm(volume: CTVolume) -> NDArray[np.float64]:
    """Return world positions (m, 3), mm (x, y, z), of the body's voxels on the coarse grid of `model.body.body_mask`."""
    mask, steps = body_mask(volume)
    return volume.geometry.world_of_voxel(np.argwhere(mask) * steps)


def body_fraction_inside(body_mm: NDArray[np.float64], grids: Sequence[WindowGrid]) -> float:
    """Share of the body that lies within the windows of any of the blocks, 0 to 1; 1 for a scan without a body.

    Parameters
    ----------
    body_mm : NDArray[float64], (m, 3)
        From `body_positions_mm`.
    grids : sequence of WindowGrid
        One block for each pass over the scan.
    """
    if len(body_mm) == 0:
        return 1.0
    is_seen = np.zeros(len(body_mm), dtype=bool)
    for grid in grids:
        to_block = np.linalg.inv(grid.geometry.affine)
        position = body_mm @ to_block[:3, :3].T + to_block[:3, 3]
        # Borders belong to the block: where the resampled scan ends half a voxel early, its last slice lies just on it.
        limit = np.array(grid.shape[::-1]) - 0.5 + BORDER_TOLERANCE
        is_seen |= ((position >= -0.5 - BORDER_TOLERANCE) & (position <= limit)).all(axis=1)
    return float(is_seen.mean())
