"""The large outlines of the trunk: skin, what lies under the fat of the skin, the inside of the ribs and of the belly wall."""

# Tables of numbers stand in long rows.
# ruff: noqa: E501

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.contours import join, loft, mirrored, rod
from napari_ct_grounding.phantom.shapes import Canvas, Solid

if TYPE_CHECKING:
    from napari_ct_grounding.phantom.body import Person

__all__ = ["CAGE", "CAVITY", "FAT", "INNER", "cage_solid", "cavity_solid", "lean_solid", "skin_solid"]

# z, half-width, back and front of what lies under the subcutaneous fat.
INNER = np.array(
    [
        (-640, 150, 22, 180), (-560, 160, 10, 186), (-480, 166, 6, 198), (-400, 158, 12, 203), (-342, 150, 18, 203),
        (-315, 145, 19, 204), (-225, 146, 15, 212), (-130, 151, 12, 220), (-55, 157, 11, 216), (0, 163, 11, 203),
        (40, 163, 13, 190), (60, 154, 17, 182), (78, 122, 26, 172), (92, 82, 38, 166), (113, 58, 50, 165),
        (165, 56, 54, 178), (195, 60, 50, 198), (230, 70, 40, 212), (300, 74, 30, 210), (370, 55, 55, 190), (395, 5, 110, 130),
    ]
)  # fmt: skip
# z, half-width, back and front of the space inside the ribs.
CAGE = np.array(
    [
        (-260, 128, 36, 202), (-230, 132, 32, 205), (-190, 137, 26, 210), (-130, 140, 23, 212), (-80, 139, 23, 206),
        (-40, 133, 25, 195), (0, 114, 29, 180), (30, 92, 36, 158), (50, 72, 44, 140), (62, 55, 53, 124), (72, 38, 64, 106),
    ]
)  # fmt: skip
# z, half-width, back and front of the space inside the muscles of the belly.
CAVITY = np.array(
    [
        (-545, 22, 60, 90), (-520, 42, 48, 125), (-495, 60, 42, 155), (-460, 76, 44, 186), (-420, 98, 55, 192), (-380, 118, 62, 193),
        (-342, 127, 62, 193), (-315, 127, 58, 194), (-260, 126, 42, 200), (-225, 128, 34, 202), (-150, 132, 28, 206),
    ]
)  # fmt: skip
# z, fat in front, at the side, behind, as a share of the fat at the umbilicus.
FAT = np.array(
    [
        (-600, 0.6, 0.6, 0.8), (-480, 1.0, 0.9, 1.3), (-400, 1.15, 0.9, 1.3), (-315, 1.0, 0.9, 0.9), (-225, 0.7, 0.75, 0.6),
        (-130, 0.5, 0.6, 0.5), (-40, 0.45, 0.55, 0.6), (40, 0.35, 0.45, 0.7), (85, 0.25, 0.3, 0.6), (165, 0.25, 0.3, 0.3), (300, 0.1, 0.1, 0.1),
    ]
)  # fmt: skip

# Half outlines from the back to the front midline, as shares of half-width and depth.
_THORAX = np.array([(0, 0.17), (0.12, 0.13), (0.28, 0.045), (0.46, 0), (0.64, 0.035), (0.84, 0.17), (0.97, 0.38), (1, 0.55), (0.95, 0.74),
                    (0.78, 0.91), (0.5, 0.99), (0.2, 1), (0, 0.98)])  # fmt: skip
_CHEST = np.array([(0, 0.05), (0.12, 0.012), (0.3, 0), (0.55, 0.04), (0.8, 0.15), (0.96, 0.34), (1, 0.54), (0.93, 0.76), (0.74, 0.93),
                   (0.45, 1), (0.18, 0.995), (0, 0.975)])  # fmt: skip
_LOIN = np.array([(0, 0.085), (0.1, 0.03), (0.25, 0), (0.45, 0.015), (0.68, 0.1), (0.9, 0.28), (1, 0.52), (0.95, 0.74), (0.76, 0.91),
                  (0.46, 0.985), (0.2, 1), (0, 0.99)])  # fmt: skip
_SEAT = np.array([(0, 0.13), (0.1, 0.045), (0.3, 0), (0.58, 0.04), (0.84, 0.2), (0.98, 0.42), (1, 0.58), (0.93, 0.77), (0.76, 0.91),
                  (0.46, 0.98), (0.2, 1), (0, 1)])  # fmt: skip
_NECK = np.array(
    [
        (0, 0.03),
        (0.2, 0),
        (0.5, 0.06),
        (0.82, 0.24),
        (0.98, 0.46),
        (0.98, 0.62),
        (0.85, 0.8),
        (0.58, 0.93),
        (0.25, 0.99),
        (0, 1),
    ]
)
_BELLY = np.array([(0, 0.2), (0.2, 0.1), (0.42, 0.02), (0.62, 0.02), (0.82, 0.16), (0.97, 0.4), (1, 0.58), (0.93, 0.78), (0.74, 0.93),
                   (0.45, 1), (0.2, 1), (0, 0.99)])  # fmt: skip
#: z, template of the body there; between them the outlines blend.
_TEMPLATES = ((-470.0, _SEAT), (-400.0, _LOIN), (-200.0, _LOIN), (-110.0, _CHEST), (70.0, _CHEST), (100.0, _NECK))


