"""Findings of liver, spleen, pancreas, bowel and belly wall that are painted over finished organs."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: RUF005

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.catalogue import graded
from napari_ct_grounding.phantom.chest_findings import paint_ball, sign_of
from napari_ct_grounding.phantom.lung_places import random_direction
from napari_ct_grounding.phantom.lungs import LungMap
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Patch

__all__ = [
    "paint_bile_ducts",
    "paint_bowel_dilatation",
    "paint_colonic_mass",
    "paint_diverticula",
    "paint_free_air",
    "paint_inguinal_hernia",
    "paint_liver_calcification",
    "paint_local_ascites",
    "paint_many_liver_lesions",
    "paint_pancreas",
    "paint_spleen_calcification",
    "paint_steatosis",
    "paint_umbilical_hernia",
]


def paint_liver_calcification(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a dense focus in the liver."""
    centre = np.array((rng.uniform(70, 110), rng.uniform(85, 140), rng.uniform(-220, -170)) if place == "right_lobe"
                      else (rng.uniform(-30, 5), rng.uniform(160, 172), rng.uniform(-182, -166)))  # fmt: skip
    paint_ball(scene, target, centre, float(rng.uniform(3.5, 8)), rng.uniform(400, 900), traits=("calcified",))


def paint_steatosis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Darken the liver below its vessels."""
    fall = float(rng.uniform(35, 75))
    cover = scene.covers["liver"]
    scene.canvas.hu -= cover * np.float32(fall) * (np.abs(scene.canvas.hu - scene.hu["liver"]) < 45)
    span = scene.spans["liver"]
    scene.mark(target, span.z_lo, span.z_hi, severity=graded((fall - 35) / 40))


def paint_many_liver_lesions(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint deposits in both lobes of the liver; those of one place are painted with the liver."""
    if place != "both_lobes":
        return
    extents, largest = [], 0.0
    number = int(rng.integers(4, 14))
    for k in range(number):
        r = float(rng.uniform(6, 20))
        spot = np.array((rng.uniform(-35, 5), rng.uniform(158, 174), rng.uniform(-185, -160)) if k % 3 == 0
                        else (rng.uniform(45, 115), rng.uniform(80, 155), rng.uniform(-235, -145)))  # fmt: skip
        patch = scene.canvas.ellipsoid(spot, (r, r, r))
        painted = scene.canvas.paint(patch, scene.hu["liver"] * rng.uniform(0.3, 0.6), scene.covers["liver"])
        extents.append(scene.painted_span(painted, (spot[2] - r, spot[2] + r)))
        largest = max(largest, 2 * r)
    scene.mark_shape(
        target,
        *extents,
        size_mm=round(largest, 0),
        number=number,
        severity=graded((number - 4) / 10),
        traits=("multiple",),
    )


