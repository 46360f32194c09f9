"""Soft-edged shapes painted into a grid: ellipsoids and tubes, each on its own bounding box only (more in `contours`).

All coordinates are those of the reference person (x patient right, y anterior, z superior, carina at z = 0; mm). A cover is
the share of a voxel that a shape fills, so that it passes 0.5 exactly at the analytic border.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Canvas", "Patch", "Solid", "rotation"]

Box = tuple[slice, slice, slice]
Floats = NDArray[np.float32]
#: Knots along each axis of a random field.
_KNOTS = 20
#: A point or three lengths, in order (x, y, z).
Vector = Sequence[float] | NDArray[np.floating]


class Patch(NamedTuple):
    """A cover (z, y, x) in [0, 1] and the box of the canvas on which it lies."""

    box: Box
    cover: NDArray[np.floating]


class Solid(NamedTuple):
    """A signed distance (z, y, x) in mm, negative inside, and the box of the canvas on which it is known."""

    box: Box
    distance: NDArray[np.floating]


def rotation(axis: str, degrees: float) -> NDArray[np.float64]:
    """Return a matrix (3, 3) in order (x, y, z) whose rows are the axes of a shape turned by `degrees` about `axis`."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = s, -s
    return matrix


class Canvas:
    """A grid of voxel centres and the HU painted into it.

    Parameters
    ----------
    z, y, x : array_like, (n,)
        Increasing voxel centres, mm in the frame of the reference person.
    background_hu : float
    """

    def __init__(self, z: ArrayLike, y: ArrayLike, x: ArrayLike, background_hu: float = -1000.0) -> None:
        self.z = np.asarray(z, np.float32)
        self.y = np.asarray(y, np.float32)
        self.x = np.asarray(x, np.float32)
        self.hu: Floats = np.full((len(self.z), len(self.y), len(self.x)), background_hu, np.float32)
        steps = [float(np.mean(np.diff(axis))) for axis in (self.z, self.y, self.x)]
        self.step_mm = (steps[0], steps[1], steps[2])
        self.soft_mm = float(np.mean(steps))
        #: Covers of the shapes that are followed: what later ones left of them. What is painted now belongs to `owners`.
        self.masks: dict[str, Floats] = {}
        self.owners: tuple[str, ...] = ()

    def box(self, low: ArrayLike, high: ArrayLike) -> Box | None:
        """Return the index box of the corners `low`, `high` (x, y, z) with a voxel of margin, or None when it is empty."""
        low, high = np.asarray(low, float), np.asarray(high, float)
        box = []
        for axis, step, lo, hi in zip((self.z, self.y, self.x), self.step_mm, low[::-1], high[::-1], strict=True):
            start = int(np.searchsorted(axis, lo - step))
            stop = int(np.searchsorted(axis, hi + step, side="right"))
            if stop <= start:
                return None
            box.append(slice(start, stop))
        return (box[0], box[1], box[2])

    def offsets(self, box: Box, centre: Vector = (0.0, 0.0, 0.0)) -> tuple[Floats, Floats, Floats]:
        """Return (dx, dy, dz) from `centre` on a box, shaped for broadcasting to (z, y, x)."""
        return (
            (self.x[box[2]] - np.float32(centre[0]))[None, None, :],
            (self.y[box[1]] - np.float32(centre[1]))[None, :, None],
            (self.z[box[0]] - np.float32(centre[2]))[:, None, None],
        )

    def ellipsoid(
        self,
        centre: Vector,
        semi: Vector,
        turn: NDArray[np.float64] | None = None,
        power: float = 2.0,
    ) -> Patch | None:
        """Return the patch of an ellipsoid (or superellipsoid, `power` > 2) with semi-axes `semi` (x, y, z), mm."""
        axes = np.eye(3) if turn is None else turn
        axes_mm = np.asarray(semi, float)
        half = axes_mm if turn is None else np.sqrt(((axes * axes_mm[:, None]) ** 2).sum(0))
        box = self.box(np.asarray(centre) - half, np.asarray(centre) + half)
        if box is None:
            return None
        dx, dy, dz = self.offsets(box, centre)
        total: NDArray = np.float32(0)  # type: ignore[assignment]
        for row, length in zip(axes, axes_mm, strict=True):
            row = (row / length).astype(np.float32)
            part: NDArray = np.float32(0)  # type: ignore[assignment]
            for weight, delta in zip(row, (dx, dy, dz), strict=True):
                if abs(weight) > 1e-7:
                    part = part + weight * delta
            total = total + (part * part if power == 2.0 else np.abs(part) ** np.float32(power))
        smallest = float(axes_mm.min())
        if power == 2.0:
            # First-order distance to the surface: the same softness on the flat and on the narrow sides.
            slope: NDArray = np.float32(0)  # type: ignore[assignment]
            for row, length in zip(axes, axes_mm, strict=True):
                part = np.float32(0)  # type: ignore[assignment]
                for weight, delta in zip((row / length**2).astype(np.float32), (dx, dy, dz), strict=True):
                    if abs(weight) > 1e-9:
                        part = part + weight * delta
                slope = slope + part * part
            q = np.sqrt(total)
            depth = (1 - q) * q / np.sqrt(np.maximum(slope, np.float32(1e-8)))
            depth = np.where(q < 0.25, np.float32(smallest), depth)
        else:
            depth = (1 - total ** np.float32(1 / power)) * np.float32(smallest)
        cover = np.clip(depth * np.float32(1 / min(self.soft_mm, 2 * smallest)) + 0.5, 0, 1)
        if smallest < self.soft_mm / 2:
            cover *= np.float32(max(2 * smallest / self.soft_mm, 0.15))
        return Patch(box, np.broadcast_to(cover, tuple(s.stop - s.start for s in box)))

    def capsule(self, start: Vector, stop: Vector, r_start: float, r_stop: float) -> Patch | None:
        """Return the patch of a round-ended cone between two points (x, y, z)."""
        a, b = np.asarray(start, np.float64), np.asarray(stop, np.float64)
        soft = self.soft_mm
        widest = max(r_start, r_stop)
        reach = max(widest, soft / 2)
        box = self.box(np.minimum(a, b) - reach, np.maximum(a, b) + reach)
        if box is None:
            return None
        d = b - a
        length2 = float(d @ d) or 1e-6
        dx, dy, dz = self.offsets(box, a)
        w = (d / length2).astype(np.float32)
        t = np.clip(dx * w[0] + dy * w[1] + dz * w[2], 0, 1)
        dist = np.sqrt(
            (dx - t * np.float32(d[0])) ** 2 + (dy - t * np.float32(d[1])) ** 2 + (dz - t * np.float32(d[2])) ** 2
        )
        radius = np.float32(max(r_start, soft / 2)) + t * np.float32(max(r_stop, soft / 2) - max(r_start, soft / 2))
        cover = np.clip((radius - dist) * np.float32(1 / soft) + 0.5, 0, 1)
        if widest < soft / 2:  # a tube thinner than a voxel keeps its cross-section
            cover *= np.float32((2 * widest / soft) ** 2)
        return Patch(box, cover)

    def cover(self, solid: Solid | None, grow_mm: float = 0.0) -> Patch | None:
        """Return the patch of a solid, grown by `grow_mm`."""
        if solid is None:
            return None
        cover = solid.distance * np.float32(-1 / self.soft_mm)
        cover += np.float32(0.5 + grow_mm / self.soft_mm)
        return Patch(solid.box, np.clip(cover, 0, 1, out=cover))

    def paint_bone(self, solid: Solid | None, cortex_mm: float, cortex_hu: float, marrow_hu: float) -> None:
        """Paint a solid with a rind of `cortex_mm` and another value within."""
        self.paint(self.cover(solid), cortex_hu)
        self.paint(self.cover(solid, -cortex_mm), marrow_hu)

    def paint(self, patch: Patch | None, hu: float | NDArray, clip: NDArray | None = None) -> Patch | None:
        """Blend `hu` into the canvas by the cover of a patch, times `clip` (a whole-canvas cover); return what was painted."""
        if patch is None:
            return None
        if clip is not None:
            patch = Patch(patch.box, patch.cover * clip[patch.box])
        target = self.hu[patch.box]
        target += patch.cover * (hu - target)
        for name, mask in self.masks.items():
            part = mask[patch.box]
            part += patch.cover * (float(name in self.owners) - part)
        return patch

    def paint_ellipsoid(
        self,
        centre: Vector,
        semi: Vector,
        hu: float,
        turn: NDArray[np.float64] | None = None,
        clip: NDArray | None = None,
        power: float = 2.0,
    ) -> Patch | None:
        """Paint an ellipsoid; see `ellipsoid`."""
        return self.paint(self.ellipsoid(centre, semi, turn, power), hu, clip)

    def paint_tube(
        self, points: ArrayLike, radius: float | Vector, hu: float, clip: NDArray | None = None
    ) -> tuple[float, float]:
        """Paint a tube along a polyline (n, 3) of (x, y, z); return its lowest and highest z, mm."""
        path = np.asarray(points, float)
        radii = np.broadcast_to(np.asarray(radius, float), (len(path),))
        for i in range(len(path) - 1):
            self.paint(self.capsule(path[i], path[i + 1], radii[i], radii[i + 1]), hu, clip)
        return float((path[:, 2] - radii).min()), float((path[:, 2] + radii).max())

    def field(self, box: Box, cell_mm: float, rng: np.random.Generator) -> Floats:
        """Return a smooth random field, about unit deviation, on a box: the same for the same `rng` on every grid."""
        # The knots are fixed in the person and repeat after 20 cells, so a rescan with another range meets the same tissue.
        weights = []
        for axis, part in zip((self.z, self.y, self.x), box, strict=True):
            place = np.mod(axis[part] / cell_mm, _KNOTS)
            base = np.minimum(place.astype(int), _KNOTS - 1)
            matrix = np.zeros((len(place), _KNOTS), np.float32)
            rows = np.arange(len(place))
            matrix[rows, base] = 1 - (place - base)
            matrix[rows, (base + 1) % _KNOTS] += place - base
            weights.append(matrix)
        knots = rng.standard_normal((_KNOTS,) * 3, dtype=np.float32)
        rolled = np.tensordot(weights[0], knots, (1, 0))
        rolled = np.matmul(weights[1], rolled) @ (weights[2].T * np.float32(1.6))
        return rolled
