"""Where the body is in a scan: coarse masks for coverage and for the question whether the scan holds a chest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_ct_grounding.core.volume import CTVolume

__all__ = ["BODY_THRESHOLD_HU", "body_mask", "largest_component", "lung_volume_ml"]

#: The body is the largest connected component above this; air is -1000, fat -100.
BODY_THRESHOLD_HU = -500

#: Masks are computed on every n-th voxel, about this fine.
_MASK_SPACING_MM = 4.0


def body_mask(volume: CTVolume) -> tuple[NDArray[np.bool_], tuple[int, int, int]]:
    """Return the body on a coarse grid.

    Returns
    -------
    mask : NDArray[bool], (z, y, x)
        Largest component above -500 HU, of the voxels ``hu[::step_z, ::step_y, ::step_x]``.
    steps : tuple of int
        (step_z, step_y, step_x), chosen for about 4 mm.
    """
    steps = _steps(volume)
    return largest_component(_sampled(volume, steps) > BODY_THRESHOLD_HU), steps


def lung_volume_ml(volume: CTVolume) -> float:
    """Return the volume (ml) of aerated lung: voxels from -950 to -500 HU inside the body's outline, slice by slice.

    Bowel gas is darker than -950 and fat brighter than -200, so what remains beside lung are borders of gas, some tens of ml.
    """
    steps = _steps(volume)
    sampled = _sampled(volume, steps)
    body = largest_component(sampled > BODY_THRESHOLD_HU)
    inside = np.stack([ndimage.binary_fill_holes(plane) for plane in body])
    lung = inside & (sampled > -950) & (sampled < BODY_THRESHOLD_HU)
    # Borders between gas and tissue are one voxel thick; lung is not.
    lung = ndimage.binary_opening(lung, structure=np.ones((1, 3, 3), dtype=bool))
    voxel_ml = float(np.prod([s * n for s, n in zip(volume.geometry.spacing_mm, steps, strict=True)])) / 1000.0
    return float(np.count_nonzero(lung)) * voxel_ml


def _steps(volume: CTVolume) -> tuple[int, int, int]:
    z, y, x = (max(1, round(_MASK_SPACING_MM / spacing)) for spacing in volume.geometry.spacing_mm)
    return z, y, x


def _sampled(volume: CTVolume, steps: tuple[int, int, int]) -> NDArray:
    return volume.hu[:: steps[0], :: steps[1], :: steps[2]]


def largest_component(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest connected component of a mask; the mask itself where it has one or none."""
    labels, count = ndimage.label(mask)
    if count <= 1:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == int(sizes.argmax())
