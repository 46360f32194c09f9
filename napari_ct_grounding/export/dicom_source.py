"""The DICOM images behind the slices of a walk: what a DICOM object needs to refer to them.

Read from the files when an object is written, since a volume keeps no patient data. Only the elements listed here are ever read;
without consent the patient's are blank before anything is built from them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.export.walk import Patient, Walk
from napari_ct_grounding.readers.dicom.file import open_dataset
from napari_ct_grounding.readers.dicom.header import PYDICOM_ERRORS, ImageHeader, quiet_pydicom
from napari_ct_grounding.readers.reading import scan_source

if TYPE_CHECKING:
    import pydicom

__all__ = ["DicomSlices", "PathOrPaths", "patient_of", "read_slices"]

PathOrPaths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

_NOT_DICOM = (
    "DICOM objects refer to the DICOM images of a scan, and this scan was not read from any. Open the DICOM series, or choose "
    "another form."
)

_IDENTITY = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "ReferringPhysicianName")
_STUDY = ("StudyInstanceUID", "StudyID", "StudyDate", "StudyTime")
_IMAGE = (*("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality", "Rows", "Columns", "NumberOfFrames"),)


@dataclass(frozen=True, eq=False)
class DicomSlices:
    """Headers of the images that slices of a walk were made of.

    Parameters
    ----------
    datasets : mapping of int to pydicom.Dataset
        From slice index to the few elements that a reference needs; the identity of the patient is blank unless asked for.
    frames : mapping of int to int
        From slice index to the number of the frame (from 1), for images of several frames.
    """

    datasets: Mapping[int, pydicom.Dataset]
    frames: Mapping[int, int]

    @property
    def evidence(self) -> list[pydicom.Dataset]:
        """Every image once."""
        return list({str(dataset.SOPInstanceUID): dataset for dataset in self.datasets.values()}.values())


def read_slices(
    source: PathOrPaths | None, walk: Walk, slice_indices: Iterable[int], *, with_patient: bool = False
) -> DicomSlices:
    """Return the headers of the images behind some slices.

    Parameters
    ----------
    source : path or paths, or None
        Where the scan was read from.
    walk : Walk
        With the SOPInstanceUIDs of its slice table (before `Walk.without_identity`).
    slice_indices : iterable of int
    with_patient : bool
        Whether the patient's identity stays in the headers.

    Raises
    ------
    InputError
        When the scan was not read from DICOM, or an image is no longer where it was.
    """
    table = walk.scan.slice_table
    wanted = {index: table[index] for index in dict.fromkeys(slice_indices)}
    if source is None or not wanted or any(record.sop_instance_uid is None for record in wanted.values()):
        raise InputError(_NOT_DICOM)
    datasets: dict[int, pydicom.Dataset] = {}
    frames: dict[int, int] = {}
    with scan_source(source) as content:
        if isinstance(content, Path):
            raise InputError(_NOT_DICOM)
        headers: dict[str, list[ImageHeader]] = {}
        for stack in content.stacks:
            for header in stack.headers:
                headers.setdefault(header.sop_uid, []).append(header)
        for index, record in wanted.items():
            found = headers.get(record.sop_instance_uid or "", [])
            image = next((one for one in found if one.instance_number == record.image_number), None)
            if image is None:
                raise InputError(
                    f"The DICOM image of {walk.scan.slice_name(index).lower()} is no longer where the scan was read from. "
                    "Put the images back, or choose another form."
                )
            datasets[index] = _dataset(image.path, with_patient=with_patient)
            if image.frame is not None:
                frames[index] = image.frame + 1
    return DicomSlices(datasets, frames)


def patient_of(source: PathOrPaths | None, walk: Walk) -> Patient | None:
    """Return whose scan it is; None where it was not read from DICOM."""
    try:
        slices = read_slices(source, walk, [0], with_patient=True)
    except InputError:
        return None
    dataset = slices.datasets[0]
    name = " ".join(str(dataset.PatientName).replace("^", " ").split())
    return Patient(name, str(dataset.PatientID), str(dataset.PatientBirthDate))


def _dataset(path: Path, *, with_patient: bool) -> pydicom.Dataset:
    """Read the elements that a reference needs; those that DICOM asks for and nobody may know are empty."""
    import pydicom

    with quiet_pydicom():
        try:
            read = open_dataset(
                path, stop_before_pixels=True, specific_tags=["SpecificCharacterSet", *_IDENTITY, *_STUDY, *_IMAGE]
            )
            dataset = pydicom.Dataset()
            for name in (*_IDENTITY, *_STUDY):
                # As text: the new object has a character set of its own.
                value = read.get(name) if with_patient or name in _STUDY else None
                setattr(dataset, name, "" if value is None else str(value))
            for name in _IMAGE:
                if (value := read.get(name)) not in (None, ""):
                    setattr(dataset, name, value)
        except PYDICOM_ERRORS as error:
            raise InputError(f"The DICOM image {path.name} cannot be read any more. Choose another form.") from error
    return dataset
