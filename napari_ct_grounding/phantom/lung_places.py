"""Where findings of the lungs lie: lobes, apices, bases and hila as points, boxes and covers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.catalogue import LUNG_PLACES
from napari_ct_grounding.phantom.lungs import LungMap, lobe_codes
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Box, Patch

__all__ = ["lobe_clip", "lobes_of", "lung_spot", "patch_in_lobe", "random_direction", "rows_between"]

_SEVERAL = {
    "both_lower_lobes": ("right_lower_lobe", "left_lower_lobe"),
    "both_upper_lobes": ("right_upper_lobe", "left_upper_lobe"),
    "both_lungs": LUNG_PLACES,
    "both_hila": ("right_hilum", "left_hilum"),
    "both_bases": ("right_base", "left_base"),
    "both_apices": ("right_apex", "left_apex"),
}


def lobes_of(place: str) -> tuple[str, ...]:
    """Return the single places that a place of both sides is made of; any other stands for itself."""
    return _SEVERAL.get(place, (place,))


def random_direction(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a unit vector (x, y, z)."""
    v = rng.normal(size=3)
    return v / np.linalg.norm(v)


def rows_between(scene: Scene, low: float, high: float) -> Box | None:
    """Return the box of all voxels between two reference heights, None when none is in the scan."""
    z = scene.canvas.z
    rows = slice(int(np.searchsorted(z, low)), int(np.searchsorted(z, high)))
    if rows.stop <= rows.start:
        return None
    return (rows, slice(0, len(scene.canvas.y)), slice(0, len(scene.canvas.x)))


def lung_spot(
    scene: Scene, lungs: LungMap, place: str, rng: np.random.Generator, clearance: float, *, at_pleura: bool = False
) -> NDArray[np.float64]:
    """Return a point of a lobe, apex, base or hilum (reference mm).

    It lies at least about `clearance` deep where the place allows, or with `at_pleura` no deeper than that.
    """
    points, depth = lungs.points, lungs.depth_mm
    if place.endswith("hilum"):
        sign = 1 if place.startswith("right") else -1
        return np.array((sign * 48, 108, -28)) + rng.normal(0, 3, 3)
    if place in LUNG_PLACES:
        select = lungs.codes == LUNG_PLACES.index(place) + 1
    else:
        select = (points[:, 0] > 0) == place.startswith("right")
        if place.endswith("apex"):
            select &= points[:, 2] > points[select, 2].max() - 32
        else:
            select &= points[:, 2] < np.quantile(points[select, 2], 0.2)
    # The place must be in the scan if any of it is.
    z = scene.canvas.z
    seen = select & (points[:, 2] > z[0] + clearance) & (points[:, 2] < z[-1] - clearance)
    if seen.any():
        select = seen
    if at_pleura:
        fit = select & (depth <= clearance + 3) & (np.abs(points[:, 0]) > 40)
    else:
        fit = select & (depth >= min(clearance, float(depth[select].max()) * 0.8))
    index = np.flatnonzero(fit if fit.any() else select)
    return points[rng.choice(index)].astype(float) + rng.uniform(-2, 2, 3)


def lobe_clip(scene: Scene, box: Box, place: str) -> NDArray[np.float32]:
    """Return the cover of a lobe, one lung or both lungs on a box."""
    cover = scene.covers["lungs"][box]
    if place not in LUNG_PLACES:
        side = place.split("_")[0]
        return scene.covers[f"lung_{side}"][box] if side in ("right", "left") else cover
    x, y, z = scene.canvas.offsets(box)
    return cover * (lobe_codes(scene.person, x, y, z) == LUNG_PLACES.index(place) + 1)


def patch_in_lobe(
    scene: Scene, centre: NDArray, semi: NDArray, place: str, rng: np.random.Generator, rough: float
) -> tuple[Patch | None, tuple[float, float]]:
    """Return a ragged patch cut by its lobe, and the z extent of the uncut one."""
    patch = scene.canvas.ellipsoid(centre, semi)
    full = (float(centre[2] - semi[2]), float(centre[2] + semi[2]))
    if patch is None:
        return None, full
    cover = np.clip(patch.cover * (1 + rough * scene.canvas.field(patch.box, 9.0, rng)), 0, 1)
    return Patch(patch.box, cover * lobe_clip(scene, patch.box, place)), full
