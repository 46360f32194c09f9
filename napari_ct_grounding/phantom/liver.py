"""Liver with its veins, gallbladder with stones."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501, RUF005

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.belly import belly_shift, room_below_lungs, within
from napari_ct_grounding.phantom.contours import Level, ball, join, loft, ribbon, tube
from napari_ct_grounding.phantom.lung_tree import grow
from napari_ct_grounding.phantom.lungs import domes
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Patch, Solid
from napari_ct_grounding.phantom.threads import paint_threads

__all__ = ["paint_gallbladder", "paint_liver"]

#: Outlines of the liver between dome (-128) and tip (-286).
_LIVER: list[Level] = [
    (-131, [(110, 118), (98, 148), (70, 154), (48, 132), (58, 100), (88, 92)]),
    (-145, [(132, 112), (122, 150), (92, 176), (54, 180), (22, 160), (20, 130), (38, 92), (66, 62), (98, 58), (122, 78)]),
    (-160, [(140, 110), (132, 148), (104, 180), (62, 196), (18, 196), (-26, 190), (-62, 178), (-58, 162), (-22, 150), (6, 140), (24, 132), (38, 112), (46, 74), (66, 46), (98, 42), (128, 66)]),
    (-180, [(140, 108), (134, 146), (108, 178), (66, 196), (22, 198), (-24, 192), (-60, 176), (-52, 162), (-18, 152), (8, 144), (22, 136), (32, 118), (38, 96), (48, 66), (70, 44), (102, 42), (130, 66)]),
    (-200, [(140, 108), (134, 144), (110, 176), (70, 194), (28, 200), (-10, 196), (-38, 184), (-28, 168), (4, 160), (26, 152), (44, 140), (40, 124), (46, 108), (56, 92), (66, 64), (84, 46), (108, 48), (132, 72)]),
    (-225, [(140, 108), (134, 142), (112, 172), (80, 188), (50, 194), (26, 190), (30, 172), (54, 158), (66, 140), (66, 120), (76, 106), (94, 94), (104, 68), (116, 58), (134, 78)]),
    (-255, [(138, 108), (132, 138), (114, 164), (90, 178), (74, 172), (80, 152), (90, 132), (96, 112), (104, 98), (116, 78), (132, 84)]),
    (-280, [(132, 108), (126, 130), (112, 146), (100, 142), (104, 124), (112, 104), (122, 94)]),
]  # fmt: skip


def paint_liver(scene: Scene) -> None:
    """Paint liver with its veins and lesions, and the portal vein with its roots."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    belly = room_below_lungs(scene)
    cap = domes(person)
    top = cap["right"][0][2] + cap["right"][1][2] - 3
    move = belly_shift(scene, "liver", (2, 2, 6), 0.5)
    tip = -286 + person.jitter("liver-tip", (0, 0, 14))[2] + 0.6 * person.dome_mm
    rng = person.rng("liver-shape")
    left, thick = float(rng.uniform(0.7, 1.35)), float(rng.uniform(0.94, 1.06))
    levels = []
    for z, points in _LIVER:
        outline = np.asarray(points, float) * (1, thick) + (0, 118 * (1 - thick))
        outline[:, 0] = np.where(outline[:, 0] < 0, outline[:, 0] * left, outline[:, 0])
        levels.append((float(np.interp(z, (-286, -128), (tip, top))), outline + rng.normal(0, 1.5, outline.shape)))
    solid = loft(canvas, levels, cap=1.6, wobble=(2.0, 30.0, rng))
    cover = np.zeros_like(canvas.hu)
    (x, y, z), semi = cap["right"]
    dome = ball(canvas, (x, y, z), np.subtract(semi, 2.5), power=2.4)
    if dome is not None:  # under the right dome the liver fills all there is
        dx, dy, dz = canvas.offsets(dome.box, (36, 142, top - 52))
        np.maximum(dome.distance, np.maximum(np.float32(0.0032) * dy**2 - dx, -dz), out=dome.distance)
    kept = within(canvas.cover(join(canvas, [solid, dome], 2.0)), belly)
    if kept is not None:
        cover[kept.box] = kept.cover
        texture = canvas.field(kept.box, 16.0, person.rng("liver-texture"))
        texture *= 3
        texture += np.float32(hu["liver"])
        scene.now_drawing("liver")
        canvas.paint(kept, texture)
        _veins(scene, move, cover, kept)
    scene.covers["liver"] = cover
    canvas.paint_ellipsoid((19, 124, -184 + move[2]), (12, 15, 26), hu["liver"])
    scene.now_drawing()
    full = scene.painted_span(Patch((slice(None),) * 3, cover), (tip, top))
    scene.mark("liver", tip if canvas.z[0] > tip else full[0], top)
    scene.mark("liver_dome", top - 25, top)
    scene.mark("liver_tip", scene.spans["liver"].z_lo, scene.spans["liver"].z_lo + 25)
    scene.mark("left_liver_lobe", -207 + move[2], max(-140 + move[2], -134))
    porta = np.array((45, 136, -196)) + move
    paths: list[tuple[list, list[float]]] = [
        ([(8, 132, -224) + move, porta], [7, 6.5]), ([porta, porta + (30, -14, 8)], [5.5, 4.5]), ([porta, (8, 158, -184) + move, (-4, 166, -176) + move], [5, 4, 3.5]),
        ([(8, 132, -224) + move, (2, 136, -260) + move, (4, 142, -310) + move], [6, 5, 4]),
        ([(8, 132, -224) + move, (-40, 120, -206) + move, (-88, 98, -194) + move], [4.5, 4.2, 3]),
    ]  # fmt: skip
    for path, radii in paths:
        canvas.paint_tube(path, radii, hu["portal"])
    # The fissure of the round ligament parts the left lobe.
    cleft = [
        (z, np.array([(x0, 204), (x0 + 5, 160)]) + move[:2], 1.3)
        for z, x0 in ((-212 + move[2], 2), (-180 + move[2], 6))
    ]
    canvas.paint(within(canvas.cover(ribbon(canvas, cleft)), belly), hu["visceral_fat"] + 20)
    scene.mark("portal_vein", porta[2] - 30, porta[2] + 6)
    _lesions(scene, cover, top)


