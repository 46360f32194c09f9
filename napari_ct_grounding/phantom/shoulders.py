"""Clavicles, shoulder blades with their muscles, and arms above the head or beside the body."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501, RUF005

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.body import Person
from napari_ct_grounding.phantom.contours import Level, loft, ribbon, rod, shell
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Patch

__all__ = ["paint_arm_bones", "paint_arms", "paint_neck_muscles", "paint_shoulders"]

#: Line of the right shoulder blade (medial to lateral) by z, and half its thickness.
_BLADE: list[tuple[float, list[tuple[float, float]], float]] = [
    (72, [(90, 44), (110, 54), (126, 74)], 2.4), (45, [(80, 33), (108, 46), (140, 80)], 2.2), (5, [(83, 25), (108, 34), (134, 60)], 1.9),
    (-40, [(91, 23), (108, 29), (124, 44)], 2.0), (-78, [(102, 23), (109, 26), (114, 31)], 3.0),
]  # fmt: skip


#: Outlines of right-sided muscles of neck and shoulder by z.
_NECK: list[list[Level]] = [
    [(205, [(44, 108), (58, 104), (62, 122), (48, 126)]), (150, [(40, 128), (54, 120), (58, 138), (44, 146)]), (110, [(28, 144), (46, 136), (50, 150), (32, 158)]), (65, [(14, 160), (30, 158), (34, 168), (18, 172)])],
    [(170, [(22, 108), (36, 104), (38, 120), (26, 122)]), (110, [(24, 104), (44, 98), (46, 118), (28, 122)]), (66, [(34, 96), (58, 92), (58, 114), (40, 116)])],
    [(180, [(16, 98), (28, 96), (28, 108), (16, 108)]), (100, [(12, 110), (24, 106), (26, 116), (14, 120)]), (60, [(14, 104), (22, 102), (24, 110), (16, 112)])],
    [(190, [(30, 78), (44, 84), (48, 100), (34, 98)]), (120, [(34, 66), (52, 72), (54, 90), (38, 90)]), (84, [(48, 46), (70, 46), (66, 66), (50, 66)])],
    [(190, [(4, 56), (26, 58), (34, 78), (20, 88), (5, 84)]), (120, [(4, 56), (30, 56), (40, 74), (24, 90), (5, 86)]), (80, [(4, 42), (34, 40), (44, 60), (26, 74), (6, 70)])],
]  # fmt: skip
_DELTOID: list[Level] = [
    (104, [(128, 70), (148, 52), (176, 58), (188, 84), (176, 112), (148, 118), (132, 100)]),
    (72, [(134, 60), (158, 48), (182, 66), (186, 92), (168, 118), (144, 124), (134, 100)]),
    (44, [(136, 62), (154, 54), (172, 70), (170, 100), (150, 116), (138, 96)]),
    (20, [(138, 66), (150, 62), (158, 78), (152, 96), (140, 90)]),
]  # fmt: skip


def paint_neck_muscles(scene: Scene) -> None:
    """Paint the muscles of neck and shoulder; before the bones."""
    canvas, hu = scene.canvas, scene.hu
    lift = 14.0 if scene.person.arms_up else 0.0
    # Trapezius and what lies under it fill the slope from neck to shoulder.
    tip = (150, 82, 90) if scene.person.arms_up else (160, 82, 56)
    for sign in (1, -1):
        slope = rod(canvas, (sign * 44, 78, 82), (sign * tip[0], tip[1], tip[2] - 2), 24, 28)
        patch = canvas.cover(slope)
        if patch is not None:
            room = scene.covers["lean"][patch.box] * (1 - scene.covers["cage"][patch.box])
            planes = np.clip(1.2 - np.abs(canvas.field(patch.box, 16.0, scene.person.rng(f"slope{sign}"))) * 6, 0, 1)
            flesh = hu["muscle"] + planes * np.float32(0.75 * (hu["fat"] - hu["muscle"]))
            canvas.paint(Patch(patch.box, patch.cover * room), flesh)
    drawn = [(levels, 0.0) for levels in _NECK] + [(_DELTOID, lift)]
    for levels, up in drawn:
        for sign in (1, -1):
            solid = loft(
                canvas, [(z + up, np.array(points) * (sign, 1)) for z, points in levels], cap=2.0, margin_mm=2.0
            )
            rind = shell(canvas, solid, -0.2, 1.8)
            for patch, value in ((rind, hu["fat"] + 15), (canvas.cover(solid, -0.2), hu["muscle"])):
                if patch is not None:
                    canvas.paint(patch, value, scene.covers["lean"])


def paint_shoulders(scene: Scene) -> None:
    """Paint clavicles and shoulder blades with the muscles on both their faces."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    move = person.jitter("sternum", (1, 3, 6))
    bone, marrow = hu["cortical"] * 0.95, hu["spongiosa"] * 0.5
    lift = 20.0 if person.arms_up else 0.0
    out = 12.0 if person.arms_up else 0.0
    bulk = (1.3 if person.sex == "M" else 0.95) * (1.15 - 0.004 * person.age)
    for side, sign in (("right", 1), ("left", -1)):
        own = person.jitter(f"blade_{side}", (4, 2, 6))
        path = [
            (sign * 22, 168 + move[1], 52 + move[2]), (sign * 62, 174, 62 + move[2]),
            (sign * 112, 140, 76 + lift * 0.8), (sign * (150 + out), 98, 84 + lift),
        ]  # fmt: skip
        scene.mark_shape(f"clavicle_{side}", canvas.paint_tube(path, [9, 6, 6, 7], bone))
        scene.keep_course(f"clavicle_{side}", path, [9, 6, 6, 7])
        canvas.paint_tube(path, [6.5, 3.2, 3.2, 4.5], marrow)
        scene.mark(f"sternoclavicular_joint_{side}", 44 + move[2], 63 + move[2])

        def placed(points: NDArray, sign: int = sign, own: NDArray = own) -> NDArray:
            points = np.asarray(points, float)
            outwards = out * np.clip((points[:, 0] - 70) / 70, 0.3, 1.2) + own[0]
            return np.stack([sign * (points[:, 0] + outwards), points[:, 1] + own[1]], axis=1)

        blade = [(z + lift + own[2], placed(np.array(line)), half) for z, line, half in _BLADE]
        for bulge, share in (((-7.0, 10.0), 0.8), ((9.0, -13.0), 1.0)):  # in front of the blade, behind it
            levels = []
            for z, line, _ in _BLADE:
                points = np.asarray(line)
                size = bulk * share * (1.0 if z > -50 else 0.6)
                middle = np.array([points[0] * 0.75 + points[1] * 0.25, points[1], points[2]]) + np.array(bulge) * size
                levels.append((z + lift + own[2], placed(np.concatenate([points, middle[::-1]]))))
            patch = canvas.cover(loft(canvas, levels, cap=2.0))
            if patch is not None:
                room = scene.covers["lean"][patch.box] * (1 - scene.covers["cage"][patch.box])
                canvas.paint(Patch(patch.box, patch.cover * room), hu["muscle"])
        plate = ribbon(canvas, blade, cap=3.0)
        canvas.paint(canvas.cover(plate), bone * 0.95)
        canvas.paint(canvas.cover(plate, -1.5), marrow)
        edge = [(z, points[-1]) for z, points, _ in blade]
        canvas.paint_tube([(*p, z) for z, p in edge], [7, 7.5, 5, 4, 4.5], bone)
        canvas.paint_tube([(*p, z) for z, p in edge], [5, 5.5, 3.2, 2.4, 3], marrow)
        ridge = placed(np.array([(86, 24), (118, 30), (152, 56), (160, 86)]))
        heights = np.array((40, 58, 82, 88)) + lift + own[2]
        course = [(*p, z) for p, z in zip(ridge, heights, strict=True)]
        canvas.paint_tube(course, [3, 4.5, 6, 6], bone)
        canvas.paint_tube(course, [1.6, 3, 4.4, 4.4], marrow)
        socket = placed(np.array([(143, 82), (138, 98), (142, 114)]))
        canvas.paint_ellipsoid((*socket[0], 60 + lift + own[2]), (8, 13, 17), bone)
        canvas.paint_ellipsoid((*socket[0], 60 + lift + own[2]), (6, 11, 15), marrow)
        canvas.paint_tube([(*socket[1], 72 + lift + own[2]), (*socket[2], 68 + lift + own[2])], 6.0, bone)
        scene.mark(f"scapula_{side}", -82 + lift + own[2], 94 + lift + own[2])


