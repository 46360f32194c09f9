"""The heart: pericardium, four chambers and coronary arteries."""


# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: RUF005

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.catalogue import graded
from napari_ct_grounding.phantom.contours import ball, join
from napari_ct_grounding.phantom.scene import Scene

__all__ = ["paint_heart"]


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
        scene.mark(
            "pericardial_effusion",
            centre[2] - reach,
            centre[2] + reach,
            round(band, 0),
            centre=centre,
            severity=severity,
        )
    left, right = hu["left_heart"], hu["right_heart"]
    lv = place(-45, 142, -90)
    rv, la, ra = place(-12, 170, -86), place(-2, 112, -62), place(36, 148, -75)
    flesh = [
        ball(canvas, lv, np.array((54, 34, 34)) * size, 10, axes), ball(canvas, rv, np.array((54, 21, 33)) * size, 10, axes),
        ball(canvas, la, np.array((40, 21, 26)) * size, 10), ball(canvas, ra, np.array((23, 27, 33)) * size, 10),
        ball(canvas, place(-4, 146, -66), np.array((32, 26, 22)) * size, 10),
        ball(canvas, place(-32, 158, -99), np.array((42, 27, 22)) * size, 10, axes),
    ]  # fmt: skip
    solid = join(canvas, flesh, 7.0 * size)
    fatty = 3.0 + 0.12 * person.fat_mm
    canvas.paint(canvas.cover(solid, fatty + 1.5), 20)
    canvas.paint(canvas.cover(solid, fatty), hu["fat"] + 10)
    muscle = canvas.cover(solid)
    scene.now_drawing("heart")
    canvas.paint(muscle, hu["myocardium"])
    if muscle is not None:
        scene.covers["lungs"][muscle.box] *= 1 - muscle.cover
    canvas.paint_ellipsoid(lv, np.array((45, 25, 25)) * size, left, axes)
    canvas.paint_ellipsoid(rv, np.array((49, 16, 28)) * size, right, axes)
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
            "coronary_calcification",
            min(lows),
            max(highs),
            centre=place(-30, 165, -70),
            severity=graded(share),
            number=len(lows),
        )
