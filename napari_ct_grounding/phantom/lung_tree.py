"""Trees that fill the lungs: arteries with the bronchi beside them, and veins between them.

A tree starts at the root of a lobe and splits its share of random points again and again along their longest axis; every
branch is as wide as the points behind it demand. It lies in reference mm and is the same for every scan of a person.
"""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.lungs import LungMap
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.threads import paint_threads

__all__ = ["paint_airways", "paint_vessels"]

#: Roots in the hilum by lobe code 1..6: of artery and of vein.
_ARTERY_ROOTS = ((48, 110, -6), (50, 120, -46), (44, 100, -52), (-54, 110, -8), (-54, 122, -40), (-50, 96, -50))
_VEIN_ROOTS = ((50, 124, -30), (50, 126, -56), (50, 94, -74), (-52, 124, -30), (-54, 128, -50), (-50, 92, -74))
#: Where the arteries of both lungs end and where the veins reach the atrium.
_STEM_ARTERY = {1: (40, 113, -25), -1: (-46, 104, -20)}
_STEM_VEIN = {
    (1, True): (30, 112, -46),
    (1, False): (28, 100, -68),
    (-1, True): (-32, 112, -46),
    (-1, False): (-30, 100, -68),
}
_TWIGS_PER_LUNG = 900


@dataclass(frozen=True, eq=False)
class Tree:
    """Branches of a tree: ends (n, 3) and radii (n,) at both ends, mm, from the root outwards."""

    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    r_start: NDArray[np.float64]
    r_stop: NDArray[np.float64]

    def select(self, keep: NDArray[np.bool_]) -> Tree:
        """Return some of the branches."""
        return Tree(self.start[keep], self.stop[keep], self.r_start[keep], self.r_stop[keep])


