"""Heart, great vessels, oesophagus, thyroid and breasts."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501, RUF005

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.catalogue import graded
from napari_ct_grounding.phantom.contours import ball, join
from napari_ct_grounding.phantom.scene import Scene

__all__ = ["paint_aorta", "paint_heart", "paint_mediastinum", "paint_veins"]


def paint_mediastinum(scene: Scene) -> None:
    """Paint fat between the lungs, oesophagus, thyroid and small nodes."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    cage = scene.covers["cage"]
    rows = slice(int(np.searchsorted(canvas.z, -230)), int(np.searchsorted(canvas.z, 74)))
    if rows.stop > rows.start:
        part = canvas.hu[rows]
        # Behind the vertebral bodies lies muscle, in front of them fat.
        behind = np.clip((50 - canvas.y) / 8 + 0.5, 0, 1)[:, None] * np.clip((40 - np.abs(canvas.x)) / 12, 0, 1)[None, :]
        value = hu["visceral_fat"] + behind.astype(np.float32) * np.float32(hu["muscle"] - hu["visceral_fat"])
        part += cage[rows] * (value - part)
    move = person.jitter("oesophagus", (2, 1, 0))
    path = np.array([
        (-2, 118, 110), (-2, 117, 80), (-7, 100, 31), (-7, 93, 0), (-4, 90, -60), (-6, 104, -92), (-12, 117, -130),
        (-16, 122, -150), (-28, 124, -166),
    ]) + move  # fmt: skip
    scene.now_drawing("thoracic_oesophagus")
    canvas.paint_tube(path, 9, hu["bowel_wall"])
    scene.keep_course("oesophagus", path, 9.0)
    rng = person.rng("gullet")
    if rng.random() < 0.5:
        canvas.paint_tube(path[1:6], 3.5 + 2 * rng.random(), -500)
    scene.now_drawing()
    scene.mark("thoracic_oesophagus", -152, 75)
    low = person.jitter("hiatus", (0, 0, 7))[2]
    scene.mark("gastro_oesophageal_junction", -175 + low, -155 + low)
    size = 1.0
    if scene.wants("goitre"):
        size = float(scene.rng("goitre").uniform(1.5, 2.6))
    lift = person.jitter("thyroid", (0, 0, 5))[2]
    semi = np.array((10, 11, 25)) * (size, size, 0.4 + 0.6 * size)
    centre_z = 97 + lift - (size - 1) * 12
    scene.now_drawing("thyroid")
    for sign in (1, -1):
        lobe = (sign * (19 + 5 * (size - 1)), 136, centre_z)
        canvas.paint_ellipsoid(lobe, semi, hu["thyroid"] - 25 * (size > 1.2))
        scene.keep_spot(f"thyroid_{'right' if sign > 0 else 'left'}", lobe)
    canvas.paint_ellipsoid((0, 147, 92 + lift), (16, 4 * size, 9), hu["thyroid"])
    scene.mark("thyroid", centre_z - semi[2], centre_z + semi[2])
    if size > 1.2:
        for sign in (1, -1):
            canvas.paint_ellipsoid((sign * 24, 138, centre_z - 6), (7, 6, 9), 45)
        scene.mark(
            "goitre", centre_z - semi[2], centre_z + semi[2], round(2 * float(semi[2]), 0), centre=(0, 136, centre_z),
            severity=graded((size - 1.5) / 1.1),
        )  # fmt: skip
    scene.now_drawing()
    nodes = person.rng("nodes")
    for spot in ((18, 122, 15), (-12, 108, 5), (-28, 128, 0), (4, 98, -28), (-130, 102, 8), (132, 100, 12)):
        if nodes.random() < 0.7:
            canvas.paint_ellipsoid(np.add(spot, nodes.normal(0, 4, 3)), nodes.uniform(2.5, 4.5, 3), hu["node"])


