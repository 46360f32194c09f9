"""Small bowel and colon with their contents, mesentery, navel and ascites."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501, RUF005

from __future__ import annotations

import itertools

import numpy as np

from napari_ct_grounding.phantom.belly import belly_shift, layered, room_below_lungs, within
from napari_ct_grounding.phantom.catalogue import graded
from napari_ct_grounding.phantom.contours import tube
from napari_ct_grounding.phantom.lung_tree import grow
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Floats, Patch
from napari_ct_grounding.phantom.threads import paint_threads

__all__ = ["paint_bowel"]


def paint_bowel(scene: Scene) -> None:
    """Paint mesentery, small bowel and colon with gas and stool, the navel, and ascites around them."""
    belly = room_below_lungs(scene)
    if scene.wants("ascites"):
        _ascites(scene, belly)
    _mesentery(scene)
    scene.now_drawing("small_bowel")
    _small_bowel(scene, belly)
    scene.now_drawing("colon")
    _colon(scene, belly)
    scene.now_drawing()
    _navel(scene)


def _mesentery(scene: Scene) -> None:
    """Arteries, veins and small nodes in the fat between the loops."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    rng = person.rng("mesenteric-vessels")
    ends = np.stack([rng.uniform(-90, 88, 110), rng.uniform(118, 184, 110), rng.uniform(-440, -248, 110)], axis=1)
    for name, root, part in (("aorta", (-2, 140, -262), slice(0, 55)), ("portal", (8, 142, -264), slice(55, 110))):
        tree = grow(np.array(root, float), ends[part], 0.62, rng)
        paint_threads(canvas, tree.start, tree.stop, tree.r_start, tree.r_stop, hu[name])
    for spot in rng.normal((0, 140, -300), (30, 12, 40), (14, 3)):
        canvas.paint_ellipsoid(spot, rng.uniform(1.8, 3.4, 3), hu["node"])


def _small_bowel(scene: Scene, belly: Floats) -> None:
    canvas, person, hu, liver = scene.canvas, scene.person, scene.hu, scene.covers["liver"]
    rng = person.rng("bowel")
    low = person.jitter("small-bowel", (0, 0, 8))[2]
    calibre = float(rng.uniform(0.85, 1.12))
    opaque = float(rng.uniform(0.3, 1.0)) if hu["stomach_content"] > 100 else 0.0
    front = person.belly_mm * 0.55
    for z, y, x in itertools.product(range(-432, -205, 31), (128, 158, 184), range(-88, 92, 29)):
        place = np.array((x, y, z), float) + rng.normal(0, (8, 7, 9))
        heading = rng.normal(size=3) * (1, 0.5, 0.7)
        heading /= np.linalg.norm(heading)
        turn = rng.normal(0, 0.8, (3, 3))
        radius = float(rng.uniform(8.0, 12.0)) * calibre
        draw = rng.random(4)
        # Above the navel fat fills the middle, in front of the aorta.
        central = abs(x) < 40 and y < 150 and z > -380
        high = (z > -290 and x > 30 and y < 150) or (z > -250 and (x > -25 or y < 150))
        if draw[0] < (0.7 if central else 0.25) or high:
            continue
        place[1] += front * person.belly_share(z) * (y - 110) / 80
        path = [place]
        for k in range(3):
            heading = heading + 0.55 * turn[k]
            heading /= np.linalg.norm(heading)
            path.append(path[-1] + heading * 15)
        points = np.array(path) + (0, 0, low)
        if points[:, 2].max() + radius < canvas.z[0] or points[:, 2].min() - radius > canvas.z[-1]:
            continue
        solid = tube(canvas, points, radius * np.array((0.9, 1.05, 0.95, 1.0)), 2.0, 3.0)
        canvas.paint(within(canvas.cover(solid, 1.6), belly, liver), hu["visceral_fat"])
        canvas.paint(within(canvas.cover(solid), belly, liver), hu["bowel_wall"])
        inner = canvas.cover(solid, -2.2 if draw[1] > 0.35 else -radius * 0.55)
        if inner is None:
            continue
        content = hu["stomach_content"] if draw[3] < opaque else 15 + 22 * draw[3]
        level = place[1] + (radius * 0.2 if draw[2] < 0.1 else 99)
        canvas.paint(within(inner, belly, liver), layered(scene, inner, level, content, hu["gas"]))
    scene.mark("small_bowel", -452 + low, -236 + low)


def _courses(scene: Scene) -> dict[str, tuple[list, float, float]]:
    """Path, radius and share of gas of the parts of the colon."""
    person = scene.person
    caecum = np.array((86, 138, -392)) + person.jitter("caecum", (5, 5, 12))
    right = np.array((92, 126, -274)) + belly_shift(scene, "hepatic-flexure", (4, 4, 10), 0.4)
    left = np.array((-106, 116, -216)) + belly_shift(scene, "splenic-flexure", (3, 4, 10), 0.5)
    sag = np.array((0, 182 + 0.8 * person.belly_mm, -295)) + person.jitter("transverse", (10, 3, 20))
    loop = person.jitter("sigmoid", (10, 8, 10))
    return {
        "caecum": ([caecum + (0, 0, -16), caecum + (2, 0, 14)], 26.0, 0.4),
        "ascending_colon": ([caecum + (2, -4, 14), (caecum + right) / 2 + (12, -16, 0), right + (6, -10, -12)], 20.0, 0.35),
        "hepatic_flexure": ([right + (6, -8, -14), right, right + (-14, 22, -4)], 19.0, 0.5),
        "transverse_colon": ([right + (-14, 24, -4), (48, 178 + 0.5 * person.belly_mm, (right[2] + sag[2]) / 2), sag,
                              (-55, 174 + 0.5 * person.belly_mm, (left[2] + sag[2]) / 2), left + (10, 22, -6)], 18.0, 0.65),
        "splenic_flexure": ([left + (12, 24, -8), left, left + (0, -20, -16)], 17.0, 0.6),
        "descending_colon": ([left + (0, -20, -14), (-112, 90, -290), (-114, 94, -330), (-106, 108, -378)], 13.0, 0.25),
        "sigmoid_colon": ([np.array((-104, 112, -385)), np.array((-84, 132, -412)), np.add((-40, 136, -418), loop), np.add((2, 124, -424), loop),
                           np.array((14, 96, -432)), np.array((2, 72, -438))], 13.0, 0.4),
        "rectum": ([(0, 70, -436), (-4, 60, -462), (0, 60, -490), (0, 68, -514), (0, 72, -536)], 15.0, 0.35),
    }  # fmt: skip


