"""Abdomen and pelvis: liver, spleen, pancreas, kidneys, stomach, bowel, bladder, muscles."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501, RUF005

from __future__ import annotations

import itertools

import numpy as np

from napari_ct_grounding.phantom.catalogue import graded
from napari_ct_grounding.phantom.lungs import domes
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Patch, rotation

__all__ = [
    "belly_shift",
    "paint_bowel",
    "paint_gallbladder",
    "paint_kidneys",
    "paint_liver",
    "paint_pelvic_organs",
    "paint_upper_organs",
]


def belly_shift(scene: Scene, name: str, sd: tuple[float, float, float] = (3, 3, 6), breath: float = 0.7) -> np.ndarray:
    """Return the shift (x, y, z) of an abdominal organ: a common one, its own, and a share of the breath."""
    common = scene.person.jitter("belly", (0, 0, 7))
    return common + scene.person.jitter(name, sd) + (0, 0, breath * scene.person.dome_mm)


def _below_lungs(scene: Scene) -> np.ndarray:
    """Cover of the belly: inside cage or belly wall, and not lung."""
    if "belly" not in scene.covers:
        inside = np.maximum(scene.covers["cavity"], scene.covers["cage"])
        belly = inside * (1 - scene.covers["lungs"])
        belly[scene.canvas.z > -60] = 0
        scene.covers["belly"] = belly
    return scene.covers["belly"]


def paint_liver(scene: Scene) -> None:
    """Paint liver with its veins, gallbladder and lesions."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    belly = _below_lungs(scene)
    cap = domes(person)
    top = cap["right"][0][2] + cap["right"][1][2] - 3
    move = belly_shift(scene, "liver", (2, 2, 6), 0.5)
    tip = -286 + person.jitter("liver-tip", (0, 0, 14))[2] + 0.6 * person.dome_mm
    middle = (top + tip) / 2
    height = (top - tip) / 2
    colour = hu["liver"]
    right = canvas.ellipsoid((76, 118, middle), (76, 92, height), power=2.4)
    left = canvas.ellipsoid((-4 + move[0], 164, -172 + move[2]), (68, 34, 38), rotation("y", -12))
    # What lies below the visceral plane is no liver: normal of the plane through the three points of the anatomy page.
    points = np.array([(135, 70, -296), (20, 140, -232), (60, 190, -272)]) + (0, 0, tip + 286)
    normal = np.cross(points[1] - points[0], points[2] - points[0])
    normal *= np.sign(normal[2]) / np.linalg.norm(normal)
    clip = {}
    for name, patch in (("right", right), ("left", left)):
        if patch is None:
            continue
        dx, dy, dz = canvas.offsets(patch.box, points[1])
        cut = dx * normal[0] + dy * normal[1] + dz * normal[2] if name == "right" else dz + 60
        keep = np.clip(cut / canvas.soft_mm + 0.5, 0, 1).astype(np.float32) * belly[patch.box]
        kept = Patch(patch.box, patch.cover * keep)
        clip[name] = kept
    cover = np.zeros_like(canvas.hu)
    for kept in clip.values():
        cover[kept.box] = np.maximum(cover[kept.box], kept.cover)
    box = canvas.box((-75, 20, tip - 8), (155, 215, top + 8))
    if box is not None:
        texture = canvas.field(box, 16.0, person.rng("liver-texture")) * 4
        canvas.paint(Patch(box, cover[box]), colour + texture)
    scene.covers["liver"] = cover
    canvas.paint_ellipsoid((18, 122, -185 + move[2]), (12, 16, 26), colour)
    full = scene.painted_span(Patch((slice(None),) * 3, cover), (tip, top))
    scene.mark("liver", tip if canvas.z[0] > tip else full[0], top)
    scene.mark("liver_dome", top - 25, top)
    scene.mark("liver_tip", scene.spans["liver"].z_lo, scene.spans["liver"].z_lo + 25)
    scene.mark("left_liver_lobe", -207 + move[2], max(-140 + move[2], -134))
    porta = np.array((45, 136, -196)) + move
    paths: list[tuple[list, list[float]]] = [
        ([(8, 132, -224) + move, porta], [6.5, 6]), ([porta, porta + (35, -25, 8), porta + (62, -40, 20)], [5, 4, 2]),
        ([porta, porta + (38, 15, -22), porta + (55, 30, -40)], [4.5, 3, 2]), ([porta, (0, 160, -178) + move, (-35, 165, -172) + move], [5, 4, 2]),
        ([(8, 132, -224) + move, (0, 136, -260) + move, (4, 142, -310) + move], [6, 5, 4]),
        ([(8, 132, -224) + move, (-40, 118, -206) + move, (-85, 98, -194) + move], [4.5, 4, 3]),
    ]  # fmt: skip
    for path, radii in paths:
        canvas.paint_tube(path, radii, hu["portal"])
    scene.mark("portal_vein", porta[2] - 30, porta[2] + 6)
    for end in ((118, 110, -175), (70, 168, -172), (-30, 168, -166)):
        canvas.paint_tube(
            np.array([(28, 128, -145), 0.5 * np.add(end, (28, 128, -145)) + (0, 0, 8), end]),
            [5, 4, 1.5],
            hu["hepatic_vein"],
            cover,
        )
    _liver_lesions(scene, cover, top)