def paint_heart(scene: Scene) -> None:
    """Paint the pericardium and the four chambers; cardiomegaly and pericardial effusion are part of it."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    size = 1.0 + 0.04 * float(np.clip(person.rng("heart").normal(), -2, 2)) - (0.03 if person.sex == "F" else 0)
    if scene.wants("cardiomegaly"):
        size = float(scene.rng("cardiomegaly").uniform(1.16, 1.4))
    move = person.jitter("heart-place", (3, 2, 4)) + (0, 0, person.dome_mm * 0.35)
    anchor = np.array((0, 146, -70.0)) + move

    def place(*point: float) -> np.ndarray:
        return anchor + (np.array(point) + move - anchor) * size

    # Rows are the axes of the heart: along to the apex, across, and up.
    along = np.array((-0.67, 0.45, -0.59))
    across = np.cross(along, (0, 0, 1.0))
    across /= np.linalg.norm(across)
    axes = np.stack([along / np.linalg.norm(along), across, np.cross(along, across)])
    centre = place(-20, 146, -78)
    semi = np.array((70, 52, 48)) * size
    half = float(np.sqrt(((axes[:, 2] * semi) ** 2).sum()))
    if scene.wants("pericardial_effusion"):
        band = float(scene.rng("pericardial_effusion").uniform(7, 24))
        canvas.paint_ellipsoid(centre, semi + band, 14, axes)
        reach = float(np.sqrt(((axes[:, 2] * (semi + band)) ** 2).sum()))
        severity = graded((band - 4) / 16)
        scene.mark("pericardial_effusion", centre[2] - reach, centre[2] + reach, round(band, 0), centre=centre, severity=severity)
    canvas.paint_ellipsoid(centre, semi + 1.5, 20, axes)
    canvas.paint_ellipsoid(centre, semi, hu["fat"] + 10, axes)
    left, right = hu["left_heart"], hu["right_heart"]
    lv = place(-45, 142, -90)
    rv, la, ra = place(-12, 170, -86), place(-2, 112, -62), place(36, 148, -75)
    flesh = [
        ball(canvas, lv, np.array((54, 34, 34)) * size, 10, axes), ball(canvas, rv, np.array((50, 19, 30)) * size, 10, axes),
        ball(canvas, la, np.array((40, 21, 26)) * size, 10), ball(canvas, ra, np.array((23, 27, 33)) * size, 10),
        ball(canvas, place(-4, 146, -66), np.array((32, 26, 22)) * size, 10),
    ]  # fmt: skip
    muscle = canvas.cover(join(canvas, flesh, 5.0 * size))
    scene.now_drawing("heart")
    canvas.paint(muscle, hu["myocardium"])
    if muscle is not None:
        scene.covers["lungs"][muscle.box] *= 1 - muscle.cover
    canvas.paint_ellipsoid(lv, np.array((45, 25, 25)) * size, left, axes)
    canvas.paint_ellipsoid(rv, np.array((46, 15, 26)) * size, right, axes)
    canvas.paint_tube([place(-10, 170, -72), place(-14, 172, -50)], [17 * size, 14 * size], right)
    scene.keep_spot("right_ventricle", place(-34, 168, -108))
    scene.keep_spot("right_atrium", place(36, 148, -75))
    scene.keep_spot("aortic_root", place(-4, 150, -58))
    canvas.paint_ellipsoid(la, np.array((38, 20, 25)) * size, left)
    canvas.paint_ellipsoid(place(-42, 138, -45), np.array((9, 14, 11)) * size, left)
    canvas.paint_ellipsoid(ra, np.array((22, 26, 32)) * size, right)
    for start, stop in (((28, 112, -48), (58, 104, -40)), ((-30, 112, -48), (-60, 108, -40)), ((26, 102, -66), (56, 92, -72)),
                        ((-28, 102, -66), (-58, 90, -72))):  # fmt: skip
        canvas.paint_tube([place(*start), np.add(stop, move)], [7, 5], left)
    scene.mark("left_atrium", la[2] - 25 * size, la[2] + 25 * size)
    scene.mark("right_atrium", ra[2] - 32 * size, ra[2] + 32 * size)
    reach = float(np.sqrt(((axes[:, 2] * np.array((54, 34, 34)) * size) ** 2).sum()))
    scene.mark("left_ventricle", lv[2] - reach, lv[2] + reach * 0.9)
    reach_rv = float(np.sqrt(((axes[:, 2] * np.array((46, 15, 26)) * size) ** 2).sum()))
    scene.mark("right_ventricle", rv[2] - reach_rv, place(0, 0, -48)[2])
    scene.mark("heart", centre[2] - half, centre[2] + half)
    scene.mark("cardiac_apex", centre[2] - half, centre[2] - half + 22)
    if scene.wants("cardiomegaly"):
        scene.mark(
            "cardiomegaly", centre[2] - half, centre[2] + half, round(130 * size, 0), centre=centre,
            severity=graded((size - 1.16) / 0.24),
        )  # fmt: skip
    coronaries = {
        "lad": [(-20, 158, -56), (-42, 182, -78), (-62, 184, -105), (-76, 172, -118)],
        "lcx": [(-22, 150, -58), (-52, 126, -66), (-56, 112, -88)],
        "rca": [(6, 166, -60), (44, 176, -76), (42, 132, -100), (2, 112, -106)],
    }
    for name, path in coronaries.items():
        scene.keep_course(f"coronary_{name}", [place(*p) for p in path], 2.0)
        canvas.paint_tube([place(*p) for p in path], [2.0] * (len(path) - 1) + [1.0], left)
    if scene.wants("coronary_calcification"):
        rng = scene.rng("coronary_calcification")
        lows, highs = [], []
        for name, path in coronaries.items():
            if name != "lad" and rng.random() < 0.4:
                continue
            points = [place(*p) for p in path]
            for share in np.sort(rng.uniform(0, 0.75, int(rng.integers(3, 7)))) * (len(points) - 1):
                k = int(share)
                a = points[k] + (points[k + 1] - points[k]) * (share - k)
                b = a + (points[k + 1] - a) * 0.22
                low, high = canvas.paint_tube([a, b], rng.uniform(2.0, 3.2), rng.uniform(500, 1000))
                lows.append(low)
                highs.append(high)
        share = (len(lows) - 3) / 16
        scene.mark(
            "coronary_calcification", min(lows), max(highs), centre=place(-30, 165, -70), severity=graded(share), number=len(lows)
        )


def paint_aorta(scene: Scene) -> None:
    """Paint the aorta from root to bifurcation with its branches, calcium and aneurysms, and the pulmonary arteries."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    blood = hu["aorta"]
    move = person.jitter("aorta", (2, 2, 4))
    r = (1.0 if person.sex == "M" else 0.92) * (1 + 0.002 * (person.age - 50))
    low = person.jitter("bifurcation", (2, 2, 9))
    lung_blood = hu["pulmonary_artery"]
    trunk = canvas.paint_tube(
        np.add([(-14, 172, -52), (-22, 160, -24), (-18, 140, -20)], move), [13, 13, 12], lung_blood
    )
    right = canvas.paint_tube(np.add([(-16, 142, -20), (0, 128, -24), (44, 112, -26)], move), [11, 10.5, 8], lung_blood)
    left = canvas.paint_tube(
        np.add([(-18, 142, -20), (-36, 116, -9), (-48, 100, -22)], move), [11, 10.5, 7], lung_blood
    )
    scene.keep_course("pulmonary_artery_right", np.add([(-16, 142, -20), (0, 128, -24), (44, 112, -26)], move), [11, 10.5, 8])
    scene.keep_course("pulmonary_artery_left", np.add([(-18, 142, -20), (-36, 116, -9), (-48, 100, -22)], move), [11, 10.5, 7])
    scene.mark("pulmonary_trunk", *trunk)
    scene.mark("pulmonary_artery_right", *right)
    scene.mark("pulmonary_artery_left", *left)
    ascending = np.add([(0, 146, -62), (8, 158, -40), (9, 157, -12), (6, 146, 10)], move)
    arch = np.add([(6, 146, 10), (-2, 139, 21), (-17, 128, 24), (-24, 108, 19), (-25, 92, 8)], move)
    descending = np.add([(-25, 92, 8), (-24, 84, -2), (-22, 81, -45), (-18, 92, -105), (-9, 101, -155)], move)
    belly = np.array(
        [(-9, 101, -155), (-3, 110, -206), (-4, 120, -260), (-6, 124, -310), (-5, 122, -336)]
    ) + low * np.array([(0, 0, 0), (0, 0, 0.2), (0.5, 0.5, 0.5), (1, 1, 1), (1, 1, 1)])
    belly[0] = descending[-1]
    wide = np.array((17, 17, 17, 16.5)) * r
    if scene.wants("ascending_aneurysm"):
        bulge = float(scene.rng("ascending_aneurysm").uniform(22, 33))
        wide = np.array((19 * r, bulge, bulge, 18 * r))
        # Its extent is where the vessel is wider than 40 mm.
        scene.mark(
            "ascending_aneurysm", ascending[0][2] - 4, ascending[-1][2] + 14, round(2 * bulge, 0), centre=ascending[2],
            severity=graded((bulge - 22) / 11),
        )  # fmt: skip
    scene.keep_course("ascending_aorta", ascending, wide)
    scene.keep_course("aortic_arch", arch, np.array((16, 15, 14.5, 14, 13.5)) * r)
    scene.keep_course("descending_aorta", descending, np.array((13.5, 13, 12.8, 12.3, 11.8)) * r)
    scene.keep_course("abdominal_aorta", belly, np.array((11.8, 11, 10, 9.3, 9)) * r)
    scene.now_drawing("aorta")
    canvas.paint_tube(ascending, wide, blood)
    canvas.paint_tube(arch, np.array((16, 15, 14.5, 14, 13.5)) * r, blood)
    canvas.paint_tube(descending, np.array((13.5, 13, 12.8, 12.3, 11.8)) * r, blood)
    canvas.paint_tube(belly, np.array((11.8, 11, 10, 9.3, 9)) * r, blood)
    scene.now_drawing()
    bif = belly[-1]
    for sign in (1, -1):
        iliac = [
            bif,
            bif + (sign * 28, -14, -45),
            bif + (sign * 52, 6, -90),
            (sign * 62, 140, -470),
            (sign * 66, 150, -560),
        ]
        canvas.paint_tube(iliac, [6.5, 5.5, 4.8, 4.5, 4], blood)
        scene.keep_course(f"iliac_artery_{'right' if sign > 0 else 'left'}", iliac, [6.5, 5.5, 4.8, 4.5, 4])
    if scene.wants("abdominal_aneurysm"):
        rng = scene.rng("abdominal_aneurysm")
        radius, length = float(rng.uniform(17, 36)), float(rng.uniform(28, 46))
        centre = belly[3] + (0, radius * 0.45, 12)
        canvas.paint_ellipsoid(centre, (radius, radius, length), 38)
        canvas.paint_ellipsoid(centre - (0, 3, 0), (radius * 0.62, radius * 0.62, length), blood)
        scene.mark(
            "abdominal_aneurysm", centre[2] - length, centre[2] + length, round(2 * radius, 0), centre=centre,
            severity=graded((radius - 17) / 19),
        )  # fmt: skip
    top = arch[2][2] + 14.5 * r
    scene.mark("ascending_aorta", ascending[1][2], ascending[-1][2])
    scene.mark("aortic_root", ascending[0][2] - 14, ascending[0][2] + 14)
    scene.mark("aortic_arch", 4 + move[2], top)
    scene.mark("aortopulmonary_window", -6 + move[2], 8 + move[2])
    scene.mark("descending_thoracic_aorta", -155, 5 + move[2])
    scene.mark("abdominal_aorta", bif[2], -155)
    scene.mark("aortic_bifurcation", bif[2] - 9, bif[2] + 9)
    branches = (
        ([(2, 138, 30), (18, 132, 56), (27, 122, 75)], 6.5), ([(-11, 132, 32), (-22, 126, 58), (-28, 120, 75)], 4.0),
        ([(-23, 116, 30), (-28, 108, 58), (-50, 112, 76), (-100, 118, 72)], 5.0), ([(18, 132, 56), (48, 116, 76), (100, 118, 74)], 5.0),
    )  # fmt: skip
    for path, radius in branches:
        canvas.paint_tube(np.add(path, move), radius, blood)
    scene.keep_course("brachiocephalic_trunk", np.add(branches[0][0], move), branches[0][1])
    scene.mark("supraaortic_vessels", 28 + move[2], 72 + move[2])
    coeliac = person.jitter("visceral-vessels", (0, 0, 8))[2]
    canvas.paint_tube([(-3, 112, -206 + coeliac), (-2, 134, -208 + coeliac)], 4, blood)
    canvas.paint_tube([(-2, 132, -208 + coeliac), (30, 140, -200 + coeliac)], 3, blood)
    canvas.paint_tube([(-2, 132, -208 + coeliac), (-40, 122, -203 + coeliac), (-85, 100, -196)], 3, blood)
    sma = [(-3, 114, -222 + coeliac), (-2, 136, -236 + coeliac), (0, 142, -290 + coeliac)]
    canvas.paint_tube(sma, [4, 4, 3], blood)
    canvas.paint_tube([(8, 114, -236 + coeliac), (46, 88, -242 + coeliac)], 3, blood)
    canvas.paint_tube([(-12, 114, -234 + coeliac), (-48, 88, -238 + coeliac)], 3, blood)
    scene.mark("coeliac_trunk", -213 + coeliac, -201 + coeliac)
    scene.mark("superior_mesenteric_artery", -270 + coeliac, -219 + coeliac)
    scene.mark("renal_arteries", -245 + coeliac, -230 + coeliac)
    for place, course, radii in (
        ("aortic_arch", arch, np.array((16, 15, 14.5, 14, 13.5)) * r),
        ("descending_aorta", descending, np.array((13.5, 13, 12.8, 12.3, 11.8)) * r),
        ("abdominal_aorta", belly, np.array((11.8, 11, 10, 9.3, 9)) * r),
        ("ascending_aorta", ascending, wide),
        ("supraaortic_vessels", *scene.courses["brachiocephalic_trunk"]),
        ("iliac_arteries", *scene.courses["iliac_artery_left"]),
    ):
        if scene.wants("aortic_calcification", place):
            _plaques(scene, f"aortic_calcification@{place}", course, radii)


