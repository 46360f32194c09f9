"""Lungs with lobes and fissures above the domes of the diaphragm."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.body import Person
from napari_ct_grounding.phantom.outlines import cage_solid
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Canvas, Patch, Solid

__all__ = ["LOBES", "LungMap", "domes", "lobe_codes", "lung_covers", "lung_map", "paint_lungs"]

#: Code of each lobe in a label array; 0 is outside.
LOBES = ("right_upper_lobe", "middle_lobe", "right_lower_lobe", "left_upper_lobe", "lingula", "left_lower_lobe")


def domes(person: Person) -> dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]]:
    """Centre and semi-axes (x, y, z) of the ellipsoids below the diaphragm."""
    rng = person.rng("domes")
    high = person.dome_mm
    extra = rng.normal(0, 5, 2) + np.where(rng.random(2) < 0.06, rng.uniform(15, 35, 2), 0)
    shift = rng.normal(0, 3, 2)
    return {
        "right": ((75 + shift[0], 125, -225), (88, 85, 100 + high + extra[0])),
        "left": ((-68 + shift[1], 120, -225), (78, 80, 85 + high + extra[1])),
        "middle": ((0, 145, -225), (84, 70, 90 + high)),
    }


# Half-width of the mediastinum to the right and to the left (mm from its middle) by z and y: what of the cage is not lung.
_MIDDLE_Y = (20, 45, 60, 80, 100, 115, 135, 155, 172, 190, 212)
_MIDDLE = {
    72: ((34, 32, 28, 24, 24, 26, 34, 60, 70, 70, 70), (34, 32, 28, 24, 24, 26, 34, 60, 70, 70, 70)),
    50: ((32, 25, 21, 20, 20, 22, 30, 38, 40, 40, 40), (32, 24, 20, 21, 26, 30, 34, 42, 44, 44, 44)),
    30: ((30, 24, 19, 18, 18, 21, 32, 33, 16, 8, 7), (30, 23, 20, 25, 32, 35, 36, 30, 16, 8, 6)),
    8: ((30, 23, 18, 17, 18, 22, 38, 35, 14, 5, 5), (30, 23, 21, 35, 39, 37, 33, 24, 10, 4, 4)),
    -20: ((30, 23, 18, 15, 18, 32, 44, 38, 20, 5, 5), (30, 23, 21, 35, 38, 38, 40, 34, 22, 6, 5)),
    -55: ((30, 22, 17, 12, 8, 22, 42, 40, 26, 8, 6), (30, 23, 21, 34, 32, 28, 36, 40, 30, 12, 8)),
    -90: ((30, 22, 17, 10, 3, 8, 26, 30, 26, 11, 7), (30, 22, 20, 32, 30, 16, 20, 30, 30, 18, 10)),
    -130: ((30, 22, 17, 10, 4, 6, 18, 26, 28, 16, 10), (30, 22, 18, 26, 25, 16, 18, 24, 30, 22, 14)),
    -190: ((32, 24, 22, 26, 34, 40, 50, 60, 60, 60, 60), (32, 23, 20, 29, 38, 40, 50, 60, 60, 60, 60)),
}


def lung_covers(person: Person, canvas: Canvas, cage: Solid | None = None) -> Patch | None:
    """Return the cover of both lungs; they meet nowhere, and `Person.middle_x` lies between them."""
    if cage is None:
        cage = cage_solid(person, canvas)
    if cage is None:
        return None
    z = canvas.z[cage.box[0]]
    keep = np.flatnonzero((z > -208) & (z < 84))
    if not len(keep):
        return None
    first, last = int(keep[0]), int(keep[-1]) + 1
    box = (slice(cage.box[0].start + first, cage.box[0].start + last), cage.box[1], cage.box[2])
    air = np.clip(0.5 - (cage.distance[first:last] + 0.8) / canvas.soft_mm, 0, 1)
    sub = Canvas.__new__(Canvas)  # a view of the part that holds lung, so that the domes cost little
    sub.z, sub.y, sub.x = canvas.z[box[0]], canvas.y[box[1]], canvas.x[box[2]]
    sub.step_mm, sub.soft_mm = canvas.step_mm, canvas.soft_mm
    for centre, semi in domes(person).values():
        cap = sub.ellipsoid(centre, semi, power=2.4)
        if cap is not None:
            air[cap.box] *= 1 - cap.cover
    air *= np.clip((sub.z + 196) / canvas.soft_mm + 0.5, 0, 1)[:, None, None]
    heights = np.array(sorted(_MIDDLE))
    table = np.array([[np.interp(sub.y, _MIDDLE_Y, _MIDDLE[z][side]) for z in heights.tolist()] for side in (0, 1)])
    uneven = person.rng("mediastinal-border").normal(0, 1, (2, len(heights), 6))
    along = np.linspace(20, 212, 6)
    table += np.array([[np.interp(sub.y, along, row) for row in side] for side in uneven]) * np.interp(
        sub.y, (60, 110, 150), (0.5, 1.0, 2.6)
    )
    place = np.interp(sub.z, heights, np.arange(len(heights)))
    base = np.minimum(place.astype(int), len(heights) - 2)
    share = (place - base)[:, None]
    right, left = (side[base] * (1 - share) + side[base + 1] * share for side in table)
    x = (sub.x - np.float32(person.middle_x))[None, None, :]
    distance = np.maximum(x - right.astype(np.float32)[:, :, None], -x - left.astype(np.float32)[:, :, None])
    distance *= np.float32(1 / canvas.soft_mm)
    distance += np.float32(0.5)
    air *= np.clip(distance, 0, 1, out=distance)
    return Patch(box, air)


def _fissures(scene: Scene, lung: Patch, value: NDArray[np.float32]) -> None:
    """Raise `value` along the fissures: lines where the lobes meet, at places missing."""
    person, canvas = scene.person, scene.canvas
    if canvas.soft_mm > 3.2:  # thinner than a tenth of a voxel: nothing to see
        return
    major_right, major_left, minor, _ = _fissure_heights(person).tolist()
    x, y, z = canvas.offsets(lung.box)
    x = x - np.float32(person.middle_x)
    wide = max(canvas.soft_mm, 0.9)
    wave = canvas.field(lung.box, 40.0, person.rng("fissure-wave"))
    wave *= np.float32(1.5)
    oblique = (-0.93 * (y - 50) + 0.15 * (np.abs(x) - 70)).astype(np.float32)
    base = np.where(x > 0, np.float32(major_right), np.float32(major_left))
    wave += z
    plane = (base + oblique).astype(np.float32)
    _line(value, wave, plane, np.float32(0.73), wide, 110.0)
    middle = np.where(
        (x > 0) & (y - 50 > (major_right - minor) / 0.93), np.float32(minor) - 0.15 * (y - 150), np.float32(1e4)
    )
    _line(value, wave, middle.astype(np.float32), np.float32(1.0), wide, 90.0)


def _line(value: NDArray, height: NDArray, plane: NDArray, slope: np.float32, wide: float, amount: float) -> None:
    """Raise `value` where `height` is near `plane`, in place."""
    for k in range(len(value)):
        away = np.abs(height[k] - plane[0])
        away *= np.float32(-slope / wide)
        away += np.float32(1.1)
        value[k] += np.clip(away, 0, 1, out=away) * np.float32(amount / wide)


def _fissure_heights(person: Person) -> NDArray[np.float64]:
    """Reference z of the major fissures (right, left) at y = 50, of the minor one and of the top of the lingula."""
    return person.rng("fissures").normal((2, 10, -52, -35), (7, 7, 6, 5))


def lobe_codes(person: Person, x: NDArray, y: NDArray, z: NDArray) -> NDArray[np.uint8]:
    """Return the code 1..6 of the lobe (index in LOBES + 1) at points inside the lungs; arrays broadcast."""
    major_right, major_left, minor, lingula = _fissure_heights(person).tolist()
    oblique = -0.93 * (y - 50) + 0.15 * (np.abs(x) - 70)
    right = np.where(z < major_right + oblique, 3, np.where(z > minor - 0.15 * (y - 150), 1, 2))
    left = np.where(z < major_left + oblique, 6, np.where(z > lingula, 4, 5))
    return np.where(x > 0, right, left).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class LungMap:
    """The lungs of a person on a coarse grid that does not depend on the scan: points (n, 3), lobe codes and depth.

    `depth_mm` is the distance of a point from the border of its lung.
    """

    points: NDArray[np.float32]
    codes: NDArray[np.uint8]
    depth_mm: NDArray[np.float32]

    def extent(self, select: NDArray[np.bool_]) -> tuple[float, float]:
        """Lowest and highest z of the selected points, to the border of their cells."""
        z = self.points[select, 2]
        return (float(z.min()) - 2.0, float(z.max()) + 2.0) if len(z) else (0.0, 0.0)


def lung_map(person: Person) -> LungMap:
    """Return the coarse map of the lungs of a person."""
    from scipy.ndimage import distance_transform_edt

    canvas = Canvas(np.arange(-212, 84, 4.0), np.arange(16, 220, 8.0), np.arange(-148, 149, 8.0))
    inside = np.zeros(canvas.hu.shape, bool)
    lung = lung_covers(person, canvas)
    if lung is not None:
        inside[lung.box] = lung.cover > 0.5
    heart = canvas.ellipsoid((-20, 146, -78), (62, 46, 50))
    if heart is not None:
        inside[heart.box] &= heart.cover < 0.5
    depth = distance_transform_edt(inside, sampling=(4, 8, 8))
    k, j, i = np.nonzero(inside)
    points = np.stack([canvas.x[i], canvas.y[j], canvas.z[k]], axis=1)
    return LungMap(points, lobe_codes(person, *points.T), depth[k, j, i].astype(np.float32))


def paint_lungs(scene: Scene, lungs: LungMap) -> None:
    """Paint the parenchyma and record lobes, apices, bases, sulci and domes."""
    canvas, person = scene.canvas, scene.person
    total = np.zeros_like(canvas.hu)
    scene.covers["lungs"] = total
    lung = lung_covers(person, canvas, scene.solids.get("cage"))
    if lung is not None:
        total[lung.box] = lung.cover
        rng = person.rng("parenchyma")
        texture = canvas.field(lung.box, 14.0, rng)
        texture *= np.float32(rng.uniform(4, 16))
        texture += canvas.field(lung.box, 5.0, rng) * np.float32(rng.uniform(4, 12))
        y = canvas.y[lung.box[1]]
        gradient = np.interp(y, (20, 32, 60, 200), (75, 22, 8, -18)) * rng.uniform(0.3, 1.3)
        texture += (scene.hu["lung"] + 60 * (person.dome_mm > 20) + gradient).astype(np.float32)[None, :, None]
        _fissures(scene, lung, texture)
        scene.now_drawing("lungs")  # with the vessels that come next
        canvas.paint(lung, texture)
    for code, name in enumerate(LOBES, 1):
        scene.mark(name, *lungs.extent(lungs.codes == code))
    tops = domes(person)
    for side, sign in (("right", 1), ("left", -1)):
        mine = lungs.points[:, 0] * sign > 0
        low, high = lungs.extent(mine)
        top = tops[side][0][2] + tops[side][1][2]
        scene.mark(f"lung_apex_{side}", high - 30, high)
        scene.mark(f"lung_base_{side}", top - 35, top + 10)
        scene.mark(f"costophrenic_sulcus_{side}", low, low + 25)
        scene.mark(f"diaphragm_dome_{side}", top - 14, top)
