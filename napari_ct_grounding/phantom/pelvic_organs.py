"""Bladder, prostate with vesicles, uterus with ovaries, and the floor of the pelvis."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: RUF005

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.belly import layered
from napari_ct_grounding.phantom.contours import ball
from napari_ct_grounding.phantom.scene import Scene

__all__ = ["paint_pelvic_organs"]


def paint_pelvic_organs(scene: Scene) -> None:
    """Paint bladder, and prostate with vesicles or uterus with ovaries."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    size = float(person.rng("bladder").uniform(0.65, 1.2))
    semi = np.array((44, 34, 34)) * (size, 0.5 + 0.5 * size, size)
    centre = np.array((0, 124, -497 + semi[2])) + person.jitter("bladder", (2, 3, 2))
    if person.sex == "F":
        womb = np.array((0, 94, -448)) + person.jitter("uterus", (5, 4, 6))
        old = person.age > 55
        body = np.array((24, 22, 26)) * (0.75 if old else 1.1)
        scene.now_drawing("uterus")
        solid = ball(canvas, womb, body)
        if solid is not None:
            bumps = canvas.field(solid.box, 18.0, person.rng("uterus-shape")) * np.float32(1.8)
            canvas.paint(canvas.cover(type(solid)(solid.box, solid.distance + bumps)), hu["uterus"])
        canvas.paint_ellipsoid(womb, (7, 2.5, 12), hu["uterus"] - 25)
        cervix = canvas.paint_tube([womb, womb + (0, -8, -34)], [12, 12], hu["uterus"])
        scene.now_drawing()
        for sign in (1, -1):
            ovary = np.array((sign * 38, 96, -440)) + person.jitter(f"ovary{sign}", (5, 8, 6))
            canvas.paint_ellipsoid(ovary, np.array((13, 10, 9)) * (0.7 if old else 1.0), 42)
            if not old:
                canvas.paint_ellipsoid(ovary + (2, 2, 0), (5, 5, 5), 12)
        scene.keep_spot("uterus", womb)
        scene.mark("uterus", cervix[0], womb[2] + body[2])
    else:
        grow = float(np.interp(person.age, (30, 60, 85), (0.9, 1.05, 1.35)))
        gland = np.array((23, 16, 19)) * grow
        spot = np.array((0, 92, -507.0)) + person.jitter("prostate", (1, 3, 3))
        scene.now_drawing("prostate")
        canvas.paint_ellipsoid(spot, gland, hu["prostate"])
        scene.now_drawing()
        for sign in (1, -1):
            canvas.paint_ellipsoid((sign * 18, 78, spot[2] + gland[2] + 8), (17, 6, 7), hu["prostate"] - 15)
        scene.mark("prostate", spot[2] - gland[2], spot[2] + gland[2])
    for sign in (1, -1):  # the floor of the pelvis and the muscle round the anus
        canvas.paint_tube(
            [(sign * 34, 92, -505), (sign * 16, 66, -524), (sign * 6, 58, -536)], [3.0, 3.0, 4.0], hu["muscle"]
        )
        canvas.paint_tube([(sign * 22, 150, -525), (sign * 22, 120, -560)], 7.0, hu["muscle"] - 10)
    scene.now_drawing("bladder")
    wall = 2.0 + 3.0 * (1.2 - size)
    canvas.paint_ellipsoid(centre, semi + wall, 38, power=2.4)
    canvas.paint_ellipsoid(centre, semi, hu["urine"], power=2.4)
    if hu["excreted"] > 100:  # contrast is heavier than urine and settles behind
        layer = canvas.ellipsoid(centre, semi, power=2.4)
        if layer is not None:
            level = float(centre[1] - semi[1] * person.rng("bladder-contrast").uniform(0.3, 0.95))
            values = layered(scene, layer, level, 0.6 * hu["excreted"], hu["urine"])
            canvas.paint(layer, values)
    scene.keep_spot("bladder", centre)
    scene.mark("bladder", centre[2] - semi[2] - 3.5, centre[2] + semi[2] + 3.5)
    if scene.wants("bladder_stone"):
        rng = scene.rng("bladder_stone")
        r = float(rng.uniform(5, 11))
        stone = centre + (rng.uniform(-8, 8), -semi[1] + r + 2, rng.uniform(-0.4, 0.3) * semi[2])
        canvas.paint_ellipsoid(stone, (r, r, r), rng.uniform(500, 1200))
        scene.mark(
            "bladder_stone", stone[2] - r, stone[2] + r, round(2 * r, 0), centre=stone, number=1, traits=("calcified",)
        )
