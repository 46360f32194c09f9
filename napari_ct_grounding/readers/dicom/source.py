"""Which DICOM images a folder, a file or a list of files means."""

from __future__ import annotations

from pathlib import Path

from napari_ct_grounding.core.errors import VolumeError
from napari_ct_grounding.readers.dicom.file import DamagedDicomError, is_dicom_file
from napari_ct_grounding.readers.dicom.header import PYDICOM_ERRORS, read_headers
from napari_ct_grounding.readers.dicom.index import DicomFolder, index_dicomdir, index_files, index_folder
from napari_ct_grounding.readers.formats.volume_files import VOLUME_ENDINGS

__all__ = ["index_of_file", "index_of_folder", "index_of_list"]


def index_of_folder(folder: Path) -> DicomFolder:
    """Return the images below a folder, or raise a `VolumeError` that says what it holds instead."""
    index = index_folder(folder)
    if index.stacks:
        return index
    if num := index.num_files:
        raise VolumeError(f"The folder holds {num} DICOM file{'s' * (num > 1)} but no images: {_what_else(index)}.")
    num_volumes = sum(item.name.lower().endswith(VOLUME_ENDINGS) for item in folder.iterdir())
    found = f"It holds {num_volumes} file{'s' * (num_volumes > 1)} of NIfTI, NRRD or MetaImage; open one of them."
    raise VolumeError(f"The folder holds no DICOM images. {found if num_volumes else ''}".strip())


def index_of_list(paths: list[Path]) -> DicomFolder:
    """Return the images among several files, or raise."""
    if not paths:
        raise VolumeError("No file was given.")
    index = index_files([path for path in paths if path.is_file() and is_dicom_file(path)])
    if not index.stacks:
        raise VolumeError(
            f"None of the {len(paths)} files is a DICOM image. Several files can be opened only as one DICOM series."
        )
    return index


def index_of_file(path: Path) -> DicomFolder:
    """Return the series to which a DICOM file belongs, out of the file's folder; for a DICOMDIR the images that it names."""
    if path.name.upper() == "DICOMDIR":
        try:
            index = index_dicomdir(path)
        except PYDICOM_ERRORS:
            index = index_folder(path.parent)
        if not index.stacks:
            raise VolumeError(
                "The DICOMDIR names no images that are here. Copy the whole disk, not the DICOMDIR alone."
            )
        return index
    index = index_folder(path.parent, recursive=False)
    mine = [stack for stack in index.stacks if any(header.path == path for header in stack.headers)]
    if mine:
        return index.only(mine)
    # The file itself may have been left out of its series (a localizer, say): then the rest of that series is meant.
    uids = _series_uids(path)
    if rest := [stack for stack in index.stacks if stack.headers[0].series_uid in uids]:
        return index.only(rest)
    raise VolumeError(f"{path.name} is DICOM but holds no image: it is a report, a plan or a segmentation.")


def _series_uids(path: Path) -> set[str]:
    try:
        return {header.series_uid for header in read_headers(path)}
    except DamagedDicomError as error:
        raise VolumeError(f"{path.name} is damaged: {error}. Copy or export it again.") from error
    except PYDICOM_ERRORS as error:
        raise VolumeError(f"{path.name} is a damaged DICOM file. Copy or export it again.") from error


def _what_else(index: DicomFolder) -> str:
    parts = []
    if num := index.num_damaged:
        parts.append(f"{num} damaged" + (f" ({index.damage})" if index.damage else ""))
    if num := index.num_without_images:
        parts.append(f"{num} of another kind (reports, plans, segmentations)")
    return " and ".join(parts)
