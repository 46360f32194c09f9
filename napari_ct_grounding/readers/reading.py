"""One door for every file: `read_volume` and `list_series`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from napari_ct_grounding.core.errors import InputError, UnevenSpacingError, VolumeError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume, check_hounsfield
from napari_ct_grounding.readers.dicom_header import PYDICOM_ERRORS, is_dicom_file, read_headers
from napari_ct_grounding.readers.dicom_index import DicomFolder, DicomStack, dicom_files, index_files
from napari_ct_grounding.readers.dicom_stack import load_stack, plan_stack
from napari_ct_grounding.readers.series import SeriesInfo, is_axial, sorted_by_likelihood
from napari_ct_grounding.readers.volume_files import (
    VOLUME_ENDINGS,
    is_volume_file,
    read_volume_file,
    read_volume_file_geometry,
)

__all__ = ["OpenedScan", "list_series", "open_scan", "read_volume"]

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
        file, or several files of one series.
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
    """A volume, the series among which it was chosen (likeliest first), its key among them, and the DICOM files it came from."""

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
    source = _source(path)
    files: tuple[Path, ...] = ()
    if isinstance(source, Path):
        volume = read_volume_file(source, frame)
        infos, key = [_describe_file(source.name, volume.geometry)], source.name
    else:
        if frame is not None:
            raise InputError("frame= chooses a volume of a 4D file (NIfTI, NRRD, MetaImage); for DICOM choose with series=.")
        infos = sorted_by_likelihood([_describe(stack) for stack in source.stacks])
        stack = _choose(source, infos, series)
        volume, key = load_stack(stack, plan_stack(stack, uneven), assume_hu), stack.key
        files = tuple(header.path for header in stack.headers)
        if source.num_damaged:
            damaged = (
                f"{source.num_damaged} damaged DICOM file{'s were' if source.num_damaged > 1 else ' was'} left out."
            )
            volume = replace(volume, notes=(*volume.notes, damaged))
    if not assume_hu:
        check_hounsfield(volume.hu)
    return OpenedScan(volume, tuple(infos), key, files)


def list_series(path: PathLike | Sequence[PathLike]) -> list[SeriesInfo]:
    """Return what could be opened under `path`, the likeliest first; stacks that cannot be opened are last, with the reason.

    Only headers are read. Raises `VolumeError` when there is nothing that looks like a scan.
    """
    source = _source(path)
    if isinstance(source, Path):
        return [_describe_file(source.name, read_volume_file_geometry(source))]
    return sorted_by_likelihood([_describe(stack) for stack in source.stacks])


def _source(path: PathLike | Sequence[PathLike]) -> Path | DicomFolder:
    """Return the NIfTI file, or the index of the DICOM files, that `path` means."""
    if not isinstance(path, (str, os.PathLike)):
        paths = [Path(item) for item in path]
        if len(paths) != 1:
            return _index_of_list(paths)
        path = paths[0]
    path = Path(path)
    try:
        if path.is_dir():
            return _index_of_folder(path)
        if not path.is_file():
            raise VolumeError(f"There is no file or folder named {path.name}.")
        if is_volume_file(path):
            return path
        if is_dicom_file(path):
            return _index_of_series(path)
    except OSError as error:
        raise VolumeError(f"{path.name} cannot be read ({error.strerror or 'input error'}).") from error
    raise VolumeError(
        f"{path.name} is neither DICOM nor NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr) or MetaImage (.mha, .mhd). Open one of "
        "these, or a DICOM folder."
    )


def _index_of_folder(folder: Path) -> DicomFolder:
    files = dicom_files(folder)
    index = index_files(files)
    if index.stacks:
        return index
    if files:
        raise VolumeError(
            f"The folder holds {len(files)} DICOM file{'s' * (len(files) > 1)} but no images "
            "(reports, plans or segmentations, or damaged files)."
        )
    num_volumes = sum(item.name.lower().endswith(VOLUME_ENDINGS) for item in folder.iterdir())
    found = f"It holds {num_volumes} file{'s' * (num_volumes > 1)} of NIfTI, NRRD or MetaImage; open one of them."
    hint = found if num_volumes else ""
    raise VolumeError(f"The folder holds no DICOM images. {hint}".strip())


def _index_of_list(paths: list[Path]) -> DicomFolder:
    if not paths:
        raise VolumeError("No file was given.")
    index = index_files([path for path in paths if path.is_file() and is_dicom_file(path)])
    if not index.stacks:
        raise VolumeError(
            f"None of the {len(paths)} files is a DICOM image. Several files can be opened only as one DICOM series."
        )
    return index


def _index_of_series(path: Path) -> DicomFolder:
    """Index the folder of a DICOM file and keep the stack to which the file belongs."""
    index = index_files(dicom_files(path.parent, recursive=False))
    mine = tuple(stack for stack in index.stacks if any(header.path == path for header in stack.headers))
    if mine:
        return DicomFolder(mine, index.num_damaged, index.num_without_images)
    # The file itself may have been left out of its series (a localizer, say): then the rest of that series is meant.
    uids = _series_uids(path)
    if rest := tuple(stack for stack in index.stacks if stack.headers[0].series_uid in uids):
        return DicomFolder(rest, index.num_damaged, index.num_without_images)
    raise VolumeError(
        f"{path.name} is DICOM but holds no readable image (a report, a plan, a segmentation, or damaged)."
    )


def _series_uids(path: Path) -> set[str]:
    try:
        return {header.series_uid for header in read_headers(path)}
    except PYDICOM_ERRORS:
        return set()


def _describe_file(name: str, geometry: VolumeGeometry) -> SeriesInfo:
    low, high = geometry.z_extent_mm
    return SeriesInfo(name, "", None, "", geometry.shape[0], geometry.spacing_mm, "", True, high - low)


def _describe(stack: DicomStack) -> SeriesInfo:
    first = stack.headers[0]
    info = SeriesInfo(
        key=stack.key,
        description=first.description,
        number=first.series_number,
        modality=first.modality,
        num_images=len(stack.headers),
        kernel=first.kernel,
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
