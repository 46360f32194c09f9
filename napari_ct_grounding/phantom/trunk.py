"""Skin, fat and the muscular walls of chest and belly."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_ct_grounding.phantom.breasts import add_breasts
from napari_ct_grounding.phantom.contours import Level, loft, ribbon
from napari_ct_grounding.phantom.outlines import cage_solid, cavity_solid, lean_solid, skin_solid
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Patch, Solid

__all__ = ["outline_trunk", "paint_belly_wall", "paint_chest_wall", "paint_skin"]

#: Where fat lies between the muscles of the right hip.
_FAT_ROOMS: list[list[Level]] = [
    [(-455, [(60, 160), (86, 158), (104, 168), (90, 190), (58, 196)]), (-500, [(30, 164), (72, 152), (96, 164), (84, 186), (34, 196)]), (-560, [(18, 170), (60, 156), (84, 166), (70, 184), (24, 190)])],
    [(-470, [(16, 60), (40, 52), (50, 72), (44, 96), (22, 90)]), (-505, [(14, 50), (40, 40), (52, 60), (46, 86), (20, 80)]), (-545, [(8, 30), (30, 34), (44, 60), (34, 84), (10, 70)])],
    [(-440, [(78, 40), (104, 56), (112, 66), (100, 66), (80, 50)]), (-485, [(82, 46), (108, 66), (112, 80), (92, 70), (78, 56)])],
]  # fmt: skip


def outline_trunk(scene: Scene) -> None:
    """Find the large outlines: "lean", "skin", "cage" and "cavity" among the solids, and their covers."""
    canvas, person = scene.canvas, scene.person
    for name, found in (
        ("lean", lean_solid(person, canvas)),
        ("cage", cage_solid(person, canvas, 52.0)),
        ("cavity", cavity_solid(person, canvas)),
    ):
        patch = canvas.cover(found)
        scene.covers[name] = np.zeros_like(canvas.hu) if patch is None else scene.whole(patch)
        if found is not None:
            scene.solids[name] = found
    scene.solids["skin"] = add_breasts(scene, skin_solid(person, canvas, scene.solids["lean"]))


def paint_skin(scene: Scene) -> None:
    """Paint skin, and beneath it fat with its septa."""
    canvas, hu = scene.canvas, scene.hu
    skin = scene.solids["skin"]
    canvas.paint(canvas.cover(skin), hu["skin"])
    inside = canvas.cover(skin, -2.0)
    if inside is None:
        return
    rng = scene.person.rng("septa")
    amount = float(rng.uniform(4, 22))
    net = canvas.field(skin.box, 11.0, rng)
    np.abs(net, out=net)
    net *= -8
    net += 1
    np.clip(net, 0, 1, out=net)
    net *= np.float32(amount)
    net += np.float32(hu["fat"])
    canvas.paint(inside, net)


def _bump(value: NDArray, low: float, high: float, soft: float) -> NDArray:
    return np.clip((value - low) / soft, 0, 1) * np.clip((high - value) / soft, 0, 1)


def paint_chest_wall(scene: Scene) -> None:
    """Paint what lies on the ribs: muscles between them and the sheets of muscle over them, with fat between the sheets."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    cage, lean = scene.solids.get("cage"), scene.solids["lean"]
    if cage is None:
        return
    rows = slice(max(cage.box[0].start, lean.box[0].start), min(cage.box[0].stop, lean.box[0].stop))
    if rows.stop <= rows.start:
        return
    box = (rows, cage.box[1], cage.box[2])
    out = cage.distance[rows.start - cage.box[0].start : rows.stop - cage.box[0].start]
    under = scene.covers["lean"][box]
    k, j, i = np.nonzero((out > -canvas.soft_mm) & (out < 60) & (under > 0.02))
    if not len(k):
        return
    d = out[k, j, i]
    deep = -_at(lean, k + rows.start, j + box[1].start, i + box[2].start)
    z, y, x = canvas.z[rows][k], canvas.y[box[1]][j], np.abs(canvas.x[box[2]][i])
    soft = np.float32(canvas.soft_mm)
    strong = (
        (1.25 if person.sex == "M" else 0.75)
        * (1.15 - 0.004 * person.age)
        * float(person.rng("strength").uniform(0.8, 1.25))
    )

    def sheet(value: NDArray, low: NDArray | float, thick: NDArray | float) -> NDArray:
        half = np.asarray(thick) / 2
        return np.clip((half - np.abs(value - low - half)) / soft + 0.5, 0, 1) * np.clip(2 * half / soft, 0, 1)

    # Below the margin of the ribs the belly wall takes over.
    margin = np.interp(y, (60, 130, 190), (-235, -205, -120))
    ribbed = np.clip((z - margin) / 12, 0, 1)
    muscle = sheet(d, 1.0, 7.5) * np.clip((92 - z) / 10, 0, 1)
    pec = 15 * strong * _bump(x, 8, 128, 14) * _bump(z, -82, 34, 30) * np.clip((y - 112 - 0.25 * (128 - x)) / 14, 0, 1)
    minor = 6 * strong * _bump(x, 48, 112, 12) * _bump(z, -38, 48, 20) * np.clip((y - 120) / 12, 0, 1)
    serratus = 7 * strong * _bump(y, 42, 158, 18) * np.clip((x - 75) / 20, 0, 1) * _bump(z, -165, 30, 30)
    muscle = np.maximum(muscle, sheet(d, 9.5, minor))
    muscle = np.maximum(muscle, sheet(d, 10.5 + 1.3 * minor, pec))
    muscle = np.maximum(muscle, sheet(d, 9.0, serratus))
    upper = 13 * strong * _bump(x, 16, 142, 16) * _bump(z, 0, 88, 20) * np.clip((y - 118) / 14, 0, 1)
    muscle = np.maximum(muscle, sheet(deep, 3.0, upper))
    dorsi = (
        8.5
        * strong
        * _bump(y, 8, 112, 16)
        * np.clip((x - 52 - 0.2 * np.clip(-60 - z, 0, 60)) / 16, 0, 1)
        * _bump(z, -245, 5, 30)
    )
    trapezius = (
        8
        * strong
        * np.clip((y * -1 + 60) / 12, 0, 1)
        * np.clip((np.interp(z, (-150, 40, 90), (8, 92, 120)) - x) / 14, 0, 1)
        * np.clip((z + 150) / 30, 0, 1)
    )
    oblique = 8 * strong * np.clip((margin + 75 - z) / 40, 0, 1) * np.clip((y - 70) / 20, 0, 1)
    for thick in (dorsi, trapezius, oblique):
        muscle = np.maximum(muscle, sheet(deep, 1.0, thick))
    muscle = np.maximum(muscle, 1 - ribbed)
    # Between the three sheets of the belly wall and between bundles lies a little fat.
    grain = canvas.field(box, 8.0, person.rng("chest-wall"))[k, j, i]
    # Round the neck and over the shoulder blades muscle upon muscle.
    border = np.interp(z, (30, 75, 110), (66, 88, 112)) - 0.004 * np.clip(x - 40, 0, None) ** 2 + 9 * grain
    nape = np.clip((z - 22) / 22, 0, 1) * np.clip((border - y) / 8, 0, 1)
    muscle = np.maximum(muscle, nape * np.clip(deep / 4, 0, 1))
    bundle = np.clip(np.abs(grain) * 5 - 0.2, 0, 1)
    muscle *= 0.72 + 0.28 * bundle
    target = canvas.hu[box]
    old = target[k, j, i]
    value = hu["fat"] + 6 + muscle * (hu["muscle"] - hu["fat"] - 6)
    target[k, j, i] = old + under[k, j, i] * np.clip(0.5 + d / soft, 0, 1) * (value - old)


