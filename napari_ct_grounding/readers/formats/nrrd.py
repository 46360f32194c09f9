"""NRRD (.nrrd, and .nhdr with data beside it) to a CT volume.

pynrrd, pure Python and small, parses the fields; the voxels are streamed here, because pynrrd unpacks a file whole before it
looks at its size, and SimpleITK (264 MB installed) holds the scan twice and invents an orientation for a file that names none.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, BinaryIO

import nrrd
import numpy as np
from nrrd.errors import NRRDError
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
from napari_ct_grounding.readers.formats.voxel_stream import Coding, reading_errors_of

__all__ = ["describe_nrrd"]

_ALIASES = {"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip", "centers": "centerings"}
#: Fields that decide where voxels lie and what they are.
_NEEDED = (
    *("dimension", "type", "sizes", "encoding", "endian", "kinds", "data file", "line skip", "byte skip"),
    *("space", "space dimension", "space directions", "space origin", "space units"),
)
_UNUSED = (
    *(
        "content",
        "number",
        "block size",
        "blocksize",
        "spacings",
        "thicknesses",
        "axis mins",
        "axismins",
        "axis maxs",
        "axismaxs",
    ),
    *(
        "centerings",
        "labels",
        "units",
        "min",
        "max",
        "old min",
        "oldmin",
        "old max",
        "oldmax",
        "sample units",
        "sampleunits",
    ),
    "measurement frame",
)
_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_TYPE_CODES = {word: code for code, words in _TYPES.items() for word in words}
_CODINGS: dict[str, Coding] = {
    **dict.fromkeys(("raw",), "raw"),
    **dict.fromkeys(("txt", "text", "ascii"), "text"),
    **dict.fromkeys(("gz", "gzip"), "gzip"),
    **dict.fromkeys(("bz2", "bzip2"), "bzip2"),
}
#: Signs that turn the axes of a space into RAS.
_TO_RAS = {
    **dict.fromkeys(("right-anterior-superior", "ras"), (1.0, 1.0, 1.0)),
    **dict.fromkeys(("left-anterior-superior", "las"), (-1.0, 1.0, 1.0)),
    **dict.fromkeys(("left-posterior-superior", "lps"), (-1.0, -1.0, 1.0)),
}
_MILLIMETRES = {
    **dict.fromkeys(("", "mm", "millimeter", "millimeters", "millimetre", "millimetres"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimeters"), 10.0),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1000.0),
    **dict.fromkeys(("um", "micron", "microns", "micrometer", "micrometers"), 1e-3),
}
#: Kinds of axis along which whole volumes follow each other, or stand side by side.
_FRAME_KINDS = ("domain", "time", "list", "vector", "point", "stub", "scalar", "space", "none", "???", "")
_BAD_VALUE = (NRRDError, ValueError, IndexError, TypeError, OverflowError)


def describe_nrrd(path: Path) -> StoredVolume:
    """Return what the header of an NRRD file says.

    Raises
    ------
    VolumeError
        When the file is no NRRD, its header is damaged, or it holds colours or other things than numbers.
    GeometryError
        When the header does not say where the voxels lie in the patient.
    """
    name = path.name
    with reading_errors_of(name), open(path, "rb") as stream:
        fields, offset, listed = _read_fields(stream, name)
    for needed in ("dimension", "type", "sizes", "encoding"):
        if needed not in fields:
            raise VolumeError(
                f"{name} has a damaged header: the field {needed!r} is missing. Copy or export the file again."
            )
    sizes = [int(number) for number in fields["sizes"]]
    if fields["dimension"] != len(sizes) or min(sizes, default=0) < 1:
        raise VolumeError(f"{name} has a damaged header: its {fields['dimension']} dimensions are {sizes}.")
    coding = _CODINGS.get(fields["encoding"].lower())
    if coding is None:
        raise VolumeError(
            f"{name} is packed as {fields['encoding'][:20]!r}; raw, gzip, bzip2 and text are read. Save it as gzip."
        )
    notes: list[str] = []
    directions = _directions(fields, len(sizes), name)
    spatial = [axis for axis in range(len(sizes)) if not np.isnan(directions[axis]).all()]
    affine = _affine(fields, directions[spatial], name, notes)
    num_frames, frame_axis = _frames(fields, sizes, spatial, name)
    dtype = _dtype(fields, coding, name)
    parts, offset = _parts(fields, path, offset, listed)
    line_skip, byte_skip = fields.get("line skip", 0), fields.get("byte skip", 0)
    if line_skip < 0 or byte_skip < -1 or (byte_skip == -1 and coding != "raw"):
        raise VolumeError(
            f"{name} has a damaged header: line skip {line_skip}, byte skip {byte_skip}. Repair the header."
        )
    if line_skip:
        offset = _after_lines(parts, offset, line_skip, name)
    is_packed = coding in ("gzip", "bzip2")
    return StoredVolume(
        name=name,
        title=re.sub(r"\.(nrrd|nhdr)$", "", name, flags=re.IGNORECASE),
        affine=affine,
        shape=(sizes[spatial[0]], sizes[spatial[1]], sizes[spatial[2]]),
        dtype=dtype,
        parts=parts,
        coding=coding,
        offset=None if byte_skip == -1 else offset + (0 if is_packed else byte_skip),
        lead=byte_skip if is_packed else 0,
        num_frames=num_frames,
        frame_axis=frame_axis,
        notes=tuple(notes),
    )


def _read_fields(stream: BinaryIO, name: str) -> tuple[dict[str, Any], int, list[str]]:
    """Return the needed fields, parsed; the place behind the header; and the file names behind "data file: LIST"."""
    magic = next_line(stream, name).rstrip()
    if not re.fullmatch(rb"NRRD000[1-5]", magic):
        raise VolumeError(f"{name} is not an NRRD file: it does not begin with 'NRRD000' and a version from 1 to 5.")
    lines, listed = [magic.decode()], []
    while line := next_line(stream, name).rstrip():
        # Comments and free key/value pairs say nothing about the grid, and may name a patient: they are not parsed.
        match = re.match(rb"([^:]+):(=?)(.*)", line)
        if line.startswith(b"#") or (match and match[2]):
            continue
        field = match[1].decode("ascii", "replace").strip().lower() if match else "?"
        field = _ALIASES.get(field, field)
        if field in _UNUSED:
            continue
        if not match or field not in _NEEDED:
            raise VolumeError(
                f"{name} has a damaged header: the field {field[:30]!r} is not known. Copy or export the file again."
            )
        lines.append(f"{field}: {_checked_value(field, match[3], name)}")
        if field == "data file" and match[3].strip().startswith(b"LIST"):
            while line := next_line(stream, name):
                listed.append(line.decode("utf-8", "replace").strip())
            break
    try:
        with np.errstate(all="ignore"):
            return dict(nrrd.read_header(lines)), stream.tell(), [item for item in listed if item]
    except _BAD_VALUE as error:
        raise VolumeError(f"{name} has a damaged header ({str(error).rstrip('.')}). Repair the header.") from error


def _checked_value(field: str, value: bytes, name: str) -> str:
    """Return the text of a value that pynrrd may parse: it would drop odd bytes and cut off fractions in silence."""
    try:
        text = value.decode("utf-8" if field == "data file" else "ascii").strip()
    except UnicodeDecodeError as error:
        raise VolumeError(
            f"{name} has a damaged header: {field} holds bytes that are no text. Repair the header."
        ) from error
    if field in ("dimension", "line skip", "byte skip", "space dimension"):
        whole_number_of(text, field, name)
    elif field == "sizes":
        if len(text.split()) > 16:
            raise VolumeError(f"{name} has a damaged header: {len(text.split())} sizes. Repair the header.")
        for word in text.split():
            whole_number_of(word, field, name)
    elif field in ("space directions", "space origin"):
        # Old writers put spaces behind the commas of a vector.
        text = re.sub(r"\s*,\s*|(?<=\()\s+|\s+(?=\))", lambda gap: gap[0].strip(), text).replace(")(", ") (")
        numbers_of(re.sub(r"[(),]", " ", text.replace("none", " ")), field, name)
    return text


def _directions(fields: dict[str, Any], num_axes: int, name: str) -> NDArray[np.float64]:
    """Return the step along every axis (axis, space), as stored; a row of NaN for an axis that is none of space."""
    space = str(fields.get("space", "")).lower()
    directions = fields.get("space directions")
    if directions is None or space not in _TO_RAS:
        found = f"its space is {space[:30]!r}" if space else "it names no space"
        found += "" if directions is not None else " and it holds no space directions"
        raise GeometryError(
            f"{name} does not say where left, front and head are: {found}. Save it again with its orientation (3D Slicer: "
            "load it, check the orientation, save as .nrrd), or write the lines 'space: left-posterior-superior', "
            "'space directions: ...' and 'space origin: ...' into its header."
        )
    directions = np.asarray(directions, dtype=np.float64)
    if directions.shape != (num_axes, 3) or (~np.isnan(directions).all(axis=1)).sum() != 3:
        raise GeometryError(
            f"{name} has a damaged header: its space directions must be three vectors of three numbers, and 'none' for "
            "other axes. Repair the header."
        )
    return directions


def _affine(
    fields: dict[str, Any], directions: NDArray[np.float64], name: str, notes: list[str]
) -> NDArray[np.float64]:
    affine = np.eye(4)
    affine[:3, :3] = directions.T
    origin = fields.get("space origin")
    if origin is None:
        notes.append("The header names no origin: positions in mm count from the first voxel.")
    elif np.shape(origin) != (3,):
        raise GeometryError(f"{name} has a damaged header: its space origin must be three numbers.")
    else:
        affine[:3, 3] = origin
    affine = np.diag([*_TO_RAS[str(fields["space"]).lower()], 1.0]) @ affine
    units = {str(unit).lower() for unit in fields.get("space units", ())}
    if len(units) > 1 or not units <= _MILLIMETRES.keys():
        raise GeometryError(
            f"{name} counts in units that are not known: {sorted(units)}. Write mm, cm, m or um into its header."
        )
    unit = next(iter(units), "")
    return in_millimetres(affine, _MILLIMETRES[unit], unit, notes)


def _frames(fields: dict[str, Any], sizes: list[int], spatial: list[int], name: str) -> tuple[int, int]:
    """Return how many volumes there are and the place of their axis among those of space."""
    kinds = [str(kind).lower() for kind in fields.get("kinds", [""] * len(sizes))]
    if len(kinds) != len(sizes):
        raise VolumeError(f"{name} has a damaged header: {len(kinds)} kinds for {len(sizes)} axes.")
    others = [axis for axis in range(len(sizes)) if axis not in spatial and sizes[axis] > 1]
    if not others:
        return 1, 3
    odd = [kinds[axis] for axis in others if kinds[axis] not in _FRAME_KINDS]
    if odd:
        raise VolumeError(f"{name} holds colours, vectors or tensors ({odd[0][:20]}); a CT has one number a voxel.")
    if len(others) > 1:
        raise VolumeError(
            f"{name} has {len(sizes)} axes ({' x '.join(map(str, sizes))}); three, or four for several volumes."
        )
    return sizes[others[0]], sum(axis < others[0] for axis in spatial)


def _dtype(fields: dict[str, Any], coding: Coding, name: str) -> np.dtype:
    code = _TYPE_CODES.get(fields["type"].lower())
    if code is None:
        raise VolumeError(f"{name} holds values of the type {fields['type'][:30]!r}; a CT has one number a voxel.")
    dtype = np.dtype(code)
    if dtype.itemsize == 1 or coding == "text":
        return dtype
    order = {"little": "<", "big": ">"}.get(str(fields.get("endian", "")).lower())
    if order is None:
        raise VolumeError(f"{name} has a damaged header: endian must be little or big. Repair the header.")
    return np.dtype(order + code)


def _parts(fields: dict[str, Any], path: Path, offset: int, listed: list[str]) -> tuple[tuple[Path, ...], int]:
    """Return the files that hold the voxels and where in them to begin."""
    spec = fields.get("data file")
    if spec is None:
        return (path,), offset
    if spec.startswith("LIST"):
        return files_beside(path, listed), 0
    try:
        words = shlex.split(spec)
    except ValueError:
        words = [spec]
    if len(words) in (4, 5) and "%" in words[0]:
        first, last, step = (whole_number_of(word, "data file", path.name) for word in words[1:4])
        return files_beside(path, numbered_names(words[0], first, last, step)), 0
    return files_beside(path, [spec]), 0


def _after_lines(parts: tuple[Path, ...], offset: int, num_lines: int, name: str) -> int:
    """Return the place behind so many lines; all parts must agree on it."""
    places = set()
    for part in parts:
        with open(part, "rb") as stream:
            stream.seek(offset)
            for _ in range(num_lines):
                if not next_line(stream, name):
                    break
            places.add(stream.tell())
    if len(places) > 1:
        raise VolumeError(f"{name} skips lines of different length in its data files. Convert it to one file.")
    return places.pop()
