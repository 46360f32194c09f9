"""Volume files written byte by byte, without the libraries that read them.

Every function takes the stored array (x, y, z) and its affine to RAS mm, and returns the bytes of the file or files by name.
"""

from __future__ import annotations

import bz2
import gzip
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["body", "metaimage", "nifti", "nrrd", "save", "tilted"]

_NIFTI_CODES = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "i1": 256, "u2": 512, "u4": 768, "i8": 1024}
_NRRD_TYPES = {
    "i2": "short",
    "u2": "ushort",
    "i4": "int",
    "f4": "float",
    "f8": "double",
    "u1": "uchar",
    "i1": "signed char",
}
_MET_TYPES = {
    "i2": "MET_SHORT",
    "u2": "MET_USHORT",
    "i4": "MET_INT",
    "f4": "MET_FLOAT",
    "f8": "MET_DOUBLE",
    "u1": "MET_UCHAR",
}
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def body(shape: Sequence[int] = (5, 6, 7), dtype: Any = np.int16) -> NDArray:
    """Return values like those of a body in air, every one different."""
    return (np.arange(np.prod(shape)).reshape(shape) - 100).astype(dtype)


def tilted() -> NDArray[np.float64]:
    """Return an affine with three different voxel sizes, turned a little about two axes."""
    a, b = np.radians((7.0, -4.0))
    turn_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    turn_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn_x @ turn_z @ np.diag([-0.75, 1.5, 3.0])
    affine[:3, 3] = (40.5, -30.25, -412.0)
    return affine