def paint_gallbladder(scene: Scene) -> None:
    """Paint gallbladder and stones; after the bowel, which lies against it."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    move = belly_shift(scene, "liver", (2, 2, 6), 0.5)
    tip = scene.spans["liver"].z_lo
    sac = np.array((60, 164, -256)) + move + (0, 0, (tip + 286) * 0.4)
    gall = belly_shift(scene, "gallbladder", (5, 5, 6), 0.0) * (1, 1, 0.4) + sac
    size = float(person.rng("gallbladder").uniform(0.8, 1.15))
    scene.keep_spot("gallbladder", gall)
    canvas.paint_ellipsoid(gall, np.array((16, 16, 34)) * size + 2, hu["bowel_wall"], rotation("x", 25))
    canvas.paint_ellipsoid(gall, np.array((15, 15, 33)) * size, hu["bile"], rotation("x", 25))
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


def _liver_lesions(scene: Scene, cover: np.ndarray, top: float) -> None:
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


def paint_upper_organs(scene: Scene) -> None:
    """Paint spleen, pancreas, adrenals, stomach and duodenum, with a hiatal hernia where wished for."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    belly = _below_lungs(scene)
    move = belly_shift(scene, "spleen", (3, 3, 8))
    grow = float(person.rng("spleen-size").uniform(0.86, 1.06))
    if scene.wants("splenomegaly"):
        grow = float(scene.rng("splenomegaly").uniform(1.25, 1.85))
    turn = rotation("x", 22)
    semi = np.array((27 * (0.6 + 0.4 * grow), 42, 54)) * grow
    centre = np.array((-103 + 10 * (grow - 1), 82, -190 - 26 * (grow - 1))) + move
    half = float(np.sqrt(((turn * semi[:, None]) ** 2).sum(0))[2])
    scene.keep_spot("spleen", centre)
    spleen = canvas.paint(canvas.ellipsoid(centre, semi, turn), hu["spleen"], belly)
    extent = scene.painted_span(spleen, (centre[2] - half, centre[2] + half))
    scene.mark("spleen", *extent)
    if scene.wants("splenomegaly"):
        severity = graded((grow - 1.25) / 0.6)
        scene.mark("splenomegaly", *extent, round(2 * float(semi[2]), 0), centre=centre, severity=severity)
    if scene.wants("splenic_lesion"):
        rng = scene.rng("splenic_lesion")
        r = float(rng.uniform(8, 15))
        spot = centre + rng.uniform(-1, 1, 3) * (5, 12, 22)
        canvas.paint_ellipsoid(spot, (r, r, r), rng.choice((8.0, hu["spleen"] * 0.5)), clip=belly)
        scene.mark("splenic_lesion", spot[2] - r, spot[2] + r, round(2 * r, 0), centre=spot, number=1)
    gut = belly_shift(scene, "stomach", (5, 4, 8))
    fundus, body, antrum = (np.add(p, gut) for p in ((-60, 96, -186), (-54, 140, -214), (-6, 160, -240)))
    size = float(person.rng("stomach").uniform(0.75, 1.12))
    scene.keep_course("stomach", [fundus, body, antrum], 28.0)
    parts = [
        (fundus, np.array((36, 34, 36)) * size),
        (body, np.array((28, 30, 38)) * size),
        (antrum, np.array((34, 18, 19)) * size),
    ]
    patches = [canvas.paint(canvas.ellipsoid(c, s + 4), hu["bowel_wall"], belly) for c, s in parts]
    level = body[1] + float(person.rng("gastric-gas").uniform(4, 26)) * size
    for c, s in parts:
        inner = canvas.ellipsoid(c, s)
        if inner is not None:
            y = canvas.y[inner.box[1]]
            share = np.clip((y - level) / canvas.soft_mm + 0.5, 0, 1)[None, :, None]
            canvas.paint(
                inner, (hu["stomach_content"] + (hu["gas"] - hu["stomach_content"]) * share).astype(np.float32), belly
            )
    extents = [
        scene.painted_span(p, (c[2] - s[2] - 4, c[2] + s[2] + 4)) for p, (c, s) in zip(patches, parts, strict=True)
    ]
    scene.mark_shape("stomach", *extents)
    scene.mark("gastric_fundus", extents[0][1] - 34, extents[0][1])
    head = np.array((36, 138, -250)) + belly_shift(scene, "pancreas", (3, 3, 8))
    shape = head - (36, 138, -250)
    for path, radii in (
        ([(36, 138, -258), (34, 138, -240), (8, 147, -230)], [13, 12, 8]), ([(8, 147, -230), (-25, 142, -214), (-52, 124, -203)], [8, 9, 9]),
        ([(-52, 124, -203), (-78, 104, -194)], [9, 8]),
    ):  # fmt: skip
        canvas.paint_tube(np.add(path, shape), radii, hu["pancreas"])
    scene.keep_course("pancreas", np.add([(36, 138, -250), (8, 147, -230), (-25, 142, -214), (-70, 110, -197)], shape), 9.0)
    scene.mark("pancreas_head", -271 + shape[2], -228 + shape[2])
    scene.mark("pancreas_body", -230 + shape[2], -200 + shape[2])
    scene.mark("pancreas_tail", -208 + shape[2], -186 + shape[2])
    loop = [(30, 155, -238), (54, 140, -245), (54, 126, -285), (20, 140, -294), (-10, 142, -286), (-30, 148, -255)]
    extent = canvas.paint_tube(np.add(loop, shape), 12, hu["bowel_wall"])
    canvas.paint_tube(np.add(loop, shape), 8, hu["stomach_content"])
    scene.mark("duodenum", *extent)
    for side, spot in (("right", (28, 92, -182)), ("left", (-34, 96, -186))):
        place = np.add(spot, belly_shift(scene, f"adrenal_{side}", (2, 2, 6)))
        scene.keep_spot(f"adrenal_{side}", place)
        for reach in ((8, -16), (-8, -16), (0, 12)):
            canvas.paint_tube([place + (0, 2, 14), place + (reach[0], reach[1], -10)], 2.8, hu["adrenal"])
        scene.mark(f"adrenal_{side}", place[2] - 13, place[2] + 17)
        target = f"adrenal_nodule@{side}"
        if target in scene.wishes:
            rng = scene.rng(target)
            r = float(rng.uniform(8, 16))
            spot_z = place + (0, -2, rng.uniform(-6, 6))
            canvas.paint_ellipsoid(spot_z, (r, r, r), rng.uniform(-8, 45))
            scene.mark(target, spot_z[2] - r, spot_z[2] + r, round(2 * r, 0), centre=spot_z, number=1)
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
            "hiatal_hernia", spot[2] - semi[2], spot[2] + semi[2], round(2 * float(semi[2]), 0), centre=spot, severity=graded(share)
        )