def _at(solid: Solid, k: NDArray, j: NDArray, i: NDArray) -> NDArray:
    """Distances of a solid at voxels of the canvas; 30 mm outside where it is not known."""
    starts = [part.start for part in solid.box]
    shape = solid.distance.shape
    inside = np.ones(len(k), bool)
    for index, start, size in zip((k, j, i), starts, shape, strict=True):
        inside &= (index >= start) & (index < start + size)
    value = np.full(len(k), 30, np.float32)
    value[inside] = solid.distance[k[inside] - starts[0], j[inside] - starts[1], i[inside] - starts[2]]
    return value


def paint_belly_wall(scene: Scene) -> None:
    """Paint the flesh below the ribs: side wall in three sheets, the fat within the belly, and fat between the muscles of the hips."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    lean, cavity = scene.solids["lean"], scene.solids.get("cavity")
    top = int(np.searchsorted(canvas.z, -60.0))
    rows = slice(lean.box[0].start, min(lean.box[0].stop, top))
    if rows.stop <= rows.start:
        return
    box = (rows, lean.box[1], lean.box[2])
    deep = lean.distance[: rows.stop - rows.start]
    z = canvas.z[rows].astype(float)
    fleshy = np.interp(z, (-80, -60), (1, 0)).astype(np.float32)[:, None, None]
    value = np.full(deep.shape, hu["fat"] + 8, np.float32)
    value += fleshy * np.float32(hu["muscle"] - hu["fat"] - 8)
    side = (
        np.interp(z, (-350, -300, -220, -180), (0, 1, 1, 0))[:, None]
        * np.interp(canvas.y[box[1]], (50, 80, 185, 196), (0, 1, 1, 0))[None, :]
    )
    planes = np.maximum(1 - np.abs(deep + 7) / 1.6, 0) + np.maximum(1 - np.abs(deep + 13.5) / 1.6, 0)
    value += planes * (side * 0.5 * (hu["fat"] - hu["muscle"])).astype(np.float32)[:, :, None]
    canvas.paint(Patch(box, scene.covers["lean"][box]), value)
    if cavity is not None:
        patch = canvas.cover(cavity)
        if patch is not None:
            net = np.clip(1 - np.abs(canvas.field(cavity.box, 15.0, person.rng("mesentery"))) * 7, 0, 1)
            canvas.paint(patch, hu["visceral_fat"] + net * np.float32(24), scene.covers["lean"])
    # Fat fills the groins, the thigh beside the bladder and the pit beside the anus.
    for sign in (1, -1):
        for levels in _FAT_ROOMS:
            room = loft(
                canvas,
                [(z, np.array(points) * (sign, 1)) for z, points in levels],
                cap=2.0,
                wobble=(3.0, 22.0, person.rng("groin")),
            )
            canvas.paint(canvas.cover(room), hu["fat"], scene.covers["lean"])
    # The white line and the edge of the rectus: hardly any muscle.
    for x in (0.0, 66.0, -66.0):
        line: list[tuple[float, ArrayLike, float]] = [
            (
                z,
                [
                    (x, 180 + person.belly_mm * person.belly_share(z)),
                    (x * 0.98, 212 + person.belly_mm * person.belly_share(z)),
                ],
                2.2,
            )
            for z in (-400, -315, -225, -150)
        ]
        canvas.paint(canvas.cover(ribbon(canvas, line)), hu["fat"] + 40, scene.covers["lean"])
