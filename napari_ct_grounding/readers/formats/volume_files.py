"""Formats that keep a whole volume in one file, or in a header with its data beside it: which reader opens which.

Importing this module loads none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume

if TYPE_CHECKING:
    from napari_ct_grounding.readers.formats.stored_volume import StoredVolume

__all__ = ["VOLUME_ENDINGS", "is_volume_file", "read_volume_file", "read_volume_file_geometry"]

_NIFTI = ("nifti", "describe_nifti")
_NRRD = ("nrrd", "describe_nrrd")
_METAIMAGE = ("metaimage", "describe_metaimage")
_BY_ENDING = {
    ".nii": _NIFTI,
    ".nii.gz": _NIFTI,
    ".nrrd": _NRRD,
    ".nhdr": _NRRD,
    ".mha": _METAIMAGE,
    ".mhd": _METAIMAGE,
}
#: Endings of files that are surely meant for these readers, in lower case.
VOLUME_ENDINGS = tuple(_BY_ENDING)
#: Endings that other programs use as well: the content decides.
_PAIR_ENDINGS = (".hdr", ".img", ".hdr.gz", ".img.gz")


def is_volume_file(path: Path) -> bool:
    """Whether a file is one for these readers, by its name or its first bytes. Raises OSError when it cannot be opened."""
    return _reader_of(path) is not None


def read_volume_file(path: Path, frame: int | None = None) -> CTVolume:
    """Return the CT volume of a file; the values are not checked for being HU.

    Parameters
    ----------
    path : Path
        A file for which `is_volume_file` holds.
    frame : int, optional
        Which volume of a file with several, from 0.

    Raises
    ------
    VolumeError
        When the file is damaged, not three-dimensional, or larger than any CT; `FrameNeededError` when it holds several volumes
        and `frame` is not given; `GeometryError` when the header gives no usable grid.
    """
    from napari_ct_grounding.readers.formats.stored_volume import load_volume

    return load_volume(_describe(path), frame)


def read_volume_file_geometry(path: Path) -> VolumeGeometry:
    """Return the canonical grid that the header of a file names, without its voxels; raises as `read_volume_file`."""
    from napari_ct_grounding.readers.formats.stored_volume import stored_geometry

    return stored_geometry(_describe(path))


def _describe(path: Path) -> StoredVolume:
    module, function = _reader_of(path) or _NIFTI
    describe: Callable[[Path], StoredVolume] = getattr(import_module(f"{__package__}.{module}"), function)
    return describe(path)


def _reader_of(path: Path) -> tuple[str, str] | None:
    name = path.name.lower()
    for ending, reader in _BY_ENDING.items():
        if name.endswith(ending):
            return reader
    if name.endswith(_PAIR_ENDINGS):
        from napari_ct_grounding.readers.formats.nifti import pair_of, starts_like_nifti_header

        return _NIFTI if starts_like_nifti_header(pair_of(path)[0]) else None
    return _by_content(path)


def _by_content(path: Path) -> tuple[str, str] | None:
    with open(path, "rb") as stream:
        start = stream.read(352)
    if start[344:347] == b"n+1" or start[4:7] == b"n+2":  # gzipped files need their name: any archive may be gzipped
        return _NIFTI
    if start.startswith(b"NRRD000"):
        return _NRRD
    return _METAIMAGE if start.startswith((b"ObjectType = Image", b"ObjectType=Image")) else None
