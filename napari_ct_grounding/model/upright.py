"""A tilted or sheared scan resampled along the patient's axes, straight to the network's spacing.

One trilinear interpolation at the network's own spacing: what comes out passes through the network's preprocessing
untouched, so a pass over it is the released pass on an upright scan.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_ct_grounding.core.errors import Cancelled
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.resampling import upright_grid
from napari_ct_grounding.core.volume import CTVolume

__all__ = ["upright_geometry", "upright_volume"]

AIR_HU = -1000
#: Upright slices made at a time; the source slices that they cross are held in a copy.
_SLICES_AT_ONCE = 8
#: A voxel reaches half its size beyond its centre, and a computed position may be off by rounding.
_REACH = 0.5 + 1e-6


def upright_geometry(
    source: VolumeGeometry, spacing_mm: tuple[float, float, float], body_mm: NDArray[np.float64]
) -> VolumeGeometry:
    """Return the upright grid that holds all of the body and the middle of every slice; arguments as in `upright_volume`."""
    lo, hi = source.z_extent_mm
    if len(body_mm):
        lo, hi = min(lo, float(body_mm[:, 2].min())), max(hi, float(body_mm[:, 2].max()))
    return upright_grid(source, spacing_mm, (lo, hi))


def upright_volume(
    volume: CTVolume,
    spacing_mm: tuple[float, float, float],
    body_mm: NDArray[np.float64],
    hu_range: tuple[int, int] = (-1000, 1000),
    cancel: Callable[[], bool] | None = None,
) -> CTVolume:
    """Return the scan on an upright grid that holds all of the body and the middle of every slice.

    Parameters
    ----------
    volume : CTVolume
    spacing_mm : tuple of float
        Spacing of the new grid, mm (z, y, x).
    body_mm : NDArray[float64], (m, 3)
        World positions (x, y, z) of the body's voxels; none for a scan without a body.
    hu_range : tuple of int
        Values are cut to this range before they are interpolated, as the network's preprocessing does.
    cancel : callable, optional
        Asked between slices; returning True ends the call.

    Returns
    -------
    CTVolume
        Integers stay integers (rounded to whole HU; the network reads steps of about 1 HU). What lies outside the scan is
        air. Its slices are new ones: no slice table.

    Raises
    ------
    Cancelled
        When `cancel` said so.
    """
    source, target = volume.geometry, upright_geometry(volume.geometry, spacing_mm, body_mm)
    hu = np.empty(target.shape, dtype=volume.hu.dtype)
    for start in range(0, len(hu), _SLICES_AT_ONCE):
        if cancel is not None and cancel():
            raise Cancelled("Encoding was stopped while the scan was resampled upright.")
        part = hu[start : start + _SLICES_AT_ONCE]
        block = target.cropped((start, 0, 0), part.shape)
        part[...] = _rounded(_resampled(volume.hu, source, block, hu_range), part.dtype)
    return CTVolume(hu, target, name=volume.name)


def _resampled(
    hu: NDArray, source: VolumeGeometry, block: VolumeGeometry, hu_range: tuple[int, int]
) -> NDArray[np.float32]:
    """Interpolate a few upright slices (z, y, x)."""
    # Array indices of the block to array indices of the source; both orders are (z, y, x).
    to_source = (np.linalg.inv(source.affine) @ block.affine)[[2, 1, 0, 3]][:, [2, 1, 0, 3]]
    matrix, offset = to_source[:3, :3], to_source[:3, 3]
    index = np.ogrid[tuple(slice(0, n) for n in block.shape)]
    position = [sum(m * i for m, i in zip(row, index, strict=True)) + o for row, o in zip(matrix, offset, strict=True)]
    is_scan = np.ones(block.shape, dtype=bool)
    for at, size in zip(position, hu.shape, strict=True):
        is_scan &= (at >= -_REACH) & (at <= size - 1 + _REACH)
    if not is_scan.any():
        return np.full(block.shape, AIR_HU, dtype=np.float32)
    crossed = position[0][is_scan]
    first = max(0, int(np.floor(crossed.min())))
    last = min(hu.shape[0] - 1, int(np.ceil(crossed.max())))
    values = ndimage.affine_transform(
        np.clip(hu[first : last + 1], *hu_range),
        matrix,
        offset - (first, 0, 0),
        output_shape=block.shape,
        output=np.float32,
        order=1,
        mode="nearest",
        prefilter=False,
    )
    values[~is_scan] = AIR_HU
    return values


def _rounded(values: NDArray[np.float32], dtype: np.dtype) -> NDArray:
    return np.rint(values).astype(dtype) if dtype.kind == "i" else values.astype(dtype)