def _plaques(scene: Scene, target: str, path: np.ndarray, radii: np.ndarray) -> None:
    rng = scene.rng(target)
    count = int(rng.integers(5, 22))
    shares = np.concatenate([[0.05, 0.95], rng.uniform(0.05, 0.95, count)]) * (len(path) - 1)
    lows, highs = [], []
    for share in shares:
        k = int(share)
        along = path[k + 1] - path[k]
        middle = path[k] + along * (share - k)
        along = along / np.linalg.norm(along)
        side = np.cross(along, rng.normal(size=3))
        side /= np.linalg.norm(side)
        spot = middle + side * (radii[k] - 1)
        turn = np.cross(along, side) * rng.uniform(3, 8) + along * rng.uniform(-6, 6)
        low, high = scene.canvas.paint_tube(
            [spot - turn * 0.5, spot + turn * 0.5], rng.uniform(1.8, 3.0), rng.uniform(500, 1000)
        )
        lows.append(low)
        highs.append(high)
    scene.mark(
        target, min(lows), max(highs), centre=path[len(path) // 2], severity=graded((count - 5) / 17), number=count + 2
    )


def paint_veins(scene: Scene) -> None:
    """Paint the caval veins, brachiocephalic veins and azygos."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    move = person.jitter("veins", (2, 2, 4))
    svc = hu["svc"]
    scene.keep_course("superior_vena_cava", np.add([(26, 134, 30), (34, 136, -10), (33, 140, -48)], move), 9.5)
    canvas.paint_tube(np.add([(26, 134, 30), (34, 136, -10), (33, 140, -48)], move), [9, 9.5, 10], svc)
    left = canvas.paint_tube(
        np.add([(-48, 138, 56), (-20, 152, 48), (8, 150, 38), (26, 136, 30)], move), [6, 6.5, 6.5, 7], svc
    )
    right = canvas.paint_tube(np.add([(46, 130, 62), (30, 134, 44), (26, 134, 30)], move), [6.5, 7, 8], svc)
    for sign in (1, -1):
        canvas.paint_tube(
            np.array([(sign * 47, 134, 59) + move, (sign * 95, 132, 62), (sign * 135, 115, 58)]), 5, svc * 0.7 + 15
        )
    scene.mark_shape("brachiocephalic_veins", left, right)
    scene.mark("superior_vena_cava", -48 + move[2], 30 + move[2])
    cava = hu["ivc"]
    canvas.paint_tube(
        [(14, 112, -350), (20, 116, -300), (21, 117, -225), (25, 122, -165), (30, 136, -105)], [9, 10, 11, 12, 11], cava
    )
    for sign in (1, -1):
        canvas.paint_tube([(14, 112, -350), (sign * 38, 96, -395), (sign * 58, 120, -450), (sign * 58, 138, -480), (sign * 54, 146, -560)],
                          [7, 6, 6, 6, 6], cava)  # fmt: skip
    scene.mark("inferior_vena_cava", -350, -100)
    canvas.paint_tube([(9, 84, -150), (9, 82, -5), (16, 90, 4)], 3.6, cava)
    canvas.paint_tube(np.add([(12, 86, 2), (22, 104, 8), (31, 126, 2)], move), 4.5, cava)
    scene.mark("azygos_arch", 0 + move[2], 13 + move[2])