def _veins(scene: Scene, move: np.ndarray, cover: np.ndarray, kept: Patch) -> None:
    """Portal and hepatic trees that fill the liver between one another."""
    canvas, person = scene.canvas, scene.person
    ends = np.array(
        [(x, y, z) for x in range(-40, 136, 16) for y in range(52, 196, 16) for z in range(-276, -134, 16)], float
    )
    ends += person.rng("liver-twigs").uniform(-7, 7, ends.shape)
    # Which ends lie in the liver does not depend on the scan: ask the outlines themselves on a coarse grid.
    coarse = type(canvas)(np.arange(-290, -124, 6.0), np.arange(36, 206, 6.0), np.arange(-80, 150, 6.0))
    solid = loft(coarse, _LIVER)
    if solid is None:
        return
    index = [
        np.clip(np.rint((ends[:, 2 - k] - axis[0]) / 6).astype(int), 0, len(axis) - 1)
        for k, axis in enumerate((coarse.z, coarse.y, coarse.x))
    ]
    known = np.full(coarse.hu.shape, 9.0, np.float32)
    known[solid.box] = solid.distance
    ends = ends[known[index[0], index[1], index[2]] < -7]
    rng = person.rng("liver-trees")
    share = rng.random(len(ends)) < 0.5
    for name, mine, roots in (
        ("portal", share, (((72, 122, -188), 18, 999), ((2, 164, -178), -999, 18))),
        ("hepatic_vein", ~share, (((34, 128, -148), 66, 999), ((26, 136, -146), 12, 66), ((18, 138, -146), -999, 12))),
    ):
        for root, low, high in roots:
            points = ends[mine & (ends[:, 0] >= low) & (ends[:, 0] < high)]
            if len(points) < 3:
                continue
            tree = grow(np.asarray(root) + move, points + move * (0, 0, 1), 0.95, rng)
            wide = np.maximum(tree.r_start, tree.r_stop) > 0.55 * canvas.soft_mm
            paint_threads(
                canvas,
                tree.start[~wide],
                tree.stop[~wide],
                tree.r_start[~wide],
                tree.r_stop[~wide],
                scene.hu[name],
                cover,
            )
            for k in np.flatnonzero(wide):
                canvas.paint(
                    canvas.capsule(tree.start[k], tree.stop[k], tree.r_start[k], tree.r_stop[k]), scene.hu[name], cover
                )