def _arm(person: Person, side: str, sign: int) -> tuple[list[NDArray[np.float64]], list[float]]:
    """Course of an arm from the shoulder to the hand and the radii of its flesh."""
    move = person.jitter(f"arm_{side}", (5, 5, 5))
    if person.arms_up:
        head = np.array((sign * 166, 82, 88)) + (sign * move[0], move[1], move[2])
        path = [head, head + (sign * 28, 12, 75), head + (sign * 18, 45, 170), head + (-sign * 60, 80, 215)]
        radii = [43.0, 40.0, 34.0, 28.0]
    else:
        head = np.array((sign * 178, 85, 46)) + (sign * move[0], move[1], move[2])
        out = sign * (8 + person.fat_mm * 0.4)
        path = [head, head + (out + sign * 18, -5, -120), head + (out + sign * 30, -5, -290),
                head + (out + sign * 12, 25, -420), head + (out - sign * 5, 45, -545)]  # fmt: skip
        radii = [46.0, 42.0, 35.0, 30.0, 26.0]
    return path, radii


def paint_arm_bones(scene: Scene) -> None:
    """Paint the bones of the arms; after the flesh of trunk and arms."""
    canvas, hu = scene.canvas, scene.hu
    for side, sign in (("right", 1), ("left", -1)):
        path, _ = _arm(scene.person, side, sign)
        head, last = path[0], 2  # the elbow
        canvas.paint_tube(path[: last + 1], [14, 12, 12], 1200)
        canvas.paint_tube(path[: last + 1], [9, 6, 7], hu["fat"] + 70)
        for shift in (-9, 9):
            canvas.paint_tube([np.add(p, (shift, 0, 0)) for p in path[last:]], 7.0, 1000)
            canvas.paint_tube([np.add(p, (shift, 0, 0)) for p in path[last:]], 3.2, 60)
        canvas.paint_ellipsoid(head, (24, 24, 24), hu["cortical"])
        canvas.paint_ellipsoid(head, (22.3, 22.3, 22.3), hu["spongiosa"])


