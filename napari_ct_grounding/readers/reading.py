"""One door for every file: `read_volume` and `list_series`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from napari_ct_grounding.core.errors import InputError, UnevenSpacingError, VolumeError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume, check_hounsfield
from napari_ct_grounding.readers.archive import extracted, is_zip_file
from napari_ct_grounding.readers.dicom.file import is_dicom_file
from napari_ct_grounding.readers.dicom.index import DicomFolder, DicomStack
from napari_ct_grounding.readers.dicom.source import index_of_file, index_of_folder, index_of_list
from napari_ct_grounding.readers.dicom.stack import load_stack, plan_stack
from napari_ct_grounding.readers.formats.volume_files import (
    is_volume_file,
    read_volume_file,
    read_volume_file_geometry,
)
from napari_ct_grounding.readers.series import SeriesInfo, is_axial, sorted_by_likelihood

__all__ = ["OpenedScan", "list_series", "open_scan", "read_volume", "scan_source"]

PathLike = str | os.PathLike[str]


def read_volume(
    path: PathLike | Sequence[PathLike],
    series: str | int | None = None,
    uneven: Literal["refuse", "resample"] = "refuse",
    frame: int | None = None,
    assume_hu: bool = False,
) -> CTVolume:
    """Return the CT volume of a file (NIfTI, NRRD, MetaImage), a DICOM folder, a DICOM file (with its series), or DICOM files.

    Parameters
    ----------
    path : path or sequence of paths
        `.nii`, `.nii.gz`, `.hdr`, `.img`, `.nrrd`, `.nhdr`, `.mha`, `.mhd`, a folder with DICOM at any depth, a single DICOM
        file, a DICOMDIR, several files of one series, or a zip archive of one of these.
    series : str or int, optional
        Which series of a folder: a key of `list_series`, or a SeriesNumber. By default the likeliest.
    uneven : {"refuse", "resample"}
        What to do with unevenly spaced slices: refuse, naming the gaps, or interpolate onto an even grid with a note.
    frame : int, optional
        Which volume of a file with several (4D), from 0.
    assume_hu : bool
        Skip the check that the values are Hounsfield units.

    Returns
    -------
    CTVolume
        Canonical orientation; int16 wherever that is exact.

    Raises
    ------
    VolumeError
        When there is no CT volume; `GeometryError` when the grid is uneven or unknown; `NotHounsfieldError` when the values
        are no Hounsfield units. Messages hold file names, never folders.
    """
    return open_scan(path, series, uneven, frame, assume_hu).volume


@dataclass(frozen=True, eq=False)
class OpenedScan:
    """A volume, the series among which it was chosen (likeliest first), its key among them, and the DICOM files it came from.

    The files of a zip archive are gone by then.
    """

    volume: CTVolume
    series: tuple[SeriesInfo, ...]
    key: str
    files: tuple[Path, ...] = ()


def open_scan(
    path: PathLike | Sequence[PathLike],
    series: str | int | None = None,
    uneven: Literal["refuse", "resample"] = "refuse",
    frame: int | None = None,
    assume_hu: bool = False,
) -> OpenedScan:
    """Return what `read_volume` returns together with the list of series, indexing the folder once. Same parameters."""
    if uneven not in ("refuse", "resample"):
        raise InputError(f"uneven={uneven!r} is not known; it is 'refuse' or 'resample'.")
    with scan_source(path) as source:
        scan = (
            _open_file(source, frame)
            if isinstance(source, Path)
            else _open_stack(source, series, uneven, frame, assume_hu)
        )
        if not assume_hu:
            check_hounsfield(scan.volume.hu)
        return scan


def _open_file(path: Path, frame: int | None) -> OpenedScan:
    volume = read_volume_file(path, frame)
    return OpenedScan(volume, (_describe_file(path.name, volume.geometry),), path.name)


def _open_stack(
    index: DicomFolder,
    series: str | int | None,
    uneven: Literal["refuse", "resample"],
    frame: int | None,
    assume_hu: bool,
) -> OpenedScan:
    if frame is not None:
        raise InputError(
            "frame= chooses a volume of a 4D file (NIfTI, NRRD, MetaImage); for DICOM choose with series=."
        )
    infos = _describe_all(index)
    stack = _choose(index, infos, series)
    volume = load_stack(stack, plan_stack(stack, uneven), assume_hu)
    notes = list(volume.notes)
    studies = index.studies
    if len(studies) > 1:
        place = studies.index(stack.headers[0].study_uid) + 1
        notes.append(f"There are {len(studies)} studies here; this is study {place}.")
    if num := index.num_damaged:
        notes.append(f"{num} damaged DICOM file{'s were' if num > 1 else ' was'} left out.")
    if num := index.num_missing:
        notes.append(
            f"The DICOMDIR names {num} image{'s' if num > 1 else ''} that {'are' if num > 1 else 'is'} not there."
        )
    files = tuple(header.path for header in stack.headers)
    return OpenedScan(replace(volume, notes=tuple(notes)), tuple(infos), stack.key, files)


def list_series(path: PathLike | Sequence[PathLike]) -> list[SeriesInfo]:
    """Return what could be opened under `path`, the likeliest first; stacks that cannot be opened are last, with the reason.

    Only headers are read. Raises `VolumeError` when there is nothing that looks like a scan.
    """
    with scan_source(path) as source:
        if isinstance(source, Path):
            return [_describe_file(source.name, read_volume_file_geometry(source))]
        return _describe_all(source)


@contextmanager
def scan_source(path: PathLike | Sequence[PathLike]) -> Iterator[Path | DicomFolder]:
    """Give the file of a volume, or the index of the DICOM files, that `path` means; a zip stays unpacked for the time of it."""
    paths = [Path(path)] if isinstance(path, (str, os.PathLike)) else [Path(item) for item in path]
    if len(paths) != 1:
        yield index_of_list(paths)
        return
    with ExitStack() as stack:
        path = paths[0]
        try:
            if path.is_file() and is_zip_file(path):
                source = _content_of_zip(stack.enter_context(extracted(path)), path.name)
            else:
                source = _content_of(path)
        except OSError as error:
            raise VolumeError(f"{path.name} cannot be read ({error.strerror or 'input error'}).") from error
        yield source


def _content_of(path: Path) -> Path | DicomFolder:
    if path.is_dir():
        return index_of_folder(path)
    if not path.is_file():
        raise VolumeError(f"There is no file or folder named {path.name}.")
    if is_volume_file(path):
        return path
    if is_dicom_file(path):
        return index_of_file(path)
    raise VolumeError(
        f"{path.name} is neither DICOM nor NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd) or a zip of one. "
        "Open one of these, or a DICOM folder."
    )


def _content_of_zip(folder: Path, name: str) -> Path | DicomFolder:
    """Return what an unpacked archive holds: DICOM images, or else the one file of another format."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    if any(is_dicom_file(path) for path in files):
        return index_of_folder(folder)
    volumes = [path for path in files if is_volume_file(path)]
    if len(volumes) == 1:
        return volumes[0]
    if volumes:
        names = ", ".join(path.name for path in volumes[:3])
        raise VolumeError(
            f"{name} holds {len(volumes)} volumes ({names}); one can be opened. Unpack it and open one of them."
        )
    raise VolumeError(f"{name} holds no DICOM images and no file of NIfTI, NRRD or MetaImage.")


