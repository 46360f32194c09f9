"""Findings of neck, mediastinum, breast and great vessels that are painted over finished organs."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: RUF005

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_ct_grounding.phantom.catalogue import graded
from napari_ct_grounding.phantom.lung_places import random_direction
from napari_ct_grounding.phantom.lungs import LungMap
from napari_ct_grounding.phantom.scene import Scene

__all__ = ["paint_ball", "sign_of"]

_NODES = {
    "right_paratracheal": (20, 124, 16), "subcarinal": (4, 96, -28), "aortopulmonary": (-32, 126, 2), "prevascular": (-6, 162, 8),
    "right_hilum": (44, 112, -32), "left_hilum": (-48, 110, -28), "right_axilla": (134, 105, 8), "left_axilla": (-134, 105, 8),
    "right_supraclavicular": (48, 128, 82), "left_supraclavicular": (-48, 128, 82), "retroperitoneal": (-14, 112, -275),
    "mesenteric": (-4, 158, -300), "right_iliac": (54, 112, -425), "left_iliac": (-54, 112, -425),
    "right_groin": (64, 168, -498), "left_groin": (-64, 168, -498),
}  # fmt: skip


def sign_of(place: str) -> int:
    """Return 1 for a place on the right, where x is positive, and -1 for one on the left."""
    return 1 if place.startswith("right") else -1


def paint_ball(
    scene: Scene, target: str, centre: NDArray, semi: ArrayLike, hu: float, clip: NDArray | None = None, *,
    traits: tuple[str, ...] = ("single",), severity: str | None = None,
) -> None:  # fmt: skip
    """Paint one ellipsoid and record what of it can be seen; its size is the longest axial diameter."""
    axes = np.broadcast_to(np.asarray(semi, float), 3)
    painted = scene.canvas.paint(scene.canvas.ellipsoid(centre, axes), hu, clip)
    span = scene.painted_span(painted, (centre[2] - axes[2], centre[2] + axes[2]))
    size = round(2 * float(axes[:2].max()), 0)
    scene.mark(target, *span, size, centre=centre, number=1, traits=traits, severity=severity)


def paint_nodes(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint one to six large nodes, at times fused."""
    extents, shorts = [], []
    number = int(rng.choice((1, 2, 3, 4, 6), p=(0.2, 0.25, 0.25, 0.2, 0.1)))
    bulky = bool(rng.random() < 0.25)
    traits: tuple[str, ...] = ("multiple",) if number > 1 else ("single",)
    value = scene.hu["node"] + 8
    if rng.random() < 0.1:
        value, traits = 450.0, (*traits, "calcified")
    elif bulky and rng.random() < 0.4:
        value, traits = 22.0, (*traits, "necrotic")
    small = place.endswith(("axilla", "supraclavicular", "groin", "iliac"))
    for k in range(number):
        semi = np.array(rng.uniform((6.5, 6.5, 6.5), (11, 11, 12))) * (1.45 if bulky and not small else 1.0)
        centre = np.array(_NODES[place], float) + rng.normal(0, 1, 3) * ((7, 6, 8) if k else (1.5, 1.5, 2))
        scene.canvas.paint_ellipsoid(centre, semi, value)
        extents.append((centre[2] - semi[2], centre[2] + semi[2]))
        shorts.append(2 * float(semi.min()))
    size, severity = round(max(shorts), 0), graded((max(shorts) - 13) / 19)
    scene.mark_shape(
        target, *extents, size_mm=size, centre=_NODES[place], number=number, traits=traits, severity=severity
    )