def paint_arms(scene: Scene) -> None:
    """Paint arms with flesh and bone, above the head or beside the body, and the axillae."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    fat = 5 + person.fat_mm * 0.22
    for side, sign in (("right", 1), ("left", -1)):
        path, radii = _arm(person, side, sign)
        head = path[0]
        _limb(scene, path, [r + fat + 1.5 for r in radii], hu["skin"])
        _limb(scene, path, [r + fat - 0.5 for r in radii], hu["fat"])
        _limb(scene, path, radii, hu["muscle"])
        # Fat between the bundles, and the vessels of the arm.
        for turn in (0.6, 2.5, 4.4):
            inner = [
                np.add(p, (np.cos(turn) * r * 0.25, np.sin(turn) * r * 0.25, 0))
                for p, r in zip(path, radii, strict=True)
            ]
            outer = [
                np.add(p, (np.cos(turn) * r * 0.95, np.sin(turn) * r * 0.95, 0))
                for p, r in zip(path, radii, strict=True)
            ]
            levels = sorted(
                ((float(a[2]), [a[:2], b[:2]], 1.6) for a, b in zip(inner, outer, strict=True)),
                key=lambda level: level[0],
            )
            plane = canvas.cover(ribbon(canvas, levels))
            if plane is not None:
                canvas.paint(Patch(plane.box, plane.cover * (1 - scene.covers["lean"][plane.box])), hu["fat"] + 25)
        scene.keep_spot(f"humeral_head_{side}", head)
        scene.mark(f"humeral_head_{side}", head[2] - 24, head[2] + 24)
        scene.mark(f"axilla_{side}", -40, 52)


def _limb(scene: Scene, path: list, radii: list[float], hu: float) -> None:
    canvas = scene.canvas
    for k in range(len(path) - 1):
        patch = canvas.capsule(path[k], path[k + 1], radii[k], radii[k + 1])
        if patch is not None:  # an arm lies beside the trunk, never in it
            cover = patch.cover * (1 - scene.covers["lean"][patch.box])
            canvas.paint(Patch(patch.box, cover), hu)