def paint_bile_ducts(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a wide common duct and wide branches in the liver."""
    head = scene.courses["pancreas"][0][0]
    wide = float(rng.uniform(5, 9))
    hilum = head + (10, 2, 52)
    extents = [scene.canvas.paint_tube([head + (2, -4, -4), head + (4, -4, 28), hilum], wide, scene.hu["bile"])]
    for end in ((40, -22, 16), (52, 12, 4), (-34, 24, 16), (-58, 30, 22), (30, 22, 26)):
        path = [hilum, hilum + np.array(end) * 0.5 + (0, 0, 4), hilum + end]
        extents.append(
            scene.canvas.paint_tube(path, [wide * 0.7, wide * 0.55, 2.2], scene.hu["bile"], scene.covers["liver"])
        )
    scene.mark_shape(target, *extents, size_mm=round(2 * wide, 0), centre=hilum, severity=graded((wide - 5) / 4))


def paint_spleen_calcification(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint small dense foci in the spleen."""
    extents = []
    number = int(rng.integers(2, 9))
    for _ in range(number):
        spot, r = scene.spots["spleen"] + rng.uniform(-1, 1, 3) * (9, 18, 26), float(rng.uniform(2.6, 4.5))
        scene.canvas.paint_ellipsoid(spot, (r, r, r), 700)
        extents.append((spot[2] - r, spot[2] + r))
    scene.mark_shape(target, *extents, centre=scene.spots["spleen"], number=number, traits=("calcified", "multiple"))


def paint_pancreas(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a mass or a cyst in a part of the pancreas."""
    course, _ = scene.courses["pancreas"]
    centre = {"head": course[0] * 0.75 + course[1] * 0.25, "body": (course[1] + course[2]) / 2, "tail": course[3]}[
        place
    ]
    is_cyst = bool(rng.random() < 0.4)
    value = 8.0 if is_cyst else scene.hu["pancreas"] * 0.55
    paint_ball(
        scene,
        target,
        centre + rng.normal(0, 3, 3),
        float(rng.uniform(9, 20)),
        value,
        traits=("cystic",) if is_cyst else ("solid",),
    )


def _region_fluid(scene: Scene, cover: NDArray, value: float) -> tuple[float, float]:
    patch = Patch((slice(None), slice(None), slice(None)), cover.astype(np.float32))
    scene.canvas.paint(patch, value)
    return scene.painted_span(patch, (-480.0, -120.0))


def paint_local_ascites(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint fluid round the liver, or in the pelvis; fluid everywhere is painted with the bowel."""
    canvas = scene.canvas
    value = float(rng.uniform(2, 22))
    if place == "perihepatic":
        thick = float(rng.uniform(7, 16))
        low, high = -255.0, -150.0
        x, y, z = canvas.offsets((slice(None), slice(None), slice(None)))
        a = np.array([scene.person.cage_at(float(level))[0] for level in canvas.z])[:, None, None]
        band = (
            np.clip((x - (a - thick - 8)) / canvas.soft_mm + 0.5, 0, 1)
            * ((z > low) & (z < high))
            * (y > 60)
            * (y < 175)
        )
        _region_fluid(scene, band * scene.covers["belly"], value)
        scene.mark(target, low, high, round(thick, 0), centre=(112, 118, -200), severity=graded((thick - 7) / 9))
    elif place == "pelvis":
        half = float(rng.uniform(14, 30))
        centre = np.array((0, 72, -452.0))
        paint_ball(
            scene, target, centre, (half * 1.3, 16, half), value, traits=("free",), severity=graded((half - 14) / 16)
        )


def paint_free_air(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint gas under the front of the belly wall, before the liver."""
    centre = np.array((rng.uniform(-20, 35), 199, rng.uniform(-215, -165)))
    semi = np.array(rng.uniform((28, 6, 22), (55, 13, 55)))
    paint_ball(
        scene,
        target,
        centre,
        semi,
        -960.0,
        np.maximum(scene.covers["cavity"], scene.covers["cage"]),
        severity=graded((semi[1] - 6) / 7),
    )


def paint_bowel_dilatation(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint wide loops of small bowel with levels."""
    extents = []
    for k in range(int(rng.integers(5, 9))):
        start = np.array((-70 + 18 * k + rng.normal(0, 8), rng.uniform(150, 178), rng.uniform(-400, -270)))
        path = [start, start + rng.normal(0, 1, 3) * (26, 6, 22)]
        r = float(rng.uniform(16, 22))
        clip = scene.covers["cavity"]
        extents.append(scene.canvas.paint_tube(path, r, scene.hu["bowel_wall"], clip))
        scene.canvas.paint_tube(path, r - 3, 15, clip)
        for point in path:
            top = point + (0, r * 0.45, 0)
            scene.canvas.paint_ellipsoid(top, (r * 0.7, r * 0.42, r * 0.75), scene.hu["gas"], clip=clip)
    scene.mark_shape(target, *extents, size_mm=round(2 * r, 0))


def paint_diverticula(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint small gas bubbles along the sigmoid."""
    course, radii = scene.courses["sigmoid_colon"]
    extents = []
    for _ in range(int(rng.integers(9, 18))):
        k = int(rng.integers(len(course) - 1))
        spot = course[k] + (course[k + 1] - course[k]) * rng.random() + random_direction(rng) * (radii[k] + 4)
        scene.canvas.paint_ellipsoid(spot, (5.5,) * 3, 40)
        scene.canvas.paint_ellipsoid(spot, (4.0,) * 3, -850)
        extents.append((spot[2] - 5.5, spot[2] + 5.5))
    scene.mark_shape(target, *extents, centre=course[len(course) // 2])


def paint_colonic_mass(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a thick wall round a short piece of bowel."""
    course, radii = scene.courses[place]
    k = int(rng.integers(len(course) - 1))
    centre = (course[k] + course[k + 1]) / 2
    r = float(radii[k] + rng.uniform(3, 9))
    half = (course[k + 1] - course[k]) * 0.5
    half *= min(1.0, 22 / max(1.0, float(np.linalg.norm(half))))
    low, high = scene.canvas.paint_tube([centre - half, centre + half], r, scene.hu["mass"])
    scene.canvas.paint_tube([centre - half, centre + half], 4.0, -300)
    scene.mark(target, low, high, round(2 * r, 0), centre=centre, traits=("solid",))


def paint_umbilical_hernia(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint fat or a loop of bowel before the muscles at the navel."""
    span = scene.spans["umbilicus"]
    z, r = (span.z_lo + span.z_hi) / 2, float(rng.uniform(11, 24))
    centre = np.array((0, scene.person.skin_at(z)[2] - 6, z))
    scene.canvas.paint_ellipsoid(centre, (r + 3, r * 0.8 + 3, r + 3), 40)
    paint_ball(scene, target, centre, (r, r * 0.8, r), scene.hu["bowel_wall"] if rng.random() < 0.5 else -95.0)
    scene.mark(target, z - r - 3, z + r + 3, round(2 * r, 0), centre=centre)


def paint_inguinal_hernia(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a sac with bowel or fat in the groin."""
    sign, r = sign_of(place), float(rng.uniform(13, 24))
    path = [(sign * 44, 158, -470), (sign * 34, 172, -505), (sign * 26, 172, -530)]
    low, high = scene.canvas.paint_tube(path, [r * 0.5, r, r], 45)
    scene.canvas.paint_tube(path, [r * 0.3, r - 4, r - 4], -95.0 if rng.random() < 0.5 else 15.0)
    scene.mark(target, low, high, round(2 * r, 0), centre=path[1])
