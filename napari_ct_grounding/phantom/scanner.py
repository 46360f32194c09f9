"""The scanner: range, grid, couch, pose, resolution, noise, streaks and padding."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_ct_grounding.phantom.body import Person
from napari_ct_grounding.phantom.shapes import Canvas

__all__ = ["PROTOCOLS", "ScanPlan", "finish", "paint_couch", "plan_scan"]

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
    """Paint a curved or flat couch below the back, in the air only."""
    back = float(person.skin_at(-100)[1])
    depth = back - rng.uniform(1, 9)
    curved = rng.random() < 0.7
    radius = rng.uniform(420, 620)
    rise = canvas.x**2 / (2 * radius) if curved else np.zeros_like(canvas.x)
    surface = depth + rise
    wide = np.abs(canvas.x) < rng.uniform(200, 260)
    thick = rng.uniform(20, 70)
    y = canvas.y[:, None]
    shell = np.clip(1 - np.abs(y - surface + 3) / max(canvas.soft_mm * 0.8, 2), 0, 1)
    shell = np.maximum(
        shell, np.clip(1 - np.abs(y - surface * 0.3 - (depth - thick) * 0.7) / max(canvas.soft_mm * 0.8, 2), 0, 1)
    )
    foam = ((y < surface) & (y > surface - thick)).astype(np.float32)
    values = -1000 + foam * 50 + shell * rng.uniform(250, 900)
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
        angle = np.radians(plan.turn_deg)
        c, s = np.cos(angle), np.sin(angle)
        matrix = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
        middle = (np.array(hu.shape) - 1) / 2
        hu = ndimage.affine_transform(hu, matrix, middle - matrix @ middle, order=1, mode="nearest", prefilter=False)
    dz, dy, dx = spacing_mm
    sharp = rng.uniform(0.25, 1.1)
    thick = rng.choice((0.0, rng.uniform(0.5, 4.0)))
    level, streak_level = float(np.exp(rng.uniform(np.log(4), np.log(38)))), rng.uniform(0.3, 1.6)
    grain, offset = rng.uniform(0.0, 1.0), rng.normal(0, 4)
    padding, circle = rng.choice((-1024, -2000, -3024, -1000)), rng.random() < 0.5
    field_seed = int(rng.integers(1 << 31))
    if noise:
        sigma = (thick / dz * 0.5, sharp * 2 / dy * 0.5, sharp * 2 / dx * 0.5)
        hu = ndimage.gaussian_filter(hu, [min(v, 0.9) if v > 0.15 else 0 for v in sigma], mode="nearest", truncate=2.0)
        fields = np.random.default_rng(field_seed)
        white = fields.standard_normal(hu.shape, dtype=np.float32)
        if grain > 0.35:
            width = 0.5 + 0.5 * grain
            white = ndimage.gaussian_filter(white, (0, width, width), mode="wrap", truncate=2.0)
            white /= white[0].std() + 1e-6
        # More attenuating slices are noisier, and bone beside bone throws streaks along x.
        load = np.clip(hu + 1000, 0, 2500).mean(axis=(1, 2)) / 420
        amplitude = level * np.clip(load, 0.5, 2.0) ** 0.8
        inside = (0.45 + 0.55 * (hu > -500)).astype(np.float32)
        hu = hu + white * inside * amplitude[:, None, None].astype(np.float32)
        wide = np.clip(hu - 350, 0, 900).sum(axis=2) * dx / 10000  # (z, y): how much bone a horizontal ray meets
        streak = fields.standard_normal(wide.shape, dtype=np.float32) * np.clip(wide - 1.0, 0, 5) * 12 * streak_level
        hu += streak[:, :, None].astype(np.float32) * (hu > -500)
        hu += np.float32(offset)
    out = np.clip(np.rint(hu), -1024, 3071).astype(np.int16)
    if circle:
        ny, nx = out.shape[1:]
        yy = (np.arange(ny) - (ny - 1) / 2)[:, None] * dy
        xx = (np.arange(nx) - (nx - 1) / 2)[None, :] * dx
        outside = yy**2 + xx**2 > (min(ny * dy, nx * dx) / 2) ** 2
        out[:, outside] = padding
    return out
