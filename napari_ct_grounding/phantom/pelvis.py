"""Sacrum, hip bones, hips and thighs."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501, RUF005

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.contours import join, loft, mirrored, ribbon
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Patch, Solid

__all__ = ["paint_pelvis"]

# Half outlines of the sacrum from rear to front, by z.
_SACRUM = [
    (-384, [(0, 40), (14, 42), (20, 54), (30, 62), (36, 76), (27, 98), (12, 103), (0, 102)]),
    (-400, [(0, 36), (12, 38), (26, 46), (46, 50), (57, 62), (54, 80), (30, 90), (0, 93)]),
    (-420, [(0, 30), (12, 32), (32, 38), (48, 44), (50, 58), (38, 70), (18, 74), (0, 74)]),
    (-445, [(0, 27), (12, 30), (28, 36), (34, 46), (28, 56), (14, 60), (0, 60)]),
    (-470, [(0, 34), (10, 35), (19, 40), (18, 48), (10, 52), (0, 52)]),
]  # fmt: skip
# Line of the right iliac wing from the sacrum outwards, by z, and half its thickness.
_WING = [
    (-348, [(112, 74), (126, 92), (133, 112)], 3.6), (-370, [(84, 48), (112, 76), (130, 106), (135, 128)], 3.0),
    (-392, [(60, 34), (80, 60), (108, 94), (126, 124), (130, 146)], 3.0), (-415, [(52, 34), (72, 58), (98, 92), (116, 122), (122, 148)], 3.3),
    (-438, [(58, 44), (74, 66), (94, 94), (108, 120), (114, 144)], 5.0), (-458, [(68, 66), (80, 84), (94, 104), (102, 130)], 9.0),
]  # fmt: skip


def paint_pelvis(scene: Scene) -> None:
    """Paint sacrum, hip bones, hips and thighs, with prostheses where wished for."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    bone, marrow = hu["cortical"] * 0.95, hu["spongiosa"] * 0.75
    spread = 1.04 if person.sex == "F" else 1.0
    sacrum = [(z, mirrored(np.array(half) * (spread, 1))) for z, half in _SACRUM]
    solid = loft(canvas, sacrum, cap=3.0)
    canvas.paint_bone(solid, 1.6, bone, marrow)
    canvas.paint_tube([(0, 60, -382), (0, 56, -405), (0, 44, -430), (0, 40, -455)], [8, 8, 6, 3], 15)
    for level, y, x in ((-408, 66, 19), (-428, 56, 18), (-446, 48, 16)):
        for sign in (1, -1):
            canvas.paint_tube([(sign * x, y, level), (sign * (x + 5), y + 22, level - 6)], 4.2, hu["fat"] + 40)
    canvas.paint_tube([(0, 46, -474), (0, 44, -490), (0, 50, -500)], [9, 5, 3.5], bone)
    scene.mark("sacrum", -478, -381)
    scene.mark("sacral_promontory", -392, -380)
    scene.mark("coccyx", -502, -474)
    hips = person.jitter("hips", (3, 3, 5))
    for side, sign in (("right", 1), ("left", -1)):
        wing = [(z, np.array(line) * (sign * spread, 1), half) for z, line, half in _WING]
        plate = ribbon(canvas, wing, cap=2.0)
        thick = join(canvas, [plate, *_rims(scene, wing)], 2.0)
        canvas.paint_bone(thick, 1.7, bone, marrow)
        crest = -345.5
        scene.mark(f"iliac_crest_{side}", crest - 14, crest + 6)
        scene.mark(f"sacroiliac_joint_{side}", -442, -390)
        canvas.paint(
            canvas.cover(
                ribbon(
                    canvas,
                    [
                        (-388, np.array([(58, 66), (52, 46)]) * (sign * spread, 1), 1.3),
                        (-440, np.array([(50, 58), (46, 42)]) * (sign * spread, 1), 1.3),
                    ],
                )
            ),
            30,
        )
        head = np.array((sign * 88 * spread + sign * hips[0], 95 + hips[1], -480.0))
        # The socket: a thick half shell that is open to the side, below and in front.
        socket = canvas.ellipsoid(head + (-sign * 3, 0, 3), (35, 35, 35))
        marrow_cover = canvas.ellipsoid(head + (-sign * 3, 0, 3), (33, 33, 33))
        for patch, value in ((socket, bone), (marrow_cover, 0.6 * bone)):
            if patch is not None:
                dx, dy, dz = canvas.offsets(patch.box, head)
                open_side = np.clip((14 - sign * dx + 0.9 * dz + 0.1 * np.abs(dy)) / canvas.soft_mm + 0.5, 0, 1)
                canvas.paint(Patch(patch.box, patch.cover * open_side), value)
        rim = canvas.ellipsoid(head, (28.5, 28.5, 28.5))
        canvas.paint(rim, hu["muscle"])
        inner_rim = canvas.ellipsoid(head, (30.3, 30.3, 30.3))
        if inner_rim is not None and rim is not None:
            dx, dy, dz = canvas.offsets(inner_rim.box, head)
            closed = np.clip((10 - sign * dx + 0.9 * dz) / canvas.soft_mm + 0.5, 0, 1)
            canvas.paint(Patch(inner_rim.box, inner_rim.cover * closed), bone)
        canvas.paint_ellipsoid(head, (28, 28, 28), 35)
        scene.mark(f"acetabulum_{side}", head[2] - 32, head[2] + 33)
        for path, radii in (
            ([(sign * 66, 128, -486), (sign * 34, 150, -492), (sign * 9, 152, -504)], [9, 7, 10]),
            ([(sign * 10, 150, -512), (sign * 36, 112, -528), (sign * 58, 74, -541)], [7, 6, 8]),
            ([(sign * 74, 72, -494), (sign * 66, 62, -520), (sign * 60, 60, -540)], [13, 13, 14]),
        ):
            canvas.paint_tube(path, radii, bone)
            canvas.paint_tube(path, [r - 1.9 for r in radii], marrow)
        scene.mark(f"ischial_tuberosity_{side}", -554, -524)
        trochanter = head + (sign * 48, -18, -10)
        shaft = [head + (sign * 44, -12, -34), head + (sign * 42, -6, -90), head + (sign * 36, 0, -170)]
        for grow, value in ((0.0, bone), (-2.2, marrow)):
            canvas.paint_tube([head, head + (sign * 26, -8, -16), trochanter], [17 + grow, 15 + grow, 17 + grow], value)
            canvas.paint_ellipsoid(trochanter + (0, 0, -4), (16 + grow, 20 + grow, 25 + grow), value)
            canvas.paint_ellipsoid(head + (sign * 24, -26, -52), (9 + grow, 9 + grow, 12 + grow), value)
        canvas.paint_tube(shaft, [20, 15.5, 14], 1350)
        canvas.paint_tube(shaft, [16, 8.5, 7], hu["fat"] + 80)
        canvas.paint_ellipsoid(head, (24, 24, 24), hu["cortical"])
        canvas.paint_ellipsoid(head, (22.6, 22.6, 22.6), hu["spongiosa"] + 70)
        scene.keep_spot(f"femoral_head_{side}", head)
        scene.mark(f"femoral_head_{side}", head[2] - 24, head[2] + 24)
        scene.mark(f"greater_trochanter_{side}", trochanter[2] - 25, trochanter[2] + 25)
        if scene.wants("hip_prosthesis", side):
            canvas.paint_ellipsoid(head, (29, 29, 29), 2600)
            canvas.paint_ellipsoid(head, (24, 24, 24), 300)
            low = canvas.paint_tube(
                [head, head + (sign * 40, -10, -22), head + (sign * 45, -8, -140)], [17, 10, 6], 3071
            )[0]
            scene.mark(f"hip_prosthesis@{side}", low, head[2] + 29, centre=head)
    canvas.paint_ellipsoid((0, 153, -507), (3, 12, 18), hu["cartilage"])
    scene.mark("pubic_symphysis", -525, -489)
    target = "sclerotic_metastasis@pelvis"
    if target in scene.wishes:
        own = scene.rng(target)
        sign = 1 if own.random() < 0.5 else -1
        spot, radius = (
            (sign * own.uniform(80, 100), own.uniform(88, 105), own.uniform(-440, -395)),
            own.uniform(9, 14),
        )
        canvas.paint_ellipsoid(spot, (radius,) * 3, own.uniform(700, 1100))
        scene.mark(target, spot[2] - radius, spot[2] + radius, round(2 * radius, 0), centre=spot, number=1)


def _rims(scene: Scene, wing: list) -> list[Solid | None]:
    """The thick borders of the wing: at the sacrum and at the front spines."""
    out = []
    for index, radius in ((0, 5.5), (-1, 4.5)):
        levels = [(z, [line[index] - (0.5, 0.5), line[index] + (0.5, 0.5)], radius) for z, line, _ in wing[1:5]]
        out.append(ribbon(scene.canvas, levels, cap=2.0))
    return out
