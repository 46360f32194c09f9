"""Spine, ribs, sternum, shoulder girdle, arms, neck and skull, pelvis and hips."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: RUF005

from __future__ import annotations

import itertools

import numpy as np

from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import rotation

__all__ = ["paint_arms", "paint_head", "paint_pelvis", "paint_ribs", "paint_shoulders", "paint_spine", "rib_centre"]

# Half-width where the bony rib ends, as y of the costochondral junction of ribs 1..12.
_JUNCTION_Y = np.array((132, 150, 165, 175, 182, 188, 190, 186, 176, 160, 120, 85), float)


def rib_heads(scene: Scene) -> np.ndarray:
    """Reference z of the heads of ribs 1..12."""
    return np.array([scene.person.vertebrae[f"t{n}"].z_hi for n in range(1, 13)])


def rib_centre(scene: Scene, number: int, y: float) -> float:
    """Reference z of the middle of a rib (1..12) where it passes a given y."""
    return float(rib_heads(scene)[number - 1] - 0.52 * (y - 45))


def paint_ribs(scene: Scene) -> None:
    """Paint all ribs at once as bands on the shell of the cage, and their cartilage."""
    canvas, person = scene.canvas, scene.person
    outer, inner = person.cage(canvas, 9.0), person.cage(canvas, 0.5)
    shell = outer.cover - inner.cover
    z, y, x = canvas.z[outer.box[0]], canvas.y, canvas.x
    keep = np.flatnonzero((z > -235) & (z < 92))
    if not len(keep):
        return
    heads = rib_heads(scene)
    # Height along the slope: constant along one rib.
    k, j, i = np.nonzero(shell[keep[0] : keep[-1] + 1] > 0.08)
    k = k + keep[0]
    height = z[k] + 0.52 * (y[j] - 45)
    position = np.interp(-height, -heads, np.arange(1, 13), left=0.0, right=13.0)
    number = np.clip(np.rint(position), 1, 12).astype(int)
    distance = np.abs(height - heads[number - 1])
    half = np.where(number == 1, 6.0, 7.0)
    band = np.clip((half * 0.85 - distance * 0.88) / canvas.soft_mm + 0.5, 0, 1)
    junction = _JUNCTION_Y[number - 1]
    bone = y[j] < junction
    sternum_side = (np.abs(x[i]) > 18) & (number <= 10)
    marrow = np.clip((shell[k, j, i] - 0.5) * 2, 0, 1)
    value = np.where(bone, scene.hu["cortical"] * (0.72 - 0.36 * marrow), scene.hu["cartilage"])
    cover = shell[k, j, i] * band * np.where(bone, 1.0, sternum_side)
    target = canvas.hu[outer.box]
    old = target[k, j, i]
    target[k, j, i] = old + cover * (value - old)
    for side in ("right", "left"):
        scene.mark(f"first_rib_{side}", rib_centre(scene, 1, 132) - 8, heads[0] + 9)


def paint_spine(scene: Scene) -> None:
    """Paint vertebrae C1 to L5 with discs, arches, processes and the cord; fractures and metastases change their values."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    rng = scene.person.rng("spine")
    bones = list(person.vertebrae.values())
    for index, bone in enumerate(bones):
        name = bone.name
        spongy = hu["spongiosa"] + float(rng.normal(0, 12))
        height = bone.z_hi - bone.z_lo
        z_mid, half = bone.z, height / 2
        fractured = scene.wants("vertebral_fracture", name)
        below = bones[index + 1].z_hi if index + 1 < len(bones) else bone.z_lo - 10
        landmark = f"vertebra_{name}"
        if name not in {f"c{k}" for k in range(1, 6)}:
            scene.mark(landmark, bone.z_lo, bone.z_hi)
        middle = (bone.z_lo + below) / 2
        canvas.paint_ellipsoid(
            (0, bone.y, middle),
            (bone.width * 0.48, bone.depth * 0.48, (bone.z_lo - below) / 2 + 1),
            hu["disc"],
            power=4,
        )
        canvas.paint_ellipsoid(
            (0, bone.y, z_mid), (bone.width / 2, bone.depth / 2, half), hu["cortical"] * 0.8, power=4
        )
        canvas.paint_ellipsoid(
            (0, bone.y, z_mid), (bone.width / 2 - 1.8, bone.depth / 2 - 1.8, half - 1.5), spongy, power=4
        )
        if fractured:
            # The front half sinks in; a dense band lies under the end plate.
            canvas.paint_ellipsoid(
                (0, bone.y + bone.depth * 0.22, bone.z_hi - half * 0.3),
                (bone.width / 2 + 1, bone.depth * 0.38, half * 0.45),
                hu["disc"],
            )
            canvas.paint_ellipsoid(
                (0, bone.y, z_mid - half * 0.35), (bone.width / 2 + 2, bone.depth / 2 + 2, half * 0.6), 640, power=4
            )
            scene.mark(f"vertebral_fracture@{name}", bone.z_lo, bone.z_hi, round(height * 0.6, 1))
        rear = bone.y - bone.depth / 2
        lumbar = name.startswith("l")
        reach = 42 if lumbar else (32 if name.startswith("t") else 22)
        arch = hu["cortical"] * 0.75
        for sign in (1, -1):
            foot = (sign * (bone.width / 2 - 5), rear + 2, z_mid + half * 0.3)
            canvas.paint_tube([foot, (sign * 15, rear - 14, z_mid)], [4.5, 4.5], arch)
            canvas.paint_tube([(sign * 15, rear - 12, z_mid), (sign * reach, rear - 14, z_mid + 2)], [4.5, 3], arch)
            canvas.paint_tube([(sign * 15, rear - 14, z_mid), (0, rear - 22, z_mid - half * 0.5)], [5.5, 3.5], arch)
        canvas.paint_ellipsoid((0, rear - 8, z_mid), (10, 7, half + 4), -20)
        canvas.paint_ellipsoid((0, rear - 8, z_mid), (8, 6, half + 4), hu["cord"])
        tip = (0, rear - 48, z_mid - (4 if lumbar else 24)) if reach > 22 else (0, rear - 40, z_mid - 10)
        canvas.paint_tube([(0, rear - 20, z_mid - half * 0.4), tip], [4, 4], arch)
    scene.mark("cervical_spine", person.vertebrae["c7"].z_lo, person.vertebrae["c1"].z_hi)
    for place, names in (
        ("thoracic_spine", [f"t{n}" for n in range(2, 13)]),
        ("lumbar_spine", [f"l{n}" for n in range(1, 6)]),
    ):
        target = f"sclerotic_metastasis@{place}"
        if target in scene.wishes:
            own = scene.rng(target)
            bone = person.vertebrae[names[int(own.integers(len(names)))]]
            radius = float(own.uniform(8, 13))
            centre = (own.uniform(-8, 8), bone.y + own.uniform(-5, 5), bone.z)
            height = min(radius, (bone.z_hi - bone.z_lo) / 2)
            canvas.paint_ellipsoid(centre, (radius, radius, height), own.uniform(700, 1100))
            scene.mark(target, bone.z - height, bone.z + height, round(2 * radius, 1))


