"""Spleen, pancreas, adrenals, stomach and duodenum."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501, RUF005

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.belly import belly_shift, layered, room_below_lungs, within
from napari_ct_grounding.phantom.catalogue import graded
from napari_ct_grounding.phantom.contours import Level, ball, join, loft, meet, ribbon, tube
from napari_ct_grounding.phantom.lungs import domes
from napari_ct_grounding.phantom.scene import Scene

__all__ = ["paint_adrenals", "paint_pancreas", "paint_spleen", "paint_stomach"]

_SPLEEN: list[Level] = [
    (-146, [(-80, 58), (-98, 44), (-118, 56), (-122, 80), (-104, 90), (-88, 78)]),
    (-172, [(-68, 56), (-96, 34), (-126, 54), (-138, 92), (-127, 120), (-109, 114), (-100, 92), (-84, 74)]),
    (-200, [(-80, 52), (-106, 38), (-131, 62), (-140, 100), (-129, 126), (-112, 120), (-106, 96), (-93, 74)]),
    (-224, [(-96, 54), (-122, 52), (-136, 84), (-130, 112), (-114, 108), (-106, 84)]),
    (-236, [(-108, 64), (-124, 66), (-130, 90), (-118, 98), (-108, 84)]),
]  # fmt: skip
_SPLEEN_CENTRE = np.array((-108.0, 80.0, -192.0))


def paint_spleen(scene: Scene) -> None:
    """Paint the spleen; its enlargement and lesions are part of it."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    belly = room_below_lungs(scene)
    move = belly_shift(scene, "spleen", (3, 3, 8))
    grow = float(person.rng("spleen-size").uniform(0.86, 1.08))
    if scene.wants("splenomegaly"):
        grow = float(scene.rng("splenomegaly").uniform(1.25, 1.85))
    rng = person.rng("spleen-shape")
    centre = _SPLEEN_CENTRE + move + (10 * (grow - 1), 0, -26 * (grow - 1))
    levels = []
    for z, points in _SPLEEN:
        outline = np.asarray(points, float) - _SPLEEN_CENTRE[:2]
        outline = outline * (0.45 + 0.55 * grow, grow) + rng.normal(0, 1.2, outline.shape)
        levels.append((centre[2] + (z - _SPLEEN_CENTRE[2]) * grow, centre[:2] + outline))
    low, high = levels[-1][0] - 3, levels[0][0] + 6
    patch = within(canvas.cover(loft(canvas, levels, cap=2.0, wobble=(1.2, 24.0, rng))), belly)
    value: float | np.ndarray = hu["spleen"]
    if patch is not None and person.phase in {"arterial", "pulmonary"}:  # the early spleen is striped
        stripes = canvas.field(patch.box, 12.0, person.rng("spleen-stripes"))
        value = hu["spleen"] + np.clip(stripes, -1, 1) * np.float32(30)
    scene.now_drawing("spleen")
    spleen = canvas.paint(patch, value)
    scene.keep_spot("spleen", centre)
    extent = scene.painted_span(spleen, (low, high))
    scene.mark("spleen", *extent)
    if scene.wants("splenomegaly"):
        severity = graded((grow - 1.25) / 0.6)
        scene.mark("splenomegaly", *extent, round(high - low, 0), centre=centre, severity=severity)
    if scene.wants("splenic_lesion"):
        rng = scene.rng("splenic_lesion")
        r = float(rng.uniform(8, 15))
        spot = centre + rng.uniform(-1, 1, 3) * (5, 12, 22)
        canvas.paint_ellipsoid(spot, (r, r, r), rng.choice((8.0, hu["spleen"] * 0.5)), clip=belly)
        scene.mark("splenic_lesion", spot[2] - r, spot[2] + r, round(2 * r, 0), centre=spot, number=1)