def _colon(scene: Scene, belly: Floats) -> None:
    canvas, person, hu, liver = scene.canvas, scene.person, scene.hu, scene.covers["liver"]
    rng = person.rng("colon")
    full = float(rng.uniform(0.0, 1.0))
    for name, (path, radius, gassy) in _courses(scene).items():
        wide = radius * rng.uniform(0.75, 1.2)
        points = _dense([np.asarray(p, float) for p in path], 11.0)
        count = len(points)
        # Haustra: the calibre swells and narrows about every 30 mm.
        phase = rng.uniform(0, 6.3)
        bulge = 0.16 if name not in {"rectum", "sigmoid_colon"} else 0.09
        radii = wide * (1 + bulge * np.sin(np.arange(count) * 2.3 + phase)) * (1 + rng.normal(0, 0.05, count))
        airy, stool_seed = float(rng.uniform(0.2, 0.8)), int(rng.integers(1 << 31))
        scene.keep_course(name, points, radii)
        low, high = float((np.array(points)[:, 2] - radii).min()), float((np.array(points)[:, 2] + radii).max())
        scene.mark(name, low, high)
        if high < canvas.z[0] - 5 or low > canvas.z[-1] + 5:
            continue
        solid = tube(canvas, points, radii, 2.0, 2.0)
        canvas.paint(within(canvas.cover(solid, 1.2), belly, liver), hu["visceral_fat"])
        patch = within(canvas.cover(solid), belly, liver)
        canvas.paint(patch, hu["bowel_wall"])
        inner = within(canvas.cover(solid, -2.4), belly, liver)
        if inner is None:
            continue
        # Stool is mottled with gas; in front of it, in parts, lies free gas.
        grain = canvas.field(inner.box, 5.5, np.random.default_rng(stool_seed))
        stool = np.float32(hu["stool"] + 45) + grain * np.float32(30) - np.clip(grain - 0.9, 0, 1) * np.float32(430)
        y = np.array(points)[:, 1]
        top = y.mean() + wide * float(np.interp(gassy - 0.5 * full + airy - 0.5, (-0.3, 0.6), (1.1, -0.9)))
        # The level wanders along the colon, so that not every part is filled alike.
        along = canvas.field(inner.box, 45.0, np.random.default_rng(stool_seed + 1)) * np.float32(wide * 0.6)
        height = canvas.y[inner.box[1]][None, :, None] - np.float32(top) + along
        share = np.clip(height / canvas.step_mm[1] + 0.5, 0, 1)
        canvas.paint(inner, stool + (np.float32(hu["gas"]) - stool) * share)


def _navel(scene: Scene) -> None:
    canvas, person = scene.canvas, scene.person
    move = person.jitter("navel", (3, 0, 10))
    z = -315 + move[2]
    front = person.skin_at(z)[2]
    deep = min(26.0, 8 + 0.8 * person.fat_mm)
    canvas.paint_tube([(move[0], front + 8, z), (move[0], front - deep * 0.45, z - 3)], [5.5, 2.6], -980)
    canvas.paint_tube([(move[0], front - deep * 0.45 - 3, z - 3), (move[0], front - deep, z)], 4, 20)
    scene.mark("umbilicus", z - 13, z + 13)


def _dense(path: list[np.ndarray], step: float) -> list[np.ndarray]:
    out = [path[0]]
    for a, b in itertools.pairwise(path):
        count = max(1, round(float(np.linalg.norm(b - a)) / step))
        out += [a + (b - a) * (k + 1) / count for k in range(count)]
    return out


def _ascites(scene: Scene, belly: Floats) -> None:
    """Fluid along both flanks, around the liver and in the pelvis."""
    canvas = scene.canvas
    rng = scene.rng("ascites")
    value, depth = float(rng.uniform(2, 22)), float(rng.uniform(0.08, 0.34))
    rows = (canvas.z > -478) & (canvas.z < -135)
    edge = np.clip((np.abs(canvas.x) - 126 * (1 - depth)) / canvas.soft_mm + 0.5, 0, 1)
    pelvis = np.clip((-400 - canvas.z) / 10, 0, 1)
    share = np.maximum(edge[None, None, :], pelvis[:, None, None]) * rows[:, None, None]
    cover = (belly * share * (1 - scene.covers.get("liver", 0.0) * 0.95)).astype(np.float32)
    canvas.paint(Patch((slice(None), slice(None), slice(None)), cover), value)
    full = (-478.0, -135.0)
    patch = Patch((slice(None), slice(None), slice(None)), cover)
    scene.mark("ascites", *scene.painted_span(patch, full), severity=graded((depth - 0.08) / 0.26), traits=("free",))
