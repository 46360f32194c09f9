"""Head and neck."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.scene import Scene

__all__ = ["paint_head"]


def paint_head(scene: Scene) -> None:
    """Paint skull base, brain, mandible, hyoid, larynx, thyroid bed and the vessels and muscles of the neck."""
    canvas, hu = scene.canvas, scene.hu
    move = scene.person.jitter("head", (0, 6, 8))
    dz, dy = move[2], move[1]
    base = 226 + dz
    skull = canvas.ellipsoid((0, 122 + dy, 300 + dz), (76, 94, 92))
    canvas.paint(skull, 900)
    canvas.paint_ellipsoid((0, 122 + dy, 302 + dz), (70.5, 88.5, 86), hu["brain"])
    canvas.paint_ellipsoid((0, 106 + dy, base + 2), (50, 44, 9), 650)
    canvas.paint_ellipsoid((0, 92 + dy, base - 2), (15, 17, 16), hu["brain"])
    for sign in (1, -1):
        canvas.paint_ellipsoid((sign * 30, 90 + dy, base + 20), (26, 30, 18), hu["brain"])
        canvas.paint_ellipsoid((sign * 34, 196 + dy, base + 24), (15, 17, 15), 15)
        canvas.paint_ellipsoid((sign * 34, 199 + dy, base + 24), (12, 12, 12), 12)
        canvas.paint_tube(
            [(sign * 46, 130 + dy, base + 4), (sign * 58, 160 + dy, base), (sign * 42, 196 + dy, base - 6)], 5, 700
        )
        canvas.paint_ellipsoid((sign * 50, 150 + dy, base - 16), (11, 22, 26), hu["muscle"])
    for sign in (1, -1):
        canvas.paint_ellipsoid((sign * 52, 110 + dy, base), (16, 18, 16), 900)
        canvas.paint_ellipsoid((sign * 58, 98 + dy, base - 8), (9, 12, 14), -350)
        canvas.paint_ellipsoid((sign * 22, 188 + dy, base - 2), (14, 15, 16), -900)
    canvas.paint_ellipsoid((0, 175 + dy, base - 5), (12, 30, 22), -800)
    scene.mark("skull_base", base - 16, base + 16)
    jaw = []
    for sign in (1, -1):
        ramus = [
            (sign * 50, 132 + dy, 218 + dz),
            (sign * 48, 136 + dy, 182 + dz),
            (sign * 32, 176 + dy, 172 + dz),
            (0, 197 + dy, 168 + dz),
        ]
        jaw.append(canvas.paint_tube(ramus, [6, 7, 8, 9], 1100))
        canvas.paint_tube([np.add(p, (0, -1, 13)) for p in ramus[2:]], 5, 1900)
    scene.mark_shape("mandible", *jaw)
    # Tongue and floor of the mouth, glands, the wall of the throat and the straps before the larynx.
    mouth = canvas.ellipsoid((0, 168 + dy, 190 + dz), (30, 32, 26))
    canvas.paint(mouth, hu["muscle"] - 4)
    canvas.paint_tube([(0, 150 + dy, 215 + dz), (0, 142 + dy, 170), (0, 140, 140)], [20, 17, 14], hu["muscle"])
    for sign in (1, -1):
        canvas.paint_ellipsoid((sign * 31, 160 + dy * 0.7, 170 + dz), (10, 15, 14), 48)
        canvas.paint_ellipsoid((sign * 52, 120 + dy, 200 + dz), (12, 17, 22), 5)
        canvas.paint_tube(
            [(sign * 9, 158, 160), (sign * 10, 160, 110), (sign * 12, 164, 60)], [5, 4.5, 4], hu["muscle"]
        )
        canvas.paint_tube([(sign * 8, 128, 205), (sign * 9, 122, 150), (sign * 8, 112, 90)], [7, 7, 5], hu["muscle"])
    canvas.paint_tube([(0, 150 + dy, 215 + dz), (0, 142 + dy, 170), (0, 140, 140)], [13, 9, 7], hu["gas"])
    for sign in (1, -1):
        canvas.paint_tube([(sign * 24, 140, 164 + dz / 2), (0, 166, 166 + dz / 2)], 3.6, 600)
        plate = [(sign * 20, 146, 138), (0, 166, 134)]
        for height in (-6, 2, 10):
            canvas.paint_tube([np.add(p, (0, 0, height + dz / 3)) for p in plate], 3.2, 260)
        canvas.paint_tube([(sign * 28, 124, 215), (sign * 28, 120, 70)], 3.6, hu["aorta"])
        canvas.paint_tube([(sign * 38, 124, 215), (sign * 36, 124, 62)], 6.0, hu["svc"] * 0.5 + 25)
        canvas.paint_tube([(sign * 52, 112, 215), (sign * 38, 148, 120), (sign * 22, 168, 62)], [9, 9, 7], hu["muscle"])
    ring = canvas.ellipsoid((0, 138, 113 + dz / 3), (15, 15, 8))
    canvas.paint(ring, 320)
    canvas.paint_tube([(0, 138, 145 + dz / 3), (0, 138, 104 + dz / 3)], 8, hu["gas"])
    canvas.paint_ellipsoid((0, 138, 127 + dz / 3), (9, 10, 3), 50)
    scene.mark("hyoid", 160 + dz / 2, 170 + dz / 2)
    scene.mark("larynx", 110 + dz / 3, 148 + dz / 3)
    scene.mark("cricoid", 105 + dz / 3, 121 + dz / 3)
