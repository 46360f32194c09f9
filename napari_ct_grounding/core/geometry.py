"""Where the voxels of a volume lie: one affine, one shape, everything else derived.

World is RAS+ millimetres as in nibabel: x grows to the patient's Right, y to Anterior, z to Superior. The affine maps
voxel indices in the order (x, y, z) to world (x, y, z), as nibabel's does; every tuple of a public face is in array order
(z, y, x) and says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_ct_grounding.core.errors import GeometryError

__all__ = ["Canonicalisation", "VolumeGeometry", "canonicalise"]

#: Two affines closer than this (mm) describe the same grid.
AFFINE_TOLERANCE_MM = 1e-3
#: Larger numbers are damage, and their squares overflow.
MAX_AFFINE_MM = 1e9


@dataclass(frozen=True, eq=False)
class VolumeGeometry:
    """The grid of a volume in the world.

    Parameters
    ----------
    affine : NDArray[float64], (4, 4)
        Voxel index (x, y, z) to world RAS+ mm (x, y, z). Read-only once stored.
    shape : tuple of int
        Number of voxels (z, y, x), each at least 1.

    Raises
    ------
    GeometryError
        When the affine is not finite, absurdly large, not affine, or has an axis of no length.
    """

    affine: NDArray[np.float64]
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        shape = tuple(int(n) for n in self.shape)
        if affine.shape != (4, 4):
            raise GeometryError(f"The affine has shape {affine.shape}; a volume needs a 4 x 4 matrix.")
        if not np.isfinite(affine).all():
            raise GeometryError("The affine holds NaN or infinity, so positions in mm are unknown. Repair the header.")
        if np.abs(affine).max() > MAX_AFFINE_MM:
            raise GeometryError(
                f"The affine holds {np.abs(affine).max():.3g}; beyond {MAX_AFFINE_MM:g} mm there is no scan. Repair the header."
            )
        if not np.allclose(affine[3], (0, 0, 0, 1)):
            raise GeometryError(f"The last row of the affine is {affine[3].tolist()}; it must be 0 0 0 1.")
        if abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise GeometryError("The affine has an axis of no length (pixel size 0?). Repair the header.")
        if len(shape) != 3 or min(shape) < 1:
            raise GeometryError(
                f"The shape {shape} is not that of a volume; three axes of at least one voxel are needed."
            )
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", shape)

    @classmethod
    def from_spacing(
        cls,
        shape: tuple[int, int, int],
        spacing_mm: tuple[float, float, float],
        origin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> VolumeGeometry:
        """Return an upright axial grid; `spacing_mm` and `origin_mm` (centre of voxel 0) are in array order (z, y, x)."""
        affine = np.diag([*spacing_mm[::-1], 1.0])
        affine[:3, 3] = origin_mm[::-1]
        return cls(affine, shape)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VolumeGeometry):
            return NotImplemented
        return self.shape == other.shape and np.array_equal(self.affine, other.affine)

    def __hash__(self) -> int:
        return hash((self.shape, self.affine.tobytes()))

    def __repr__(self) -> str:
        z, y, x = self.spacing_mm
        lo, hi = self.z_extent_mm
        return (
            f"VolumeGeometry({self.shape[0]} slices of {self.shape[1]} x {self.shape[2]}, spacing {z:.3g} x {y:.3g} x {x:.3g} mm "
            f"(z, y, x), z {lo:.1f} to {hi:.1f} mm, {self.obliquity_deg:.1f} degrees off axial)"
        )

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along each array axis, mm (z, y, x)."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(z), float(y), float(x)

    @property
    def origin_mm(self) -> tuple[float, float, float]:
        """World position of the centre of voxel (0, 0, 0), mm (z, y, x)."""
        x, y, z = self.affine[:3, 3]
        return float(z), float(y), float(x)

    @property
    def slice_normal(self) -> NDArray[np.float64]:
        """Unit normal of the slice plane in world (x, y, z), on the side to which the slices grow."""
        normal = np.cross(self.affine[:3, 0], self.affine[:3, 1])
        normal /= np.linalg.norm(normal)
        return normal if normal @ self.affine[:3, 2] > 0 else -normal

    @property
    def obliquity_deg(self) -> float:
        """Angle between the slice normal and the patient's long axis, degrees."""
        return float(np.degrees(np.arccos(np.clip(abs(self.slice_normal[2]), 0.0, 1.0))))

    @property
    def shear_deg(self) -> float:
        """Angle between the slice normal and the line through the slice centres (gantry tilt), degrees."""
        step = self.affine[:3, 2] / np.linalg.norm(self.affine[:3, 2])
        return float(np.degrees(np.arccos(np.clip(self.slice_normal @ step, -1.0, 1.0))))

    @property
    def z_extent_mm(self) -> tuple[float, float]:
        """World z of the lowest and the highest slice centre, mm."""
        a, b = self.z_of_slice(0), self.z_of_slice(self.shape[0] - 1)
        return (a, b) if a <= b else (b, a)

    def z_of_slice(self, index: float) -> float:
        """World z (mm) of the slice with this index, taken in the middle of the field of view."""
        _, ny, nx = self.shape
        return float(self.affine[2] @ ((nx - 1) / 2, (ny - 1) / 2, index, 1.0))

    def slice_of_z(self, z_mm: float) -> int:
        """Index of the slice whose centre (middle of the field of view) lies nearest to world `z_mm`, clipped to the scan."""
        step = self.affine[2, 2]
        index = int(np.floor((z_mm - self.z_of_slice(0)) / step + 0.5))
        return int(np.clip(index, 0, self.shape[0] - 1))

    def world_of_voxel(self, index: ArrayLike) -> NDArray[np.float64]:
        """World positions, mm in order (x, y, z), of voxel indices (..., 3) in array order (z, y, x)."""
        zyx = np.asarray(index, dtype=np.float64)
        return zyx[..., ::-1] @ self.affine[:3, :3].T + self.affine[:3, 3]

    def cropped(self, start: tuple[int, int, int], shape: tuple[int, int, int]) -> VolumeGeometry:
        """Return the grid of ``array[start : start + shape]``, both in array order (z, y, x); negative starts mean padding."""
        affine = self.affine.copy()
        affine[:3, 3] = self.world_of_voxel(start)
        return VolumeGeometry(affine, shape)


