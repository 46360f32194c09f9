"""A canonical volume that is filled slice by slice, in the order of the file.

Every slice is written straight to where it belongs after the canonical flips, so that a scan is held in memory once: no
stored copy, no float copy, and the finished array is contiguous.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import NotHounsfieldError, VolumeError
from napari_ct_grounding.core.geometry import Canonicalisation

__all__ = ["CanonicalBuffer", "check_num_voxels", "scale_to_hu"]

_INT16 = np.iinfo(np.int16)
_MAX_FLOAT32 = float(np.finfo(np.float32).max)
#: A scan of 8,192 slices of 512 x 512; a header that names more is damaged, or no CT of a body.
MAX_VOXELS = 1 << 31


def check_num_voxels(shape: tuple[int, int, int]) -> None:
    """Raise `VolumeError` for a (z, y, x) beyond anything a CT of a body has, before memory is asked for."""
    if math.prod(shape) > MAX_VOXELS:
        raise VolumeError(
            f"The header names {' x '.join(f'{n:,}' for n in shape)} voxels (z, y, x); at most {MAX_VOXELS:,} are opened. "
            "Repair the header, or cut the scan into parts."
        )


def scale_to_hu(stored: NDArray, slope: float, intercept: float) -> NDArray:
    """Return ``stored * slope + intercept``: an integer array when no fraction can arise, else float64; exact either way."""
    if slope == 1 and intercept == 0:
        return stored
    is_whole = float(slope).is_integer() and float(intercept).is_integer()
    if (
        stored.dtype.kind in "iu"
        and stored.dtype.itemsize <= 4
        and is_whole
        and abs(slope) < 2**14
        and abs(intercept) < 2**30
    ):
        # 16 bits times 14 bits plus 30 bits fit into 32; wider values need 64.
        wide = np.multiply(stored, int(slope), dtype=np.int32 if stored.dtype.itemsize <= 2 else np.int64)
        return np.add(wide, int(intercept), out=wide)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is found as not finite
        return stored.astype(np.float64) * slope + intercept


class CanonicalBuffer:
    """Voxels of a volume under construction: int16 until a value comes that int16 cannot hold exactly, then float32.

    Parameters
    ----------
    canonicalisation : Canonicalisation
        From the stored axes (x = column, y = row, z = slice, as the affine names them) to the canonical array (z, y, x).
    """

    def __init__(self, canonicalisation: Canonicalisation) -> None:
        check_num_voxels(canonicalisation.geometry.shape)
        self._canonicalisation = canonicalisation
        try:
            self._allocate(np.empty(canonicalisation.geometry.shape, np.int16))
        except (MemoryError, ValueError) as error:
            size = 2e-9 * math.prod(canonicalisation.geometry.shape)
            raise VolumeError(
                f"A volume of {' x '.join(map(str, canonicalisation.geometry.shape))} voxels needs {size:,.1f} GB of memory, "
                "more than there is."
            ) from error

    def _allocate(self, canonical: NDArray) -> None:
        how = self._canonicalisation
        self._canonical = canonical
        unflipped = canonical[tuple(slice(None, None, -1) if flip else slice(None) for flip in how.flipped)]
        #: The same memory seen in the file's axis order (x, y, z).
        self._stored = unflipped.transpose(np.argsort(how.axes))

    def put(self, index: int, plane: NDArray) -> None:
        """Write the stored slice `index`; `plane` holds HU with shape (rows y, columns x).

        Raises
        ------
        NotHounsfieldError
            When the slice holds NaN or infinity, or numbers that only float64 can hold.
        """
        if plane.dtype.kind == "f" and not (np.abs(plane) <= _MAX_FLOAT32).all():
            raise NotHounsfieldError(
                f"Slice {index} of the file holds NaN or infinite values; every voxel of a CT has a number. "
                "Replace them (air is -1000 HU) and save it again."
            )
        if self._canonical.dtype == np.int16 and not _fits_int16(plane):
            self._allocate(self._canonical.astype(np.float32))
        self._stored[:, :, index] = plane.T

    def finish(self) -> NDArray:
        """Return the canonical array (z, y, x), C-contiguous."""
        return self._canonical


def _fits_int16(plane: NDArray) -> bool:
    if plane.dtype in (np.int16, np.int8, np.uint8):
        return True
    if not (_INT16.min <= plane.min() and plane.max() <= _INT16.max):
        return False
    return plane.dtype.kind != "f" or bool(np.array_equal(np.rint(plane), plane))
