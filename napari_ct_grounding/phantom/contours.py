"""Solids drawn the way an anatomy atlas draws them: closed outlines or open lines on axial slices, joined along z.

Outlines are lists of (x, y) points in reference mm. Between two drawn levels the signed distance is interpolated, beyond the
first and last one it grows with the distance from that level, so that the ends are rounded.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_ct_grounding.phantom.shapes import Box, Canvas, Floats, Patch, Solid

__all__ = ["Level", "Wobble", "ball", "join", "loft", "meet", "mirrored", "ribbon", "rod", "shell", "tube"]

#: Reference z and the points (x, y) of one outline.
Level = tuple[float, ArrayLike]
#: Amplitude (mm), cell (mm) and random stream of an uneven surface.
Wobble = tuple[float, float, np.random.Generator]

_ANGLES = 64


def mirrored(half: ArrayLike) -> NDArray[np.float64]:
    """Return a closed outline from its right half, drawn from the back to the front midline."""
    points = np.asarray(half, float)
    inner = points[np.abs(points[:, 0]) > 1e-6]
    return np.concatenate([points, inner[::-1] * (-1, 1)])


def _rounded(points: NDArray[np.float64], pieces: int = 5) -> NDArray[np.float64]:
    """Catmull-Rom curve through closed points (n, 2)."""
    a, b, c, d = (np.roll(points, shift, axis=0)[:, None] for shift in (1, 0, -1, -2))
    t = (np.arange(pieces) / pieces)[None, :, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return curve.reshape(-1, 2)


def _radii(points: NDArray[np.float64], centre: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    """Radius and cosine of the slope of a star-shaped outline at `_ANGLES` + 1 equal angles from -pi to pi."""
    offset = _rounded(points) - centre
    angle = np.arctan2(offset[:, 1], offset[:, 0])
    grid = np.linspace(-np.pi, np.pi, _ANGLES + 1)
    radius = np.interp(grid, *_sorted(angle, np.hypot(offset[:, 0], offset[:, 1])), period=2 * np.pi)
    bend = (np.roll(radius[:-1], -1) - np.roll(radius[:-1], 1)) * (_ANGLES / (4 * np.pi))
    cosine = radius[:-1] / np.hypot(radius[:-1], bend)
    return radius, np.append(cosine, cosine[0])


def _sorted(angle: NDArray, value: NDArray) -> tuple[NDArray, NDArray]:
    order = np.argsort(angle)
    return angle[order], value[order]


def _centroid(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre of the area of a closed outline."""
    after = np.roll(points, -1, axis=0)
    cross = points[:, 0] * after[:, 1] - after[:, 0] * points[:, 1]
    return ((points + after) * cross[:, None]).sum(0) / (3 * cross.sum())


def _rows(canvas: Canvas, z: NDArray[np.float64], cap: float, reach: float) -> tuple[slice, NDArray, NDArray] | None:
    """Rows of the canvas near levels `z`, the weight of every level there and the distance past the ends times `cap`."""
    past = reach / cap + canvas.step_mm[0]
    first, last = np.searchsorted(canvas.z, (z[0] - past, z[-1] + past))
    if last <= first:
        return None
    own = canvas.z[first:last].astype(float)
    inside = np.clip(own, z[0], z[-1])
    base = np.clip(np.searchsorted(z, inside, side="right") - 1, 0, max(len(z) - 2, 0))
    weights = np.zeros((len(own), len(z)), np.float32)
    share = (inside - z[base]) / (z[base + 1] - z[base]) if len(z) > 1 else np.zeros(len(own))
    weights[np.arange(len(own)), base] = 1 - share
    if len(z) > 1:
        weights[np.arange(len(own)), base + 1] = share
    return slice(int(first), int(last)), weights, (np.abs(own - inside) * cap).astype(np.float32)


def _plane(canvas: Canvas, low: NDArray, high: NDArray) -> tuple[slice, slice] | None:
    box = canvas.box((low[0], low[1], canvas.z[0]), (high[0], high[1], canvas.z[-1]))
    return None if box is None else (box[1], box[2])


