"""What the organs of the belly share: the room below the lungs and the shifts of breath."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Floats, Patch

__all__ = ["belly_shift", "layered", "room_below_lungs", "within"]


def belly_shift(
    scene: Scene, name: str, sd: tuple[float, float, float] = (3, 3, 6), breath: float = 0.7
) -> NDArray[np.float64]:
    """Return the shift (x, y, z) of an abdominal organ: a common one, its own, and a share of the breath."""
    common = scene.person.jitter("belly", (0, 0, 7))
    return common + scene.person.jitter(name, sd) + (0, 0, breath * scene.person.dome_mm)


def room_below_lungs(scene: Scene) -> Floats:
    """Return the cover "belly": inside the ribs or the wall of the belly, and not lung."""
    if "belly" not in scene.covers:
        belly = np.maximum(scene.covers["cavity"], scene.covers["cage"])
        belly *= 1 - scene.covers["lungs"]
        belly[scene.canvas.z > -60] = 0
        scene.covers["belly"] = belly
    return scene.covers["belly"]


def within(patch: Patch | None, clip: Floats, without: Floats | None = None) -> Patch | None:
    """Return a patch cut by a whole-canvas cover, and what of it lies in the cover `without` left out."""
    if patch is None:
        return None
    cover = patch.cover * clip[patch.box]
    if without is not None:
        cover *= 1 - without[patch.box]
    return Patch(patch.box, cover)


def layered(scene: Scene, patch: Patch, level_y: float, below: float | Floats, above: float | Floats) -> Floats:
    """Return values with a horizontal level (the patient lies on the back): `above` it gas, `below` it fluid."""
    canvas = scene.canvas
    share = np.clip((canvas.y[patch.box[1]] - level_y) / canvas.step_mm[1] + 0.5, 0, 1).astype(np.float32)[
        None, :, None
    ]
    return np.asarray(below + (above - below) * share, np.float32)
