"""Diffuse findings of the lungs (ground glass, emphysema, mosaic, lines, thick bronchi) and findings of the pleura."""

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.catalogue import LUNG_PLACES, graded
from napari_ct_grounding.phantom.lung_places import (
    lobe_clip,
    lobes_of,
    lung_spot,
    patch_in_lobe,
    rows_between,
)
from napari_ct_grounding.phantom.lungs import LungMap, domes
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Patch


def _extent(lungs: LungMap, place: str) -> tuple[float, float]:
    """Return the z extent of a lobe, of both upper or lower lobes, or of both lungs."""
    codes = [LUNG_PLACES.index(lobe) + 1 for lobe in lobes_of(place)]
    return lungs.extent(np.isin(lungs.codes, codes))


def _within(scene: Scene, lungs: LungMap, place: str) -> tuple[float, float]:
    """Return the extent in which a pattern of both upper or both lower lobes is drawn: it stops short of the others."""
    low, high = _extent(lungs, place)
    if place == "both_upper_lobes":
        low = max(low, -22.0)
    elif place.startswith("both_lower"):
        high = min(high, -28.0)
    return low, high


def paint_ground_glass(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint hazy patches through which vessels stay visible."""
    share = float(rng.random())
    value = float(rng.uniform(-640, -400))
    lobes = lobes_of(place)
    single = len(lobes) == 1
    number = int(rng.integers(1, 4)) if single else int(rng.integers(2, 4) + 3 * share)
    traits = ["multiple" if number * len(lobes) > 1 else "single"]
    at_pleura = bool(rng.random() < 0.4)
    if at_pleura and "hil" not in place:
        traits.append("subpleural")
    extents, centres = [], []
    for lobe in lobes:
        for _ in range(number):
            semi = np.array(rng.uniform((16, 16, 13), (40, 38, 32))) * (0.75 + 0.5 * share)
            if not single:
                semi[2] *= 0.8
            centre = lung_spot(scene, lungs, lobe, rng, 4 if not at_pleura else 8, at_pleura=at_pleura)
            own = np.random.default_rng(int(rng.integers(1 << 31)))
            patch, full = patch_in_lobe(scene, centre, semi, lobe, own, 0.3)
            centres.append(centre)
            if patch is None:
                extents.append(full)
                continue
            old = scene.canvas.hu[patch.box]
            painted = scene.canvas.paint(patch, np.maximum(old, value + 0.15 * (old + 850)))
            extents.append(scene.painted_span(painted, full))
    centre_of_all = np.mean(centres, axis=0)
    scene.mark_shape(
        target, *extents, centre=centre_of_all, severity=graded(share), number=len(extents), traits=tuple(traits)
    )


def paint_emphysema(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint holes without walls."""
    low, high = _within(scene, lungs, place)
    share = float(rng.random())
    box = rows_between(scene, low, high)
    if box is not None:
        clip = lobe_clip(scene, box, place)
        field = scene.canvas.field(box, float(rng.uniform(9, 18)), rng)
        holes = np.clip((field - (0.85 - 0.6 * share)) * 1.6, 0, 1) * clip
        holes *= scene.canvas.hu[box] < -600
        scene.canvas.paint(Patch(box, holes.astype(np.float32)), -988.0)
        scene.canvas.hu[box] -= clip * np.float32(20 + 35 * share)
    scene.mark(target, low, high, severity=graded(share))


def paint_mosaic(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a patchwork of darker and brighter lung."""
    low, high = _within(scene, lungs, place)
    share = float(rng.random())
    box = rows_between(scene, low, high)
    if box is not None:
        field = scene.canvas.field(box, float(rng.uniform(20, 30)), rng)
        rise = (np.clip(field * 4, 0, 1) * (100 + 90 * share)) * scene.covers["lungs"][box]
        scene.canvas.hu[box] += rise.astype(np.float32)
    scene.mark(target, low, high, severity=graded(share))


def paint_septal(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a net of thin lines."""
    low, high = _within(scene, lungs, place)
    share = float(rng.random())
    box = rows_between(scene, low, high)
    if box is not None:
        field = scene.canvas.field(box, 12.0, rng)
        lines = np.clip(1 - np.abs(field) * 5, 0, 1) * scene.covers["lungs"][box]
        scene.canvas.hu[box] += (lines * (260 + 200 * share)).astype(np.float32)
        if share > 0.5:  # oedema
            scene.canvas.hu[box] += scene.covers["lungs"][box] * np.float32(60 * share)
    scene.mark(target, low, high, severity=graded(share))


def paint_basal_fibrosis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a net under the pleura of the lower back."""
    low, high = _extent(lungs, place)[0], float(rng.uniform(-70, -45))
    share = float(rng.random())
    box = rows_between(scene, low, high)
    if box is not None:
        canvas = scene.canvas
        field = canvas.field(box, 8.0, rng)
        shell = scene.covers["cage"][box] - _shrunk_cage(scene, 18.0 + 14 * share)[box]
        behind = np.clip((125 - canvas.y) / 20, 0, 1)[None, :, None]
        side = place.split("_")[0]
        lung = scene.covers["lungs" if side == "both" else f"lung_{side}"][box]
        net = np.clip(1.1 - np.abs(field) * 1.6, 0, 1) * lung * np.clip(shell, 0, 1) * behind
        canvas.paint(Patch(box, (net * 0.85).astype(np.float32)), -120.0)
    scene.mark(target, low, high, severity=graded(share))


def _shrunk_cage(scene: Scene, by: float) -> np.ndarray:
    return scene.whole(scene.person.cage(scene.canvas, -by))


def paint_peribronchial(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint thick walls round the central bronchi, or round those of a lower lobe and their children."""
    share = float(rng.random())
    wall = 2.6 + 2.2 * share
    tubes = []
    for one in lobes_of(place):
        side = "right" if one.startswith("right") else "left"
        if one.endswith("hilum"):
            names = [f"bronchus_main_{side}", *(["bronchus_intermediate"] if side == "right" else [])]
            tubes += [scene.courses[name] for name in names]
            continue
        points, radii = scene.courses[f"bronchus_lower_{side}"]
        tubes.append((points, radii))
        mine = lungs.points[lungs.codes == LUNG_PLACES.index(one) + 1].astype(float)
        for _ in range(7 + int(6 * share)):
            start = points[int(rng.integers(len(points)))]
            near = mine[np.linalg.norm(mine - start, axis=1) < 55]
            end = (near if len(near) else mine)[int(rng.integers(len(near) or len(mine)))]
            tubes.append((np.array([start, (start + end) / 2 + rng.normal(0, 3, 3), end]), np.array((2.8, 2.4, 2.0))))
    extents = [scene.canvas.paint_tube(points, radii + wall, 20, scene.covers["cage"]) for points, radii in tubes]
    for points, radii in tubes:
        scene.canvas.paint_tube(points, radii, scene.hu["gas"])
    scene.mark_shape(target, *extents, severity=graded(share))


def paint_effusion(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint fluid behind the lung, rising from the sulcus."""
    extents, deepest = [], 0.0
    canvas = scene.canvas
    value = float(rng.uniform(2, 25))
    for side in ("right", "left") if place == "both" else (place,):
        deep = float(rng.choice((rng.uniform(9, 22), rng.uniform(22, 80))))
        low = scene.spans[f"costophrenic_sulcus_{side}"].z_lo - 4
        high = min(low + 62 + 1.9 * deep, 40.0)
        box = rows_between(scene, low - 10, high)
        extents.append((low, high))
        deepest = max(deepest, deep)
        if box is None:
            continue
        z = canvas.z[box[0]]
        depth = deep * np.clip((high - z) / (high - low), 0, 1) ** 0.7
        back = np.array([scene.person.cage_at(float(level))[1] for level in z])
        x, y, _ = canvas.offsets(box)
        rise = (back + depth)[:, None, None] + 0.12 * np.abs(np.abs(x) - 60)
        cover = np.clip((rise - y) / canvas.soft_mm + 0.5, 0, 1) * scene.covers[f"lung_{side}"][box]
        painted = canvas.paint(Patch(box, cover.astype(np.float32)), value)
        extents[-1] = scene.painted_span(painted, (low, high))
    severity = "mild" if deepest < 18 else ("moderate" if deepest < 50 else "severe")
    middle = sum(extents[0]) / 2
    centre = None if place == "both" else (75 if place == "right" else -75, 45, middle)
    scene.mark_shape(target, *extents, size_mm=round(deepest, 0), severity=severity, traits=("free",), centre=centre)


def paint_fissural(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a lens of fluid in the major fissure."""
    sign = 1 if place == "right" else -1
    y = float(rng.uniform(85, 140))
    x = sign * float(rng.uniform(60, 95))
    z = 5.0 - 0.93 * (y - 50) + 0.15 * (abs(x) - 70)
    axes = np.array([(1, 0, 0), (0, 0.73, -0.68), (0, 0.68, 0.73)])
    semi = np.array((rng.uniform(20, 38), rng.uniform(24, 42), rng.uniform(7, 14)))
    half = float(np.sqrt(((axes * semi[:, None]) ** 2).sum(0))[2])
    patch = scene.canvas.ellipsoid((x, y, z), semi, axes)
    painted = scene.canvas.paint(patch, rng.uniform(2, 22), scene.covers["lungs"])
    span = scene.painted_span(painted, (z - half, z + half))
    size = round(2 * float(semi[2]), 0)
    scene.mark(target, *span, size, centre=(x, y, z), severity=graded((size - 14) / 15), traits=("loculated",))


def paint_plaque(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint flat plaques inside the ribs and on the dome, most of them calcified."""
    has_calcium = bool(rng.random() < 0.7)
    value = float(rng.uniform(350, 800)) if has_calcium else 45.0
    extents = []
    number = 0
    for side in ("right", "left") if place == "both" else (place,):
        sign = 1 if side == "right" else -1
        dome, axes = domes(scene.person)[side]
        for k in range(int(rng.integers(3, 8))):
            if k == 0:
                top = (dome[0] + sign * rng.uniform(-15, 20), dome[1] + rng.uniform(-30, 30), dome[2] + axes[2] - 4)
                path = [np.add(top, (-14, 0, -2)), top, np.add(top, (14, 0, -2))]
            else:
                z, share = float(rng.uniform(-125, 20)), float(rng.uniform(-0.8, 0.75))
                path = []
                for turn in (-0.12, 0.0, 0.12):
                    a, back, front = scene.person.cage_at(z)
                    lift = np.clip(share + turn, -0.95, 0.95)
                    x = sign * (a - 3) * (1 - abs(lift) ** 2.2) ** (1 / 2.2)
                    path.append(np.array((x, (back + front) / 2 + lift * (front - back) / 2 * 0.97, z)))
            for shift in (-rng.uniform(4, 9), 0.0, rng.uniform(4, 9)):
                step = (0, 0, shift) if k else (0, shift, 0)
                extents.append(
                    scene.canvas.paint_tube(
                        [np.add(p, step) for p in path], rng.uniform(2.4, 3.6), value, scene.covers["cage"]
                    )
                )
            number += 1
    traits = ("calcified",) if has_calcium else ()
    scene.mark_shape(target, *extents, number=number, severity=graded((number - 3) / 12), traits=traits)


def paint_pneumothorax(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint air in front of the lung, or above it."""
    canvas = scene.canvas
    side = place.split("_")[0]
    top = scene.spans[f"lung_apex_{side}"].z_hi
    if place.endswith("apex"):
        deep = float(rng.uniform(12, 30))
        low, severity = top - deep, "mild"
    else:
        deep = float(rng.uniform(10, 55))
        low, severity = float(rng.uniform(-135, -100)), graded((deep - 10) / 45)
    box = rows_between(scene, low, top)
    full = (low, top)
    if box is not None:
        z = canvas.z[box[0]]
        x, y, height = canvas.offsets(box)
        if place.endswith("apex"):
            above = height - low - 0.12 * np.abs(np.abs(x) - 50)
        else:
            front = np.array([scene.person.cage_at(float(level))[2] for level in z])
            taper = deep * np.clip((z - low) / 30, 0, 1)
            above = y - ((front - taper)[:, None, None] - 0.25 * np.clip(np.abs(x) - 60, 0, None))
        lung = scene.covers[f"lung_{side}"][box]
        cover = np.clip(above / canvas.soft_mm + 0.5, 0, 1) * lung
        line = np.clip(1.2 - np.abs(above + 1.5) / max(canvas.soft_mm, 2.0), 0, 1) * lung
        painted = canvas.paint(Patch(box, cover.astype(np.float32)), -1000.0)
        canvas.hu[box] += (line * 240).astype(np.float32)
        full = scene.painted_span(painted, full)
    x_side = 60 if side == "right" else -60
    scene.mark(target, *full, round(deep, 0), centre=(x_side, 150, sum(full) / 2), severity=severity)
