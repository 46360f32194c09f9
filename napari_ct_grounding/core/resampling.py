"""The grid on which a model wants to see a scan, and where each of its points lies in the scan.

`spaced_grid` follows the rule of the released RadFinder chain: the scan keeps its own directions (an oblique scan stays
oblique, shear is dropped), its spacing becomes the model's, and the corner voxel stays where it is. `upright_grid` lays a
grid along the patient's axes instead, for scans whose slices are tilted. Matrices act on indices in the order (x, y, z),
like `VolumeGeometry.affine`; tuples are in array order (z, y, x).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.geometry import AFFINE_TOLERANCE_MM, VolumeGeometry

__all__ = ["SpacedGrid", "is_upright", "spaced_grid", "upright_grid"]

#: An axis whose spacing is this close (mm) to the wanted one keeps its own.
SPACING_TOLERANCE_MM = 1e-3
#: Two corners of the scan closer than this (in new voxels) along an axis count as equally low.
CORNER_TOLERANCE = 1e-8
#: Angles up to this (degrees) are a scanner's rounding: such a stack counts as axial and rectangular.
UPRIGHT_TOLERANCE_DEG = 0.5


@dataclass(frozen=True, eq=False)
class SpacedGrid:
    """A scan's grid at another spacing.

    Parameters
    ----------
    source : VolumeGeometry
        Of the canonical scan.
    geometry : VolumeGeometry
        Of the resampled scan.
    is_unchanged : bool
        Whether the source voxels serve as they are, without interpolation.
    """

    source: VolumeGeometry
    geometry: VolumeGeometry
    is_unchanged: bool

    @cached_property
    def source_index_matrix(self) -> NDArray[np.float64]:
        """(4, 4) matrix from an index (x, y, z) of the new grid to a fractional index (x, y, z) of the source.

        The directions of the new grid come from the source by removing a triangular factor, so the matrix is upper
        triangular: a new slice index alone decides the source slice, slice and row decide the source row. Its
        round-off below the diagonal is set to zero.
        """
        if self.is_unchanged:
            return np.eye(4)
        matrix = np.linalg.inv(self.source.affine) @ self.geometry.affine
        matrix[1, 0] = matrix[2, 0] = matrix[2, 1] = 0.0
        return matrix


def spaced_grid(source: VolumeGeometry, spacing_mm: tuple[float, float, float]) -> SpacedGrid:
    """Lay a grid of `spacing_mm` (z, y, x) over a canonical scan.

    Parameters
    ----------
    source : VolumeGeometry
        Of the canonical scan; oblique and sheared ones are allowed.
    spacing_mm : tuple of float
        Wanted distance between voxel centres, mm (z, y, x).

    Returns
    -------
    SpacedGrid
        Number of voxels per axis: the scan's extent between corner voxel centres in new voxels, plus one, rounded
        half to even.
    """
    matrix = source.affine[:3, :3]
    size = np.array(source.shape[::-1], dtype=np.float64)
    own = np.linalg.norm(matrix, axis=0)
    wanted = np.array(spacing_mm[::-1], dtype=np.float64)
    spacing = np.where(np.abs(own - wanted) <= SPACING_TOLERANCE_MM, own, wanted)
    # matrix = directions @ triangle, with orthonormal directions; the triangle holds spacing and shear.
    triangle = np.linalg.cholesky(matrix.T @ matrix).T
    new_matrix = (matrix @ np.linalg.inv(triangle)) * spacing

    corners = np.array(list(product(*((0.0, n - 1) for n in size))))
    corners_mm = corners @ matrix.T + source.affine[:3, 3]
    corners_new = corners_mm @ np.linalg.inv(new_matrix).T
    lowest = corners_new.min(axis=0)
    new_size = np.round(corners_new.max(axis=0) - lowest + 1).astype(int)

    is_lowest = (corners_new - lowest <= CORNER_TOLERANCE).all(axis=1)
    if is_lowest.any():
        origin = corners_mm[int(np.argmax(is_lowest))]
    else:
        # No corner is the lowest on all axes: the released chain then lets the two boxes share the point at half
        # their sizes (n / 2, not (n - 1) / 2, in both grids).
        origin = matrix @ (size / 2) + source.affine[:3, 3] - new_matrix @ (new_size / 2)
    affine = np.eye(4)
    affine[:3, :3] = new_matrix
    affine[:3, 3] = origin
    shape = (int(new_size[2]), int(new_size[1]), int(new_size[0]))
    is_unchanged = shape == source.shape and bool(
        np.allclose(affine, source.affine, rtol=0.0, atol=AFFINE_TOLERANCE_MM)
    )
    return SpacedGrid(source, source if is_unchanged else VolumeGeometry(affine, shape), is_unchanged)


def is_upright(geometry: VolumeGeometry) -> bool:
    """Whether slices lie axially, are stacked at right angles, and have rows at right angles to their columns, each within
    half a degree. A turn about the patient's long axis does not count.
    """
    x, y = (geometry.affine[:3, axis] / np.linalg.norm(geometry.affine[:3, axis]) for axis in (0, 1))
    skew_deg = float(np.degrees(np.arcsin(np.clip(abs(x @ y), 0.0, 1.0))))
    return max(geometry.obliquity_deg, geometry.shear_deg, skew_deg) <= UPRIGHT_TOLERANCE_DEG


def upright_grid(
    source: VolumeGeometry, spacing_mm: tuple[float, float, float], z_range_mm: tuple[float, float]
) -> VolumeGeometry:
    """Lay a grid of `spacing_mm` along the world's axes over a tilted or sheared scan.

    In x and y it holds every voxel centre of the scan, so its middle is the scan's. Along z that would add, for a tilt of
    20 degrees, some 6 cm of mostly empty corners at either end; the caller says what is worth it.

    Parameters
    ----------
    source : VolumeGeometry
        Of the canonical scan.
    spacing_mm : tuple of float
        Distance between voxel centres, mm (z, y, x).
    z_range_mm : tuple of float
        World z of the lowest and the highest slice centre wanted; cut to what the scan holds.
    """
    corners = np.array(list(product(*((0, n - 1) for n in source.shape))))
    corners_mm = source.world_of_voxel(corners)
    lowest, highest = corners_mm.min(axis=0), corners_mm.max(axis=0)
    lowest[2], highest[2] = max(lowest[2], z_range_mm[0]), min(highest[2], z_range_mm[1])
    spacing = np.array(spacing_mm[::-1], dtype=np.float64)
    x, y, z = np.round((highest - lowest) / spacing + 1).astype(int)  # half to even, as for the other grid
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = lowest
    return VolumeGeometry(affine, (int(z), int(y), int(x)))
