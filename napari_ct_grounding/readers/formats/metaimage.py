"""MetaImage (.mha, and .mhd with data beside it) to a CT volume.

A header is some twenty lines "key = value", parsed here strictly; SimpleITK would read them, too, but weighs 264 MB, holds the
scan twice, and opens a header without orientation, or with a damaged number, without a word.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import GeometryError, VolumeError
from napari_ct_grounding.readers.formats.stored_volume import StoredVolume, in_millimetres
from napari_ct_grounding.readers.formats.text_header import (
    files_beside,
    next_line,
    numbered_names,
    numbers_of,
    whole_number_of,
)
from napari_ct_grounding.readers.formats.voxel_stream import GZIP_MAGIC, Coding, reading_errors_of

__all__ = ["describe_metaimage"]

#: Keys with the same meaning (MetaIO's history); the first is the one named in messages.
_KEYS = {
    "Offset": ("Offset", "Position", "Origin"),
    "TransformMatrix": ("TransformMatrix", "Rotation", "Orientation"),
    "ElementSpacing": ("ElementSpacing",),
    "ElementSize": ("ElementSize",),
    "ByteOrderMSB": ("ElementByteOrderMSB", "BinaryDataByteOrderMSB"),
    **{
        key: (key,)
        for key in (
            *(
                "ObjectType",
                "NDims",
                "DimSize",
                "ElementType",
                "ElementDataFile",
                "ElementNumberOfChannels",
                "HeaderSize",
            ),
            *("BinaryData", "CompressedData", "CenterOfRotation", "AnatomicalOrientation", "DistanceUnits"),
            *("ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset"),
        )
    },
}
_TYPES = {
    **{"MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4"},
    **{
        "MET_LONG": "i4",
        "MET_ULONG": "u4",
        "MET_LONG_LONG": "i8",
        "MET_ULONG_LONG": "u8",
        "MET_FLOAT": "f4",
        "MET_DOUBLE": "f8",
    },
}
_MILLIMETRES = {"": 1.0, "?": 1.0, "mm": 1.0, "cm": 10.0, "um": 1e-3}
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: Direction along each letter in LPS mm; a letter names the side where an axis begins.
_LETTERS = {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "I": (0, 0, 1), "S": (0, 0, -1)}


def describe_metaimage(path: Path) -> StoredVolume:
    """Return what the header of a MetaImage file says.

    Raises
    ------
    VolumeError
        When the file is no MetaImage, its header is damaged, or it holds colours.
    GeometryError
        When the header does not say how the voxels lie in the patient.
    """
    name = path.name
    with reading_errors_of(name), open(path, "rb") as stream:
        header, end, listed = _read_header(stream, name)
    if header.get("ObjectType", "Image").lower() != "image" or not {"NDims", "DimSize", "ElementType"} <= header.keys():
        raise VolumeError(
            f"{name} is not a MetaImage volume: its header does not begin as one, or lacks NDims, DimSize or ElementType."
        )
    num_axes = whole_number_of(header["NDims"], "NDims", name)
    dims = [whole_number_of(word, "DimSize", name) for word in header["DimSize"].split()]
    if num_axes != len(dims) or min(dims, default=0) < 1:
        raise VolumeError(f"{name} has a damaged header: its {num_axes} dimensions are {dims[:8]}.")
    if num_axes < 3 or num_axes > 4:
        what = "a picture, not a volume" if num_axes < 3 else "three, or four for several volumes, are read"
        raise VolumeError(f"{name} has {num_axes} axes ({' x '.join(map(str, dims[:8]))}): {what}.")
    num_channels = whole_number_of(header.get("ElementNumberOfChannels", "1"), "ElementNumberOfChannels", name)
    code = _TYPES.get(header["ElementType"].removesuffix("_ARRAY"))
    if code is None or num_channels < 1:
        raise VolumeError(
            f"{name} holds values of the type {header['ElementType'][:30]!r}; a CT has one number a voxel."
        )
    if num_channels > 1 and (num_axes == 4 or code == "u1"):
        raise VolumeError(f"{name} holds colours or vectors ({num_channels} values a voxel); a CT has one.")
    for key, usual in (("ElementToIntensityFunctionSlope", 1.0), ("ElementToIntensityFunctionOffset", 0.0)):
        if key in header and numbers_of(header[key], key, name, 1) != [usual]:
            raise VolumeError(
                f"{name} scales its values by {key}, which readers treat differently. Save it again without."
            )
    notes: list[str] = []
    affine = _affine(header, num_axes, name, notes)
    parts, offset, coding = _data(header, path, end, listed)
    if "ByteOrderMSB" not in header and coding != "text" and not code.endswith("1"):
        notes.append("The header names no byte order (ElementByteOrderMSB): the lower byte is taken to stand first.")
    return StoredVolume(
        name=name,
        title=re.sub(r"\.(mha|mhd)$", "", name, flags=re.IGNORECASE),
        affine=affine,
        shape=(dims[0], dims[1], dims[2]),
        dtype=np.dtype((">" if _is_true(header, "ByteOrderMSB", name) and coding != "text" else "<") + code),
        parts=parts,
        coding=coding,
        offset=offset,
        num_frames=num_channels if num_channels > 1 else (dims[3] if num_axes == 4 else 1),
        frame_axis=0 if num_channels > 1 else 3,
        notes=tuple(notes),
    )


def _read_header(stream: BinaryIO, name: str) -> tuple[dict[str, str], int, list[str]]:
    """Return the known keys, the place behind the header, and the lines that follow "ElementDataFile = LIST"."""
    by_spelling: dict[str, str] = {}
    while "ElementDataFile" not in by_spelling:
        line = next_line(stream, name)
        key, equals, value = (part.strip() for part in line.partition(b"="))
        if not equals or not re.fullmatch(rb"[\x20-\x7e]+", key):
            raise VolumeError(
                f"{name} is not a MetaImage file, or its header is damaged: it must be lines 'key = value', the last of them "
                "ElementDataFile. Copy or export the file again."
            )
        spelling = key.decode("ascii", "replace")
        if not any(spelling in spellings for spellings in _KEYS.values()):
            continue  # other keys say nothing about the grid, and may name a patient
        try:
            text = value.decode("utf-8" if spelling == "ElementDataFile" else "ascii")
        except UnicodeDecodeError as error:
            raise VolumeError(
                f"{name} has a damaged header: {spelling} holds bytes that are no text. Repair the header."
            ) from error
        if by_spelling.setdefault(spelling, text) != text:
            raise VolumeError(f"{name} has a damaged header: {spelling} stands there twice, with different values.")
    header: dict[str, str] = {}
    for name_of_key, spellings in _KEYS.items():
        found = {by_spelling[spelling] for spelling in spellings if spelling in by_spelling}
        if len(found) > 1:
            raise VolumeError(f"{name} has a damaged header: {', '.join(spellings)} differ. Repair the header.")
        if found:
            header[name_of_key] = found.pop()
    end = stream.tell()
    listed = []
    if header["ElementDataFile"].startswith("LIST"):
        while line := next_line(stream, name):
            listed.append(line.decode("utf-8", "replace").strip())
    return header, end, [item for item in listed if item]


def _is_true(header: dict[str, str], key: str, name: str, default: str = "False") -> bool:
    text = header.get(key, default).lower()
    if text not in ("true", "false", "1", "0"):
        raise VolumeError(
            f"{name} has a damaged header: {key} is {text[:20]!r}, but must be True or False. Repair the header."
        )
    return text in ("true", "1")


def _affine(header: dict[str, str], num_axes: int, name: str, notes: list[str]) -> NDArray[np.float64]:
    """Return stored voxel (x, y, z) to world RAS+ mm; MetaImage counts in LPS."""
    spacing = numbers_of(header.get("ElementSpacing", header.get("ElementSize", "")), "ElementSpacing", name, num_axes)
    if min(spacing[:3]) <= 0:
        raise GeometryError(
            f"{name} has voxels of {spacing[0]:g} x {spacing[1]:g} x {spacing[2]:g} mm (ElementSpacing); every size must be "
            "above 0. Repair the header."
        )
    letters = header.get("AnatomicalOrientation", "").upper()
    named = np.array([_LETTERS[letter] for letter in letters]) if re.fullmatch("[RLAPIS]{3}", letters) else None
    if "TransformMatrix" in header:
        matrix = np.array(numbers_of(header["TransformMatrix"], "TransformMatrix", name, num_axes**2)).reshape(
            num_axes, num_axes
        )
        if num_axes == 4 and (np.abs(matrix[3, :3]).max() > 0 or np.abs(matrix[:3, 3]).max() > 0):
            raise GeometryError(
                f"{name} turns the axis of its volumes into space (TransformMatrix). Save the volumes one by one."
            )
        directions = matrix[:3, :3]
        # ITK writes the letters beside the matrix and ignores them on reading; so do we, but not in silence.
        if (
            named is not None
            and not np.array_equal(named, np.rint(directions))
            and np.allclose(directions, np.rint(directions))
        ):
            notes.append(
                f"AnatomicalOrientation = {letters} does not fit TransformMatrix in the header; the matrix is used."
            )
    elif letters == "RAI":
        directions = np.eye(3)
        notes.append("The header holds no TransformMatrix: AnatomicalOrientation = RAI is taken as ITK writes it.")
    else:
        raise GeometryError(
            f"{name} does not say where left, front and head are: it holds no TransformMatrix"
            + (
                f", and AnatomicalOrientation = {letters[:9]} alone is understood differently by different programs. "
                if letters
                else ". "
            )
            + "Save it again with its orientation (3D Slicer), or, where slices are axial from feet to head and rows run "
            "from the patient's right to left, write 'TransformMatrix = 1 0 0 0 1 0 0 0 1' into the header."
        )
    if not (np.abs(np.linalg.norm(directions, axis=1) - 1) < 0.01).all():
        raise GeometryError(f"{name} has a TransformMatrix whose rows are no unit vectors. Repair the header.")
    center = numbers_of(header.get("CenterOfRotation", "0 " * num_axes), "CenterOfRotation", name, num_axes)
    if np.abs(center[:3]).max() > 0 and not np.allclose(directions, np.eye(3)):
        raise GeometryError(
            f"{name} is turned about a CenterOfRotation other than 0, which programs understand differently. "
            "Save it again with the centre at 0 (3D Slicer, SimpleITK)."
        )
    affine = np.eye(4)
    affine[:3, :3] = directions.T * spacing[:3]
    if "Offset" in header:
        affine[:3, 3] = numbers_of(header["Offset"], "Offset", name, num_axes)[:3]
    else:
        notes.append("The header names no origin (Offset): positions in mm count from the first voxel.")
    unit = header.get("DistanceUnits", "").lower()
    if unit not in _MILLIMETRES:
        raise GeometryError(
            f"{name} counts in units that are not known: DistanceUnits = {unit[:20]!r}. Write mm, cm or um."
        )
    return in_millimetres(_LPS_TO_RAS @ affine, _MILLIMETRES[unit], unit, notes)


def _data(
    header: dict[str, str], path: Path, end: int, listed: list[str]
) -> tuple[tuple[Path, ...], int | None, Coding]:
    """Return the files that hold the voxels, where in them to begin, and how they are packed."""
    name, spec = path.name, header["ElementDataFile"]
    offset: int | None = max(0, whole_number_of(header.get("HeaderSize", "0"), "HeaderSize", name))
    if header.get("HeaderSize", "0").strip() == "-1":
        offset = None
    words = spec.split()
    if spec in ("LOCAL", "Local", "local"):
        parts: tuple[Path, ...] = (path,)
        offset = end
    elif words and words[0] == "LIST":
        parts = files_beside(path, listed)
    elif len(words) in (3, 4) and "%" in words[0]:
        first, last, step = (whole_number_of(word, "ElementDataFile", name) for word in [*words[1:], "1"][:3])
        parts = files_beside(path, numbered_names(words[0], first, last, step))
    else:
        parts = files_beside(path, [spec])
    if not _is_true(header, "BinaryData", name, "True"):
        return parts, offset, "text"
    if not _is_true(header, "CompressedData", name):
        return parts, offset, "raw"
    with reading_errors_of(name), open(parts[0], "rb") as stream:
        stream.seek(offset or 0)
        start = stream.read(2)
    return parts, offset or 0, "gzip" if start == GZIP_MAGIC else "zlib"