def paint_kidneys(scene: Scene) -> None:
    """Paint kidneys with cortex, medulla, sinus fat and pelvis, and their cysts, stones and dilatation."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    for side, sign, base in (("right", 1, (70, 80, -250)), ("left", -1, (-69, 80, -238))):
        centre = np.add(base, belly_shift(scene, f"kidney_{side}", (4, 4, 9)))
        size = float(person.rng(f"kidney-size_{side}").uniform(0.88, 1.06))
        turn = rotation("y", -12 * sign) @ rotation("x", -10)
        semi = np.array((27, 25, 54)) * size
        half = float(np.sqrt(((turn * semi[:, None]) ** 2).sum(0))[2])
        canvas.paint_ellipsoid(centre, semi + 5, hu["visceral_fat"], turn)
        canvas.paint_ellipsoid(centre, semi, hu["cortex"], turn)
        canvas.paint_ellipsoid(centre, semi - 8, hu["medulla"], turn)
        sinus = centre + (-sign * 11, 7, 0)
        scene.keep_spot(f"kidney_{side}", centre)
        scene.keep_spot(f"renal_sinus_{side}", sinus)
        scene.keep_spot(f"kidney_size_{side}", semi)
        canvas.paint_ellipsoid(sinus, np.array((10, 9, 21)) * size, hu["visceral_fat"] + 10, turn)
        canvas.paint_tube([sinus, sinus + (-sign * 16, 6, -6), (sign * 40, 100, -300), (sign * 50, 80, -400), (sign * 30, 100, -470)],
                          [6, 5, 2.2, 2.2, 2.2], hu["urine"] + 12)  # fmt: skip
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


def paint_bowel(scene: Scene) -> None:
    """Paint small bowel and colon with gas and stool, and ascites around them."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    belly = _below_lungs(scene)
    rng = person.rng("bowel")
    if scene.wants("ascites"):
        _ascites(scene, belly)
    low = person.jitter("small-bowel", (0, 0, 8))[2]
    for _ in range(70):
        start = np.array((rng.uniform(-85, 80), rng.uniform(120, 182), rng.uniform(-440, -248) + low))
        heading = rng.normal(size=3) * (30, 14, 18)
        path = [start, start + heading * 0.5 + rng.normal(0, 8, 3), start + heading]
        r = rng.uniform(8, 12)
        canvas.paint_tube(path, r, hu["bowel_wall"], belly)
        kind = rng.random()
        canvas.paint_tube(
            path, r - 3, hu["gas"] if kind < 0.08 else (hu["stomach_content"] if kind < 0.6 else 35), belly
        )
    scene.mark("small_bowel", -452 + low, -236 + low)
    caecum = np.array((84, 140, -392)) + person.jitter("caecum", (5, 5, 12))
    flexure_r = np.array((90, 128, -272)) + belly_shift(scene, "hepatic-flexure", (4, 4, 10), 0.4)
    flexure_l = np.array((-104, 122, -216)) + belly_shift(scene, "splenic-flexure", (3, 4, 10), 0.5)
    sag = np.array((0, 186, -295)) + person.jitter("transverse", (10, 3, 20))
    sigmoid = [(-100, 118, -385), (-75, 135, -420), (-20, 130, -425), (15, 110, -440), (0, 72, -438)]
    parts = {
        "caecum": ([caecum + (0, 0, -14), caecum + (0, 0, 14)], 25.0, 0.45),
        "ascending_colon": (
            [caecum + (0, -8, 14), (caecum + flexure_r) / 2 + (10, -14, 0), flexure_r + (4, -6, -12)],
            20.0,
            0.35,
        ),
        "hepatic_flexure": ([flexure_r + (4, -6, -14), flexure_r, flexure_r + (-14, 20, -4)], 20.0, 0.5),
        "transverse_colon": (
            [
                flexure_r + (-14, 24, -4),
                (45, 182, (flexure_r[2] + sag[2]) / 2),
                sag,
                (-55, 176, (flexure_l[2] + sag[2]) / 2),
                flexure_l + (10, 20, -6),
            ],
            18.0,
            0.75,
        ),
        "splenic_flexure": ([flexure_l + (12, 22, -8), flexure_l, flexure_l + (0, -18, -16)], 17.0, 0.7),
        "descending_colon": ([flexure_l + (0, -18, -14), (-112, 90, -300), (-104, 105, -378)], 13.5, 0.3),
        "sigmoid_colon": (sigmoid, 14.0, 0.4),
        "rectum": ([(0, 70, -436), (0, 62, -470), (0, 64, -505), (0, 75, -528)], 17.0, 0.35),
    }
    for name, (path, radius, gassy) in parts.items():
        wide = radius * rng.uniform(0.8, 1.15)
        points = _dense([np.asarray(p, float) for p in path], 24.0)
        radii = wide * rng.uniform(0.85, 1.12, len(points))
        extent = canvas.paint_tube(points, radii, hu["bowel_wall"], belly)
        scene.keep_course(name, points, radii)
        for k in range(len(points) - 1):
            full = rng.random() < gassy
            inner = canvas.capsule(points[k], points[k + 1], radii[k] - 3.2, radii[k + 1] - 3.2)
            if inner is None:
                continue
            level = (points[k][1] + points[k + 1][1]) / 2 + rng.uniform(-10, 6 if full else 26)
            share = np.clip((canvas.y[inner.box[1]] - level) / canvas.soft_mm + 0.5, 0, 1)[None, :, None]
            stool = (
                hu["stool"] + 60 * canvas.field(inner.box, 7.0, np.random.default_rng(int(rng.integers(1 << 31))))
                if canvas.soft_mm < 2.8
                else hu["stool"]
            )
            canvas.paint(inner, (stool + (hu["gas"] - stool) * share).astype(np.float32), belly)
        scene.mark(name, *extent)
    navel = person.jitter("navel", (3, 0, 10))
    z_navel = -315 + navel[2]
    front = person.skin_at(z_navel)[2]
    canvas.paint_tube([(navel[0], front + 6, z_navel), (navel[0], front - 14, z_navel + 3)], 7, -950)
    canvas.paint_tube([(navel[0], front - 14, z_navel), (navel[0], front - 26, z_navel)], 5, 20)
    scene.mark("umbilicus", z_navel - 13, z_navel + 13)