def paint_thyroid_nodule(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a nodule in one lobe of the thyroid."""
    centre = scene.spots[f"thyroid_{place}"] + (sign_of(place) * 2, 1, rng.uniform(-9, 9))
    r = float(rng.uniform(5, 13))
    has_calcium = rng.random() < 0.2
    paint_ball(
        scene,
        target,
        centre,
        r,
        400.0 if has_calcium else rng.uniform(15, 50),
        traits=("calcified",) if has_calcium else (),
    )


def paint_mediastinal_mass(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a mass before the great vessels."""
    centre = np.array((rng.uniform(-18, 14), 174, rng.uniform(-25, 15)))
    semi = np.array(rng.uniform((18, 13, 18), (40, 20, 38)))
    paint_ball(scene, target, centre, semi, scene.hu["mass"], traits=("solid",))


def paint_oesophagus(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a thick wall on a part of the oesophagus."""
    course, _ = scene.courses["oesophagus"]
    centre_z = float(rng.uniform(-135, 40))
    centre = np.array([np.interp(-centre_z, -course[:, 2], course[:, k]) for k in (0, 1)] + [centre_z])
    r = float(rng.uniform(13, 19))
    paint_ball(
        scene, target, centre, (r * 1.15, r, rng.uniform(22, 42)), scene.hu["mass"], severity=graded((r - 13) / 6)
    )
    scene.canvas.paint_tube([centre - (0, 0, 20), centre + (0, 0, 20)], 2.5, -400)


def paint_breast_mass(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a mass in a breast."""
    span = scene.spans[f"breast_{place}"]
    z = (span.z_lo + span.z_hi) / 2 + float(rng.uniform(-18, 18))
    centre = np.array(
        (sign_of(place) * (84 + rng.uniform(-14, 18)), scene.person.skin_at(z)[2] + rng.uniform(-2, 6), z)
    )
    paint_ball(scene, target, centre, float(rng.uniform(7, 18)), scene.hu["mass"] + 15, traits=("solid",))


def paint_embolism(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a clot in a pulmonary artery, dark in bright blood."""
    course, radii = scene.courses[f"pulmonary_artery_{place}"]
    stem = [course[1], course[2], course[2] + (sign_of(place) * rng.uniform(4, 12), -12, rng.uniform(-34, -12))]
    low, high = scene.canvas.paint_tube(stem, [radii[1] * 0.55, radii[2] * 0.7, 3.2], 55)
    severity = "severe" if rng.random() < 0.3 else "moderate"
    scene.mark(target, low, high, centre=course[2], severity=severity)


def paint_descending_aneurysm(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a wide piece of the descending aorta, with a clot along its wall."""
    course, _ = scene.courses["descending_aorta"]
    r, half = float(rng.uniform(21, 34)), float(rng.uniform(28, 52))
    z = float(rng.uniform(-105, -35))
    centre = np.array([np.interp(-z, -course[:, 2], course[:, k]) for k in (0, 1)] + [z]) + (-r * 0.35, r * 0.15, 0)
    paint_ball(scene, target, centre, (r, r, half), 38.0)
    scene.mark(target, z - half, z + half, round(2 * r, 0), centre=centre, severity=graded((r - 21) / 13))
    scene.canvas.paint_ellipsoid(centre + (r * 0.15, 0, 0), (r * 0.75, r * 0.75, half * 0.95), scene.hu["aorta"])


def paint_dissection(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a second lumen along a part of the aorta, parted from the true one by a flap with calcium in it."""
    course, radii = scene.courses[place]
    blood = scene.hu["aorta"]
    false = 42 + (blood - 42) * rng.uniform(0.25, 0.6) + (14 if blood < 90 else 0)
    side = random_direction(rng) * (1, 1, 0)
    side /= np.linalg.norm(side)
    wide = float(rng.uniform(1.15, 1.45))
    extents = [scene.canvas.paint_tube(course, radii * wide, false)]
    shift = side * radii[:, None] * wide * 0.42
    scene.canvas.paint_tube(course + shift, radii * wide * 0.6, 25)
    scene.canvas.paint_tube(course + shift, radii * wide * 0.6 - 1.6, blood)
    for k in range(len(course) - 1):
        if rng.random() < 0.6:
            a = course[k] + shift[k] * 0.1 + (course[k + 1] - course[k]) * rng.uniform(0.1, 0.5)
            scene.canvas.paint_tube([a, a + (course[k + 1] - course[k]) * 0.15], 1.8, 750)
    scene.mark_shape(target, *extents, centre=course[len(course) // 2])
