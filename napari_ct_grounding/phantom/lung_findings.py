"""Findings of lung and pleura. A painter takes scene, lung map, target name, place and the finding's own random stream."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: RUF005

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.catalogue import LUNG_PLACES
from napari_ct_grounding.phantom.lungs import LungMap, domes, lobe_codes
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Patch


def _lung_spot(scene: Scene, lungs: LungMap, place: str, rng: np.random.Generator, clearance: float) -> np.ndarray:
    """Return a point of a lobe, apex or hilum (reference mm), at least about `clearance` deep where the place allows."""
    points, depth = lungs.points, lungs.depth_mm
    if place in LUNG_PLACES:
        select = lungs.codes == LUNG_PLACES.index(place) + 1
    elif place.endswith("apex"):
        select = (points[:, 0] > 0) == place.startswith("right")
        select &= points[:, 2] > points[select, 2].max() - 32
    else:
        sign = 1 if place.startswith("right") else -1
        centre = np.array((sign * 48, 108, -28)) + rng.normal(0, 3, 3)
        return centre
    # The place must be in the scan if any of it is.
    z = scene.canvas.z
    seen = select & (points[:, 2] > z[0] + clearance) & (points[:, 2] < z[-1] - clearance)
    if seen.any():
        select = seen
    deep = select & (depth >= min(clearance, float(depth[select].max()) * 0.8))
    index = np.flatnonzero(deep if deep.any() else select)
    return points[rng.choice(index)].astype(float) + rng.uniform(-2, 2, 3)


def _lobe_clip(scene: Scene, box: tuple[slice, slice, slice], place: str) -> np.ndarray:
    canvas = scene.canvas
    cover = scene.covers["lungs"][box]
    if place not in LUNG_PLACES:
        return cover
    x, y, z = canvas.offsets(box)
    return cover * (lobe_codes(scene.person, x, y, z) == LUNG_PLACES.index(place) + 1)


def paint_nodule(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a nodule: solid, ground glass or calcified."""
    r = float(np.clip(rng.lognormal(np.log(5.0), 0.4), 3.5, 14))
    kind = rng.random()
    value = 400.0 if kind < 0.15 else (-480.0 if kind < 0.25 else 35.0)
    centre = _lung_spot(scene, lungs, place, rng, r + 3)
    scene.canvas.paint_ellipsoid(centre, (r, r * rng.uniform(0.85, 1.1), r), value)
    scene.mark(target, centre[2] - r, centre[2] + r, round(2 * r, 0))


