"""DICOM series made on the spot: every voxel's value is a known function of its place in the patient."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def hu_at_lps(points: NDArray) -> NDArray:
    """Return a HU for each LPS point (..., 3): linear, so that no two directions can be confused."""
    x, y, z = np.moveaxis(np.asarray(points, dtype=float), -1, 0)
    return np.rint(x + 10 * y - 3 * z + 40)


class SeriesWriter:
    """Writes images of one series; `rows` x `columns` of `pixel_spacing` (row step, column step)."""

    rows, columns = 6, 5
    pixel_spacing = (2.0, 3.0)

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.series_uid = generate_uid()
        self.study_uid = generate_uid()

    def image(
        self,
        name: str,
        position: Sequence[float],
        number: int | None,
        orientation: Sequence[float] = AXIAL,
        stored: NDArray | None = None,
        **elements: Any,
    ) -> pydicom.Dataset:
        """Write one image; its pixels follow `hu_at_lps` with intercept -1024 unless `stored` is given.

        None removes an element.
        """
        orientation = np.asarray(orientation, dtype=float)
        if stored is None:
            j, i = np.mgrid[: self.rows, : self.columns]
            points = (
                np.asarray(position)
                + i[..., None] * orientation[:3] * self.pixel_spacing[1]
                + j[..., None] * orientation[3:] * self.pixel_spacing[0]
            )
            stored = (hu_at_lps(points) + 1024).astype(np.uint16)
        dataset = pydicom.Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID = CTImageStorage
        dataset.SOPInstanceUID = generate_uid()
        dataset.SeriesInstanceUID = self.series_uid
        dataset.StudyInstanceUID = self.study_uid
        dataset.PatientName = "SECRET^NAME"
        dataset.PatientID = "SECRET-ID"
        dataset.Modality = "CT"
        dataset.SeriesNumber = 4
        dataset.InstanceNumber = number
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.ImagePositionPatient = [float(value) for value in position]
        dataset.ImageOrientationPatient = orientation.tolist()
        dataset.PixelSpacing = list(self.pixel_spacing)
        dataset.Rows, dataset.Columns = stored.shape
        dataset.SamplesPerPixel = 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit = 15
        dataset.PixelRepresentation = int(stored.dtype.kind == "i")
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
        dataset.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
        for keyword, value in elements.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(self.folder / name, enforce_file_format=True)
        return dataset

    def stack(
        self, z_mm: Sequence[float] = tuple(range(0, 40, 4)), first_number: int = 1, prefix: str = "im", **elements: Any
    ) -> None:
        """Write one axial image for each z; names do not follow the order."""
        for place, z in enumerate(z_mm):
            name = f"{prefix}{(place * 7 + 3) % 101:03d}"
            self.image(name, (-6.0, -10.0, z), first_number + place, **elements)


@pytest.fixture
def new_series(tmp_path: Path) -> Callable[..., SeriesWriter]:
    """Give a function that starts a series in the test's folder (or a folder below it)."""
    return lambda below="scan": SeriesWriter(tmp_path / below)


@pytest.fixture
def series(new_series: Callable[..., SeriesWriter]) -> SeriesWriter:
    """Give one series, still empty."""
    return new_series()


@pytest.fixture(scope="session")
def real_ct() -> Path:
    """Give the folder of real CT scans, or skip."""
    folder = os.environ.get("CT_GROUNDING_TEST_DATA")
    if not folder:
        pytest.skip("CT_GROUNDING_TEST_DATA is not set: real CT scans are not part of the project")
    return Path(folder)


@pytest.fixture
def assert_voxels_in_place() -> Callable[[Any], None]:
    """Give a check that every voxel of a volume holds what belongs to its world position."""

    def check(volume: Any) -> None:
        index = np.stack(np.meshgrid(*(np.arange(n) for n in volume.hu.shape), indexing="ij"), axis=-1)
        lps = volume.geometry.world_of_voxel(index) * (-1, -1, 1)
        np.testing.assert_array_equal(volume.hu, hu_at_lps(lps))

    return check
