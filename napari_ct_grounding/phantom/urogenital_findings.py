"""Findings of kidneys, ureters, bladder, prostate, uterus and ovaries that are painted over finished organs."""

# `point + (x, y, z)` adds vectors.
# ruff: noqa: RUF005

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.catalogue import graded
from napari_ct_grounding.phantom.chest_findings import paint_ball, sign_of
from napari_ct_grounding.phantom.lungs import LungMap
from napari_ct_grounding.phantom.scene import Scene

__all__ = [
    "paint_bladder_mass",
    "paint_fibroid",
    "paint_kidney_cyst",
    "paint_kidney_mass",
    "paint_kidney_stone",
    "paint_ovarian_cyst",
    "paint_prostate",
    "paint_ureteral_stone",
]


def paint_kidney_mass(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a solid mass on a kidney."""
    r = float(rng.uniform(11, 30))
    paint_ball(
        scene, target, _kidney_spot(scene, place, rng, r * 0.35), r, scene.hu["cortex"] * 0.6 + 18, traits=("solid",)
    )


def paint_kidney_cyst(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a cyst on a kidney or one of its poles."""
    r = float(rng.uniform(8, 30))
    paint_ball(
        scene,
        target,
        _kidney_spot(scene, place, rng, r * 0.3),
        r,
        float(rng.uniform(0, 14)),
        traits=("cystic", "single"),
    )


def paint_kidney_stone(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a stone in a calyx, or one that fills the renal pelvis."""
    side, sign = place.split("_")[0], sign_of(place)
    centre, height = scene.spots[f"renal_sinus_{side}"], scene.spots[f"kidney_size_{side}"][2]
    r = float(rng.uniform(3, 8))
    part = place.split("_")[1] if "_" in place else ""
    lift = {"upper": 0.42, "lower": -0.42}.get(part, float(rng.uniform(-0.25, 0.25))) * height
    spot = centre + (sign * rng.uniform(0, 6), -2, lift)
    scene.canvas.paint_ellipsoid(spot, (r, r, r), float(rng.uniform(700, 1500)))
    scene.mark(target, spot[2] - r, spot[2] + r, round(2 * r, 0), centre=spot, number=1, traits=("calcified", "single"))


def paint_ureteral_stone(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a stone in the ureter and a wide renal pelvis above it."""
    sign, sinus = sign_of(place), scene.spots[f"renal_sinus_{place}"]
    spot = [(40, 100, -300), (47, 88, -365), (34, 96, -460)][int(rng.integers(3))] * np.array(
        (sign, 1, 1)
    ) + rng.normal(0, 2, 3)
    r = float(rng.uniform(3, 5.5))
    ureter = np.array([(sign * 40, 100, -300), (sign * 50, 80, -400)])
    way = np.vstack([sinus, sinus + (-sign * 16, 6, -6), ureter])
    above = [p for p in way if p[2] > spot[2] + 5]
    scene.canvas.paint_ellipsoid(sinus, (12, 12, 22), scene.hu["urine"])
    scene.canvas.paint_tube(np.vstack([*above, spot]), 4.0, scene.hu["urine"])
    scene.canvas.paint_ellipsoid(spot, (r, r, r), float(rng.uniform(600, 1300)))
    scene.mark(target, spot[2] - r, spot[2] + r, round(2 * r, 0), centre=spot, number=1, traits=("calcified",))


def paint_bladder_mass(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a solid growth on the wall of the bladder."""
    span = scene.spans["bladder"]
    r = float(rng.uniform(7, 15))
    centre = scene.spots["bladder"] + (
        rng.choice((-1, 1)) * rng.uniform(16, 26),
        rng.uniform(-10, 6),
        rng.uniform(-0.2, 0.2) * (span.z_hi - span.z_lo),
    )
    paint_ball(scene, target, centre, r, scene.hu["mass"] + 12, traits=("solid",))


def paint_prostate(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a large prostate that lifts the floor of the bladder."""
    span = scene.spans["prostate"]
    grow = float(rng.uniform(1.45, 1.95))
    semi = np.array((25, 20, 22)) * grow
    z = span.z_lo + semi[2]
    paint_ball(
        scene, target, np.array((0, 96.0, z)), semi, scene.hu["prostate"] + 10, severity=graded((grow - 1.45) / 0.5)
    )


def paint_fibroid(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a ball on the uterus, at times calcified."""
    r = float(rng.uniform(14, 34))
    centre = scene.spots["uterus"] + (rng.uniform(-16, 16), rng.uniform(-4, 14), rng.uniform(4, 22))
    has_calcium = bool(rng.random() < 0.3)
    paint_ball(
        scene,
        target,
        centre,
        r,
        scene.hu["uterus"] - 12 if not has_calcium else 260.0,
        traits=("calcified",) if has_calcium else ("solid",),
    )


def paint_ovarian_cyst(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a cyst beside the uterus."""
    r = float(rng.uniform(14, 38))
    centre = np.array((sign_of(place) * (34 + r * 0.4), 102, -440.0 + r * 0.3)) + rng.normal(0, 3, 3)
    paint_ball(scene, target, centre, r, float(rng.uniform(2, 14)), traits=("cystic",))


def _kidney_spot(scene: Scene, place: str, rng: np.random.Generator, out: float) -> NDArray[np.float64]:
    """Return a point at the outer border of a kidney, or of one of its poles, `out` mm beyond it."""
    side = place.split("_")[0]
    semi = scene.spots[f"kidney_size_{side}"]
    height = {"upper": 0.62, "lower": -0.62}.get(
        place.split("_")[1] if "_" in place else "", float(rng.uniform(-0.3, 0.3))
    )
    across = np.sqrt(1 - height**2)
    turn = float(rng.uniform(-0.9, 0.9))
    shift = np.array(
        (
            sign_of(place) * np.cos(turn) * (semi[0] * across * 0.7 + out),
            np.sin(turn) * semi[1] * across * 0.7,
            height * semi[2],
        )
    )
    return np.asarray(scene.spots[f"kidney_{side}"] + shift)