def paint_mass(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a lobed lesion with spikes."""
    r = float(rng.uniform(16, 34))
    if place.endswith("apex") or place in {"middle_lobe", "lingula"}:
        r = min(r, 22.0)
    centre = _lung_spot(scene, lungs, place, rng, r * 0.8)
    lows, highs = [], []
    for k in range(5):
        radius = r if k == 0 else r * rng.uniform(0.4, 0.65)
        spot = centre if k == 0 else centre + _direction(rng) * r * 0.75
        scene.canvas.paint_ellipsoid(spot, (radius,) * 3, scene.hu["mass"], clip=scene.covers["cage"])
        lows.append(spot[2] - radius)
        highs.append(spot[2] + radius)
    for _ in range(9):
        scene.canvas.paint_tube(
            [centre, centre + _direction(rng) * r * (1.5, 1.5, 0.6)], [2.5, 0.8], 0, scene.covers["lungs"]
        )
    if r > 24 and rng.random() < 0.5:
        scene.canvas.paint_ellipsoid(centre, (r * 0.5,) * 3, 18)
    scene.mark(target, min(lows), max(highs), round(2 * r, 0))


def _direction(rng: np.random.Generator) -> np.ndarray:
    v = rng.normal(size=3)
    return v / np.linalg.norm(v)


def paint_cavity(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a hollow lesion, at times with a level."""
    r = float(rng.uniform(13, 26))
    wall = float(rng.uniform(4, 8))
    centre = _lung_spot(scene, lungs, place, rng, r)
    scene.canvas.paint_ellipsoid(centre, (r, r, r), scene.hu["mass"], clip=scene.covers["cage"])
    inner = scene.canvas.ellipsoid(centre, (r - wall,) * 3)
    if inner is not None:
        level = centre[1] - (r - wall) * (rng.uniform(0, 0.6) if rng.random() < 0.5 else 2.0)
        share = np.clip((scene.canvas.y[inner.box[1]] - level) / scene.canvas.soft_mm + 0.5, 0, 1)[None, :, None]
        scene.canvas.paint(inner, (15 + (-975 - 15) * share).astype(np.float32))
    scene.mark(target, centre[2] - r, centre[2] + r, round(2 * r, 0))


def _patch_in_lobe(
    scene: Scene, centre: np.ndarray, semi: np.ndarray, place: str, rng: np.random.Generator, rough: float
) -> tuple[Patch | None, tuple[float, float]]:
    patch = scene.canvas.ellipsoid(centre, semi)
    full = (float(centre[2] - semi[2]), float(centre[2] + semi[2]))
    if patch is None:
        return None, full
    cover = patch.cover
    if rough:
        cover = np.clip(cover * (1 + rough * scene.canvas.field(patch.box, 9.0, rng)), 0, 1)
    return Patch(patch.box, cover * _lobe_clip(scene, patch.box, place)), full


def paint_consolidation(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a dense patch with air-filled bronchi."""
    semi = np.array(rng.uniform((26, 24, 18), (55, 50, 42)))
    centre = _lung_spot(scene, lungs, place, rng, 6)
    seed = int(rng.integers(1 << 31))
    patch, full = _patch_in_lobe(scene, centre, semi, place, np.random.default_rng(seed), 0.35)
    painted = scene.canvas.paint(patch, scene.hu["mass"] - 15)
    for _ in range(7):  # air bronchogram
        end = centre + _direction(rng) * semi * 0.8
        scene.canvas.paint_tube([centre, end], [2.6, 1.5], -850, scene.covers["lungs"])
    scene.mark(target, *scene.painted_span(painted, full), round(2 * float(semi.max()), 0))


def paint_ground_glass(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint hazy patches through which vessels stay visible."""
    lobes = {
        "both_lower_lobes": ("right_lower_lobe", "left_lower_lobe"),
        "both_upper_lobes": ("right_upper_lobe", "left_upper_lobe"),
    }
    extents = []
    value = float(rng.uniform(-620, -420))
    for lobe in lobes.get(place, (place,)):
        for _ in range(int(rng.integers(4, 8)) if place in lobes else int(rng.integers(1, 4))):
            semi = np.array(rng.uniform((16, 16, 13), (42, 40, 34)))
            if place == "both_lower_lobes":
                semi[2] *= 0.8
            centre = _lung_spot(scene, lungs, lobe, rng, 4)
            patch, full = _patch_in_lobe(
                scene, centre, semi, lobe, np.random.default_rng(int(rng.integers(1 << 31))), 0.3
            )
            if patch is None:
                extents.append(full)
                continue
            old = scene.canvas.hu[patch.box]
            painted = scene.canvas.paint(patch, np.maximum(old, value + 0.15 * (old + 850)))
            extents.append(scene.painted_span(painted, full))
    scene.mark_shape(target, *extents)


def _region(scene: Scene, low: float, high: float) -> tuple[slice, slice, slice] | None:
    z = scene.canvas.z
    rows = slice(int(np.searchsorted(z, low)), int(np.searchsorted(z, high)))
    if rows.stop <= rows.start:
        return None
    return (rows, slice(0, len(scene.canvas.y)), slice(0, len(scene.canvas.x)))


def _lung_extent(lungs: LungMap, place: str) -> tuple[float, float]:
    codes = {"both_upper_lobes": (1, 4), "both_lower_lobes": (3, 6)}.get(place, tuple(range(1, 7)))
    return lungs.extent(np.isin(lungs.codes, codes))


def paint_emphysema(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint holes without walls, denser above where the upper lobes are meant."""
    low, high = _lung_extent(lungs, place)
    if place == "both_upper_lobes":
        low = max(low, -25.0)
    box = _region(scene, low, high)
    share = float(rng.uniform(0.15, 0.6))
    if box is not None:
        field = scene.canvas.field(box, 9.0, rng)
        holes = np.clip((field - (0.9 - share)) * 1.6, 0, 1) * scene.covers["lungs"][box]
        holes *= scene.canvas.hu[box] < -600
        scene.canvas.paint(Patch(box, holes.astype(np.float32)), -985.0)
        scene.canvas.hu[box] -= scene.covers["lungs"][box] * np.float32(25)
    scene.mark(target, low, high)


def paint_mosaic(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a patchwork of darker and brighter lung."""
    low, high = _lung_extent(lungs, place)
    box = _region(scene, low, high)
    rise = float(rng.uniform(90, 170))
    if box is not None:
        field = scene.canvas.field(box, 24.0, rng)
        scene.canvas.hu[box] += (np.clip(field * 4, 0, 1) * scene.covers["lungs"][box] * rise).astype(np.float32)
    scene.mark(target, low, high)


def paint_septal(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a net of thin lines."""
    low, high = _lung_extent(lungs, place)
    if place == "both_upper_lobes":
        low = max(low, -20.0)
    else:
        high = min(high, -20.0)
    box = _region(scene, low, high)
    if box is not None:
        field = scene.canvas.field(box, 12.0, rng)
        lines = np.clip(1 - np.abs(field) * 5, 0, 1) * scene.covers["lungs"][box]
        scene.canvas.hu[box] += (lines * 330).astype(np.float32)
    scene.mark(target, low, high)


def paint_basal_fibrosis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a net under the pleura of the lower back."""
    low = _lung_extent(lungs, place)[0]
    high = -55.0
    box = _region(scene, low, high)
    if box is not None:
        canvas = scene.canvas
        field = canvas.field(box, 8.0, rng)
        shell = scene.covers["cage"][box] - _shrunk_cage(scene, 24.0)[box]
        behind = np.clip((125 - canvas.y) / 20, 0, 1)[None, :, None]
        net = np.clip(1.1 - np.abs(field) * 1.6, 0, 1) * scene.covers["lungs"][box] * np.clip(shell, 0, 1) * behind
        canvas.paint(Patch(box, (net * 0.8).astype(np.float32)), -150.0)
    scene.mark(target, low, high)


def _shrunk_cage(scene: Scene, by: float) -> np.ndarray:
    key = f"cage-{by:g}"
    if key not in scene.covers:
        scene.covers[key] = scene.whole(scene.person.cage(scene.canvas, -by))
    return scene.covers[key]


def paint_bulla(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a thin-walled bubble at the apex."""
    r = float(rng.uniform(11, 20))
    centre = _lung_spot(scene, lungs, place, rng, 12)
    centre[2] = min(centre[2], scene.spans["lung_apex_" + place.split("_")[0]].z_hi - r + 2)
    full = (centre[2] - r, centre[2] + r)
    scene.canvas.paint_ellipsoid(centre, (r + 1.5,) * 3, -700, clip=scene.covers["lungs"])
    painted = scene.canvas.paint(scene.canvas.ellipsoid(centre, (r,) * 3), -992, scene.covers["lungs"])
    scene.mark(target, *scene.painted_span(painted, full), round(2 * r, 0))


def paint_apical_scar(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a cap and strands at the apex."""
    sides = ("right", "left") if place == "both_apices" else (place.split("_")[0],)
    extents = []
    for side in sides:
        sign = 1 if side == "right" else -1
        top = scene.spans[f"lung_apex_{side}"].z_hi
        cap = scene.canvas.ellipsoid((sign * 52, 88, top + 2), (38, 34, 12))
        scene.canvas.paint(cap, 10, scene.covers["lungs"])
        lowest = top
        for _ in range(8):
            start = np.array((sign * rng.uniform(35, 70), rng.uniform(65, 110), top - rng.uniform(2, 14)))
            stop = start + np.array((rng.normal(0, 12), rng.normal(0, 12), -rng.uniform(8, 26)))
            scene.canvas.paint_tube([start, stop], [3.2, 1.6], -20, scene.covers["lungs"])
            lowest = min(lowest, stop[2])
        extents.append((lowest - 2, top))
    scene.mark_shape(target, *extents)


def paint_linear_atelectasis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint flat plates."""
    sign = 1 if place in {"right_base", "middle_lobe"} else -1
    tops = domes(scene.person)
    side = "right" if sign > 0 else "left"
    centre, semi = tops[side]
    extents = []
    for _ in range(int(rng.integers(1, 4))):
        if place.endswith("base"):
            y = rng.uniform(60, 100)
            z = centre[2] + semi[2] * np.sqrt(max(0.1, 1 - ((y - centre[1]) / semi[1]) ** 2)) + rng.uniform(6, 24)
            middle = np.array((sign * rng.uniform(70, 100), y, z))
        else:
            middle = np.array((sign * rng.uniform(62, 92), rng.uniform(150, 175), rng.uniform(-98, -72)))
        across = np.array((rng.uniform(22, 34), rng.uniform(14, 24), rng.uniform(2.2, 3.4)))
        patch = scene.canvas.ellipsoid(middle, across)
        painted = scene.canvas.paint(patch, -30, scene.covers["lungs"])
        extents.append(scene.painted_span(painted, (middle[2] - across[2], middle[2] + across[2])))
    scene.mark_shape(target, *extents)


def paint_lobar_atelectasis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a collapsed lower lobe beside the spine."""
    sign = 1 if place.startswith("right") else -1
    low = scene.spans[place].z_lo
    high = float(rng.uniform(-48, -30))
    box = _region(scene, low, high)
    full = (low, high)
    if box is not None:
        canvas = scene.canvas
        x, y, z = canvas.offsets(box)
        # A wedge behind and beside the spine that widens downwards.
        wide = 36 + np.clip((high - z) * 0.38, 0, 45)
        cover = np.clip((wide - np.abs(x)) / canvas.soft_mm + 0.5, 0, 1) * np.clip(
            (wide + 68 - y) / canvas.soft_mm + 0.5, 0, 1
        )
        cover = cover * scene.covers[f"lung_{'right' if sign > 0 else 'left'}"][box]
        painted = canvas.paint(Patch(box, cover.astype(np.float32)), scene.hu["collapse"])
        full = scene.painted_span(painted, full)
        for _ in range(4):
            start = np.array((sign * 40, 92, -45.0))
            canvas.paint_tube(
                [start, start + (sign * rng.uniform(0, 25), rng.uniform(-30, -5), rng.uniform(-70, -30))],
                [2.5, 1.2],
                -800,
                scene.covers["lungs"],
            )
    scene.mark(target, *full)


def paint_bronchiectasis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a cluster of wide bronchi with thick walls."""
    centre = _lung_spot(scene, lungs, place, rng, 14)
    mine = lungs.points[lungs.codes == LUNG_PLACES.index(place) + 1]
    near = mine[np.linalg.norm((mine - centre) / (1, 1, 0.6), axis=1) < 24]
    near = near if len(near) > 1 else mine
    extents, tubes = [], []
    for _ in range(int(rng.integers(8, 14))):
        a, b = near[rng.choice(len(near), 2)].astype(float) + rng.uniform(-2, 2, (2, 3))
        r = float(rng.uniform(3.5, 6.5))
        tubes.append((a, b, r))
    for a, b, r in tubes:
        scene.canvas.paint_tube([a, b], r + 2.2, 0, scene.covers["lungs"])
        extents.append((min(a[2], b[2]) - r, max(a[2], b[2]) + r))
    for a, b, r in tubes:
        scene.canvas.paint_tube([a, b], r, -970, scene.covers["lungs"])
    scene.mark_shape(target, *extents)


def paint_effusion(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint fluid behind the lung, rising from the sulcus."""
    extents = []
    canvas = scene.canvas
    value = float(rng.uniform(2, 25))
    for side in ("right", "left") if place == "both" else (place,):
        deep = float(rng.uniform(14, 75))
        low = scene.spans[f"costophrenic_sulcus_{side}"].z_lo - 4
        high = low + 70 + 1.9 * deep
        high = min(high, 40.0)
        box = _region(scene, low - 10, high)
        extents.append((low, high))
        if box is None:
            continue
        z = canvas.z[box[0]]
        depth = deep * np.clip((high - z) / (high - low), 0, 1) ** 0.7
        back = np.array([scene.person.cage_at(float(level))[1] for level in z])
        surface = back + depth
        x, y, _ = canvas.offsets(box)
        rise = surface[:, None, None] + 0.12 * np.abs(np.abs(x) - 60)
        cover = np.clip((rise - y) / canvas.soft_mm + 0.5, 0, 1) * scene.covers[f"lung_{side}"][box]
        painted = canvas.paint(Patch(box, cover.astype(np.float32)), value)
        extents[-1] = scene.painted_span(painted, (low, high))
    scene.mark_shape(target, *extents)


def paint_pneumothorax(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint air in front of the lung."""
    canvas = scene.canvas
    deep = float(rng.uniform(14, 45))
    top = scene.spans[f"lung_apex_{place}"].z_hi
    low = float(rng.uniform(-135, -100))
    box = _region(scene, low, top)
    full = (low, top)
    if box is not None:
        z = canvas.z[box[0]]
        front = np.array([scene.person.cage_at(float(level))[2] for level in z])
        taper = deep * np.clip((z - low) / 30, 0, 1)
        x, y, _ = canvas.offsets(box)
        surface = (front - taper)[:, None, None] - 0.25 * np.clip(np.abs(x) - 60, 0, None)
        lung = scene.covers[f"lung_{place}"][box]
        cover = np.clip((y - surface) / canvas.soft_mm + 0.5, 0, 1) * lung
        line = np.clip(1.2 - np.abs(y - surface + 1.5) / max(canvas.soft_mm, 2.0), 0, 1) * lung
        painted = canvas.paint(Patch(box, cover.astype(np.float32)), -998.0)
        canvas.hu[box] += (line * 220).astype(np.float32)
        full = scene.painted_span(painted, full)
    scene.mark(target, *full)
