"""Threads: tubes thinner than a voxel, painted by the volume that they take of each voxel."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_ct_grounding.phantom.shapes import Canvas, Patch

__all__ = ["paint_threads"]


def paint_threads(
    canvas: Canvas,
    start: NDArray[np.float64],
    stop: NDArray[np.float64],
    r_start: NDArray[np.float64],
    r_stop: NDArray[np.float64],
    value: float | NDArray,
    clip: NDArray | None = None,
) -> Patch | None:
    """Paint straight threads all at once.

    Parameters
    ----------
    canvas : Canvas
    start, stop : NDArray, (n, 3)
        Ends (x, y, z), reference mm.
    r_start, r_stop : NDArray, (n,)
    value : float
        HU.
    clip : NDArray, (z, y, x), optional
        Whole-canvas cover.
    """
    if not len(start):
        return None
    points, weight = _beads(start, stop, r_start, r_stop, 0.5 * min(canvas.step_mm))
    margin = max(canvas.step_mm)
    box = canvas.box(points.min(0) - margin, points.max(0) + margin)
    if box is None:
        return None
    shape = tuple(part.stop - part.start for part in box)
    if min(shape) < 2:
        return None
    corner = np.zeros(len(points), int)
    shares = []
    inside = np.ones(len(points), bool)
    for axis, part, coordinate, size in zip((canvas.z, canvas.y, canvas.x), box, points[:, ::-1].T, shape, strict=True):
        inside &= (coordinate >= axis[part.start]) & (coordinate < axis[part.stop - 1])
        place = np.interp(coordinate, axis[part], np.arange(size))
        base = np.minimum(place.astype(int), size - 2)
        corner = corner * size + base
        shares.append((place - base).astype(np.float32))
    corner, weight = corner[inside], weight[inside]
    shares = [share[inside] for share in shares]
    total = np.zeros(int(np.prod(shape)), np.float64)
    for k in (0, 1):
        for j in (0, 1):
            for i in (0, 1):
                own = weight.copy()
                for share, upper in zip(shares, (k, j, i), strict=True):
                    own *= share if upper else 1 - share
                step = (k * shape[1] + j) * shape[2] + i
                total += np.bincount(corner + step, own, len(total))
    cover = (total / np.prod(canvas.step_mm)).astype(np.float32).reshape(shape)
    return canvas.paint(Patch(box, np.minimum(cover, 1, out=cover)), value, clip)


def _beads(
    start: NDArray, stop: NDArray, r_start: ArrayLike, r_stop: ArrayLike, step_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Points along threads at about `step_mm`, and the volume (mm3) that each stands for."""
    length = np.linalg.norm(stop - start, axis=1)
    count = np.maximum(1, np.ceil(length / step_mm)).astype(int)
    owner = np.repeat(np.arange(len(start)), count)
    order = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    share = (order + 0.5) / count[owner]
    points = start[owner] + (stop - start)[owner] * share[:, None]
    radius = np.asarray(r_start)[owner] * (1 - share) + np.asarray(r_stop)[owner] * share
    return points, (np.pi * radius**2 * (length / count)[owner]).astype(np.float32)