def _describe_file(name: str, geometry: VolumeGeometry) -> SeriesInfo:
    low, high = geometry.z_extent_mm
    return SeriesInfo(name, "", None, "", geometry.shape[0], geometry.spacing_mm, "", True, high - low)


def _describe_all(index: DicomFolder) -> list[SeriesInfo]:
    """Return all stacks, the likeliest first, with labels that tell apart what bears the same number."""
    studies = index.studies
    infos = []
    for stack in index.stacks:
        info = _describe(stack)
        if len(studies) > 1:
            first = stack.headers[0]
            info = replace(info, study=_study_name(studies.index(first.study_uid) + 1, first.study_date))
        infos.append(info)
    return sorted_by_likelihood(infos)


def _study_name(place: int, date: str) -> str:
    is_date = len(date) == 8 and date.isdigit()
    return f"Study {place} ({date[:4]}-{date[4:6]}-{date[6:]})" if is_date else f"Study {place}"


def _describe(stack: DicomStack) -> SeriesInfo:
    first = stack.headers[0]
    info = SeriesInfo(
        key=stack.key,
        description=first.description,
        number=first.series_number,
        modality=first.modality,
        num_images=len(stack.headers),
        kernel=first.kernel,
        detail=stack.detail,
    )
    try:
        geometry = plan_stack(stack).geometry
    except VolumeError as error:
        problem = error.problem if isinstance(error, UnevenSpacingError) else None
        return replace(info, reason=problem or str(error), is_uneven=problem is not None)
    z, y, x = geometry.spacing_mm
    return replace(info, spacing_mm=(z, y, x), is_axial=is_axial(geometry), length_mm=z * (geometry.shape[0] - 1))


def _choose(index: DicomFolder, infos: list[SeriesInfo], series: str | int | None) -> DicomStack:
    by_key = {stack.key: stack for stack in index.stacks}
    if series is None:
        return by_key[infos[0].key]
    if isinstance(series, str) and series in by_key:
        return by_key[series]
    numbered = [info for info in infos if info.number is not None and str(info.number) == str(series)]
    usable = [info for info in numbered if info.is_usable] or numbered
    if len(usable) == 1:
        return by_key[usable[0].key]
    known = ", ".join(sorted({str(info.number) for info in infos if info.number is not None})) or "none has a number"
    if usable:
        raise VolumeError(f"{len(usable)} stacks have the series number {series}. Choose one by its key (list_series).")
    raise VolumeError(f"There is no series {series!r} here; series numbers found: {known}. list_series names the keys.")