def save(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write the files and return the path of the first."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder / next(iter(files))


def nifti(
    array: ArrayLike,
    affine: ArrayLike,
    name: str = "scan.nii",
    order: str = "<",
    version: int = 1,
    sform_code: int = 1,
    qform: tuple[Sequence[float], Sequence[float], float] | None = None,
    **fields: Any,
) -> dict[str, bytes]:
    """Return a NIfTI file; `name` decides on gzip and on a pair.

    `qform` is (quaternion b c d, offset, qfac) with code 1. `fields` replace header fields: pixdim (8), dim (8), vox_offset,
    scl (slope, intercept), xyzt_units, intent_code, magic, datatype.
    """
    values = np.asarray(array)
    matrix = np.asarray(affine, dtype=np.float64)
    is_pair = ".hdr" in name
    dim = fields.get("dim", [values.ndim, *values.shape, *[1] * (7 - values.ndim)])
    quaternion, offset, qfac = qform or ((0, 0, 0), (0, 0, 0), 1)
    pixdim = fields.get("pixdim", [qfac, *np.linalg.norm(matrix[:3, :3], axis=0), 1, 1, 1, 1])
    code = fields.get("datatype", _NIFTI_CODES[values.dtype.str[1:]])
    start = fields.get("vox_offset", 0 if is_pair else (352 if version == 1 else 544))
    slope, intercept = fields.get("scl", (1, 0))
    magic = fields.get("magic", (b"ni" if is_pair else b"n+") + str(version).encode() + b"\0")
    units, intent = fields.get("xyzt_units", 2), fields.get("intent_code", 0)
    forms = (sform_code, 1 if qform else 0)[::-1]
    numbers = [*quaternion, *offset, *matrix[:3].ravel()]
    bits = values.dtype.itemsize * 8
    if version == 1:
        header = struct.pack(order + "i36x8h", 348, *dim)
        header += struct.pack(order + "12xhhhh8f", intent, code, bits, 0, *pixdim)
        header += struct.pack(order + "fff3xB", start, slope, intercept, units)
        header = header.ljust(252, b"\0") + struct.pack(order + "hh18f", *forms, *numbers)
        header = header.ljust(344, b"\0") + magic
    else:
        header = struct.pack(order + "i4s4shh8q", 540, magic, b"\r\n\x1a\n", code, bits, *dim)
        header += struct.pack(order + "24x8dqdd", *pixdim, start, slope, intercept)
        header = header.ljust(344, b"\0") + struct.pack(order + "ii18dii", *forms, *numbers, 0, units)
        header += struct.pack(order + "i", intent)
        header = header.ljust(540, b"\0")
    data = values.astype(values.dtype.newbyteorder(order)).tobytes(order="F")
    pack = (lambda raw: gzip.compress(raw, 1, mtime=0)) if name.lower().endswith(".gz") else bytes
    if is_pair:
        return {name: pack(header), name.replace(".hdr", ".img"): pack(bytes(start) + data)}
    return {name: pack(header + bytes(4) + data)}


def nrrd(
    array: ArrayLike,
    affine: ArrayLike,
    name: str = "scan.nrrd",
    encoding: str = "raw",
    order: str = "<",
    space: str = "left-posterior-superior",
    kinds: str | None = None,
    frames_at: int | None = None,
    data_file: str | None = None,
    extra: Sequence[str] = (),
    drop: Sequence[str] = (),
    **fields: str,
) -> dict[str, bytes]:
    """Return an NRRD file; with `data_file` the voxels stand in that file.

    `frames_at` is the axis of `array` that is none of space. `fields` replace or add header lines (space_origin="(1,2,3)"),
    `drop` removes them, `extra` appends lines as they are.
    """
    values = np.asarray(array)
    turn = {"left": -1.0, "right": 1.0, "posterior": -1.0, "anterior": 1.0}
    words = space.split("-")
    signs = np.diag([turn.get(words[0], 1.0), turn.get(words[1] if len(words) > 1 else "", 1.0), 1.0, 1.0])
    matrix = signs @ np.asarray(affine, dtype=np.float64)
    vectors = ["(" + ",".join(repr(float(value)) for value in column) + ")" for column in matrix[:3, :3].T]
    if frames_at is not None:
        vectors.insert(frames_at, "none")
    header = {
        "type": _NRRD_TYPES[values.dtype.str[1:]],
        "dimension": str(values.ndim),
        "space": space,
        "sizes": " ".join(map(str, values.shape)),
        "space directions": " ".join(vectors),
        "kinds": kinds,
        "endian": "little" if order == "<" else "big",
        "encoding": encoding,
        "space origin": "(" + ",".join(repr(float(value)) for value in matrix[:3, 3]) + ")",
        "data file": data_file,
    }
    header |= {key.replace("_", " "): value for key, value in fields.items()}
    lines = ["NRRD0004", "# made by the tests"]
    lines += [f"{key}: {value}" for key, value in header.items() if value is not None and key not in drop]
    text = "\n".join([*lines, *extra]) + "\n"
    data = values.astype(values.dtype.newbyteorder(order)).tobytes(order="F")
    if encoding in ("gzip", "gz"):
        data = gzip.compress(data, 1, mtime=0)
    elif encoding in ("bzip2", "bz2"):
        data = bz2.compress(data)
    elif encoding in ("ascii", "text", "txt"):
        data = " ".join(map(str, values.ravel(order="F"))).encode() + b"\n"
    if data_file is not None:
        return {name: text.encode(), data_file: data}
    return {name: text.encode() + b"\n" + data}


def metaimage(
    array: ArrayLike,
    affine: ArrayLike,
    name: str = "scan.mha",
    packing: str = "raw",
    order: str = "<",
    channels: int = 1,
    data_file: str | None = None,
    drop: Sequence[str] = (),
    **keys: str,
) -> dict[str, bytes]:
    """Return a MetaImage file; with `data_file` the voxels stand in that file.

    With `channels` above 1 the first axis of `array` holds them. `keys` replace or add header lines, `drop` removes them.
    """
    values = np.asarray(array)
    num_axes = values.ndim - (channels > 1)
    matrix = np.eye(num_axes + 1)
    matrix[:3, :3] = (_LPS @ affine)[:3, :3]
    spacing = np.linalg.norm(matrix[:num_axes, :num_axes], axis=0)
    offset = [*(_LPS @ affine)[:3, 3], *[0.0] * (num_axes - 3)]
    header = {
        "ObjectType": "Image",
        "NDims": str(num_axes),
        "BinaryData": str(packing != "text"),
        "BinaryDataByteOrderMSB": str(order == ">"),
        "CompressedData": str(packing in ("zlib", "gzip")),
        "TransformMatrix": " ".join(repr(float(value)) for value in (matrix[:num_axes, :num_axes] / spacing).T.ravel()),
        "Offset": " ".join(repr(float(value)) for value in offset),
        "CenterOfRotation": " ".join(["0"] * num_axes),
        "ElementSpacing": " ".join(repr(float(value)) for value in spacing),
        "DimSize": " ".join(map(str, values.shape[channels > 1 :])),
        "ElementNumberOfChannels": str(channels) if channels > 1 else None,
        "ElementType": _MET_TYPES[values.dtype.str[1:]],
    }
    header |= keys
    data = values.astype(values.dtype.newbyteorder(order)).tobytes(order="F")
    if packing == "zlib":
        data = zlib.compress(data)
    elif packing == "gzip":
        data = gzip.compress(data, 1, mtime=0)
    elif packing == "text":
        data = " ".join(map(str, values.ravel(order="F"))).encode() + b"\n"
    if header["CompressedData"] == "True":
        header["CompressedDataSize"] = str(len(data))
    header["ElementDataFile"] = header.pop("ElementDataFile", data_file or "LOCAL")  # always the last line
    lines = [f"{key} = {value}\n" for key, value in header.items() if value is not None and key not in drop]
    text = "".join(lines).encode()
    if data_file is not None:
        return {name: text, data_file: data}
    return {name: text + data}