def _sac(scene: Scene) -> tuple[np.ndarray, float]:
    """Centre and size of the gallbladder."""
    move = belly_shift(scene, "liver", (2, 2, 6), 0.5)
    tip = scene.spans["liver"].z_lo
    sac = np.array((58, 166, -252)) + move + (0, 0, (tip + 286) * 0.4)
    gall = belly_shift(scene, "gallbladder", (5, 5, 6), 0.0) * (1, 1, 0.4) + sac
    return gall, float(scene.person.rng("gallbladder").uniform(0.75, 1.2))


def paint_gallbladder(scene: Scene) -> None:
    """Paint gallbladder and stones; after the bowel, which lies against it."""
    canvas, hu = scene.canvas, scene.hu
    gall, size = _sac(scene)
    scene.keep_spot("gallbladder", gall)
    path = [gall + (4, 6, -20 * size), gall + (-2, -2, 8 * size), gall + (-10, -14, 26 * size)]
    wide = np.array((15.5, 14.0, 5.0)) * size
    solid: Solid | None = tube(canvas, path, wide, 3.0)
    scene.now_drawing("gallbladder")
    canvas.paint(canvas.cover(solid, 1.5), hu["bowel_wall"])
    canvas.paint(canvas.cover(solid), hu["bile"])
    reach = 32 * size + 2
    scene.mark("gallbladder", gall[2] - reach, gall[2] + reach)
    if scene.wants("gallstones"):
        rng = scene.rng("gallstones")
        lows, highs, largest = [], [], 0.0
        for _ in range(int(rng.integers(1, 6))):
            r = float(rng.uniform(3, 10))
            largest = max(largest, 2 * r)
            spot = gall + (rng.uniform(-5, 5), -5, rng.uniform(-16, 12))
            canvas.paint_ellipsoid(spot, (r, r, r), rng.uniform(180, 600))
            lows.append(spot[2] - r)
            highs.append(spot[2] + r)
        traits = ("calcified", "multiple" if len(lows) > 1 else "single")
        scene.mark("gallstones", min(lows), max(highs), round(largest, 0), centre=gall, number=len(lows), traits=traits)


def _lesions(scene: Scene, cover: np.ndarray, top: float) -> None:
    spots = {
        "dome": ((55, 95), (100, 145), (top - 34, top - 24)),
        "right_lobe": ((70, 110), (85, 140), (-225, -185)),
        "left_lobe": ((-35, 10), (158, 172), (-185, -165)),
    }
    for kind, value in (("liver_lesion", 0.0), ("liver_cyst", 6.0)):
        for place, ranges in spots.items():
            target = f"{kind}@{place}"
            if target not in scene.wishes:
                continue
            rng = scene.rng(target)
            centre = np.array([rng.uniform(*r) for r in ranges])
            r = float(rng.uniform(6, 18 if place == "left_lobe" else 28))
            darker = scene.hu["liver"] * rng.uniform(0.3, 0.65) if kind == "liver_lesion" else value
            patch = scene.canvas.ellipsoid(centre, (r, r, r))
            if patch is None:
                scene.mark(target, centre[2] - r, centre[2] + r, round(2 * r, 0), centre=centre, number=1)
                continue
            painted = scene.canvas.paint(patch, darker, cover)
            extent = scene.painted_span(painted, (centre[2] - r, centre[2] + r))
            scene.mark(target, *extent, round(2 * r, 0), centre=centre, number=1, traits=("single",))
