"""Lungs with lobes, domes of the diaphragm, airways and vessel trees."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.body import Person
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Canvas, Patch

__all__ = ["LungMap", "lobe_codes", "lung_covers", "lung_map", "paint_airways", "paint_lungs", "paint_vessels"]

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


def lung_covers(person: Person, canvas: Canvas) -> dict[str, NDArray[np.float32]]:
    """Return whole-canvas covers "lung_right" and "lung_left"."""
    cage = person.cage(canvas)
    rows = cage.box[0]
    z = canvas.z[rows]
    keep = (z > -205 - 0 * person.dome_mm) & (z < 80)
    if not keep.any():
        empty = np.zeros_like(canvas.hu)
        return {"lung_right": empty, "lung_left": empty}
    first, last = np.flatnonzero(keep)[[0, -1]]
    rows = slice(rows.start + int(first), rows.start + int(last) + 1)
    air = cage.cover[first : last + 1].copy()
    sub = Canvas.__new__(Canvas)  # a view of the rows that hold lung, so that the domes cost little
    sub.z, sub.y, sub.x = canvas.z[rows], canvas.y, canvas.x
    sub.step_mm, sub.soft_mm = canvas.step_mm, canvas.soft_mm
    for centre, semi in domes(person).values():
        cap = sub.ellipsoid(centre, semi, power=2.4)
        if cap is not None:
            air[cap.box] *= 1 - cap.cover
    air *= np.clip((sub.z + 196) / canvas.soft_mm + 0.5, 0, 1)[:, None, None]
    shift = person.jitter("mediastinum", (3, 0, 0))[0]
    wide = np.interp(canvas.y, (20, 45, 60, 80, 100, 112, 150, 172, 190, 210), (30, 26, 19, 18, 22, 28, 29, 13, 8, 9))
    apex = np.interp(sub.z, (-200, 0, 40, 62, 75), (1.0, 1.0, 1.0, 0.85, 0.8))
    out = {}
    for side, sign in (("right", 1), ("left", -1)):
        distance = (sign * (canvas.x - shift))[None, None, :] - (wide[None, :, None] * apex[:, None, None])
        cover = np.zeros_like(canvas.hu)
        cover[rows] = air * np.clip(distance / canvas.soft_mm + 0.5, 0, 1)
        out[f"lung_{side}"] = cover.astype(np.float32, copy=False)
    return out


def lobe_codes(person: Person, x: NDArray, y: NDArray, z: NDArray) -> NDArray[np.uint8]:
    """Return the code 1..6 of the lobe (index in LOBES + 1) at points inside the lungs; arrays broadcast."""
    rng = person.rng("fissures")
    major_right, major_left, minor, lingula = rng.normal((2, 10, -52, -35), (7, 7, 6, 5))
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
    covers = lung_covers(person, canvas)
    inside = (covers["lung_right"] + covers["lung_left"]) > 0.5
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
    covers = lung_covers(person, canvas)
    scene.covers.update(covers)
    total = covers["lung_right"] + covers["lung_left"]
    scene.covers["lungs"] = total
    rows = np.flatnonzero(total.max(axis=(1, 2)) > 0)
    if len(rows):
        box = (slice(int(rows[0]), int(rows[-1]) + 1), slice(0, len(canvas.y)), slice(0, len(canvas.x)))
        rng = person.rng("parenchyma")
        texture = canvas.field(box, 14.0, rng) * np.float32(rng.uniform(5, 22))
        gradient = np.interp(canvas.y, (20, 32, 60, 200), (75, 25, 8, -18)) * rng.uniform(0.4, 1.3)
        lung = scene.hu["lung"] + texture + gradient.astype(np.float32)[None, :, None]
        if person.dome_mm > 15:
            lung += 60
        canvas.paint(Patch(box, total[box]), lung)
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


def _bronchi(shift: NDArray) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    paths = {
        "main_right": ([(4, 110, 0), (24, 104, -20)], [8, 7]),
        "main_left": ([(4, 110, 0), (-18, 108, -18), (-40, 104, -36)], [7, 6.5, 6]),
        "upper_right": ([(22, 104, -18), (40, 104, -10), (52, 108, 6), (58, 112, 28)], [5.5, 4.5, 3.5, 2.2]),
        "intermediate": ([(24, 104, -20), (31, 102, -45)], [5.5, 5]),
        "middle": ([(31, 102, -45), (46, 124, -58), (60, 150, -68)], [4, 3.2, 2]),
        "lower_right": ([(31, 102, -45), (40, 90, -72), (55, 80, -105), (65, 76, -125)], [5, 4, 3, 2]),
        "upper_left": ([(-40, 104, -36), (-52, 112, -20), (-58, 118, 5), (-60, 118, 26)], [5, 4, 3, 2]),
        "lingula": ([(-46, 108, -36), (-60, 132, -55), (-72, 152, -70)], [3.5, 3, 2]),
        "lower_left": ([(-40, 104, -36), (-47, 90, -65), (-60, 80, -100), (-68, 76, -125)], [5, 4, 3, 2]),
    }
    return {name: (np.add(points, shift), np.array(radii, float)) for name, (points, radii) in paths.items()}


def paint_airways(scene: Scene) -> None:
    """Paint larynx to segmental bronchi and record trachea, carina, main bronchi and hila."""
    canvas, person, gas = scene.canvas, scene.person, scene.hu["gas"]
    own = person.jitter("airways", (1.5, 2, 3))
    pull = person.rng("trachea").normal(0, 4)
    size = 1.0 if person.sex == "M" else 0.86
    trachea = [
        (0, 138, 113), (pull * 0.5, 134, 75), (2 + pull, 120, 35), (4 + own[0], 110 + own[1], own[2]),
    ]  # fmt: skip
    wall = 2.2
    scene.keep_course("trachea", trachea, 9.5 * size)
    canvas.paint_tube(trachea, 9.5 * size + wall, 50)
    bronchi = _bronchi(own)
    thickened = {
        "both_lower_lobes": ("lower_right", "lower_left"),
        "both_hila": ("main_right", "main_left", "intermediate"),
    }
    wished = [place for place in thickened if scene.wants("peribronchial_thickening", place)]
    cuffs: dict[str, list[tuple[float, float]]] = {place: [] for place in wished}
    for name, (points, radii) in bronchi.items():
        places = [place for place in wished if name in thickened[place]]
        extent = canvas.paint_tube(points, radii + (4.2 if places else 1.6), 30)
        for place in places:
            cuffs[place].append(extent)
    canvas.paint_tube(trachea, 9.5 * size, gas)
    for points, radii in bronchi.values():
        canvas.paint_tube(points, radii, gas)
    scene.mark("trachea", own[2], 113)
    scene.mark("carina", own[2] - 6, own[2] + 6)
    scene.mark("main_bronchus_right", own[2] - 22, own[2])
    scene.mark("main_bronchus_left", own[2] - 38, own[2])
    scene.mark("hilum_right", -55 + own[2], -5 + own[2])
    scene.mark("hilum_left", -55 + own[2], own[2])
    for place, extents in cuffs.items():
        scene.mark_shape(f"peribronchial_thickening@{place}", *extents)


def paint_vessels(scene: Scene, lungs: LungMap) -> None:
    """Paint a branching tree from each hilum to random points of the lung."""
    canvas, person = scene.canvas, scene.person
    if len(lungs.points) == 0:
        return
    rng = person.rng("vessels")
    clip = scene.covers["lungs"]
    blood = max(scene.hu["pulmonary_artery"], scene.hu["left_heart"]) * 0.9
    fine = canvas.soft_mm < 2.8
    for sign, hilum in ((1, (42, 108, -28)), (-1, (-46, 104, -26))):
        mine = np.flatnonzero(lungs.points[:, 0] * sign > 0)
        if len(mine) < 50:
            continue
        points = lungs.points[mine].astype(float)
        # Every stem leads towards a far point; its children leave at two places and lead to points near their parent's end.
        for end in points[rng.choice(len(points), 18, replace=False)]:
            middle = np.asarray(hilum) + 0.5 * (end - hilum) + rng.normal(0, 7, 3)
            canvas.paint_tube([hilum, middle, end], [6.0, 3.6, 1.4], blood, clip)
            near = points[np.linalg.norm(points - 0.5 * (middle + end), axis=1) < 58]
            children = near[rng.choice(len(near), min(len(near), 7), replace=False)] if len(near) else near
            for k, child in enumerate(children):
                start = middle + (end - middle) * (k / 7)
                bend = 0.5 * (start + child) + rng.normal(0, 4, 3)
                canvas.paint_tube([start, bend, child], [2.6, 1.9, 1.0], blood, clip)
                if fine:
                    close = points[np.linalg.norm(points - bend, axis=1) < 26]
                    for leaf in (
                        close[rng.choice(len(close), min(len(close), 4), replace=False)] if len(close) else close
                    ):
                        canvas.paint_tube([bend, leaf], [1.4, 0.7], blood, clip)
