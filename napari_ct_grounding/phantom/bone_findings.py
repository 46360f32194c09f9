"""Fractures and metastases of bones; those of vertebral bodies and the pelvis are painted with them (`skeleton`)."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: RUF005

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.chest_findings import sign_of
from napari_ct_grounding.phantom.lungs import LungMap
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.skeleton import rib_centre


def _rib_point(scene: Scene, number: int, place: str, y: float) -> NDArray[np.float64]:
    """Return the point (x, y, z) of a rib at a given y."""
    z = rib_centre(scene, number, y)
    a, back, front = scene.person.cage_at(z)
    share = abs(y - (back + front) / 2) / ((front - back) / 2)
    x = (a + 4) * (1 - min(share, 0.98) ** 2.2) ** (1 / 2.2)
    return np.array((sign_of(place) * x, y, z))


def _break(scene: Scene, spot: NDArray, r: float, is_old: bool, along: NDArray) -> tuple[float, float]:
    """Paint a gap with a step, or the lump of callus that heals it; return the extent."""
    if is_old:
        scene.canvas.paint_ellipsoid(spot, (r, r, r), 520)
    else:
        scene.canvas.paint_ellipsoid(spot, (r * 0.9,) * 3, 45)  # blood round the gap
        step = np.array((0, 0, 4.0))
        scene.canvas.paint_tube([spot + along * 3 + step, spot + along * r * 1.1 + step], 4.2, 750)
        scene.canvas.paint_tube([spot - along * 3 - step, spot - along * r * 1.1 - step], 4.2, 750)
    return (spot[2] - r, spot[2] + r)


def paint_rib_fracture(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint one to five broken ribs in a row."""
    number = int(rng.choice((1, 2, 3, 5), p=(0.45, 0.25, 0.2, 0.1)))
    first = int(rng.integers(3, 11 - number))
    y, is_old, r = float(rng.uniform(75, 140)), bool(rng.random() < 0.5), float(rng.uniform(8, 11.5))
    extents, spots = [], []
    for k in range(number):
        spot = _rib_point(scene, first + k, place, y + rng.normal(0, 5))
        spots.append(spot)
        extents.append(_break(scene, spot, r, is_old, np.array((0, 1.0, 0))))
    traits = ("old" if is_old else "displaced", "multiple" if number > 1 else "single")
    scene.mark_shape(target, *extents, centre=np.mean(spots, axis=0), number=number, traits=traits)


def paint_clavicle_fracture(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a broken collar bone."""
    course, _ = scene.courses[f"clavicle_{place}"]
    spot = course[1] + (course[2] - course[1]) * rng.uniform(0.2, 0.8)
    along = (course[2] - course[1]) / np.linalg.norm(course[2] - course[1])
    is_old = bool(rng.random() < 0.35)
    span = _break(scene, spot, float(rng.uniform(10, 14)), is_old, along)
    scene.mark(target, *span, centre=spot, traits=("old" if is_old else "displaced",))


def paint_humeral_fracture(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a line of blood through the neck of the humerus, its head tilted off."""
    head, sign = scene.spots[f"humeral_head_{place}"], sign_of(place)
    up = 1 if scene.person.arms_up else -1
    spot = head + np.array((sign * 6, 0, up * 22))
    scene.canvas.paint_ellipsoid(spot, (26, 24, 7), 45)
    scene.canvas.paint_ellipsoid(spot + np.array((sign * 14, 12, up * 4)), (8, 8, 8), 700)
    scene.mark(target, spot[2] - 8, spot[2] + 8 + 4, centre=spot, traits=("displaced",))


def paint_sternal_fracture(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a step in the sternum with blood behind it."""
    z = float(rng.uniform(-70, 15))
    y = float(np.interp(-z, (-40, 0, 55, 105), (164, 174, 199, 209)))
    scene.canvas.paint_ellipsoid((0, y - 8, z), (22, 9, 12), 50, clip=scene.covers["cage"])
    scene.canvas.paint_ellipsoid((0, y, z), (20, 9, 3.2), 40)
    scene.canvas.paint_tube([(-14, y + 5, z + 5), (14, y + 5, z + 5)], 3.4, 800)
    scene.mark(target, z - 12, z + 12, centre=(0, y, z))


def paint_pelvic_fracture(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a broken upper and lower branch of the pubic bone."""
    sign = sign_of(place)
    extents = []
    for base in ((38, 148, -492), (36, 112, -528)):
        spot = np.array(base) * (sign, 1, 1) + rng.normal(0, 2, 3)
        extents.append(_break(scene, spot, float(rng.uniform(9, 12)), False, np.array((1.0, 0.3, 0))))
    scene.mark_shape(target, *extents, centre=(sign * 37, 130, -510), traits=("displaced",))


def paint_hip_fracture(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a gap through the neck of the femur, the shaft pulled up."""
    head, sign = scene.spots[f"femoral_head_{place}"], sign_of(place)
    spot = head + np.array((sign * 26, -8, -6.0))
    scene.canvas.paint_ellipsoid(spot, (6, 20, 22), 40)
    scene.canvas.paint_tube([spot + (sign * 7, 0, 18), spot + (sign * 16, -4, 24)], 6, 800)
    scene.mark(target, spot[2] - 22, spot[2] + 30, centre=spot, traits=("displaced",))


def paint_bone_metastasis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a lytic lesion anywhere, or a sclerotic one in a rib or the sternum; other sclerotic ones come with the bone."""
    is_lytic = target.startswith("lytic")
    r = float(rng.uniform(8, 15))
    if place.endswith("_spine"):
        if not is_lytic:
            return
        names = [f"t{n}" for n in range(2, 13)] if place.startswith("thoracic") else [f"l{n}" for n in range(1, 6)]
        bone = scene.person.vertebrae[names[int(rng.integers(len(names)))]]
        spot = np.array((rng.uniform(-10, 10), bone.y + rng.uniform(-5, 6), bone.z))
        height = min(r, (bone.z_hi - bone.z_lo) / 2)
    elif place == "pelvis":
        if not is_lytic:
            return
        spot = np.array((rng.choice((-1, 1)) * rng.uniform(84, 100), rng.uniform(90, 108), rng.uniform(-435, -398)))
        height = r
    elif place == "sternum":
        z = float(rng.uniform(-75, 30))
        spot = np.array((0, float(np.interp(-z, (-40, 0, 55, 105), (164, 174, 199, 209))), z))
        height = r
    else:
        spot = _rib_point(scene, int(rng.integers(3, 10)), place, float(rng.uniform(70, 140)))
        height = r
    scene.canvas.paint_ellipsoid(spot, (r, r * 0.9, height), 48 if is_lytic else float(rng.uniform(800, 1150)))
    scene.mark(target, spot[2] - height, spot[2] + height, round(2 * r, 0), centre=spot, number=1, traits=("single",))