def loft(
    canvas: Canvas,
    levels: Sequence[Level],
    *,
    cap: float = 1.5,
    margin_mm: float = 0.0,
    wobble: Wobble | None = None,
    within: tuple[float, float] | None = None,
) -> Solid | None:
    """Return the solid through closed, star-shaped outlines.

    Parameters
    ----------
    canvas : Canvas
    levels : sequence of (z, points (n, 2))
        At any order of z; n may differ.
    cap : float
        How fast the ends close; 1 gives the longest caps.
    margin_mm : float
        How far outside the outline distances are still needed.
    wobble : (mm, mm, Generator), optional
        Makes the surface uneven.
    within : (float, float), optional
        Reference z between which the solid is needed.
    """
    ordered = sorted(((float(z), np.asarray(points, float)) for z, points in levels), key=lambda level: level[0])
    heights = np.array([z for z, _ in ordered])
    every = np.concatenate([points for _, points in ordered])
    low, high = every.min(0), every.max(0)
    found = _rows(canvas, heights, cap, float((high - low).min()) / 2 + margin_mm)
    plane = _plane(canvas, low - margin_mm - canvas.soft_mm, high + margin_mm + canvas.soft_mm)
    if found is None or plane is None:
        return None
    rows, weights, past = found
    if within is not None:
        start, stop = np.searchsorted(canvas.z, within)
        start, stop = max(start, rows.start), min(stop, rows.stop)
        if stop <= start:
            return None
        weights, past = weights[start - rows.start : stop - rows.start], past[start - rows.start : stop - rows.start]
        rows = slice(int(start), int(stop))
    used = np.flatnonzero(weights.any(axis=0))
    y, x = canvas.y[plane[0]], canvas.x[plane[1]]
    grid = np.linspace(-np.pi, np.pi, _ANGLES + 1)
    planes = np.empty((len(used), len(y), len(x)), np.float32)
    for k, level in enumerate(used):
        points = ordered[level][1]
        centre = _centroid(points)
        dx, dy = x - np.float32(centre[0]), (y - np.float32(centre[1]))[:, None]
        radius, cosine = _radii(points, centre)
        angle = np.arctan2(dy, dx)
        planes[k] = (np.hypot(dx, dy) - np.interp(angle, grid, radius)) * np.interp(angle, grid, cosine)
    distance = (weights[:, used] @ planes.reshape(len(used), -1)).reshape(len(weights), len(y), len(x))
    distance += past[:, None, None]
    box = (rows, *plane)
    if wobble is not None:
        distance += canvas.field(box, wobble[1], wobble[2]) * np.float32(wobble[0] / 1.6)
    return Solid(box, distance)


def ribbon(canvas: Canvas, levels: Sequence[tuple[float, ArrayLike, float]], *, cap: float = 2.0) -> Solid | None:
    """Return a plate: open lines (n, 2) on axial slices with half a thickness each, joined along z."""
    ordered = sorted(levels, key=lambda level: level[0])
    lines = [np.asarray(points, float) for _, points, _ in ordered]
    heights = np.array([float(level[0]) for level in ordered])
    thick = max(float(level[2]) for level in ordered)
    every = np.concatenate(lines)
    found = _rows(canvas, heights, cap, thick)
    plane = _plane(canvas, every.min(0) - thick - canvas.soft_mm, every.max(0) + thick + canvas.soft_mm)
    if found is None or plane is None:
        return None
    rows, weights, past = found
    used = np.flatnonzero(weights.any(axis=0))
    y, x = canvas.y[plane[0]][:, None], canvas.x[plane[1]][None, :]
    planes = np.empty((len(used), y.shape[0], x.shape[1]), np.float32)
    for k, level in enumerate(used):
        nearest: NDArray | None = None
        for a, b in zip(lines[level][:-1], lines[level][1:], strict=True):
            d = (b - a).astype(np.float32)
            dx, dy = x - np.float32(a[0]), y - np.float32(a[1])
            t = np.clip((dx * d[0] + dy * d[1]) / max(float(d @ d), 1e-6), 0, 1)
            gap = (dx - t * d[0]) ** 2 + (dy - t * d[1]) ** 2
            nearest = gap if nearest is None else np.minimum(nearest, gap)
        planes[k] = np.sqrt(nearest) - np.float32(ordered[level][2])  # type: ignore[arg-type]
    distance = (weights[:, used] @ planes.reshape(len(used), -1)).reshape(len(weights), *planes.shape[1:])
    distance += past[:, None, None]
    return Solid((rows, *plane), distance)


def shell(canvas: Canvas, solid: Solid | None, inner_mm: float, outer_mm: float) -> Patch | None:
    """Return the patch between two distances (mm, outwards positive) from the surface of a solid."""
    if solid is None:
        return None
    middle, half = (inner_mm + outer_mm) / 2, (outer_mm - inner_mm) / 2
    cover = np.clip((np.float32(half) - np.abs(solid.distance - np.float32(middle))) / canvas.soft_mm + 0.5, 0, 1)
    if 2 * half < canvas.soft_mm:
        cover *= np.float32(2 * half / canvas.soft_mm / (0.5 + half / canvas.soft_mm))
    return Patch(solid.box, cover)


