"""Where a placed sentence lies in a scan's windows: the localization targets (SPEC section 8).

The released rule looks at every pixel of a slice: it falls into a cell of the coarse grid (window in h and w, depth position in
d), and the depth with the most distinct cells wins, the lowest at equal numbers. Depth changes evenly with row and column, so it
is extreme at the corners of the slice: where all four lie in one depth position, so does every pixel, and one pixel inside
the block settles it. That is nearly every slice; only tilted ones are counted pixel by pixel.
`core.window_grid.depth_of_plane` is the readable version, and the tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_ct_grounding.core.geometry import VolumeGeometry
from train.data.datasets.scans import OnImage, OnPlane, PlacedSentence
from train.data.scan_records import ScanPlace, Snippet

__all__ = ["ImagePlanes", "depths_of_planes", "depths_of_z", "placed_snippets"]

#: What no slice is: the depth of one that the block does not hold.
OUTSIDE = -1
#: A corner nearer than this to the border of two positions (in positions) is left to the count of all pixels.
_BORDER = 1e-6
#: Pixels looked at along each axis of a slice before all are.
_NUM_SAMPLED = 16
#: Of a stretch, this much must lie in the block; else the sentence would aim beside what it speaks of.
MIN_VISIBLE_FRACTION = 0.5


class ImagePlanes:
    """The slices of an encoded volume by their image number.

    Parameters
    ----------
    geometry : VolumeGeometry
        Canonical, of the volume that was read.
    image_numbers : sequence of int or None
        Of each slice, most inferior first.
    """

    def __init__(self, geometry: VolumeGeometry, image_numbers: Sequence[int | None]) -> None:
        self._geometry = geometry
        self._slice_of = {number: index for index, number in enumerate(image_numbers) if number is not None}

    def plane(self, image_number: int) -> OnPlane | None:
        """Return the plane of an image; None when the volume has no image of that number."""
        index = self._slice_of.get(image_number)
        if index is None:
            return None
        affine = self._geometry.affine.copy()
        affine[:3, 3] = self._geometry.world_of_voxel((index, 0, 0))
        return OnPlane(affine, self._geometry.shape[1:])


def depths_of_planes(
    block_affine: ArrayLike,
    num_windows_hwd: tuple[int, int, int],
    planes: Iterable[OnPlane],
    *,
    window_hwd: tuple[int, int, int] = (128, 128, 32),
    voxels_per_position: int = 4,
) -> NDArray[np.int64]:
    """Return the depth position (n,) of each slice, 0 = most inferior; -1 for one outside the block.

    Parameters
    ----------
    block_affine : (4, 4)
        Voxel (x, y, z) of the block of windows to world RAS+ mm.
    num_windows_hwd : tuple of int
        Windows along (h, w, d).
    planes : iterable of OnPlane
    window_hwd : tuple of int
        Voxels of a window.
    voxels_per_position : int
        Voxels along depth of one position.
    """
    height, width, depth = window_hwd
    cell = np.array([height, width, voxels_per_position], dtype=np.float64)
    h, w, d = num_windows_hwd
    num_cells = np.array([h, w, d * depth // voxels_per_position])
    to_cells = np.eye(4)
    to_cells[:3, :3] = np.diag(cell)
    to_cells[:3, 3] = (cell - 1) / 2
    to_cell = np.linalg.inv(np.asarray(block_affine, dtype=np.float64) @ to_cells)
    return np.array([_depth(to_cell @ plane.affine, plane.shape, num_cells) for plane in planes], dtype=np.int64)


def _depth(matrix: NDArray[np.float64], shape: tuple[int, int], num_cells: NDArray[np.int64]) -> int:
    rows, columns = shape
    corner_rows, corner_columns = np.array([0, 0, rows - 1, rows - 1]), np.array([0, columns - 1, 0, columns - 1])
    along_depth = _positions(matrix, corner_rows, corner_columns)[2]
    lowest, highest = np.floor(along_depth.min() + 0.5 - _BORDER), np.floor(along_depth.max() + 0.5 + _BORDER)
    if highest < 0 or lowest >= num_cells[2]:
        return OUTSIDE
    if lowest == highest:
        some = np.meshgrid(_spread(rows), _spread(columns), indexing="ij")
        if _is_inside(_positions(matrix, *some), num_cells).any():
            return int(lowest)
    every = np.mgrid[:rows, :columns]
    position = _positions(matrix, *every)
    inside = _is_inside(position, num_cells)
    is_hit = np.zeros(tuple(num_cells), dtype=bool)
    is_hit[tuple(np.floor(axis[inside] + 0.5).astype(np.int64) for axis in position)] = True
    cells_of_depth = is_hit.sum(axis=(0, 1))
    return int(np.argmax(cells_of_depth)) if cells_of_depth.any() else OUTSIDE


def _positions(matrix: NDArray[np.float64], rows: NDArray, columns: NDArray) -> NDArray[np.float64]:
    """Return cell coordinates (h, w, d) first of pixels."""
    return np.stack([matrix[axis, 0] * columns + matrix[axis, 1] * rows + matrix[axis, 3] for axis in range(3)])


def _is_inside(position: NDArray[np.float64], num_cells: NDArray[np.int64]) -> NDArray[np.bool_]:
    size = num_cells.reshape(3, *(1,) * (position.ndim - 1))
    return np.all((position >= -0.5) & (position < size - 0.5), axis=0)


def _spread(size: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, size - 1, min(size, _NUM_SAMPLED)).round().astype(np.int64))


def depths_of_z(place: ScanPlace, z_mm: ArrayLike) -> NDArray[np.float64]:
    """Return the depth positions, fractions included, of world z in the middle of the field of view; beyond the ends, too."""
    first, step = place.depths_mm[0], place.depths_mm[1] - place.depths_mm[0]
    return (np.asarray(z_mm, dtype=np.float64) - first) / step


def placed_snippets(
    placed: Iterable[PlacedSentence],
    place: ScanPlace,
    images: ImagePlanes | None = None,
    *,
    window_hwd: tuple[int, int, int] = (128, 128, 32),
    voxels_per_position: int = 4,
    forgets_padding: bool = False,
) -> list[Snippet]:
    """Return the sentences that lie in the block, with their depth positions; the others are left out.

    Parameters
    ----------
    placed : iterable of PlacedSentence
    place : ScanPlace
    images : ImagePlanes, optional
        For sentences placed by image number; without it they are left out.
    window_hwd, voxels_per_position
        Of the block.
    forgets_padding : bool
        Take the block's corner for the scan's, as released (SPEC section 9, no. 3).
    """
    affine = place.released_affine if forgets_padding else place.affine
    shift = place.padding_hwd[2] / voxels_per_position if forgets_padding else 0.0
    snippets = []
    for item in placed:
        where = item.where
        if isinstance(where, OnImage):
            found = None if images is None else images.plane(where.number)
            if found is None:
                continue
            where = found
        if isinstance(where, OnPlane):
            depth = depths_of_planes(
                affine, place.grid_hwd, [where], window_hwd=window_hwd, voxels_per_position=voxels_per_position
            )
            if depth[0] != OUTSIDE:
                snippets.append(Snippet(item.sentences, int(depth[0])))
        else:
            low, high = np.sort(depths_of_z(place, (where.lo_mm, where.hi_mm))) - shift
            if (snippet := _in_extent(item.sentences, low, high, len(place.depths_mm))) is not None:
                snippets.append(snippet)
    return snippets


def _in_extent(sentences: tuple[str, ...], low: float, high: float, num_positions: int) -> Snippet | None:
    seen_low, seen_high = max(low, -0.5), min(high, num_positions - 0.5)
    # A stretch without length is a point: it is seen or not.
    if seen_high < seen_low or seen_high - seen_low < MIN_VISIBLE_FRACTION * (high - low):
        return None
    middle = int(np.clip(np.floor((seen_low + seen_high) / 2 + 0.5), 0, num_positions - 1))
    return Snippet(sentences, middle, (float(seen_low), float(seen_high)))
