"""Breasts: their shape is part of the skin; gland and fat lie within."""

# `point + (x, y, z)` adds vectors.
# ruff: noqa: RUF005

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.contours import ball, join
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Patch, Solid

__all__ = ["add_breasts", "paint_breasts"]


def _shape(scene: Scene, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """Centre and semi-axes (x, y, z) of one breast."""
    person = scene.person
    move = person.jitter("breast", (5, 0, 8))
    z = -58 + move[2]
    front = person.skin_at(z)[2]
    size = float(person.rng("breast").uniform(0.7, 1.2)) * (0.8 + person.fat_mm * 0.009)
    if person.sex == "F":
        semi = np.array((60, 36 + 26 * (size - 0.7), 60)) * max(0.8, size**0.5)
        return np.array((sign * (86 + move[0]), front - 22, z - 6)), semi
    semi = np.array((52, 22 + 10 * size, 44))
    return np.array((sign * (88 + move[0]), front - 25, z)), semi


def add_breasts(scene: Scene, skin: Solid) -> Solid:
    """Return the skin with the breasts on it and mark them."""
    solids: list[Solid | None] = [skin]
    for side, sign in (("right", 1), ("left", -1)):
        centre, semi = _shape(scene, sign)
        solids.append(ball(scene.canvas, centre, semi, 16.0))
        scene.mark(f"breast_{side}", centre[2] - semi[2], centre[2] + semi[2])
    return join(scene.canvas, solids, 9.0) or skin


def paint_breasts(scene: Scene) -> None:
    """Paint gland, its strands and the nipples; after the fat of the skin, before the muscles."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    for side, sign in (("right", 1), ("left", -1)):
        centre, semi = _shape(scene, sign)
        rng = person.rng(f"gland_{side}")
        tip = centre + (sign * 8, semi[1], -6)
        if person.sex == "F":
            share = float(np.clip(1.05 - person.age / 95 + rng.normal(0, 0.15), 0.12, 0.95))
            solid = ball(canvas, centre + (sign * 6, semi[1] * 0.45, 2), semi * (0.66, 0.5, 0.62))
            patch = canvas.cover(solid, -2.0)
            if patch is not None:
                grain = canvas.field(patch.box, 9.0, rng)
                fine = canvas.field(patch.box, 4.5, rng)
                inwards = np.clip(-solid.distance / 14, 0, 1) - 0.75  # type: ignore[union-attr]
                gland = np.clip(0.5 + 2.0 * (0.45 * grain + 0.35 * fine + 1.3 * (share - 0.5) + inwards), 0, 1)
                room = 1 - scene.covers["lean"][patch.box]
                canvas.paint(Patch(patch.box, patch.cover * gland * room), hu["gland"])
            canvas.paint_tube([tip, centre + (0, semi[1] * 0.5, 0)], [3.5, 1.5], hu["gland"])
        canvas.paint_ellipsoid(tip - (0, 4, 0), (6, 4.5, 6), 35)