def paint_shoulders(scene: Scene) -> None:
    """Paint sternum, clavicles and shoulder blades."""
    canvas, hu = scene.canvas, scene.hu
    move = scene.person.jitter("sternum", (1, 3, 6))
    bone, marrow = hu["cortical"] * 0.7, hu["spongiosa"] * 0.5
    manubrium = canvas.ellipsoid((0, 166 + move[1], 27 + move[2]), (30, 8, 27), rotation("x", -18), 3)
    canvas.paint(manubrium, bone)
    canvas.paint_ellipsoid((0, 166 + move[1], 27 + move[2]), (27, 5, 24), marrow, rotation("x", -18), power=3)
    body = [(0, 176 + move[1], move[2] - 3), (0, 200 + move[1], -55 + move[2]), (0, 209 + move[1], -104 + move[2])]
    for grow, value in ((0.0, bone), (-2.5, marrow)):
        for a, b in itertools.pairwise(body):
            middle = np.add(a, b) / 2
            half = (a[2] - b[2]) / 2 + 1
            canvas.paint_ellipsoid(
                middle, (17 + grow, 6.5 + grow, half), value, rotation("x", -20 if a[2] > -30 else -10), power=4
            )
    canvas.paint_tube([body[-1], (0, 208 + move[1], -135 + move[2])], [6, 3], hu["cartilage"] + 40)
    scene.mark("manubrium", move[2], 53 + move[2])
    scene.mark("sternal_body", -105 + move[2], move[2])
    scene.mark("xiphoid", -138 + move[2], -104 + move[2])
    lift = 18.0 if scene.person.arms_up else 0.0
    for side, sign in (("right", 1), ("left", -1)):
        path = [
            (sign * 22, 168 + move[1], 54 + move[2]), (sign * 65, 172, 64 + move[2]),
            (sign * 115, 140, 74 + lift * 0.7), (sign * 152, 102, 80 + lift),
        ]  # fmt: skip
        scene.keep_course(f"clavicle_{side}", path, [9, 6, 6, 7])
        scene.mark_shape(f"clavicle_{side}", canvas.paint_tube(path, [9, 6, 6, 7], bone))
        canvas.paint_tube(path, [5, 2.5, 2.5, 4], marrow)
        scene.mark(f"sternoclavicular_joint_{side}", 44 + move[2], 63 + move[2])
        out = 16.0 if scene.person.arms_up else 0.0
        top = 70 + lift
        corners = [
            (sign * (138 + out), 80, top - 12),
            (sign * (96 + out * 0.6), 32, top),
            (sign * (100 + out), 24, -82 + lift),
        ]
        # A thin blade: spokes from the glenoid to the medial border.
        for share in np.linspace(0, 1, 11):
            edge = np.asarray(corners[1]) * (1 - share) + np.asarray(corners[2]) * share
            canvas.paint_tube([corners[0], edge], [5.5, 3.4], bone * 0.7)
        canvas.paint_tube([corners[1], corners[2]], [4, 4], bone)
        canvas.paint_tube([(sign * (100 + out), 28, top - 18), (sign * 150, 66, top + 16)], [4, 6], bone)
        canvas.paint_ellipsoid(corners[0], (9, 13, 16), bone * 0.8)
        scene.mark(f"scapula_{side}", -86 + lift, top + 22)


