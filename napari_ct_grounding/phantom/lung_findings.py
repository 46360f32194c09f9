"""Focal findings of the lungs: nodules, masses, cavities, consolidation, collapse, scars, wide bronchi.

A painter takes scene, lung map, target name, place and the finding's own random stream.
"""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: RUF005

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.catalogue import LUNG_PLACES, graded
from napari_ct_grounding.phantom.lung_places import lobes_of, lung_spot, patch_in_lobe, random_direction, rows_between
from napari_ct_grounding.phantom.lungs import LungMap, domes
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Patch


def _spikes(
    scene: Scene, centre: NDArray, reach: NDArray | float, count: int, hu: float, rng: np.random.Generator
) -> None:
    for _ in range(count):
        end = centre + random_direction(rng) * reach
        scene.canvas.paint_tube([centre, end], [2.2, 0.8], hu, scene.covers["lungs"])


def paint_nodule(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a nodule: solid, ground glass or calcified, in the lobe or under its pleura."""
    r = float(np.clip(rng.lognormal(np.log(5.0), 0.42), 3.2, 14.5))
    kind, at_pleura = rng.random(), bool(rng.random() < 0.35)
    trait, value = "solid", 35.0
    if kind < 0.16:
        trait, value = "calcified", 420.0
    elif kind < 0.3:
        trait, value, r = "ground_glass", -450.0, max(r, 4.5)
    traits = [trait]
    centre = lung_spot(scene, lungs, place, rng, r + 3, at_pleura=at_pleura)
    if at_pleura and not place.endswith("hilum"):
        traits.append("subpleural")
    scene.canvas.paint_ellipsoid(centre, (r, r * rng.uniform(0.85, 1.1), r), value, clip=scene.covers["cage"])
    if trait == "solid" and r > 5 and rng.random() < 0.3:
        traits.append("spiculated")
        _spikes(scene, centre, r * np.array((1.9, 1.9, 0.9)), 10, -100.0, rng)
    scene.mark(
        target, centre[2] - r, centre[2] + r, round(2 * r, 0), centre=centre, number=1, traits=(*traits, "single")
    )


def paint_multiple_nodules(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint many nodules of one kind."""
    lobes = lobes_of(place)
    number = int(np.clip(rng.lognormal(np.log(10), 0.5), 5, 30))
    value, trait = (420.0, "calcified") if rng.random() < 0.15 else (35.0, "solid")
    extents, largest = [], 0.0
    for k in range(number):
        r = float(np.clip(rng.lognormal(np.log(4.2), 0.35), 3, 11))
        centre = lung_spot(scene, lungs, lobes[k % len(lobes)], rng, r + 2, at_pleura=bool(rng.random() < 0.4))
        scene.canvas.paint_ellipsoid(centre, (r, r, r), value, clip=scene.covers["cage"])
        extents.append((centre[2] - r, centre[2] + r))
        largest = max(largest, 2 * r)
    severity = graded((number - 5) / 26)
    scene.mark_shape(
        target, *extents, size_mm=round(largest, 0), number=number, severity=severity, traits=(trait, "multiple")
    )


def paint_mass(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a lobed lesion with spikes, at times with a dead core."""
    r = float(rng.uniform(15.5, 36))
    if place.endswith("apex") or place in {"middle_lobe", "lingula"}:
        r = min(r, 23.0)
    traits = []
    at_pleura = bool(rng.random() < 0.3)
    centre = lung_spot(scene, lungs, place, rng, r * (0.6 if at_pleura else 0.8), at_pleura=at_pleura)
    if at_pleura and not place.endswith("hilum"):
        traits.append("subpleural")
    num_lobes = int(rng.integers(1, 6))
    extents = []
    for k in range(num_lobes):
        radius = r if k == 0 else r * rng.uniform(0.4, 0.65)
        spot = centre if k == 0 else centre + random_direction(rng) * r * 0.75
        scene.canvas.paint_ellipsoid(spot, (radius,) * 3, scene.hu["mass"], clip=scene.covers["cage"])
        extents.append((spot[2] - radius, spot[2] + radius))
    if num_lobes > 2:
        traits.append("lobulated")
    if rng.random() < 0.6:
        traits.append("spiculated")
        _spikes(scene, centre, r * np.array((1.5, 1.5, 0.6)), 10, 0.0, rng)
    if r > 22 and rng.random() < 0.45:
        traits.append("necrotic")
        scene.canvas.paint_ellipsoid(centre, (r * 0.55,) * 3, 16)
    scene.mark_shape(
        target, *extents, size_mm=round(2 * r, 0), centre=centre, number=1, traits=(*traits, "solid", "single")
    )


def paint_cavity(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a hollow lesion, at times with a level."""
    r = float(rng.uniform(12, 28))
    if place.endswith("apex"):
        r = min(r, 20.0)
    wall = float(rng.uniform(2.5, 8.5))
    centre = lung_spot(scene, lungs, place, rng, r)
    scene.canvas.paint_ellipsoid(centre, (r, r, r), scene.hu["mass"], clip=scene.covers["cage"])
    inner = scene.canvas.ellipsoid(centre, (r - wall,) * 3)
    has_level = bool(rng.random() < 0.5)
    level = centre[1] - (r - wall) * (rng.uniform(0, 0.6) if has_level else 2.0)
    if inner is not None:
        share = np.clip((scene.canvas.y[inner.box[1]] - level) / scene.canvas.soft_mm + 0.5, 0, 1)[None, :, None]
        scene.canvas.paint(inner, (15 + (-975 - 15) * share).astype(np.float32))
    traits = ("thick_walled" if wall > 5 else "thin_walled", *(("fluid_level",) if has_level else ()), "single")
    scene.mark(target, centre[2] - r, centre[2] + r, round(2 * r, 0), centre=centre, number=1, traits=traits)


def _own(rng: np.random.Generator) -> np.random.Generator:
    """Return a stream of its own, so that what a scan's range leaves out shifts no later draw."""
    return np.random.default_rng(int(rng.integers(1 << 31)))


def paint_consolidation(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint dense patches with air-filled bronchi: one, several, or a whole lobe."""
    extents, centres, widest = [], [], 0.0
    lobes = lobes_of(place)
    share = float(rng.random())
    for lobe in lobes:
        for _ in range(1 if share < 0.75 else int(rng.integers(2, 4))):
            grow = 0.6 + 0.8 * share
            semi = np.array(rng.uniform((26, 24, 18), (50, 46, 40))) * grow
            centre = lung_spot(scene, lungs, lobe, rng, 6, at_pleura=bool(rng.random() < 0.5))
            patch, full = patch_in_lobe(scene, centre, semi, lobe, _own(rng), 0.35)
            painted = scene.canvas.paint(patch, scene.hu["mass"] - 15)
            for _ in range(7):  # air bronchogram
                end = centre + random_direction(rng) * semi * 0.8
                scene.canvas.paint_tube([centre, end], [2.6, 1.5], -850, scene.covers["lungs"])
            extents.append(scene.painted_span(painted, full))
            centres.append(centre)
            widest = max(widest, 2 * float(semi.max()))
    scene.mark_shape(
        target, *extents, size_mm=round(widest, 0), centre=np.mean(centres, axis=0), severity=graded(share),
        number=len(extents), traits=("multiple",) if len(extents) > 1 else ("single",),
    )  # fmt: skip


def paint_linear_atelectasis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint flat plates."""
    tops = domes(scene.person)
    extents, middles = [], []
    places = lobes_of(place)
    number = len(places) * int(rng.integers(1, 4))
    for k in range(number):
        one = places[k % len(places)]
        sign = 1 if one.startswith("right") or one == "middle_lobe" else -1
        centre, semi = tops["right" if sign > 0 else "left"]
        if one.endswith("base"):
            y = rng.uniform(60, 105)
            z = centre[2] + semi[2] * np.sqrt(max(0.1, 1 - ((y - centre[1]) / semi[1]) ** 2)) + rng.uniform(6, 24)
            middle = np.array((sign * rng.uniform(62, 100), y, z))
        elif one.endswith("upper_lobe"):
            middle = lung_spot(scene, lungs, one, rng, 14)
        else:
            middle = np.array((sign * rng.uniform(62, 92), rng.uniform(150, 175), rng.uniform(-98, -72)))
        across = np.array((rng.uniform(22, 36), rng.uniform(12, 24), rng.uniform(2.2, 3.8)))
        painted = scene.canvas.paint(scene.canvas.ellipsoid(middle, across), -10, scene.covers["lungs"])
        extents.append(scene.painted_span(painted, (middle[2] - across[2], middle[2] + across[2])))
        middles.append(middle)
    scene.mark_shape(
        target, *extents, centre=np.mean(middles, axis=0), number=number, severity=graded((number - 1) / 6)
    )


def paint_lobar_atelectasis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a collapsed lobe: a lower one beside the spine, an upper one against the mediastinum, the middle one as a wedge."""
    canvas = scene.canvas
    side, sign = ("right", 1) if place.startswith("right") or place == "middle_lobe" else ("left", -1)
    share = float(rng.random())
    if place.endswith("lower_lobe"):
        low, high = scene.spans[place].z_lo, float(rng.uniform(-48, -30))
    elif place == "middle_lobe":
        low, high = float(rng.uniform(-112, -100)), float(rng.uniform(-62, -50))
    else:
        low, high = float(rng.uniform(-40, -28)), scene.spans[f"lung_apex_{side}"].z_hi - float(rng.uniform(8, 20))
    full = (low, high)
    box = rows_between(scene, low, high)
    if box is not None:
        x, y, z = canvas.offsets(box)
        out = sign * x
        if place.endswith("lower_lobe"):  # widens downwards
            wide = 32 + 10 * share + np.clip((high - z) * 0.38, 0, 45)
            inside = np.minimum(wide - out, wide + 68 - y)
        elif place == "middle_lobe":  # from the hilum to the front, thin
            thick = (6 + 10 * share) * np.clip((y - 90) / 60, 0.5, 1.3)
            inside = np.minimum(thick - np.abs(z - (low + high) / 2 - 0.15 * (y - 150)), np.minimum(y - 100, 88 - out))
        else:
            inside = np.minimum(34 + 16 * share - out + np.clip((y - 130) * 0.25, 0, 12), y - 78)
        cover = np.clip(inside / canvas.soft_mm + 0.5, 0, 1) * scene.covers[f"lung_{side}"][box]
        painted = canvas.paint(Patch(box, cover.astype(np.float32)), scene.hu["collapse"])
        full = scene.painted_span(painted, full)
    if place.endswith("lower_lobe"):
        for _ in range(4):
            start = np.array((sign * 40, 92, -45.0))
            end = start + (sign * rng.uniform(0, 25), rng.uniform(-30, -5), rng.uniform(-70, -30))
            canvas.paint_tube([start, end], [2.5, 1.2], -800, scene.covers["lungs"])
    centre = (sign * 52, 70 if place.endswith("lower_lobe") else 130, sum(full) / 2)
    scene.mark(target, *full, centre=centre, severity=graded(share))


def paint_parenchymal_scar(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint bands that run from a knot to the pleura, at times with calcium."""
    centre = lung_spot(scene, lungs, place, rng, 12)
    extents = []
    for _ in range(int(rng.integers(3, 7))):
        far = np.linalg.norm(lungs.points - centre, axis=1)
        ends = lungs.points[(far > 16) & (far < 42) & (lungs.codes == LUNG_PLACES.index(place) + 1)]
        end = ends[int(rng.integers(len(ends)))].astype(float) if len(ends) else centre + (0, 0, 16)
        extents.append(scene.canvas.paint_tube([centre, end], [3.4, 2.0], 0, scene.covers["lungs"]))
    r = float(rng.uniform(4, 8))
    scene.canvas.paint_ellipsoid(centre, (r, r, r), 20, clip=scene.covers["lungs"])
    has_calcium = bool(rng.random() < 0.3)
    if has_calcium:
        scene.canvas.paint_ellipsoid(centre, (3.4, 3.4, 3.4), 550)
    scene.mark_shape(target, *extents, centre=centre, traits=("calcified",) if has_calcium else ())


def paint_apical_scar(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a cap and strands at the apex."""
    extents = []
    share = float(rng.random())
    has_calcium = bool(rng.random() < 0.25)
    for one in lobes_of(place):
        side, sign = ("right", 1) if one.startswith("right") else ("left", -1)
        top = scene.spans[f"lung_apex_{side}"].z_hi
        scene.canvas.paint(
            scene.canvas.ellipsoid((sign * 52, 88, top + 4 - 4 * share), (38, 34, 12)), 10, scene.covers["lungs"]
        )
        lowest = top
        for k in range(5 + int(8 * share)):
            start = np.array((sign * rng.uniform(35, 70), rng.uniform(65, 110), top - rng.uniform(2, 14)))
            stop = start + np.array((rng.normal(0, 12), rng.normal(0, 12), -rng.uniform(8, 26)))
            scene.canvas.paint_tube([start, stop], [3.2, 1.8], -10, scene.covers["lungs"])
            if has_calcium and k < 3:
                scene.canvas.paint_ellipsoid(start, (3.2,) * 3, 500, clip=scene.covers["lungs"])
            lowest = min(lowest, stop[2])
        extents.append((lowest - 2, top))
    scene.mark_shape(target, *extents, severity=graded(share), traits=("calcified",) if has_calcium else ())


def paint_bulla(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a thin-walled bubble under the pleura."""
    r = float(rng.uniform(10, 24 if place.endswith("apex") else 30))
    centre = lung_spot(scene, lungs, place, rng, r * 0.8, at_pleura=not place.endswith("apex"))
    if place.endswith("apex"):
        centre[2] = min(centre[2], scene.spans["lung_apex_" + place.split("_")[0]].z_hi - r + 2)
    full = (centre[2] - r, centre[2] + r)
    scene.canvas.paint_ellipsoid(centre, (r + 2,) * 3, -600, clip=scene.covers["lungs"])
    painted = scene.canvas.paint(scene.canvas.ellipsoid(centre, (r,) * 3), -996, scene.covers["lungs"])
    scene.mark(
        target,
        *scene.painted_span(painted, full),
        round(2 * r, 0),
        centre=centre,
        number=1,
        traits=("thin_walled", "single"),
    )


def paint_bronchiectasis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint clusters of wide bronchi with thick walls."""
    extents, tubes, centres = [], [], []
    share = float(rng.random())
    for lobe in lobes_of(place):
        centre = lung_spot(scene, lungs, lobe, rng, 14)
        mine = lungs.points[lungs.codes == LUNG_PLACES.index(lobe) + 1]
        near = mine[np.linalg.norm((mine - centre) / (1, 1, 0.6), axis=1) < 20 + 10 * share]
        near = near if len(near) > 1 else mine
        for _ in range(6 + int(9 * share)):
            a, b = near[rng.choice(len(near), 2)].astype(float) + rng.uniform(-2, 2, (2, 3))
            tubes.append((a, b, float(rng.uniform(3.4, 5 + 2.5 * share))))
        centres.append(centre)
    for a, b, r in tubes:
        scene.canvas.paint_tube([a, b], r + 2.4, 10, scene.covers["lungs"])
        extents.append((min(a[2], b[2]) - r, max(a[2], b[2]) + r))
    for a, b, r in tubes:
        scene.canvas.paint_tube([a, b], r, -970, scene.covers["lungs"])
    scene.mark_shape(target, *extents, centre=np.mean(centres, axis=0), severity=graded(share))
