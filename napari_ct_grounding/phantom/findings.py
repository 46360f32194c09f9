"""Findings that are not part of an organ's own painter: lungs, pleura, nodes, ribs and devices; and their choice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_ct_grounding.phantom.catalogue import FINDINGS, LUNG_PLACES, finding_target
from napari_ct_grounding.phantom.lungs import LungMap, domes, lobe_codes
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Patch
from napari_ct_grounding.phantom.skeleton import rib_centre

__all__ = ["FINDING_REACH", "choose_findings", "paint_late_findings"]

#: Rough z range (reference mm) in which a finding at a place lies; a scan that holds its middle may show it.
FINDING_REACH: dict[str, tuple[float, float]] = {
    "right_upper_lobe": (-60, 62), "middle_lobe": (-120, -45), "right_lower_lobe": (-170, -10), "left_upper_lobe": (-40, 62),
    "lingula": (-120, -35), "left_lower_lobe": (-170, -10), "right_apex": (30, 68), "left_apex": (30, 68), "both_apices": (30, 68),
    "right_hilum": (-60, 5), "left_hilum": (-60, 5), "both_hila": (-60, 5), "both_lower_lobes": (-170, -30), "both_upper_lobes": (-20, 65),
    "both_lungs": (-150, 60), "right_base": (-165, -100), "left_base": (-165, -100), "right": (-190, -60), "left": (-190, -60),
    "both": (-190, -80), "dome": (-165, -125), "right_lobe": (-250, -160), "left_lobe": (-205, -145), "aortic_arch": (-5, 40),
    "descending_aorta": (-155, 5), "abdominal_aorta": (-340, -155), "right_paratracheal": (0, 35), "subcarinal": (-45, -10),
    "aortopulmonary": (-12, 14), "right_axilla": (-40, 50), "left_axilla": (-40, 50), "thoracic_spine": (-200, 60),
    "lumbar_spine": (-380, -210), "pelvis": (-450, -385),
}  # fmt: skip

_BY_KIND: dict[str, tuple[float, float]] = {
    "pericardial_effusion": (-135, -20), "cardiomegaly": (-135, -20), "coronary_calcification": (-110, -50), "ascending_aneurysm": (-60, 12),
    "abdominal_aneurysm": (-345, -255), "hiatal_hernia": (-155, -95), "goitre": (45, 125), "pacemaker": (-110, 40), "port_catheter": (-60, 45),
    "tracheal_tube": (25, 165), "sternotomy_wires": (-95, 42), "hip_prosthesis": (-600, -450), "gallstones": (-275, -235),
    "splenomegaly": (-300, -140), "splenic_lesion": (-225, -155), "kidney_cyst": (-300, -190), "kidney_stone": (-280, -210),
    "hydronephrosis": (-285, -205), "adrenal_nodule": (-205, -165), "ascites": (-478, -132), "bladder_stone": (-495, -440),
    "rib_fracture": (-130, -10), "pneumothorax": (-130, 60),
}  # fmt: skip

#: Relative weight of a kind when findings are drawn by chance; all others have 1.
_WEIGHTS = {
    "lung_nodule": 4.0, "lung_mass": 2.0, "consolidation": 2.5, "ground_glass": 2.5, "pleural_effusion": 2.0, "linear_atelectasis": 2.0,
    "bronchiectasis": 1.8, "cavity": 1.6, "aortic_calcification": 2.0, "lymphadenopathy": 3.0, "coronary_calcification": 1.5,
    "vertebral_fracture": 3.0, "liver_lesion": 2.0, "liver_cyst": 1.5, "sclerotic_metastasis": 1.6, "kidney_cyst": 1.5,
    "kidney_stone": 1.4, "apical_scarring": 1.4,
}  # fmt: skip

#: Findings that cannot share one place.
_EXCLUDES = (
    ("pneumothorax", "pleural_effusion"), ("lobar_atelectasis", "consolidation"), ("cardiomegaly", "pericardial_effusion"),
    ("pneumothorax", "lobar_atelectasis"), ("tracheal_tube", "goitre"),
)  # fmt: skip


def reach_of(target: str) -> tuple[float, float]:
    """Rough z range, reference mm, of a finding target."""
    kind, _, place = target.partition("@")
    if kind == "vertebral_fracture":
        from napari_ct_grounding.phantom.body import VERTEBRAE

        height, _, z, *_ = VERTEBRAE[place]
        return (z - height / 2, z + height / 2)
    return _BY_KIND.get(kind) or FINDING_REACH[place]


def choose_findings(rng: np.random.Generator, z_lo: float, z_hi: float) -> frozenset[str]:
    """Return two to seven findings whose place lies between two reference heights, lightly correlated."""
    kinds, weights = [], []
    options: dict[str, list[str]] = {}
    for kind in FINDINGS.values():
        fit = []
        for place in kind.places:
            target = finding_target(kind.name, place)
            low, high = reach_of(target)
            if min(high, z_hi) - max(low, z_lo) > 0.75 * (high - low):
                fit.append(target)
        if fit:
            options[kind.name] = fit
            kinds.append(kind.name)
            weights.append(_WEIGHTS.get(kind.name, 1.0))
    if not kinds:
        return frozenset()
    chosen: list[str] = []
    wanted = min(int(rng.integers(2, 8)), len(kinds))
    share = np.array(weights) / sum(weights)
    for kind_name in rng.choice(kinds, size=wanted, replace=False, p=share):
        if any({str(kind_name), c.partition("@")[0]} == set(pair) for pair in _EXCLUDES for c in chosen):
            continue
        fit = options[str(kind_name)]
        chosen.append(fit[int(rng.integers(len(fit)))])
        single = FINDINGS[str(kind_name)].places
        if kind_name == "vertebral_fracture" or len(single) < 3 or rng.random() > 0.15:
            continue
        more = fit[int(rng.integers(len(fit)))]
        if "both" not in more and "both" not in chosen[-1]:
            chosen.append(more)
    names = {c.partition("@")[0] for c in chosen}
    if "cardiomegaly" in names and "pleural_effusion" in options and "pneumothorax" not in names and rng.random() < 0.35:
        chosen.append(options["pleural_effusion"][-1])
    if any(c.startswith("aortic_calcification") for c in chosen) and "coronary_calcification" in options and rng.random() < 0.4:
        chosen.append("coronary_calcification")
    return frozenset(_tidy(chosen))


def _tidy(targets: list[str]) -> list[str]:
    """Drop what another target already says: one effusion, one scarring, no double places."""
    out: dict[str, str] = {}
    for target in targets:
        kind = target.partition("@")[0]
        lone = kind in {"pleural_effusion", "apical_scarring", "emphysema", "peribronchial_thickening", "septal_thickening",
                        "ground_glass", "lobar_atelectasis", "pneumothorax"}  # fmt: skip
        out.setdefault(kind if lone else target, target)
    return list(out.values())


Painter = Callable[[Scene, LungMap, str, str, np.random.Generator], None]


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


def _nodule(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    r = float(np.clip(rng.lognormal(np.log(5.0), 0.4), 3.5, 14))
    kind = rng.random()
    value = 400.0 if kind < 0.15 else (-480.0 if kind < 0.25 else 35.0)
    centre = _lung_spot(scene, lungs, place, rng, r + 3)
    scene.canvas.paint_ellipsoid(centre, (r, r * rng.uniform(0.85, 1.1), r), value)
    scene.mark(target, centre[2] - r, centre[2] + r, round(2 * r, 0))


def _mass(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
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
        scene.canvas.paint_tube([centre, centre + _direction(rng) * r * (1.5, 1.5, 0.6)], [2.5, 0.8], 0, scene.covers["lungs"])
    if r > 24 and rng.random() < 0.5:
        scene.canvas.paint_ellipsoid(centre, (r * 0.5,) * 3, 18)
    scene.mark(target, min(lows), max(highs), round(2 * r, 0))


def _direction(rng: np.random.Generator) -> np.ndarray:
    v = rng.normal(size=3)
    return v / np.linalg.norm(v)


def _cavity(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
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


def _consolidation(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    semi = np.array(rng.uniform((26, 24, 18), (55, 50, 42)))
    centre = _lung_spot(scene, lungs, place, rng, 6)
    seed = int(rng.integers(1 << 31))
    patch, full = _patch_in_lobe(scene, centre, semi, place, np.random.default_rng(seed), 0.35)
    painted = scene.canvas.paint(patch, scene.hu["mass"] - 15)
    for _ in range(7):  # air bronchogram
        end = centre + _direction(rng) * semi * 0.8
        scene.canvas.paint_tube([centre, end], [2.6, 1.5], -850, scene.covers["lungs"])
    scene.mark(target, *scene.painted_span(painted, full), round(2 * float(semi.max()), 0))


def _ground_glass(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    lobes = {"both_lower_lobes": ("right_lower_lobe", "left_lower_lobe"), "both_upper_lobes": ("right_upper_lobe", "left_upper_lobe")}
    extents = []
    value = float(rng.uniform(-620, -420))
    for lobe in lobes.get(place, (place,)):
        for _ in range(int(rng.integers(4, 8)) if place in lobes else int(rng.integers(1, 4))):
            semi = np.array(rng.uniform((16, 16, 13), (42, 40, 34)))
            if place == "both_lower_lobes":
                semi[2] *= 0.8
            centre = _lung_spot(scene, lungs, lobe, rng, 4)
            patch, full = _patch_in_lobe(scene, centre, semi, lobe, np.random.default_rng(int(rng.integers(1 << 31))), 0.3)
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


def _emphysema(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
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


def _mosaic(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    low, high = _lung_extent(lungs, place)
    box = _region(scene, low, high)
    rise = float(rng.uniform(90, 170))
    if box is not None:
        field = scene.canvas.field(box, 24.0, rng)
        scene.canvas.hu[box] += (np.clip(field * 4, 0, 1) * scene.covers["lungs"][box] * rise).astype(np.float32)
    scene.mark(target, low, high)


def _septal(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
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


def _basal_fibrosis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
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


def _bulla(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    r = float(rng.uniform(11, 20))
    centre = _lung_spot(scene, lungs, place, rng, 12)
    centre[2] = min(centre[2], scene.spans["lung_apex_" + place.split("_")[0]].z_hi - r + 2)
    full = (centre[2] - r, centre[2] + r)
    scene.canvas.paint_ellipsoid(centre, (r + 1.5,) * 3, -700, clip=scene.covers["lungs"])
    painted = scene.canvas.paint(scene.canvas.ellipsoid(centre, (r,) * 3), -992, scene.covers["lungs"])
    scene.mark(target, *scene.painted_span(painted, full), round(2 * r, 0))


def _apical_scar(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
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


def _linear_atelectasis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
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


def _lobar_atelectasis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
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
        cover = np.clip((wide - np.abs(x)) / canvas.soft_mm + 0.5, 0, 1) * np.clip((wide + 68 - y) / canvas.soft_mm + 0.5, 0, 1)
        cover = cover * scene.covers[f"lung_{'right' if sign > 0 else 'left'}"][box]
        painted = canvas.paint(Patch(box, cover.astype(np.float32)), scene.hu["collapse"])
        full = scene.painted_span(painted, full)
        for _ in range(4):
            start = np.array((sign * 40, 92, -45.0))
            canvas.paint_tube([start, start + (sign * rng.uniform(0, 25), rng.uniform(-30, -5), rng.uniform(-70, -30))], [2.5, 1.2], -800, scene.covers["lungs"])
    scene.mark(target, *full)


def _bronchiectasis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
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


def _effusion(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
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


def _pneumothorax(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
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


def _nodes(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    spots = {
        "right_paratracheal": (20, 124, 16), "subcarinal": (4, 96, -28), "aortopulmonary": (-32, 126, 2), "right_hilum": (44, 112, -32),
        "left_hilum": (-48, 110, -28), "right_axilla": (134, 105, 8), "left_axilla": (-134, 105, 8),
    }  # fmt: skip
    extents = []
    for k in range(int(rng.integers(2, 5))):
        semi = np.array(rng.uniform((7, 7, 7), (13, 12, 13)))
        centre = np.array(spots[place], float) + rng.normal(0, 1, 3) * ((6, 5, 6) if k else (1, 1, 1))
        scene.canvas.paint_ellipsoid(centre, semi, scene.hu["node"] + 8)
        extents.append((centre[2] - semi[2], centre[2] + semi[2]))
    scene.mark_shape(target, *extents, size_mm=round(2 * float(semi[0]), 0))


def _rib_fracture(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    number = int(rng.integers(3, 9))
    sign = 1 if place == "right" else -1
    y = float(rng.uniform(80, 135))
    z = rib_centre(scene, number, y)
    a, back, front = scene.person.cage_at(z)
    share = abs(y - (back + front) / 2) / ((front - back) / 2)
    x = (a + 4) * (1 - share**2.2) ** (1 / 2.2)
    r = float(rng.uniform(8, 12))
    scene.canvas.paint_ellipsoid((sign * x, y, z), (r, r, r), 480)
    scene.canvas.paint_tube([(sign * (x - 8), y, z), (sign * (x + 10), y, z)], 1.8, 40)
    scene.mark(target, z - r, z + r, round(2 * r, 0))


def _pacemaker(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    z = float(rng.uniform(10, 34))
    y = 152.0
    canvas = scene.canvas
    canvas.paint_ellipsoid((-96, y + 4, z), (24, 6, 22), 3000, power=4)
    lead = [(-96, y, z + 10), (-70, 146, 52), (-20, 152, 47), (24, 138, 32), (34, 138, -20), (35, 146, -66)]
    low, _ = canvas.paint_tube(lead, 1.8, 2800)
    low2, high = canvas.paint_tube([*lead[:-1], (26, 152, -78), (-8, 166, -98), (-34, 168, -108)], 1.8, 2800)
    scene.mark(target, min(low, low2), max(high, z + 22))


def _port(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    z = float(rng.uniform(2, 24))
    canvas = scene.canvas
    canvas.paint_ellipsoid((88, 160, z), (14, 8, 13), 2200, power=3)
    low, high = canvas.paint_tube([(88, 156, z + 8), (62, 150, 56), (34, 138, 50), (27, 134, 30), (34, 137, -12), (33, 140, rng.uniform(-58, -38))], 1.9, 900)
    scene.mark(target, low, max(high, z + 13))


def _tube(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    tip = float(rng.uniform(22, 50))
    path = [(1, 116, tip), (0, 134, 75), (0, 138, 113), (0, 143, 165), (0, 175, 205), (0, 215, 190)]
    scene.canvas.paint_tube(path, 6.5, 250)
    scene.canvas.paint_tube([np.add(p, (4, 0, 0)) for p in path], 1.2, 1200)
    scene.canvas.paint_tube(path, 4.0, -950)
    scene.mark(target, tip - 4, 212)


def _wires(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    extents = []
    for z in np.linspace(38, -92, int(rng.integers(5, 8))) + rng.normal(0, 2):
        y = float(np.interp(-z, (-40, 0, 55, 105), (166, 175, 200, 209)))
        ring = [(14, y, z), (6, y + 10, z + 2), (-6, y + 10, z - 2), (-14, y, z), (0, y - 9, z), (14, y, z)]
        extents.append(scene.canvas.paint_tube(ring, 1.7, 2800))
    scene.mark_shape(target, *extents)


_PAINTERS: dict[str, Painter] = {
    "emphysema": _emphysema,
    "mosaic_attenuation": _mosaic,
    "septal_thickening": _septal,
    "basal_fibrosis": _basal_fibrosis,
    "ground_glass": _ground_glass,
    "consolidation": _consolidation,
    "lobar_atelectasis": _lobar_atelectasis,
    "linear_atelectasis": _linear_atelectasis,
    "apical_scarring": _apical_scar,
    "bulla": _bulla,
    "bronchiectasis": _bronchiectasis,
    "cavity": _cavity,
    "lung_mass": _mass,
    "lung_nodule": _nodule,
    "pneumothorax": _pneumothorax,
    "pleural_effusion": _effusion,
    "lymphadenopathy": _nodes,
    "rib_fracture": _rib_fracture,
    "sternotomy_wires": _wires,
    "port_catheter": _port,
    "pacemaker": _pacemaker,
    "tracheal_tube": _tube,
}


def paint_late_findings(scene: Scene, lungs: LungMap) -> None:
    """Paint the wished findings that lie over finished organs, in a fixed order of kinds."""
    for kind, painter in _PAINTERS.items():
        for target in sorted(scene.wishes):
            name, _, place = target.partition("@")
            if name == kind:
                painter(scene, lungs, target, place, scene.rng(target))