@dataclass(frozen=True, eq=False)
class Canonicalisation:
    """How a file's array became a canonical one: a transpose, then flips. Lossless.

    Parameters
    ----------
    geometry : VolumeGeometry
        Of the canonical array.
    axes : tuple of int
        ``axes[a]`` is the axis of the file's array (x, y, z as stored) that became array axis `a` of (z, y, x).
    flipped : tuple of bool
        Whether array axis `a` of (z, y, x) runs against the file's.
    """

    geometry: VolumeGeometry
    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    def apply(self, stored: NDArray) -> NDArray:
        """Return a view of `stored` (the file's array, in the order the affine names its axes) as canonical (z, y, x)."""
        array = stored.transpose(self.axes)
        return array[tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flipped)]

    def stored_slice_of(self, index: int) -> int:
        """Index along the file's own slice axis of the canonical slice `index`."""
        return self.geometry.shape[0] - 1 - index if self.flipped[0] else index


def canonicalise(affine: ArrayLike, stored_shape: tuple[int, int, int]) -> Canonicalisation:
    """Find the flips and the transpose that make a stored array grow towards Superior, Anterior and Right.

    Parameters
    ----------
    affine : (4, 4)
        Stored voxel index to world RAS+ mm, as nibabel's.
    stored_shape : tuple of int
        Shape of the stored array, in the order in which the affine names its axes.

    Returns
    -------
    Canonicalisation
        Each stored axis goes to the world axis it runs along best, as a one-to-one assignment (the polar factor decides for
        oblique scans, so shear and unequal spacing do not).

    Raises
    ------
    GeometryError
        When the affine describes no grid.
    """
    # Checks the affine before anything is computed from it; the axis order of `shape` does not matter here.
    checked = VolumeGeometry(np.asarray(affine, dtype=np.float64), stored_shape).affine
    directions = checked[:3, :3] / np.linalg.norm(checked[:3, :3], axis=0)
    u, _, vh = np.linalg.svd(directions)
    rotation = u @ vh
    # Greedy assignment on |rotation|: largest entry first, its row and column leave the game (as nibabel.io_orientation).
    strength = np.abs(rotation)
    world_of_stored = [0, 0, 0]
    for _ in range(3):
        world, stored = divmod(int(np.argmax(strength)), 3)
        world_of_stored[stored] = world
        strength[world, :] = -1
        strength[:, stored] = -1
    stored_of_world = [world_of_stored.index(world) for world in range(3)]
    canonical = np.eye(4)
    flipped_xyz = []
    for world, stored in enumerate(stored_of_world):
        column = checked[:3, stored]
        flip = bool(rotation[world, stored] < 0)
        flipped_xyz.append(flip)
        canonical[:3, world] = -column if flip else column
    corner = np.zeros(3)
    for world, stored in enumerate(stored_of_world):
        if flipped_xyz[world]:
            corner[stored] = stored_shape[stored] - 1
    canonical[:3, 3] = checked[:3, :3] @ corner + checked[:3, 3]
    axes = (stored_of_world[2], stored_of_world[1], stored_of_world[0])
    shape = (stored_shape[axes[0]], stored_shape[axes[1]], stored_shape[axes[2]])
    flipped = (flipped_xyz[2], flipped_xyz[1], flipped_xyz[0])
    return Canonicalisation(VolumeGeometry(canonical, shape), axes, flipped)
