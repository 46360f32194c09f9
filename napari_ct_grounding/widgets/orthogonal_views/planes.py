"""Axial, coronal and sagittal planes of a volume as pictures in the radiological view. numpy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AXIAL",
    "CORONAL",
    "PLANES",
    "SAGITTAL",
    "Plane",
    "grey_of",
    "picture_of",
    "place_in_picture",
    "voxel_of_place",
]

Voxel = tuple[int, int, int]
Flips = tuple[bool, bool, bool]

#: Where the canonical axes (z, y, x) grow to, and where they come from.
_SIDES = (("S", "I"), ("A", "P"), ("R", "L"))


@dataclass(frozen=True)
class Plane:
    """One way to cut a volume (z, y, x).

    Parameters
    ----------
    name : str
    axis : int
        Which the plane stands across; the others run down and along the picture, in the order of the array.
    """

    name: str
    axis: int

    @property
    def row_axis(self) -> int:
        """Array axis that runs down the picture."""
        return 1 if self.axis == 0 else 0

    @property
    def column_axis(self) -> int:
        """Array axis that runs along the rows of the picture."""
        return 1 if self.axis == 2 else 2

    @property
    def letters(self) -> dict[str, str]:
        """Which side of the patient lies at each edge: head or front at the top, the patient's right or front on the left."""
        top, bottom = _SIDES[self.row_axis]
        left, right = _SIDES[self.column_axis]
        return {"top": top, "bottom": bottom, "left": left, "right": right}


AXIAL, CORONAL, SAGITTAL = Plane("Axial", 0), Plane("Coronal", 1), Plane("Sagittal", 2)
PLANES = (AXIAL, CORONAL, SAGITTAL)


def picture_of(data: Any, plane: Plane, index: int, flipped: Flips) -> NDArray:
    """Return one plane of an array as it stands on the screen: a view wherever `data` is a numpy array.

    Parameters
    ----------
    data : array, (z, y, x)
    plane : Plane
    index : int
        Along ``plane.axis`` of `data`.
    flipped : tuple of bool
        Axes of `data` that do not grow towards Superior, Anterior, Right.

    Returns
    -------
    NDArray, (rows, columns)
        Row 0 is the top: superior (axial planes: anterior). Column 0 is the left: the patient's right (sagittal: anterior).
    """
    cut: list[Any] = [slice(None)] * 3
    cut[plane.axis] = index
    for axis in (plane.row_axis, plane.column_axis):
        # The picture begins where the canonical axes end.
        cut[axis] = slice(None) if flipped[axis] else slice(None, None, -1)
    return np.asarray(data[tuple(cut)])


def grey_of(picture: NDArray, limits: tuple[float, float]) -> NDArray[np.uint8]:
    """Return a picture in 256 steps: 0 at the lower limit and below, 255 at the upper one and above."""
    low, high = limits
    scaled = (picture.astype(np.float32) - low) * (255.0 / max(high - low, 1e-6))
    return np.nan_to_num(np.clip(scaled, 0, 255)).astype(np.uint8)


def place_in_picture(plane: Plane, voxel: Voxel, shape: tuple[int, int, int], flipped: Flips) -> tuple[float, float]:
    """Return the place (down, along) of a voxel's centre in the picture, as shares (0 to 1) of its height and width."""
    down, along = (
        ((voxel[axis] if flipped[axis] else shape[axis] - 1 - voxel[axis]) + 0.5) / shape[axis]
        for axis in (plane.row_axis, plane.column_axis)
    )
    return down, along


def voxel_of_place(
    plane: Plane, place: tuple[float, float], voxel: Voxel, shape: tuple[int, int, int], flipped: Flips
) -> Voxel:
    """Return the voxel at a place (down, along) of the picture, clipped to the volume; across the plane that of `voxel`."""
    there = list(voxel)
    for axis, share in zip((plane.row_axis, plane.column_axis), place, strict=True):
        step = min(max(int(np.floor(share * shape[axis])), 0), shape[axis] - 1)
        there[axis] = step if flipped[axis] else shape[axis] - 1 - step
    z, y, x = there
    return z, y, x
