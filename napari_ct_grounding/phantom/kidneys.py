"""Kidneys, renal pelves and ureters."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.belly import belly_shift
from napari_ct_grounding.phantom.catalogue import graded
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Patch, rotation

__all__ = ["paint_kidneys"]


def paint_kidneys(scene: Scene) -> None:
    """Paint kidneys with cortex, pyramids, sinus fat, calyces and pelvis, the ureters, and dilatation where wished for."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    for side, sign, base in (("right", 1, (70, 80, -250)), ("left", -1, (-69, 80, -238))):
        centre = np.add(base, belly_shift(scene, f"kidney_{side}", (4, 4, 9)))
        rng = person.rng(f"kidney-size_{side}")
        size = float(rng.uniform(0.88, 1.06)) * float(np.interp(person.age, (60, 88), (1.0, 0.9)))
        turn = rotation("y", -12 * sign) @ rotation("x", -10)
        semi = np.array((27, 26, 54)) * size
        half = float(np.sqrt(((turn * semi[:, None]) ** 2).sum(0))[2])
        lumps = rng.normal(0, 1, 3)
        outer = canvas.ellipsoid(centre, semi, turn)
        room = canvas.ellipsoid(centre, semi + 7, turn)
        if room is not None:
            canvas.paint(Patch(room.box, room.cover * (1 - scene.covers["liver"][room.box])), hu["visceral_fat"])
        scene.now_drawing(f"kidney_{side}")
        canvas.paint(outer, hu["cortex"])
        axial = turn.T @ np.array((0, 0, 1.0))
        inward = np.array((-sign * 0.86, 0.5, 0.0))
        for step in np.linspace(-0.72, 0.72, 6):
            for angle in (-100, -52, 0, 52, 100):
                c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
                outwards = np.array((sign * 0.86 * c + 0.5 * s, -0.5 * c + sign * 0.86 * s, 0.0))
                spread = np.sqrt(1 - step**2)
                spot = centre + axial * (semi[2] * step * 0.86) + outwards * (semi[0] * 0.5 * spread)
                canvas.paint_ellipsoid(spot, np.array((7.2, 7.2, 7.5)) * size * (0.7 + 0.3 * spread), hu["medulla"])
        sinus = centre + inward * (12 * size) + (0, 0, lumps[0] * 2)
        fatty = float(np.interp(person.age, (30, 80), (0.85, 1.2)))
        canvas.paint_ellipsoid(sinus, np.array((11, 9, 27)) * size * fatty, hu["visceral_fat"] + 10, turn)
        canvas.paint_ellipsoid(sinus + inward * 12, np.array((9, 8, 15)) * size, hu["visceral_fat"])
        pelvis_hu = hu["excreted"]
        for level in (-20, -7, 7, 20):
            calyx = sinus + axial * level * size
            canvas.paint_tube([sinus + inward * 3, calyx - inward * 7], [3.0, 2.6], pelvis_hu)
        canvas.paint_tube([sinus, sinus + inward * 13 + (0, 0, -6)], [4.5, 5.0], pelvis_hu)
        scene.now_drawing()
        course = [
            sinus + inward * 13 + (0, 0, -6),
            (sign * 42, 102, -300),
            (sign * 46, 106, -345),
            (sign * 54, 84, -400),
            (sign * 44, 80, -455),
            (sign * 22, 100, -482),
        ]
        canvas.paint_tube(course, [4.0, 2.3, 2.2, 2.2, 2.2, 2.0], 0.7 * pelvis_hu + 10)
        # Vein and artery at the hilum.
        canvas.paint_tube(
            [sinus + inward * 2 + (0, 4, 4), sinus + inward * 22 + (0, 4, 6)],
            [3.0, 4.5],
            0.5 * (hu["ivc"] + hu["cortex"]),
        )
        canvas.paint_tube([sinus + inward * 2 + (0, -3, 4), sinus + inward * 20 + (0, -2, 6)], [2.0, 2.6], hu["aorta"])
        scene.keep_spot(f"kidney_{side}", centre)
        scene.keep_spot(f"renal_sinus_{side}", sinus)
        scene.keep_spot(f"kidney_size_{side}", semi)
        scene.mark(f"kidney_{side}", centre[2] - half, centre[2] + half)
        scene.mark(f"kidney_upper_pole_{side}", centre[2] + half - 22, centre[2] + half)
        scene.mark(f"kidney_lower_pole_{side}", centre[2] - half, centre[2] - half + 22)
        scene.mark(f"renal_hilum_{side}", centre[2] - 17, centre[2] + 15)
        if scene.wants("hydronephrosis", side):
            rng = scene.rng(f"hydronephrosis@{side}")
            wide = float(rng.uniform(0.95, 1.6))
            reach = np.array((15, 15, 30)) * wide
            canvas.paint_ellipsoid(sinus, reach, hu["urine"])
            scene.mark(
                f"hydronephrosis@{side}", sinus[2] - reach[2], sinus[2] + reach[2], round(2 * float(reach[0]), 0),
                centre=sinus, severity=graded((wide - 0.95) / 0.65),
            )  # fmt: skip