def _dense(path: list[np.ndarray], step: float) -> list[np.ndarray]:
    out = [path[0]]
    for a, b in itertools.pairwise(path):
        count = max(1, round(float(np.linalg.norm(b - a)) / step))
        out += [a + (b - a) * (k + 1) / count for k in range(count)]
    return out


def _ascites(scene: Scene, belly: np.ndarray) -> None:
    """Fluid along both flanks, around the liver and in the pelvis."""
    canvas = scene.canvas
    rng = scene.rng("ascites")
    value, depth = float(rng.uniform(2, 22)), float(rng.uniform(0.08, 0.34))
    rows = (canvas.z > -478) & (canvas.z < -135)
    edge = np.clip((np.abs(canvas.x) - 126 * (1 - depth)) / canvas.soft_mm + 0.5, 0, 1)
    pelvis = np.clip((-400 - canvas.z) / 10, 0, 1)
    share = np.maximum(edge[None, None, :], pelvis[:, None, None]) * rows[:, None, None]
    cover = (belly * share * (1 - scene.covers.get("liver", 0.0) * 0.95)).astype(np.float32)
    canvas.paint(Patch((slice(None), slice(None), slice(None)), cover), value)
    full = (-478.0, -135.0)
    patch = Patch((slice(None), slice(None), slice(None)), cover)
    scene.mark("ascites", *scene.painted_span(patch, full), severity=graded((depth - 0.08) / 0.26), traits=("free",))


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
        canvas.paint_ellipsoid(womb, body, hu["uterus"])
        cervix = canvas.paint_tube([womb, womb + (0, -8, -34)], [12, 12], hu["uterus"])
        for sign in (1, -1):
            canvas.paint_ellipsoid((sign * 36, 96, -440), (13, 10, 9), 25)
        scene.keep_spot("uterus", womb)
        scene.mark("uterus", cervix[0], womb[2] + body[2])
    else:
        grow = float(np.interp(person.age, (30, 60, 85), (0.9, 1.05, 1.35)))
        gland = np.array((23, 16, 19)) * grow
        spot = np.array((0, 92, -507.0)) + person.jitter("prostate", (1, 3, 3))
        canvas.paint_ellipsoid(spot, gland, hu["prostate"])
        for sign in (1, -1):
            canvas.paint_ellipsoid((sign * 18, 78, spot[2] + gland[2] + 8), (17, 6, 7), hu["prostate"] - 15)
        scene.mark("prostate", spot[2] - gland[2], spot[2] + gland[2])
    canvas.paint_ellipsoid(centre, semi + 3.5, 38, power=2.4)
    canvas.paint_ellipsoid(centre, semi, hu["urine"], power=2.4)
    scene.keep_spot("bladder", centre)
    scene.mark("bladder", centre[2] - semi[2] - 3.5, centre[2] + semi[2] + 3.5)
    if scene.wants("bladder_stone"):
        rng = scene.rng("bladder_stone")
        r = float(rng.uniform(5, 11))
        stone = centre + (rng.uniform(-8, 8), -semi[1] + r + 2, rng.uniform(-0.4, 0.3) * semi[2])
        canvas.paint_ellipsoid(stone, (r, r, r), rng.uniform(500, 1200))
        scene.mark("bladder_stone", stone[2] - r, stone[2] + r, round(2 * r, 0), centre=stone, number=1, traits=("calcified",))
