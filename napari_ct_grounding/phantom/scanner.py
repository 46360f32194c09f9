"""The scanner: range, grid, couch, pose, resolution, noise, streaks and padding."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_ct_grounding.phantom.body import Person
from napari_ct_grounding.phantom.shapes import Canvas

__all__ = ["PROTOCOLS", "ScanPlan", "finish", "paint_couch", "plan_scan", "turn_slices"]

#: Protocol name -> (weight, start above the carina, end below), reference mm.
PROTOCOLS: dict[str, tuple[float, float, float]] = {
    "chest": (0.36, 95, -215),
    "neck-chest": (0.1, 175, -225),
    "chest-abdomen-pelvis": (0.18, 105, -550),
    "abdomen-pelvis": (0.15, -100, -550),
    "upper-abdomen": (0.07, -100, -345),
    "head-neck-chest": (0.04, 255, -180),
    "short": (0.1, 0, 0),
}


_BLOCK = 32
_THREADS = 2


@dataclass(frozen=True)
class ScanPlan:
    """What will be scanned: protocol, real z range (carina at 0), field of view, patient centre and pose."""

    protocol: str
    z_lo: float
    z_hi: float
    fov_mm: float
    centre_x: float
    centre_y: float
    turn_deg: float


def plan_scan(
    person: Person, rng: np.random.Generator, z_range: str | tuple[float, float], fov_mm: float | None
) -> ScanPlan:
    """Choose what is scanned; `z_range` is "random", a protocol name, or (lowest, highest) in real mm from the carina."""
    names = list(PROTOCOLS)
    weights = np.array([PROTOCOLS[n][0] for n in names])
    protocol = str(rng.choice(names, p=weights / weights.sum()))
    jitter = rng.normal(0, 14, 2)
    length, place = rng.uniform(120, 260), rng.uniform()
    if isinstance(z_range, str):
        if z_range != "random":
            protocol = z_range
        _, top, bottom = PROTOCOLS[protocol]
        if protocol == "short":
            top = -560 + length + place * (150 + 560 - length)
            bottom = top - length
        low, high = person.real_z(bottom + jitter[0]), person.real_z(top + jitter[1])
        if rng.random() < 0.1:  # a scan cut too short
            cut = rng.uniform(20, 60)
            low, high = (low + cut, high) if rng.random() < 0.5 else (low, high - cut)
    else:
        protocol, (low, high) = "given", z_range
    view = float(np.clip(rng.normal(400 + 60 * person.scale_x * (person.fat_mm > 24), 35), 330, 500))
    centre = rng.normal(0, (9, 12))
    turn = float(np.clip(rng.normal(0, 2.0), -6, 6)) if rng.random() < 0.6 else 0.0
    return ScanPlan(protocol, low, high, fov_mm or view, float(centre[0]), float(centre[1]), turn)


def paint_couch(canvas: Canvas, person: Person, rng: np.random.Generator) -> None:
    """Paint a curved or flat couch below the back, in the air only: two thin shells with foam between, at times a cushion."""
    back = float(person.skin_at(-100)[1])
    depth = back - rng.uniform(1, 9)
    curved = rng.random() < 0.7
    radius = rng.uniform(420, 620)
    rise = canvas.x**2 / (2 * radius) if curved else np.zeros_like(canvas.x)
    surface = depth + rise
    wide = np.abs(canvas.x) < rng.uniform(200, 260)
    thick = rng.uniform(20, 70)
    shell_mm, shell_hu = rng.uniform(0.8, 2.5), rng.uniform(300, 1000)
    flat = rng.uniform(0.0, 1.0) if rng.random() < 0.7 else 1.0  # the lower shell is less curved
    cushion = rng.uniform(4, 14) if rng.random() < 0.4 else 0.0
    y = canvas.y[:, None]
    step = canvas.step_mm[1]
    shell = np.zeros((len(canvas.y), len(canvas.x)))
    for line in (surface - 3 - cushion, depth - 3 - cushion - thick + flat * rise):
        share = min(1.0, shell_mm / step)
        shell = np.maximum(shell, share * np.clip(1.5 - np.abs(y - line) / max(step, shell_mm / 2), 0, 1))
    foam = ((y < surface - cushion) & (y > surface - cushion - thick)).astype(np.float32)
    soft = ((y < surface) & (y > surface - cushion)).astype(np.float32)
    values = -1000 + foam * 50 + soft * rng.uniform(20, 80) + shell * shell_hu
    values = np.where(wide[None, :] & (y < surface + 4), values, -1000).astype(np.float32)
    canvas.hu[:] = values


def finish(
    hu: NDArray[np.float32],
    spacing_mm: tuple[float, float, float],
    plan: ScanPlan,
    rng: np.random.Generator,
    noise: bool,
) -> NDArray[np.int16]:
    """Turn painted HU (z, y, x) into what a scanner stores: pose, blur, streaks, noise, offset, padding, int16."""
    if plan.turn_deg:
        turn_slices(hu, plan.turn_deg, spacing_mm)
    dz, dy, dx = spacing_mm
    sharp = rng.uniform(0.25, 1.1)
    thick = rng.choice((0.0, rng.uniform(0.5, 4.0)))
    level, streak_level = float(np.exp(rng.uniform(np.log(4), np.log(38)))), rng.uniform(0.3, 1.6)
    grain, offset = rng.uniform(0.0, 1.0), rng.normal(0, 4)
    padding, circle = rng.choice((-1024, -2000, -3024, -1000)), rng.random() < 0.5
    field_seed = int(rng.integers(1 << 31))
    if noise:
        sigma = (thick / dz * 0.5, sharp / dy, sharp / dx)
        for axis, width in enumerate(sigma):
            if width > 0.15:
                ndimage.gaussian_filter1d(hu, min(width, 0.9), axis, output=hu, mode="nearest", truncate=2.0)
        _degrade(hu, spacing_mm, np.random.default_rng(field_seed), level, grain, streak_level, offset)
    out = np.rint(np.clip(hu, -1024, 3071, out=hu), out=hu).astype(np.int16)
    if circle:
        ny, nx = out.shape[1:]
        yy = (np.arange(ny) - (ny - 1) / 2)[:, None] * dy
        xx = (np.arange(nx) - (nx - 1) / 2)[None, :] * dx
        outside = yy**2 + xx**2 > (min(ny * dy, nx * dx) / 2) ** 2
        out[:, outside] = padding
    return out


def turn_slices(hu: NDArray[np.float32], degrees: float, spacing_mm: tuple[float, float, float]) -> None:
    """Turn every slice about the middle of the picture, in place."""
    _, ny, nx = hu.shape
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    y = (np.arange(ny) - (ny - 1) / 2)[:, None] * spacing_mm[1]
    x = (np.arange(nx) - (nx - 1) / 2)[None, :] * spacing_mm[2]
    row = np.clip((c * y - s * x) / spacing_mm[1] + (ny - 1) / 2, 0, ny - 1.001)
    column = np.clip((s * y + c * x) / spacing_mm[2] + (nx - 1) / 2, 0, nx - 1.001)
    j, i = row.astype(np.int32), column.astype(np.int32)
    down, across = (row - j).astype(np.float32), (column - i).astype(np.float32)
    corner = (j * nx + i).ravel()
    weights = [(a * b).ravel() for a in (1 - down, down) for b in (1 - across, across)]

    def turn(plane: NDArray[np.float32]) -> None:
        flat = plane.ravel()
        new = weights[0] * flat[corner]
        for step, weight in zip((1, nx, nx + 1), weights[1:], strict=True):
            new += weight * flat[corner + step]
        plane[:] = new.reshape(ny, nx)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(turn, hu))


def _tiles(
    shape: tuple[int, int], response: NDArray, count: int, rng: np.random.Generator
) -> list[NDArray[np.float32]]:
    """Random pictures of unit deviation with a given response in the frequency plane."""
    out = []
    for _ in range(count):
        spectrum = np.fft.rfft2(rng.standard_normal(shape, dtype=np.float32)) * response
        tile = np.fft.irfft2(spectrum, s=shape).astype(np.float32)
        out.append(tile / max(float(tile.std()), 1e-6))
    return out


def _mixture(tiles: list[NDArray[np.float32]], rng: np.random.Generator) -> NDArray[np.float32]:
    """A new random picture out of two shifted tiles."""
    a, b = rng.choice(len(tiles), 2, replace=False)
    angle = rng.uniform(0, 2 * np.pi)
    shifts = rng.integers(0, tiles[0].shape, (2, 2))
    mixed = np.roll(tiles[a], tuple(shifts[0]), (0, 1)) * np.float32(np.cos(angle))
    mixed += np.roll(tiles[b], tuple(shifts[1]), (0, 1)) * np.float32(np.sin(angle))
    return mixed


def _degrade(
    hu: NDArray[np.float32],
    spacing_mm: tuple[float, float, float],
    rng: np.random.Generator,
    level: float,
    grain: float,
    streak_level: float,
    offset: float,
) -> None:
    """Add quantum noise with the texture of a kernel, streaks along wide bone, rays of metal, shading and an offset, in place."""
    _, dy, dx = spacing_mm
    ny, nx = hu.shape[1:]
    fy, fx = np.fft.fftfreq(ny, dy)[:, None], np.fft.rfftfreq(nx, dx)[None, :]
    f = np.hypot(fy, fx)
    # Noise power of filtered back projection: a ramp, cut by the kernel; a floor of low frequencies from iterative methods.
    peak = float(np.interp(grain, (0, 1), (0.55, 0.13)))
    response = np.sqrt((f + 0.03) * np.exp(-((f / peak) ** 2)))
    tiles = _tiles((ny, nx), response, 5, rng)
    lines = _tiles((ny, nx), np.exp(-((fy / 0.16) ** 2) - (fx * 45) ** 2), 2, rng)
    linked = float(rng.uniform(0, 0.5))
    y = (np.arange(ny, dtype=np.float32) - (ny - 1) / 2)[:, None] * np.float32(dy)
    x = (np.arange(nx, dtype=np.float32) - (nx - 1) / 2)[None, :] * np.float32(dx)
    radius2 = (x**2 + y**2) / np.float32(150.0**2)
    bowl = np.float32(rng.normal(0, 3)) * np.clip(radius2 - 0.5, -0.5, 1)
    centre = 0.75 + 0.45 * np.exp(-radius2)

    def spoil(block: NDArray[np.float32], rng: np.random.Generator) -> None:
        previous: NDArray[np.float32] | None = None
        for plane in block:
            new = _mixture(tiles, rng)
            if previous is not None:
                new = np.float32(np.sqrt(1 - linked**2)) * new + np.float32(linked) * previous
            previous = new
            # More attenuating slices are noisier, and bone beside bone throws streaks along x.
            load = float(np.clip(np.clip(plane + 1000, 0, 2500).mean() / 420, 0.5, 2.0)) ** 0.8
            body = plane > -500
            metal = plane > 2300
            bony = np.clip(plane - 350, 0, 900).sum(axis=1) * dx / 10000  # how much bone a horizontal ray meets
            streak = np.clip(ndimage.gaussian_filter1d(bony, 8 / dy) - 0.8, 0, 5) * 14 * streak_level
            plane += new * (centre * (0.45 + 0.55 * body)) * np.float32(level * load) + bowl
            if streak.max() > 0.5:
                plane += _mixture(lines, rng) * streak.astype(np.float32)[:, None] * body
            if metal.sum() * dy * dx > 40:
                plane += _rays(metal, x, y, rng) * body
            plane += np.float32(offset)

    # Blocks of a fixed size with streams of their own: the same bits however many threads there are.
    blocks = [hu[k : k + _BLOCK] for k in range(0, len(hu), _BLOCK)]
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(spoil, blocks, rng.spawn(len(blocks))))


def _rays(metal: NDArray[np.bool_], x: NDArray, y: NDArray, rng: np.random.Generator) -> NDArray[np.float32]:
    """Dark and bright rays round the metal of a slice."""
    out = np.zeros(metal.shape, np.float32)
    labels, count = ndimage.label(metal)
    for index in range(1, min(count, 6) + 1):
        rows, columns = np.nonzero(labels == index)
        size = np.sqrt(len(rows) * abs(float((x[0, 1] - x[0, 0]) * (y[1, 0] - y[0, 0]))))
        if size < 4:
            continue
        dx, dy = x - x[0, int(columns.mean())], y - y[int(rows.mean()), 0]
        knots = rng.normal(0, 1, 48) ** 3
        angle = np.arctan2(dy, dx)
        ray = np.interp(angle, np.linspace(-np.pi, np.pi, 48), np.append(knots[:-1], knots[0]))
        away = np.hypot(dx, dy)
        dark = -np.exp(-((dy / (0.35 * size + 2)) ** 2)) * 1.5
        out += ((ray + dark) * min(size * 12, 260) * np.exp(-away / (3.0 * size + 12))).astype(np.float32)
    return out