def paint_stomach(scene: Scene) -> None:
    """Paint stomach and duodenum with their contents, and a hiatal hernia where wished for."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    belly, liver = room_below_lungs(scene), scene.covers["liver"]
    gut = belly_shift(scene, "stomach", (5, 4, 8))
    rng = person.rng("stomach")
    size = float(rng.uniform(0.7, 1.15))
    fundus, body, antrum = (np.add(p, gut) for p in ((-60, 98, -184), (-54, 142, -214), (-6, 164, -242)))
    path = (
        np.array(
            [
                (-56, 100, -170),
                (-60, 106, -182),
                (-62, 142, -206),
                (-42, 164, -234),
                (-6, 166, -244),
                (18, 160, -240),
                (30, 152, -238),
            ]
        )
        + gut
    )
    wide = np.array((30, 31, 27, 22, 18, 13, 9)) * (size, size, size, size, 0.5 + 0.5 * size, 0.9, 0.9)
    scene.keep_course("stomach", [fundus, body, antrum], 28.0)
    solid = tube(canvas, path, wide, 6.0, 5.0)
    dome, reach = domes(person)["left"]
    top = dome[2] + reach[2]
    roof = ball(canvas, dome, np.subtract(reach, 7.0 + 6 * (1.15 - size)), power=2.4)
    cap = ball(canvas, (-60, 106, top - 28), np.array((38, 46, 40)) * max(size, 0.9))
    if roof is not None and cap is not None:  # the fundus fills the left dome
        solid = join(canvas, [solid, meet(cap, roof)], 8.0)
    patch = within(canvas.cover(solid, 1.0), belly, liver)
    scene.now_drawing("stomach")
    canvas.paint(patch, hu["bowel_wall"])
    if solid is not None:
        folds = canvas.field(solid.box, 10.0, person.rng("gastric-folds"))
        solid = type(solid)(solid.box, solid.distance + np.maximum(folds, 0) * np.float32(3.2 / size))
    inner = within(canvas.cover(solid, -3.0), belly, liver)
    level = body[1] + float(person.rng("gastric-gas").uniform(-4, 26)) * size
    if inner is not None:
        meal = canvas.field(inner.box, 6.0, person.rng("meal")) * np.float32(person.rng("meal-size").uniform(2, 22))
        canvas.paint(inner, layered(scene, inner, level, hu["stomach_content"] + meal, hu["gas"]))
    lows, highs = path[:, 2] - wide, path[:, 2] + wide
    extent = scene.painted_span(patch, (float(lows.min()) - 1, max(float(highs.max()), top - 7)))
    scene.mark("stomach", *extent)
    scene.mark("gastric_fundus", extent[1] - 34, extent[1])
    scene.now_drawing()
    if scene.wants("hiatal_hernia"):
        rng = scene.rng("hiatal_hernia")
        semi = np.array((26, 24, 26)) * rng.uniform(0.65, 1.7)
        spot = np.array((-10, 100, -128.0)) + (rng.uniform(-8, 8), 0, rng.uniform(-4, 14))
        canvas.paint_ellipsoid(spot, semi, hu["bowel_wall"])
        inner = canvas.ellipsoid(spot, semi - 5)
        if inner is not None:
            share = np.clip((canvas.y[inner.box[1]] - spot[1] - 3) / canvas.soft_mm + 0.5, 0, 1)[None, :, None]
            canvas.paint(inner, (hu["stomach_content"] + (-950 - hu["stomach_content"]) * share).astype(np.float32))
        share = (float(semi[2]) - 17) / 27
        scene.mark(
            "hiatal_hernia",
            spot[2] - semi[2],
            spot[2] + semi[2],
            round(2 * float(semi[2]), 0),
            centre=spot,
            severity=graded(share),
        )


def paint_pancreas(scene: Scene) -> None:
    """Paint the pancreas with its lobules and duct, and the duodenum round its head."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    head = np.array((36, 138, -250)) + belly_shift(scene, "pancreas", (3, 3, 8))
    shape = head - (36, 138, -250)
    thick = (1.0 if person.sex == "M" else 0.92) * float(np.interp(person.age, (30, 60, 85), (1.08, 1.0, 0.78)))
    path = np.add(
        [
            (24, 136, -262),
            (36, 138, -254),
            (32, 140, -238),
            (8, 147, -228),
            (-22, 139, -217),
            (-50, 115, -213),
            (-80, 98, -207),
        ],
        shape,
    )
    solid = tube(canvas, path, np.array((10, 15, 14, 10, 11, 11, 10)) * thick, 4.0, 3.0)
    if solid is not None:
        lobules = canvas.field(solid.box, 6.0, person.rng("pancreas-lobules"))
        deep = float(np.interp(person.age, (30, 80), (1.0, 3.4)))
        solid = type(solid)(solid.box, solid.distance + np.abs(lobules) * np.float32(deep) - np.float32(0.8))
    scene.now_drawing("pancreas")
    canvas.paint(canvas.cover(solid), hu["pancreas"])
    canvas.paint_tube(path[2:], 1.1, hu["bile"] + 8)
    scene.now_drawing()
    canvas.paint_tube(np.add([(42, 136, -206), (38, 134, -236), (44, 134, -258)], shape), 2.6, hu["bile"])
    scene.keep_course(
        "pancreas", np.add([(36, 138, -250), (8, 147, -230), (-25, 137, -217), (-70, 102, -209)], shape), 9.0
    )
    scene.mark("pancreas_head", -271 + shape[2], -228 + shape[2])
    scene.mark("pancreas_body", -231 + shape[2], -203 + shape[2])
    scene.mark("pancreas_tail", -222 + shape[2], -197 + shape[2])
    loop = np.add(
        [
            (30, 155, -238),
            (52, 146, -240),
            (56, 136, -262),
            (52, 130, -286),
            (24, 136, -294),
            (-8, 140, -288),
            (-28, 146, -262),
            (-30, 150, -252),
        ],
        shape,
    )
    rng = person.rng("duodenum")
    wide = rng.uniform(8.5, 12.5, len(loop))
    extent = canvas.paint_tube(loop, wide, hu["bowel_wall"])
    canvas.paint_tube(loop, wide - 2.6, hu["stomach_content"])
    if rng.random() < 0.5:
        canvas.paint_tube(loop[1:3] + (0, 3, 0), wide[1:3] - 5, hu["gas"])
    scene.mark("duodenum", *extent)


