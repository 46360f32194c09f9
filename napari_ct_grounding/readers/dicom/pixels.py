"""Pixels of DICOM images, in Hounsfield units."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pydicom
import pydicom.pixels
from numpy.typing import NDArray
from pydicom.encaps import get_frame
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    RLELossless,
)
from scipy import ndimage

from napari_ct_grounding.core.errors import VolumeError
from napari_ct_grounding.readers.canonical_buffer import scale_to_hu
from napari_ct_grounding.readers.dicom.codecs import CODECS, decoded_jpeg, missing_package
from napari_ct_grounding.readers.dicom.codestream import frame_size, is_complete
from napari_ct_grounding.readers.dicom.file import open_dataset
from napari_ct_grounding.readers.dicom.header import PYDICOM_ERRORS, ImageHeader, quiet_pydicom

__all__ = ["AIR_HU", "PADDING_BELOW_HU", "PixelReader"]

#: What voxels outside the scanner's field of view become.
AIR_HU = -1000
#: Nothing in a patient or in the air around one is below this; writers pad with -2000, -3024 ... often without saying so.
PADDING_BELOW_HU = -1500
#: No CT keeps fewer bits of a value.
MIN_BITS = 8
#: A declared padding value above this could also be tissue: it counts as padding only where it touches the border.
SURELY_AIR_HU = -900
#: No CT goes beyond this (the extended scale ends at 30,710 HU): larger values are negative ones labelled as unsigned.
MAX_HU = 32767
#: What decoding needs; nothing else is parsed, patient data least of all.
_TAGS = [
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "LossyImageCompression"),
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
]
_ALWAYS_LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless)


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
        self._num_mislabelled = 0
        self._is_lossy = False
        self._open_path: Path | None = None
        self._open_dataset: pydicom.Dataset | None = None
        self.hu = lru_cache(maxsize=2)(self._read_hu)

    def padding_fact(self) -> str:
        """Return one sentence on the padding found so far; empty for none."""
        if not self._padding_hu:
            return ""
        values = ", ".join(f"{value:g}" for value in sorted(self._padding_hu)[:3])
        return f"outside the field of view ({values} HU) shown as air ({AIR_HU} HU)"

    def notes(self) -> list[str]:
        """Return what was unusual about the pixels read so far."""
        notes = []
        if self._num_mislabelled:
            notes.append(
                f"{self._num_mislabelled} images call their values unsigned, but hold negative ones; they were read as signed."
            )
        if self._is_lossy:
            notes.append("The images were compressed with loss: values differ a little from the scanner's.")
        return notes

    def _read_hu(self, index: int) -> NDArray:
        header = self._headers[index]
        raw, stored = self._stored(header)
        plane = scale_to_hu(stored, header.slope, header.intercept)
        is_padding = plane < PADDING_BELOW_HU
        if header.padding is not None:
            low, high = header.padding
            declared = (stored >= low) & (stored <= high)
            if raw is not stored:
                # Padding may use bits above the stored ones.
                declared |= (raw >= low) & (raw <= high)
            if high * header.slope + header.intercept > SURELY_AIR_HU and declared.any():
                border = np.ones_like(declared)
                border[1:-1, 1:-1] = False
                declared = ndimage.binary_propagation(border & declared, mask=declared)
            is_padding |= declared
        if stored.dtype == np.uint16 and plane.max() > MAX_HU and (plane[~is_padding] > MAX_HU).any():
            self._num_mislabelled += 1
            plane = scale_to_hu(stored.view(np.int16), header.slope, header.intercept)
            is_padding |= plane < PADDING_BELOW_HU
        if is_padding.any():
            self._padding_hu |= {float(value) for value in np.unique(plane[is_padding])[:3] if value != AIR_HU}
            plane = (
                np.where(is_padding, plane.dtype.type(AIR_HU), plane)
                if _can_hold_air(plane)
                else _padded(plane, is_padding)
            )
        return plane

    def _stored(self, header: ImageHeader) -> tuple[NDArray, NDArray]:
        """Return the values of one image as they stand in the file, and as the header means them (the same array, mostly)."""
        try:
            with quiet_pydicom():
                dataset = self._dataset(header.path)
                syntax = dataset.file_meta.TransferSyntaxUID
                raw = self._raw(dataset, header)
                plane = _without_spare_bits(raw, dataset)
                self._is_lossy |= syntax in _ALWAYS_LOSSY or dataset.get("LossyImageCompression") == "01"
        except VolumeError:
            raise
        except PYDICOM_ERRORS as error:
            raise VolumeError(
                f"The pixels of {header.path.name} cannot be read: {self._reason(header.path)}"
            ) from error
        if plane.shape != (header.rows, header.columns):
            raise VolumeError(
                f"{header.path.name} holds a picture of shape {plane.shape} where its header says "
                f"{header.rows} x {header.columns} with one value a pixel."
            )
        return raw, plane

    def _raw(self, dataset: pydicom.Dataset, header: ImageHeader) -> NDArray:
        syntax = dataset.file_meta.TransferSyntaxUID
        if package := missing_package(syntax):
            raise VolumeError(
                f"The pixels of {header.path.name} cannot be read: their compression ({syntax.name}) needs the package "
                f"{package}, which is not installed. Install it (pip install {package}), or export the series uncompressed."
            )
        codec = CODECS.get(syntax)
        if syntax.is_encapsulated and syntax != RLELossless:
            codestream = _checked_codestream(dataset, header)
            if codec is not None and not codec.plugin:
                return decoded_jpeg(codestream, dataset)
        try:
            return pydicom.pixels.pixel_array(
                dataset,
                index=header.frame or 0,
                raw=True,
                decoding_plugin=codec.plugin if codec is not None else "",
                correct_unused_bits=False,  # padding may stand in them, and pydicom does not look at HighBit
            )
        except BaseException as error:
            # pylibjpeg-rle is written in Rust and panics on damaged data, which is no Exception in Python.
            if type(error).__name__ == "PanicException":
                raise ValueError(str(error)) from error
            raise

    def _dataset(self, path: Path) -> pydicom.Dataset:
        """Return the data set of a file; the frames of one file come one after the other, so one stays open."""
        if self._open_path != path or self._open_dataset is None:
            dataset = open_dataset(path, specific_tags=_TAGS)
            if "TransferSyntaxUID" not in getattr(dataset, "file_meta", {}):
                # Files without a meta header are plain; how they are encoded was seen while parsing.
                is_implicit, is_little = dataset.original_encoding
                dataset.ensure_file_meta()
                dataset.file_meta.TransferSyntaxUID = (
                    ImplicitVRLittleEndian
                    if is_implicit
                    else ExplicitVRLittleEndian
                    if is_little
                    else ExplicitVRBigEndian
                )
            self._open_path, self._open_dataset = path, dataset
        return self._open_dataset

    def _reason(self, path: Path) -> str:
        syntax = None
        if self._open_path == path and self._open_dataset is not None:
            named = self._open_dataset.file_meta.get("TransferSyntaxUID")
            syntax = named if isinstance(named, pydicom.uid.UID) else None  # damaged, it may be any text, or several
            if "PixelData" not in self._open_dataset:
                return "the file holds no picture, or was cut short. Copy it again."
        if syntax is not None and syntax.is_transfer_syntax and syntax.is_encapsulated:
            if syntax not in CODECS:
                return f"no decoder reads their compression ({syntax.name}). Export the series uncompressed."
            return f"the compressed data ({syntax.name}) is damaged or was cut short. Copy it again."
        if syntax is not None and not syntax.is_transfer_syntax:
            return "their transfer syntax is unknown. Export the series uncompressed."
        return "the file is damaged or was cut short. Copy it again."


def _can_hold_air(plane: NDArray) -> bool:
    return plane.dtype.kind == "f" or np.iinfo(plane.dtype).min <= AIR_HU


def _padded(plane: NDArray, is_padding: NDArray) -> NDArray:
    return np.where(is_padding, np.int32(AIR_HU), plane.astype(np.int32))


def _checked_codestream(dataset: pydicom.Dataset, header: ImageHeader) -> bytes:
    """Return a compressed frame; raise when it is another size than the header says, or a JPEG without its end."""
    num_frames = int(dataset.get("NumberOfFrames") or 1)
    codestream = get_frame(dataset.PixelData, header.frame or 0, number_of_frames=num_frames)
    size = frame_size(codestream)
    if size is not None and size != (header.rows, header.columns):
        raise VolumeError(
            f"{header.path.name} holds a compressed picture of {size[0]} x {size[1]} pixels where its header says "
            f"{header.rows} x {header.columns}. The file is damaged."
        )
    if not is_complete(codestream):
        raise VolumeError(f"The compressed picture of {header.path.name} was cut short. Copy the file again.")
    return codestream


def _without_spare_bits(plane: NDArray, dataset: pydicom.Dataset) -> NDArray:
    """Clear bits above HighBit (old overlays hide there) and shift a high-aligned value down; the sign is kept.

    Codecs other than RLE know the depth themselves, but leave the sign of shallow values to the reader.
    """
    allocated, stored = int(dataset.BitsAllocated), int(dataset.get("BitsStored", dataset.BitsAllocated))
    high = int(dataset.get("HighBit", stored - 1))
    if plane.dtype.kind not in "iu" or stored >= allocated or not stored - 1 <= high < allocated:
        return plane
    if 8 * plane.dtype.itemsize != allocated:
        return plane
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated and syntax != RLELossless:
        if plane.dtype.kind == "u" or plane.min() < 0 or plane.max() >= 1 << stored:
            return plane
        high = stored - 1
    spare_below = high - stored + 1
    if stored < MIN_BITS or (plane & ((1 << spare_below) - 1)).any():
        raise VolumeError(
            f"The header of an image says that {stored} of {allocated} bits count, up to bit {high} (BitsStored, HighBit), but "
            "its pixels do not look so. The header is damaged. Copy or export the series again."
        )
    return (plane << (allocated - 1 - high)) >> (allocated - stored)
