"""Pixels of DICOM images, in Hounsfield units."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pydicom
import pydicom.pixels
from numpy.typing import NDArray
from scipy import ndimage

from napari_ct_grounding.core.errors import VolumeError
from napari_ct_grounding.readers.canonical_buffer import scale_to_hu
from napari_ct_grounding.readers.dicom_header import PYDICOM_ERRORS, ImageHeader, quiet_pydicom

__all__ = ["AIR_HU", "PADDING_BELOW_HU", "PixelReader"]

#: What voxels outside the scanner's field of view become.
AIR_HU = -1000
#: Nothing in a patient or in the air around one is below this; writers pad with -2000, -3024 ... often without saying so.
PADDING_BELOW_HU = -1500
#: A declared padding value above this could also be tissue: it counts as padding only where it touches the border.
SURELY_AIR_HU = -900


class PixelReader:
    """Images of a sorted stack as HU planes (rows y, columns x).

    Parameters
    ----------
    headers : sequence of ImageHeader
        `hu(i)` returns the image of ``headers[i]``. The last few images stay in memory, for interpolation.
    """

    def __init__(self, headers: Sequence[ImageHeader]) -> None:
        self._headers = headers
        self._padding_hu: set[float] = set()
        self._open_path: Path | None = None
        self._open_dataset: pydicom.Dataset | None = None
        self.hu = lru_cache(maxsize=2)(self._read_hu)

    def padding_fact(self) -> str:
        """Return one sentence on the padding found so far; empty for none."""
        if not self._padding_hu:
            return ""
        values = ", ".join(f"{value:g}" for value in sorted(self._padding_hu)[:3])
        return f"outside the field of view ({values} HU) shown as air ({AIR_HU} HU)"

    def _read_hu(self, index: int) -> NDArray:
        header = self._headers[index]
        stored = self._stored(header)
        plane = scale_to_hu(stored, header.slope, header.intercept)
        is_padding = plane < PADDING_BELOW_HU
        if header.padding is not None:
            low, high = header.padding
            declared = (stored >= low) & (stored <= high)
            if high * header.slope + header.intercept > SURELY_AIR_HU and declared.any():
                border = np.ones_like(declared)
                border[1:-1, 1:-1] = False
                declared = ndimage.binary_propagation(border & declared, mask=declared)
            is_padding |= declared
        if is_padding.any():
            self._padding_hu |= {float(value) for value in np.unique(plane[is_padding])[:3] if value != AIR_HU}
            plane = (
                np.where(is_padding, plane.dtype.type(AIR_HU), plane)
                if _can_hold_air(plane)
                else _padded(plane, is_padding)
            )
        return plane

    def _stored(self, header: ImageHeader) -> NDArray:
        try:
            with quiet_pydicom():
                dataset = self._dataset(header.path)
                plane = pydicom.pixels.pixel_array(dataset, index=header.frame or 0, raw=True)
                if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
                    plane = _without_spare_bits(plane, dataset)
        except (*PYDICOM_ERRORS, MemoryError) as error:
            raise VolumeError(
                f"The pixels of {header.path.name} cannot be read: {self._reason(header.path)}"
            ) from error
        if plane.shape != (header.rows, header.columns):
            raise VolumeError(
                f"{header.path.name} holds a picture of shape {plane.shape} where its header says "
                f"{header.rows} x {header.columns} with one value a pixel."
            )
        return plane

    def _dataset(self, path: Path) -> pydicom.Dataset:
        """Return the data set of a file; the frames of one file come one after the other, so one stays open."""
        if self._open_path != path or self._open_dataset is None:
            dataset = pydicom.dcmread(path, force=True)
            if "TransferSyntaxUID" not in getattr(dataset, "file_meta", {}):
                # Files without a meta header are implicit little endian (PS3.10, and what old exports hold).
                dataset.ensure_file_meta()
                dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
            self._open_path, self._open_dataset = path, dataset
        return self._open_dataset

    def _reason(self, path: Path) -> str:
        syntax = None
        if self._open_path == path and self._open_dataset is not None:
            syntax = self._open_dataset.file_meta.get("TransferSyntaxUID")
            if "PixelData" not in self._open_dataset:
                return "the file holds no picture, or was cut short. Copy it again."
        if syntax is not None and syntax.is_transfer_syntax and syntax.is_compressed:
            return f"they are compressed as {syntax.name}, and the data is damaged or no installed decoder reads it."
        return "the file is damaged or was cut short. Copy it again."


def _can_hold_air(plane: NDArray) -> bool:
    return plane.dtype.kind == "f" or np.iinfo(plane.dtype).min <= AIR_HU


def _padded(plane: NDArray, is_padding: NDArray) -> NDArray:
    return np.where(is_padding, np.int32(AIR_HU), plane.astype(np.int32))


def _without_spare_bits(plane: NDArray, dataset: pydicom.Dataset) -> NDArray:
    """Clear bits above HighBit (old overlays hide there) and shift a high-aligned value down; the sign is kept."""
    allocated, stored = int(dataset.BitsAllocated), int(dataset.get("BitsStored", dataset.BitsAllocated))
    high = int(dataset.get("HighBit", stored - 1))
    if plane.dtype.kind not in "iu" or stored >= allocated or not stored - 1 <= high < allocated:
        return plane
    return (plane << (allocated - 1 - high)) >> (allocated - stored)