def _template(z: float) -> NDArray[np.float64]:
    """Half outline of the body at a reference z; all templates are resampled to the same points."""
    count = 12
    heights = [level for level, _ in _TEMPLATES]
    index = int(np.clip(np.searchsorted(heights, z) - 1, 0, len(heights) - 2))
    share = float(np.clip((z - heights[index]) / (heights[index + 1] - heights[index]), 0, 1))
    both = []
    for _, points in _TEMPLATES[index : index + 2]:
        place = np.linspace(0, len(points) - 1, count)
        both.append(np.stack([np.interp(place, np.arange(len(points)), points[:, k]) for k in (0, 1)], axis=1))
    return both[0] * (1 - share) + both[1] * share


def _outline(half: NDArray, a: float, back: float, front: float) -> NDArray[np.float64]:
    return mirrored(np.stack([half[:, 0] * a, back + half[:, 1] * (front - back)], axis=1))


def _irregular(person: Person, name: str, table: NDArray, amount: float) -> NDArray[np.float64]:
    """Small smooth deviations of half-width, back and front along z, the same for every scan of the person."""
    noise = person.rng(name).standard_normal((6, 3))
    knots = np.linspace(-560, 120, 6)
    return np.stack([np.interp(table[:, 0], knots, noise[:, k]) for k in range(3)], axis=1) * amount


def lean_solid(person: Person, canvas: Canvas) -> Solid | None:
    """Distance from the surface of what lies under the fat of the skin; needed to 75 mm outside it."""
    table = person.inner_table + np.pad(_irregular(person, "lean", INNER, 1.5), ((0, 0), (1, 0)))
    levels = [(z, _outline(_template(z), a, back, front)) for z, a, back, front in table]
    solid = loft(canvas, levels, cap=1.0, margin_mm=25.0 + 1.3 * person.fat_mm)
    # The slope from the neck to the shoulder.
    tip = (150, 84, 92) if person.arms_up else (166, 84, 58)
    far = 25.0 + 1.3 * person.fat_mm
    slopes = [rod(canvas, (sign * 42, 84, 84), (sign * tip[0], tip[1], tip[2] - 2), 32, 31, far) for sign in (1, -1)]
    if solid is not None:
        solid = join(canvas, [solid, *slopes], 8.0)
    if solid is not None and canvas.z[0] < -540:  # the legs part
        apart = np.interp(canvas.z[solid.box[0]], (-600, -545), (24.0, -30.0)).astype(np.float32)[:, None, None]
        bend = 0.0035 * (canvas.y[solid.box[1]] - 98) ** 2
        np.maximum(
            solid.distance,
            apart + bend[None, :, None] - np.abs(canvas.x[solid.box[2]])[None, None, :],
            out=solid.distance,
        )
    return solid


def skin_solid(person: Person, canvas: Canvas, lean: Solid) -> Solid:
    """Distance from the skin: that from the lean body less the fat, which differs in front, at the sides and behind."""
    z, y = canvas.z[lean.box[0]].astype(float), canvas.y[lean.box[1]].astype(float)
    table = person.inner_table
    back, front = (np.interp(z, table[:, 0], table[:, k])[:, None] for k in (2, 3))
    where = np.clip((2 * y[None, :] - back - front) / (front - back), -1, 1)
    thick = person.fat_at(z)
    fat = (
        thick[1][:, None]
        + np.where(where > 0, thick[0][:, None] - thick[1][:, None], thick[2][:, None] - thick[1][:, None]) * where**2
    )
    distance = lean.distance - fat.astype(np.float32)[:, :, None]
    # The furrow over the spine and the cleft of the buttocks.
    x = canvas.x[lean.box[2]].astype(float)
    deep = np.interp(z, (-620, -560, -500, -430, -395, -340, -200, -60, 60), (30, 60, 55, 28, 9, 9, 6, 3, 0)) * (
        0.6 + person.fat_mm / 50
    )
    narrow = np.interp(z, (-470, -400), (5.0, 14.0))
    across = np.exp(-((x[None, :] / narrow[:, None]) ** 2))
    behind = np.exp(-(np.clip((y[None, :] - back + 15) / np.maximum(deep, 6)[:, None], 0, None) ** 2))
    near = np.flatnonzero(np.abs(x) < 40)
    if deep.max() > 1 and len(near):
        part = slice(int(near[0]), int(near[-1]) + 1)
        distance[:, :, part] += (deep[:, None] * behind).astype(np.float32)[:, :, None] * across.astype(np.float32)[
            :, None, part
        ]
    return Solid(lean.box, distance)


def cage_solid(person: Person, canvas: Canvas, margin_mm: float = 12.0) -> Solid | None:
    """Distance from the inner surface of the ribs."""
    levels = [(z, _outline(_THORAX, a, back, front)) for z, a, back, front in CAGE]
    return loft(canvas, levels, cap=1.0, margin_mm=margin_mm, within=(-275, 110))


def cavity_solid(person: Person, canvas: Canvas) -> Solid | None:
    """Distance from the inner surface of the muscles of the belly, with the space behind the peritoneum."""
    table = person.cavity_table
    return loft(
        canvas,
        [(z, _outline(_BELLY, a, back, front)) for z, a, back, front in table],
        margin_mm=4.0,
        within=(-560, -120),
    )