def grow(root: NDArray[np.float64], points: NDArray[np.float64], twig_mm: float, rng: np.random.Generator) -> Tree:
    """Return the tree from a root to all points; a branch to n points has radius twig_mm * n ** 0.4."""
    group = np.zeros(len(points), int)
    origin = root[None].astype(float)
    wide = np.array([twig_mm * len(points) ** 0.4])
    parts: list[tuple[NDArray, ...]] = []
    for depth in range(14):
        count = np.bincount(group, minlength=len(origin)).astype(float)
        middle = np.stack([np.bincount(group, points[:, k], len(origin)) for k in range(3)], axis=1) / count[:, None]
        single = count < 1.5
        share = np.where(single, 1.0, 0.36 if depth == 0 else 0.56)[:, None]
        fork = origin + (middle - origin) * share
        if depth:
            fork += (
                rng.normal(0, 0.07, fork.shape)
                * np.linalg.norm(fork - origin, axis=1, keepdims=True)
                * ~single[:, None]
            )
        radius = twig_mm * count**0.4
        parts.append((origin, fork, np.minimum(wide, radius * 1.25), np.where(single, 0.45 * radius, radius)))
        alive = ~single
        if not alive.any():
            break
        # Split every group along its longest axis at its centre.
        offset = points - middle[group]
        spread = np.zeros((len(origin), 3, 3))
        np.add.at(spread, group, offset[:, :, None] * offset[:, None, :])
        axis = np.linalg.eigh(spread)[1][:, :, -1]
        upper = (offset * axis[group]).sum(1) > 0
        stays = alive[group]
        points, group, upper = points[stays], group[stays], upper[stays]
        kept = np.flatnonzero(alive)
        number = np.zeros(len(origin), int)
        number[kept] = np.arange(len(kept))
        label = 2 * number[group] + upper
        used, group = np.unique(label, return_inverse=True)
        origin, wide = fork[kept][used // 2], radius[kept][used // 2]
    return Tree(*(np.concatenate([part[k] for part in parts]) for k in range(4)))


def _twigs(scene: Scene, lungs: LungMap, name: str) -> list[NDArray[np.float64]]:
    """Random ends of twigs in each lobe, not under the pleura."""
    rng = scene.person.rng(f"twigs-{name}")
    out = []
    for code in range(1, 7):
        mine = np.flatnonzero((lungs.codes == code) & (lungs.depth_mm > 5))
        lung = max(int(((lungs.codes > 3) == (code > 3)).sum()), 1)
        wanted = round(_TWIGS_PER_LUNG * len(mine) / lung * 1.3)
        chosen = (
            lungs.points[rng.choice(mine, min(wanted, len(mine)), replace=False)].astype(float)
            if len(mine)
            else np.zeros((0, 3))
        )
        out.append(chosen + rng.uniform(-4, 4, chosen.shape))
    return out


def _trees(scene: Scene, lungs: LungMap, name: str) -> list[Tree]:
    """The trees of the six lobes, "artery" or "vein", the stem that leads to the root first."""
    rng = scene.person.rng(f"tree-{name}")
    shift = scene.person.jitter("airways", (1.5, 2, 3))
    twig = float(rng.uniform(0.48, 0.62))
    trees = []
    for code, ends in enumerate(_twigs(scene, lungs, name)):
        sign = 1 if code < 3 else -1
        if name == "artery":
            root, stem = _ARTERY_ROOTS[code], _STEM_ARTERY[sign]
        else:
            root, stem = _VEIN_ROOTS[code], _STEM_VEIN[sign, code not in (2, 5)]
        start = np.asarray(root, float) + shift
        if len(ends) < 4:
            continue
        tree = grow(start, ends, twig, rng)
        wide = float(tree.r_start[0])
        trees.append(Tree(
            np.concatenate([[np.asarray(stem) + shift], tree.start]), np.concatenate([[start], tree.stop]),
            np.concatenate([[wide * 1.25], tree.r_start]), np.concatenate([[wide * 1.1], tree.r_stop]),
        ))  # fmt: skip
    return trees


def paint_vessels(scene: Scene, lungs: LungMap) -> None:
    """Paint arteries and veins of the lungs, and the small bronchi beside the arteries."""
    if not len(lungs.points) or not scene.covers["lungs"].any():
        return
    hu, clip = scene.hu, scene.covers["lungs"]
    for tree in _trees(scene, lungs, "vein"):
        _paint_tree(scene, tree, hu["left_heart"], clip)
    for tree in _trees(scene, lungs, "artery"):
        _paint_tree(scene, tree, hu["pulmonary_artery"], clip)
        # Behind and medial of its artery runs the bronchus, as wide as the artery.
        airway = tree.select((tree.r_stop > 1.3) & (np.arange(len(tree.start)) > 0))
        if len(airway.start):
            side = np.sign(airway.start[:, :1])
            away = np.concatenate([-0.35 * side, np.full_like(side, -0.75), np.full_like(side, 0.35)], axis=1)
            bronchus = Tree(
                airway.start + away * (2.0 * airway.r_start[:, None]), airway.stop + away * (2.0 * airway.r_stop[:, None]),
                airway.r_start * 0.72, airway.r_stop * 0.72,
            )  # fmt: skip
            outer = Tree(bronchus.start, bronchus.stop, bronchus.r_start * 1.1 + 0.4, bronchus.r_stop * 1.1 + 0.4)
            _paint_tree(scene, outer, 0.0, clip)
            _paint_tree(scene, bronchus, hu["gas"], clip)


def _paint_tree(scene: Scene, tree: Tree, value: float, clip: NDArray[np.float32]) -> None:
    """Paint wide branches as cones and narrow ones as threads."""
    canvas = scene.canvas
    wide = np.maximum(tree.r_start, tree.r_stop) > 0.55 * canvas.soft_mm
    reach = tree.r_start + canvas.soft_mm
    seen = (np.maximum(tree.start[:, 2], tree.stop[:, 2]) + reach > canvas.z[0]) & (
        np.minimum(tree.start[:, 2], tree.stop[:, 2]) - reach < canvas.z[-1]
    )
    thin = tree.select(seen & ~wide)
    paint_threads(canvas, thin.start, thin.stop, thin.r_start, thin.r_stop, value, clip)
    for k in np.flatnonzero(seen & wide)[::-1]:
        canvas.paint(canvas.capsule(tree.start[k], tree.stop[k], tree.r_start[k], tree.r_stop[k]), value, clip)


def _bronchi(shift: NDArray) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    paths = {
        "main_right": ([(4, 110, 0), (13, 107, -10), (24, 104, -20)], [8.5, 7.5, 7]),
        "main_left": ([(4, 110, 0), (-8, 109, -9), (-18, 108, -18), (-40, 104, -36)], [8, 7.2, 6.8, 6]),
        "upper_right": ([(22, 104, -18), (40, 104, -11), (50, 105, 3), (56, 106, 24)], [5.5, 4.8, 3.2, 2.0]),
        "upper_right_anterior": ([(40, 104, -11), (52, 120, -8), (62, 140, -6)], [3.6, 2.8, 1.8]),
        "intermediate": ([(24, 104, -20), (31, 102, -45)], [5.7, 5.2]),
        "middle": ([(31, 102, -45), (44, 124, -56), (58, 148, -66)], [4, 3.2, 1.9]),
        "lower_right": ([(31, 102, -45), (40, 90, -72), (52, 80, -100), (62, 74, -122)], [5, 4, 2.8, 1.8]),
        "superior_right": ([(34, 97, -55), (50, 78, -46), (62, 64, -40)], [3.2, 2.6, 1.6]),
        "upper_left": ([(-40, 104, -36), (-50, 110, -22), (-56, 114, 2), (-58, 114, 24)], [5, 4.2, 3, 1.9]),
        "lingula": ([(-47, 108, -34), (-58, 130, -52), (-70, 150, -66)], [3.6, 3, 1.8]),
        "lower_left": ([(-40, 104, -36), (-47, 90, -65), (-58, 80, -96), (-66, 74, -120)], [5, 4, 2.8, 1.8]),
        "superior_left": ([(-44, 96, -52), (-56, 78, -44), (-66, 64, -38)], [3.2, 2.6, 1.6]),
    }
    return {name: (np.add(points, shift), np.array(radii, float)) for name, (points, radii) in paths.items()}


def paint_airways(scene: Scene) -> None:
    """Paint trachea to segmental bronchi and record trachea, carina, main bronchi and hila."""
    canvas, person, gas = scene.canvas, scene.person, scene.hu["gas"]
    own = person.jitter("airways", (1.5, 2, 3))
    pull = person.rng("trachea").normal(0, 4)
    size = 1.0 if person.sex == "M" else 0.86
    trachea = [
        (0, 138, 113), (pull * 0.5, 134, 75), (2 + pull, 120, 35), (4 + own[0], 110 + own[1], own[2]),
    ]  # fmt: skip
    scene.keep_course("trachea", trachea, 9.5 * size)
    chalk = 60 + 2.5 * max(0.0, person.age - 55) * float(person.rng("tracheal-rings").random())
    canvas.paint_tube(trachea, 9.5 * size + 1.9, 35)
    for z in np.arange(own[2] + 8, 112, 4.6):  # rings of cartilage, open behind
        if canvas.z[0] - 6 < z < canvas.z[-1] + 6 and canvas.soft_mm < 3:
            x, y = (
                np.interp(z, (0, 35, 75, 113), (4 + own[0], 2 + pull, pull * 0.5, 0)),
                np.interp(z, (0, 35, 75, 113), (110, 120, 134, 138)),
            )
            turns = np.radians((-35, 10, 55, 90, 125, 170, 215))
            ring = np.stack([x + 10.4 * size * np.cos(turns), y + 10.4 * size * np.sin(turns), np.full(7, z)], axis=1)
            canvas.paint_tube(ring, 1.0, chalk + 20)
    bronchi = _bronchi(own)
    for name, (points, radii) in bronchi.items():
        scene.keep_course(f"bronchus_{name}", points, radii)
        canvas.paint_tube(points, radii + 1.4, 25)
    scene.now_drawing("trachea")
    canvas.paint_tube(trachea, 9.5 * size, gas)
    scene.now_drawing()
    for points, radii in bronchi.values():
        canvas.paint_tube(points, radii, gas)
    scene.mark("trachea", own[2], 113)
    scene.mark("carina", own[2] - 6, own[2] + 6)
    scene.mark("main_bronchus_right", own[2] - 22, own[2])
    scene.mark("main_bronchus_left", own[2] - 38, own[2])
    scene.mark("hilum_right", -55 + own[2], -5 + own[2])
    scene.mark("hilum_left", -55 + own[2], own[2])