def paint_adrenals(scene: Scene) -> None:
    """Paint the adrenals, two thin limbs on a ridge each, and their nodules."""
    canvas, hu = scene.canvas, scene.hu
    for side, sign, spot in (("right", 1, (28, 92, -182)), ("left", -1, (-34, 96, -186))):
        place = np.add(spot, belly_shift(scene, f"adrenal_{side}", (2, 2, 6)))
        scene.keep_spot(f"adrenal_{side}", place)
        x, y, z = place
        for swing in (0.25, 1.0) if side == "left" else (0.15, 0.6):
            limb = [
                (z + 15, [(x, y + 7), (x + sign * 2 * swing, y - 1)], 1.7), (z + 4, [(x, y + 9), (x + sign * 7 * swing, y - 8)], 2.1),
                (z - 10, [(x + sign, y + 8), (x + sign * (12 * swing + 1), y - 13)], 2.0),
            ]  # fmt: skip
            scene.now_drawing(f"adrenal_{side}")
            canvas.paint(canvas.cover(ribbon(canvas, limb)), hu["adrenal"])
        scene.mark(f"adrenal_{side}", place[2] - 13, place[2] + 17)
        target = f"adrenal_nodule@{side}"
        if target in scene.wishes:
            rng = scene.rng(target)
            r = float(rng.uniform(8, 16))
            spot_z = place + (0, -2, rng.uniform(-6, 6))
            canvas.paint_ellipsoid(spot_z, (r, r, r), rng.uniform(-8, 45))
            scene.mark(target, spot_z[2] - r, spot_z[2] + r, round(2 * r, 0), centre=spot_z, number=1)