def join(canvas: Canvas, solids: Sequence[Solid | None], blend_mm: float = 0.0) -> Solid | None:
    """Return the union of solids on one box, with a fillet of about `blend_mm`; the first one may be changed."""
    known = [solid for solid in solids if solid is not None]
    if not known:
        return None
    box: Box = tuple(  # type: ignore[assignment]
        slice(min(s.box[k].start for s in known), max(s.box[k].stop for s in known)) for k in range(3)
    )
    if known[0].box == box:
        out: Floats = known[0].distance
        known = known[1:]
    else:
        out = np.full([part.stop - part.start for part in box], 1e3, np.float32)
    for solid in known:
        view = out[tuple(slice(s.start - b.start, s.stop - b.start) for s, b in zip(solid.box, box, strict=True))]
        if blend_mm:
            gap = np.clip(np.float32(0.5) + (view - solid.distance) / np.float32(2 * blend_mm), 0, 1)
            view[:] = view * (1 - gap) + solid.distance * gap - np.float32(blend_mm) * gap * (1 - gap)
        else:
            np.minimum(view, solid.distance, out=view)
    return Solid(box, out)


def ball(
    canvas: Canvas,
    centre: ArrayLike,
    semi: ArrayLike,
    margin_mm: float = 0.0,
    turn: NDArray[np.float64] | None = None,
    power: float = 2.0,
) -> Solid | None:
    """Return the solid of an ellipsoid (superellipsoid) with semi-axes along the rows of `turn`.

    Distances are right near its surface.
    """
    middle, axes = np.asarray(centre, float), np.asarray(semi, float)
    rows = np.eye(3) if turn is None else turn
    half = np.sqrt(((rows * axes[:, None]) ** 2).sum(0)) + margin_mm
    box = canvas.box(middle - half, middle + half)
    if box is None:
        return None
    offsets = canvas.offsets(box, middle)
    parts: list[NDArray] = []
    for row, length in zip(rows, axes, strict=True):
        weights = [np.float32(weight / length) for weight in row]
        parts.append(offsets[0] * weights[0] + offsets[1] * weights[1] + offsets[2] * weights[2])
    if power != 2.0:
        total = np.sum([np.abs(part) ** np.float32(power) for part in parts], axis=0)
        return Solid(box, (total ** np.float32(1 / power) - 1) * np.float32(axes.min()))
    q = np.sqrt(parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2)
    a, b, c = (part / np.float32(length) for part, length in zip(parts, axes, strict=True))
    return Solid(box, (q - 1) * q / np.maximum(np.sqrt(a**2 + b**2 + c**2), np.float32(0.3 / axes.max())))


def rod(
    canvas: Canvas, start: ArrayLike, stop: ArrayLike, r_start: float, r_stop: float, margin_mm: float = 0.0
) -> Solid | None:
    """Return the solid of a round-ended cone between two points (x, y, z)."""
    a, b = np.asarray(start, float), np.asarray(stop, float)
    reach = max(r_start, r_stop) + margin_mm
    box = canvas.box(np.minimum(a, b) - reach, np.maximum(a, b) + reach)
    if box is None:
        return None
    d = b - a
    dx, dy, dz = canvas.offsets(box, a)
    w = (d / max(float(d @ d), 1e-6)).astype(np.float32)
    t = np.clip(dx * w[0] + dy * w[1] + dz * w[2], 0, 1)
    gap = (dx - t * np.float32(d[0])) ** 2 + (dy - t * np.float32(d[1])) ** 2 + (dz - t * np.float32(d[2])) ** 2
    return Solid(box, np.sqrt(gap) - np.float32(r_start) - t * np.float32(r_stop - r_start))


def tube(
    canvas: Canvas, points: ArrayLike, radii: ArrayLike, blend_mm: float = 0.0, margin_mm: float = 0.0
) -> Solid | None:
    """Return the solid of a tube along a polyline (n, 3), its pieces blended."""
    path = np.asarray(points, float)
    wide = np.broadcast_to(np.asarray(radii, float), (len(path),))
    pieces = [rod(canvas, path[k], path[k + 1], wide[k], wide[k + 1], margin_mm) for k in range(len(path) - 1)]
    return join(canvas, pieces, blend_mm)


def meet(solid: Solid, other: Solid) -> Solid:
    """Return what two solids share, on the box that they share; outside it nothing is left."""
    box = tuple(
        slice(max(a.start, b.start), max(a.start, b.start, min(a.stop, b.stop)))
        for a, b in zip(solid.box, other.box, strict=True)
    )
    parts = [
        s.distance[tuple(slice(k.start - o.start, k.stop - o.start) for k, o in zip(box, s.box, strict=True))]
        for s in (solid, other)
    ]
    return Solid(box, np.maximum(*parts))  # type: ignore[arg-type]
