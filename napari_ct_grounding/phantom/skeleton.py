"""Ribs with their cartilage, and the sternum."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: RUF005

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.contours import loft, mirrored
from napari_ct_grounding.phantom.scene import Scene

__all__ = ["paint_ribs", "paint_sternum", "rib_centre"]

# y of the costochondral junction of ribs 1..12; 11 and 12 end freely.
_JUNCTION_Y = np.array((132, 150, 165, 175, 182, 187, 188, 184, 174, 158, 120, 85), float)
_SLOPE = 0.52


def rib_heads(scene: Scene) -> np.ndarray:
    """Reference z of the heads of ribs 1..12."""
    return np.array([scene.person.vertebrae[f"t{n}"].z_hi for n in range(1, 13)])


def rib_centre(scene: Scene, number: int, y: float) -> float:
    """Reference z of the middle of a rib (1..12) where it passes a given y."""
    return float(rib_heads(scene)[number - 1] - _SLOPE * (y - 45))


def paint_ribs(scene: Scene) -> None:
    """Paint all ribs at once as rods that wind round the cage, and their cartilage, which rises to the sternum."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    heads = rib_heads(scene)
    for side in ("right", "left"):
        scene.mark(f"first_rib_{side}", rib_centre(scene, 1, 132) - 8, heads[0] + 9)
    cage = scene.solids.get("cage")
    if cage is None:
        return
    z, y, x = (axis[part] for axis, part in zip((canvas.z, canvas.y, canvas.x), cage.box, strict=True))
    keep = np.flatnonzero((z > -235) & (z < 96))
    if not len(keep):
        return
    first = int(keep[0])
    out = cage.distance[first : int(keep[-1]) + 1]
    k, j, i = np.nonzero((out > -canvas.soft_mm) & (out < 10 + canvas.soft_mm))
    k = k + first
    d, across, forward = cage.distance[k, j, i], np.abs(x[i]), y[j]
    # Height along the slope: constant along one rib. Beside the sternum the cartilage climbs.
    climb = (
        np.interp(z, (-140, -95, -40), (0.62, 0.4, 0.08))[k]
        * np.clip(86 - across, 0, None)
        * np.clip((forward - 140) / 30, 0, 1)
    )
    height = z[k] + _SLOPE * (forward - 45) - climb
    position = np.interp(-height, -heads, np.arange(1, 13), left=0.0, right=13.0)
    number = np.clip(np.rint(position), 1, 12).astype(int)
    tall = np.where(number == 1, 6.5, 7.2)
    offset = (height - heads[number - 1]) * 0.88
    q = np.sqrt(((d - 4.6) / 4.0) ** 2 + (offset / tall) ** 2)
    distance = (q - 1) * np.where(q > 1, 5.0, 4.2)
    bone = forward < _JUNCTION_Y[number - 1]
    gristle = ~bone & (across > 15) & (number <= 10)
    soft = canvas.soft_mm
    cover = np.clip(0.5 - distance / soft, 0, 1) * (bone | gristle)
    marrow = np.clip(0.5 - (distance + 1.5) / soft, 0, 1)
    value = hu["cortical"] * 0.95 + marrow * (hu["spongiosa"] * 0.55 - hu["cortical"] * 0.95)
    grain = canvas.field((slice(first, int(keep[-1]) + 1), *cage.box[1:]), 6.0, person.rng("cartilage"))
    chalk = np.clip(grain[k - first, j, i] - 2.6 + 0.028 * person.age, 0, 1) * 260
    value = np.where(bone, value, hu["cartilage"] + chalk)
    target = canvas.hu[cage.box]
    old = target[k, j, i]
    target[k, j, i] = old + cover * (value - old)


def paint_sternum(scene: Scene) -> None:
    """Paint manubrium, body and xiphoid with the joints between them."""
    canvas, hu = scene.canvas, scene.hu
    move = scene.person.jitter("sternum", (1, 3, 6))
    bone, marrow = hu["cortical"] * 0.85, hu["spongiosa"] * 0.6
    wide = float(scene.person.rng("sternum-width").uniform(0.85, 1.12))
    shapes = {
        "manubrium": [(52, 24, 7, 158), (44, 32, 7, 161), (28, 28, 6.5, 167), (6, 18, 6, 175)],
        "sternal_body": [(-1, 16, 6, 177), (-30, 15, 5.5, 188), (-70, 19, 5.5, 200), (-104, 14, 5, 206)],
        "xiphoid": [(-106, 9, 4, 206), (-134, 4, 2.5, 207)],
    }
    for name, rows in shapes.items():
        # Rows of z, half-width, half-thickness and y.
        half = np.array([(0, -1), (0.5, -0.9), (0.93, -0.5), (1, 0.1), (0.8, 0.75), (0.4, 0.95), (0, 0.9)])
        levels = [(z + move[2], mirrored(half * (a * wide, t)) + (0, y + move[1])) for z, a, t, y in rows]
        solid = loft(canvas, levels, cap=6.0)
        canvas.paint_bone(
            solid,
            1.4,
            bone if name != "xiphoid" else hu["cartilage"] + 60,
            marrow if name != "xiphoid" else hu["cartilage"],
        )
    scene.mark("manubrium", move[2], 53 + move[2])
    scene.mark("sternal_body", -105 + move[2], move[2])
    scene.mark("xiphoid", -138 + move[2], -104 + move[2])