def paint_arms(scene: Scene) -> None:
    """Paint arms with flesh and bone, above the head or beside the body, and the axillae."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    fat = 6 + person.fat_mm * 0.25
    for side, sign in (("right", 1), ("left", -1)):
        move = person.jitter(f"arm_{side}", (5, 5, 5))
        if person.arms_up:
            head = np.array((sign * 164, 82, 88)) + (sign * move[0], move[1], move[2])
            path = [head, head + (sign * 28, 12, 75), head + (sign * 18, 45, 170), head + (-sign * 60, 80, 215)]
            radii = [44.0, 42.0, 34.0, 28.0]
        else:
            head = np.array((sign * 178, 85, 46)) + (sign * move[0], move[1], move[2])
            out = sign * (8 + person.fat_mm * 0.4)
            path = [head, head + (out + sign * 18, -5, -120), head + (out + sign * 30, -5, -290),
                    head + (out + sign * 12, 25, -420), head + (out - sign * 5, 45, -545)]  # fmt: skip
            radii = [46.0, 42.0, 35.0, 30.0, 26.0]
        _limb(scene, path, [r + fat for r in radii], hu["fat"])
        _limb(scene, path, radii, hu["muscle"])
        last = 2  # the elbow
        canvas.paint_tube(path[: last + 1], 12.5, 1100)
        canvas.paint_tube(path[: last + 1], 7.0, hu["fat"] + 70)
        for shift in (-9, 9):
            canvas.paint_tube([np.add(p, (shift, 0, 0)) for p in path[last:]], 7.0, 900)
        canvas.paint_ellipsoid(head, (24, 24, 24), hu["cortical"])
        canvas.paint_ellipsoid(head, (22, 22, 22), hu["spongiosa"])
        scene.keep_spot(f"humeral_head_{side}", head)
        scene.mark(f"humeral_head_{side}", head[2] - 24, head[2] + 24)
        scene.mark(f"axilla_{side}", -40, 52)


def _limb(scene: Scene, path: list, radii: list[float], hu: float) -> None:
    canvas = scene.canvas
    empty = 1 - scene.covers["lean"]  # an arm lies beside the trunk, never in it
    for k in range(len(path) - 1):
        patch = canvas.capsule(path[k], path[k + 1], radii[k], radii[k + 1])
        if patch is not None:
            canvas.paint(patch, hu, empty)


def paint_head(scene: Scene) -> None:
    """Paint skull base, brain, mandible, hyoid, larynx, thyroid bed and the vessels and muscles of the neck."""
    canvas, hu = scene.canvas, scene.hu
    move = scene.person.jitter("head", (0, 6, 8))
    dz, dy = move[2], move[1]
    base = 226 + dz
    skull = canvas.ellipsoid((0, 122 + dy, 300 + dz), (76, 94, 92))
    canvas.paint(skull, 900)
    canvas.paint_ellipsoid((0, 122 + dy, 302 + dz), (69, 87, 84), hu["brain"])
    canvas.paint_ellipsoid((0, 122 + dy, base + 4), (52, 62, 11), 700)
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


def paint_pelvis(scene: Scene) -> None:
    """Paint sacrum, hip bones, hips and thighs, with prostheses where wished for."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    bone, marrow = hu["cortical"] * 0.85, hu["spongiosa"] * 0.75
    sacrum = [
        ((0, 84, -397), (52, 19, 16)), ((0, 70, -417), (46, 17, 15)), ((0, 56, -436), (36, 13, 13)),
        ((0, 48, -453), (27, 10, 12)), ((0, 45, -468), (20, 8, 10)),
    ]  # fmt: skip
    for grow, value in ((0.0, bone), (-2.5, marrow)):
        for centre, semi in sacrum:
            canvas.paint_ellipsoid(centre, np.add(semi, grow), value, power=2.5)
    canvas.paint_tube([(0, 46, -474), (0, 46, -498)], [8, 4], bone)
    canvas.paint_tube([(0, 62, -390), (0, 48, -440)], [8, 4], 20)
    scene.mark("sacrum", -478, -381)
    scene.mark("sacral_promontory", -392, -380)
    scene.mark("coccyx", -502, -474)
    spread = 1.04 if person.sex == "F" else 1.0
    hips = person.jitter("hips", (3, 3, 5))
    for side, sign in (("right", 1), ("left", -1)):
        # The wing: a plate that runs from the sacrum forwards and outwards, leaning out at the top.
        for grow, value in ((0.0, bone), (-2.6, marrow)):
            for level in np.linspace(-352, -450, 15):
                share = (level + 342) / -113
                rear = np.array((sign * (64 - 8 * share) * spread, 52 + 8 * share, level))
                front = np.array(
                    (sign * (131 - 34 * share) * spread, 150 - 34 * share - 25 * max(0, share - 0.6), level)
                )
                if share < 0.25:
                    rear = rear + (front - rear) * (0.25 - share) * 1.6
                    front = front - (front - rear) * (0.25 - share) * 1.2
                middle = (rear + front) / 2 + (sign * 8, 0, 0)
                width = 6.0 + 4.5 * share
                canvas.paint_tube(
                    [rear, middle, front], [width + 2 + grow, width - 1.5 + grow, width + 1 + grow], value
                )
        crest = -345.5
        scene.mark(f"iliac_crest_{side}", crest - 14, crest + 6)
        scene.mark(f"sacroiliac_joint_{side}", -442, -390)
        canvas.paint_tube([(sign * 50, 58, -395), (sign * 44, 52, -438)], 2.0, 20)
        head = np.array((sign * 88 * spread + sign * hips[0], 95 + hips[1], -480.0))
        canvas.paint_ellipsoid(head, (35, 34, 33), bone)
        canvas.paint_ellipsoid(head, (30, 30, 29), marrow)
        canvas.paint_ellipsoid(head + (sign * 16, 0, -12), (26, 26, 24), hu["muscle"])
        canvas.paint_ellipsoid(head, (27, 27, 27), 30)
        scene.keep_spot(f"femoral_head_{side}", head)
        scene.mark(f"acetabulum_{side}", head[2] - 32, head[2] + 33)
        for path, radii in (
            ([(sign * 66, 128, -486), (sign * 34, 150, -492), (sign * 9, 152, -504)], [9, 7, 10]),
            ([(sign * 10, 150, -512), (sign * 36, 112, -528), (sign * 58, 74, -541)], [7, 6, 8]),
            ([(sign * 74, 72, -494), (sign * 66, 62, -520), (sign * 60, 60, -540)], [13, 13, 14]),
        ):
            canvas.paint_tube(path, radii, bone)
            canvas.paint_tube(path, [r - 3 for r in radii], marrow)
        scene.mark(f"ischial_tuberosity_{side}", -554, -524)
        trochanter = head + (sign * 48, -18, -10)
        shaft = [head + (sign * 46, -12, -30), head + (sign * 44, -6, -160)]
        for grow, value in ((0.0, bone), (-3.0, marrow)):
            canvas.paint_tube([head, trochanter], [16 + grow, 17 + grow], value)
            canvas.paint_ellipsoid(trochanter, (17 + grow, 20 + grow, 25 + grow), value)
        canvas.paint_tube(shaft, [18, 14], 1300)
        canvas.paint_tube(shaft, [12, 7], hu["fat"] + 80)
        canvas.paint_ellipsoid(head, (24, 24, 24), hu["cortical"])
        canvas.paint_ellipsoid(head, (22.5, 22.5, 22.5), hu["spongiosa"] + 60)
        scene.mark(f"femoral_head_{side}", head[2] - 24, head[2] + 24)
        scene.mark(f"greater_trochanter_{side}", trochanter[2] - 25, trochanter[2] + 25)
        if scene.wants("hip_prosthesis", side):
            canvas.paint_ellipsoid(head, (29, 29, 29), 2600)
            canvas.paint_ellipsoid(head, (24, 24, 24), 300)
            low = canvas.paint_tube(
                [head, head + (sign * 40, -10, -22), head + (sign * 45, -8, -140)], [17, 10, 6], 3071
            )[0]
            scene.mark(f"hip_prosthesis@{side}", low, head[2] + 29)
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
        scene.mark(target, spot[2] - radius, spot[2] + radius, round(2 * radius, 1))
