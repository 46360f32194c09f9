"""DICOM series written from the small phantom, and the truth of what was written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from tests.readers.case import Truth, Written, phantom_grid

__all__ = ["AXIAL", "Image", "Series", "axial_images", "dataset_of", "save", "truth_of", "written"]

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True, eq=False)
class Image:
    """One slice: its HU (rows, columns), the LPS position of its first pixel and its two directions, mm."""

    hu: NDArray
    position: tuple[float, float, float]
    orientation: tuple[float, ...] = AXIAL
    pixel_spacing: tuple[float, float] = (20.0, 20.0)
    number: int | None = 1
    elements: dict[str, Any] = field(default_factory=dict)

    def having(self, **elements: Any) -> Image:
        """Return the same image with more elements of its header set; None removes one."""
        return replace(self, elements={**self.elements, **elements})


@dataclass(frozen=True)
class Series:
    """The names under which images are written: they belong together where these agree."""

    number: int | None = 4
    uid: str = field(default_factory=generate_uid)
    study_uid: str = field(default_factory=generate_uid)


def axial_images(num: int = 8, step_mm: float = 12.0, first_number: int = 1) -> list[Image]:
    """Return slices of the phantom from the feet upwards, as a scanner writes a patient lying on the back."""
    array, affine = phantom_grid()
    nx, ny, nz = array.shape
    x, y, z = affine[:3, :3] @ (nx - 1, ny - 1, 0) + affine[:3, 3]
    # Columns run to the patient's left and rows to the back: against both axes of the RAS array.
    return [Image(array[::-1, ::-1, k % nz].T, (-x, -y, z + k * step_mm), number=first_number + k) for k in range(num)]


def truth_of(images: Iterable[Image], **facts: Any) -> Truth:
    """Return the point and the HU of every pixel, straight from the plane equation (DICOM PS3.3, C.7.6.2.1.1)."""
    points, values = [], []
    for image in images:
        rows, columns = np.mgrid[: image.hu.shape[0], : image.hu.shape[1]]
        along_row, along_column = np.array(image.orientation[:3]), np.array(image.orientation[3:])
        lps = (
            np.array(image.position)
            + columns[..., None] * image.pixel_spacing[1] * along_row
            + rows[..., None] * image.pixel_spacing[0] * along_column
        )
        points.append(lps.reshape(-1, 3) * (-1, -1, 1))
        values.append(image.hu.reshape(-1))
    return Truth(np.concatenate(points), np.concatenate(values), **facts)


def dataset_of(image: Image, series: Series, intercept: int = -1024) -> pydicom.Dataset:
    """Return the image as a classic CT object, unsigned 16 bits with this intercept."""
    stored = (image.hu.astype(np.int32) - intercept).astype(np.uint16)
    dataset = pydicom.Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID = series.uid, series.study_uid
    dataset.PatientName, dataset.PatientID = "SECRET^NAME", "SECRET-ID"
    dataset.Modality = "CT"
    dataset.SeriesNumber, dataset.InstanceNumber = series.number, image.number
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImagePositionPatient = [round(float(value), 6) for value in image.position]
    dataset.ImageOrientationPatient = [round(float(value), 9) for value in image.orientation]
    dataset.PixelSpacing = list(image.pixel_spacing)
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, intercept
    dataset.PixelData = stored.astype("<u2").tobytes()
    for keyword, value in image.elements.items():
        if value is None:
            delattr(dataset, keyword)
        elif isinstance(value, pydicom.DataElement):
            dataset.add(value)
        else:
            setattr(dataset, keyword, value)
    return dataset


def save(dataset: pydicom.Dataset, path: Path, syntax: UID = ExplicitVRLittleEndian) -> None:
    """Write a data set with preamble and meta header; compressed data sets keep their own transfer syntax."""
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def written(
    folder: Path,
    images: Sequence[Image],
    series: Series | None = None,
    prefix: str = "IM",
    edit: Callable[[pydicom.Dataset], None] | None = None,
    **elements: Any,
) -> Written:
    """Write the images into the folder under names that say nothing about their order; the truth is all of them.

    Parameters
    ----------
    folder, images, series, prefix
        `series` is a new one by default.
    edit : callable, optional
        Called with each data set before it is saved.
    **elements
        Set in every header; None removes one.
    """
    series = series or Series()
    for place, image in enumerate(images):
        dataset = dataset_of(image.having(**elements), series)
        if edit is not None:
            edit(dataset)
        save(dataset, folder / f"{prefix}{(place * 37 + 11) % 101:04d}")
    return Written(folder, truth_of(images))
