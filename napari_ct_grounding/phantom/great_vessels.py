"""Aorta with its branches, pulmonary arteries and the caval veins."""


# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501, RUF005

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.catalogue import graded
from napari_ct_grounding.phantom.scene import Scene

__all__ = ["paint_aorta", "paint_veins"]


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
    scene.keep_course(
        "pulmonary_artery_right", np.add([(-16, 142, -20), (0, 128, -24), (44, 112, -26)], move), [11, 10.5, 8]
    )
    scene.keep_course(
        "pulmonary_artery_left", np.add([(-18, 142, -20), (-36, 116, -9), (-48, 100, -22)], move), [11, 10.5, 7]
    )
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
        wide = np.array((17 * r, bulge, bulge, 18 * r))
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
