"""Cases of MetaImage files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import FrameNeededError, GeometryError, VolumeError
from tests.readers.case import Case, Opens, Refused, Truth, Written, phantom_grid
from tests.readers.volume_writing import metaimage, save

_GROUP = "MetaImage"
_MATRIX = "TransformMatrix"


def _plain(change: NDArray | None = None, **options: Any) -> Callable[[Path], Written]:
    """Write the phantom, its affine changed."""

    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        affine = affine if change is None else affine @ change
        return Written(save(folder, metaimage(array, affine, **options)), Truth.of_grid(array, affine))

    return write


def _lying_as_in_itk(**options: Any) -> Callable[[Path], Written]:
    """Write the phantom as ITK keeps axial slices: right to left, front to back, feet to head; the matrix is the identity."""

    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        affine = affine @ np.diag([-1.0, -1.0, 1.0, 1.0])
        return Written(save(folder, metaimage(array, affine, **options)), Truth.of_grid(array, affine))

    return write


def _as(dtype: str, name: str) -> Callable[[Path], Written]:
    """Write values of a type that the writer has no name for."""

    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        files = metaimage(array.astype("<i2"), affine, "scan.mhd", data_file="scan.raw", ElementType=name)
        files["scan.raw"] = array.astype(dtype).tobytes(order="F")
        return Written(save(folder, files), Truth.of_grid(array, affine))

    return write


def _in_unit(mm: float, unit: str) -> Callable[[Path], Written]:
    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        files = metaimage(array, np.diag([1 / mm] * 3 + [1]) @ affine, DistanceUnits=unit)
        return Written(save(folder, files), Truth.of_grid(array, affine))

    return write


def _frames(axis: int, frame: int | None = None, **options: Any) -> Callable[[Path], Written]:
    """Write three volumes, one after the other (axis 3) or side by side in every voxel (axis 0); the truth is one of them."""

    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        stack = np.stack([array + k for k in range(3)], axis=axis).astype(np.int16)
        files = metaimage(stack, affine, channels=3 if axis == 0 else 1, **options)
        return Written(save(folder, files), None if frame is None else Truth.of_grid(array + frame, affine))

    return write


def _in_slices(spec: str, listed: bool = False) -> Callable[[Path], Written]:
    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        slices = {f"slice_{k:02d}.raw": array[..., k].astype("<i2").tobytes(order="F") for k in range(array.shape[2])}
        (header, _) = metaimage(array, affine, "scan.mhd", data_file="none", ElementDataFile=spec).items()
        text = header[1] + ("\n".join(slices).encode() + b"\n" if listed else b"")
        return Written(save(folder, {header[0]: text, **slices}), Truth.of_grid(array, affine))

    return write


def _behind(num_bytes: int, **options: Any) -> Callable[[Path], Written]:
    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        files = metaimage(array, affine, "scan.mhd", data_file="scan.raw", **options)
        files["scan.raw"] = bytes(num_bytes) + files["scan.raw"]
        return Written(save(folder, files), Truth.of_grid(array, affine))

    return write


def _without_origin(folder: Path) -> Written:
    array, affine = phantom_grid()
    truth = Truth.of_grid(array, np.diag(np.diag(affine)))
    return Written(save(folder, metaimage(array, affine, drop=("Offset",))), truth)


def _edited(edit: Callable[[bytes], bytes], **options: Any) -> Callable[[Path], Written]:
    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        (item,) = metaimage(array, affine, **options).items()
        return Written(save(folder, {item[0]: edit(item[1])}), Truth.of_grid(array, affine))

    return write


def _naming(data_file: str) -> Callable[[Path], Written]:
    def write(folder: Path) -> Written:
        files = metaimage(*phantom_grid(), "scan.mhd", data_file="scan.raw", ElementDataFile=data_file)
        return Written(save(folder, {"scan.mhd": files["scan.mhd"]}))

    return write


def _signed_bytes(folder: Path) -> Written:
    array, affine = phantom_grid()
    values = np.clip(array // 8, -128, 127).astype("i1")
    files = metaimage(array, affine, "scan.mhd", data_file="scan.raw", ElementType="MET_CHAR_ARRAY")
    files["scan.raw"] = values.tobytes(order="F")
    return Written(save(folder, files), Truth.of_grid(values, affine))


def _colours(folder: Path) -> Written:
    array, affine = phantom_grid()
    values = np.stack([np.clip(array, 0, 255).astype(np.uint8)] * 3)
    return Written(save(folder, metaimage(values, affine, channels=3)))


def _picture(folder: Path) -> Written:
    array, affine = phantom_grid()
    return Written(save(folder, metaimage(array, affine, NDims="2", DimSize="20 18")))


_TURN = np.array([[0.8, -0.6, 0, 0], [0.6, 0.8, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
_KNOWN = {"AnatomicalOrientation": "RAI"}
CASES: list[Case] = [
    Case(_GROUP, "raw", _plain(), Opens()),
    Case(_GROUP, "raw, big endian", _plain(order=">"), Opens()),
    Case(_GROUP, "compressed (zlib)", _plain(packing="zlib"), Opens()),
    Case(_GROUP, "compressed (gzip)", _plain(packing="gzip"), Opens()),
    Case(_GROUP, "numbers as text", _plain(packing="text"), Opens()),
    Case(_GROUP, "MET_LONG (32 bits)", _as("<i4", "MET_LONG"), Opens()),
    Case(_GROUP, "MET_LONG_LONG (64 bits)", _as("<i8", "MET_LONG_LONG"), Opens()),
    Case(_GROUP, "MET_CHAR_ARRAY with one value a voxel", _signed_bytes, Opens()),
    Case(_GROUP, "axes stored in the order z, y, x", _plain(np.eye(4)[:, [2, 1, 0, 3]]), Opens()),
    Case(_GROUP, "slices turned in their plane", _plain(_TURN), Opens()),
    Case(_GROUP, "as ITK keeps axial slices", _lying_as_in_itk(**_KNOWN), Opens()),
    Case(
        _GROUP,
        "AnatomicalOrientation RAI and no matrix",
        _lying_as_in_itk(drop=(_MATRIX,), **_KNOWN),
        Opens(("The header holds no TransformMatrix: AnatomicalOrientation = RAI is taken as ITK writes it.",)),
    ),
    Case(
        _GROUP,
        "AnatomicalOrientation LPS and no matrix",
        _plain(drop=(_MATRIX,), AnatomicalOrientation="LPS"),
        Refused(
            GeometryError,
            "scan.mha does not say where left, front and head are: it holds no TransformMatrix, and AnatomicalOrientation ="
            " LPS alone is understood differently by different programs. Save it again with its orientation (3D Slicer), "
            "or, where slices are axial from feet to head and rows run from the patient's right to left, write "
            "'TransformMatrix = 1 0 0 0 1 0 0 0 1' into the header.",
        ),
    ),
    Case(
        _GROUP,
        "AnatomicalOrientation and matrix disagree",
        _plain(**_KNOWN),
        Opens(("AnatomicalOrientation = RAI does not fit TransformMatrix in the header; the matrix is used.",)),
    ),
    Case(
        _GROUP,
        "neither matrix nor AnatomicalOrientation",
        _plain(drop=(_MATRIX,)),
        Refused(
            GeometryError,
            "scan.mha does not say where left, front and head are: it holds no TransformMatrix. Save it again with its "
            "orientation (3D Slicer), or, where slices are axial from feet to head and rows run from the patient's right to"
            " left, write 'TransformMatrix = 1 0 0 0 1 0 0 0 1' into the header.",
        ),
    ),
    Case(
        _GROUP,
        "Orientation and Origin (old names)",
        _edited(lambda raw: raw.replace(b"TransformMatrix", b"Orientation").replace(b"Offset", b"Origin")),
        Opens(),
    ),
    Case(_GROUP, "ElementSize alone", _edited(lambda raw: raw.replace(b"ElementSpacing", b"ElementSize")), Opens()),
    Case(
        _GROUP,
        "no voxel size",
        _plain(drop=("ElementSpacing",)),
        Refused(
            VolumeError,
            "scan.mha has a damaged header: ElementSpacing is '', but must be 3 numbers. Repair the header.",
        ),
    ),
    Case(
        _GROUP,
        "a voxel size of 0",
        _plain(ElementSpacing="20 0 12"),
        Refused(
            GeometryError,
            "scan.mha has voxels of 20 x 0 x 12 mm (ElementSpacing); every size must be above 0. Repair the header.",
        ),
    ),
    Case(
        _GROUP,
        "a negative voxel size",
        _plain(ElementSpacing="20 -20 12"),
        Refused(
            GeometryError,
            "scan.mha has voxels of 20 x -20 x 12 mm (ElementSpacing); every size must be above 0. Repair the header.",
        ),
    ),
    Case(
        _GROUP,
        "a matrix of zeros",
        _plain(TransformMatrix="1 0 0 0 1 0 0 0 0"),
        Refused(GeometryError, "scan.mha has a TransformMatrix whose rows are no unit vectors. Repair the header."),
    ),
    Case(
        _GROUP,
        "a matrix of eight numbers",
        _plain(TransformMatrix="1 0 0 0 1 0 0 0"),
        Refused(
            VolumeError,
            "scan.mha has a damaged header: TransformMatrix is '1 0 0 0 1 0 0 0', but must be 9 numbers. Repair the header.",
        ),
    ),
    Case(
        _GROUP,
        "no origin",
        _without_origin,
        Opens(("The header names no origin (Offset): positions in mm count from the first voxel.",)),
    ),
    Case(
        _GROUP,
        "Offset and Position disagree",
        _plain(Position="1 2 3"),
        Refused(VolumeError, "scan.mha has a damaged header: Offset, Position, Origin differ. Repair the header."),
    ),
    Case(
        _GROUP,
        "turned about a point other than 0",
        _plain(CenterOfRotation="10 0 0"),
        Refused(
            GeometryError,
            "scan.mha is turned about a CenterOfRotation other than 0, which programs understand differently. Save it again"
            " with the centre at 0 (3D Slicer, SimpleITK).",
        ),
    ),
    Case(
        _GROUP,
        "in micrometres",
        _in_unit(1e-3, "um"),
        Opens(("The header counts in um; positions were converted to millimetres.",)),
    ),
    Case(
        _GROUP,
        "in a unit nobody knows",
        _in_unit(1.0, "furlong"),
        Refused(
            GeometryError, "scan.mha counts in units that are not known: DistanceUnits = 'furlong'. Write mm, cm or um."
        ),
    ),
    Case(
        _GROUP,
        "a scale of its values",
        _plain(ElementToIntensityFunctionSlope="2"),
        Refused(
            VolumeError,
            "scan.mha scales its values by ElementToIntensityFunctionSlope, which readers treat differently. Save it again "
            "without.",
        ),
    ),
    Case(
        _GROUP,
        "no byte order",
        _plain(drop=("BinaryDataByteOrderMSB",)),
        Opens(("The header names no byte order (ElementByteOrderMSB): the lower byte is taken to stand first.",)),
    ),
    Case(_GROUP, "data beside the header", _plain(name="scan.mhd", data_file="scan.raw"), Opens()),
    Case(
        _GROUP,
        "data beside the header, compressed",
        _plain(name="scan.mhd", data_file="scan.zraw", packing="zlib"),
        Opens(),
    ),
    Case(_GROUP, "data behind 1000 bytes", _behind(1000, HeaderSize="1000"), Opens()),
    Case(_GROUP, "data at the end of its file", _behind(77, HeaderSize="-1"), Opens()),
    Case(_GROUP, "a file for each slice, listed", _in_slices("LIST", True), Opens()),
    Case(_GROUP, "a file for each slice, numbered", _in_slices("slice_%02d.raw 0 7 1"), Opens()),
    Case(
        _GROUP,
        "a file for each slice, one of them missing",
        _in_slices("slice_%02d.raw 1 8 1"),
        Refused(
            VolumeError, "scan.mhd keeps its voxels in 'slice_08.raw', which is not beside it. Copy that file, too."
        ),
    ),
    Case(
        _GROUP,
        "a file for each slice, more than anybody has",
        _in_slices("slice_%02d.raw 0 999999999 1"),
        Refused(VolumeError, "scan.mhd names 0 data files; one to 16384 are read. Repair the header."),
    ),
    Case(
        _GROUP,
        "without its data file",
        _naming("scan.raw"),
        Refused(VolumeError, "scan.mhd keeps its voxels in 'scan.raw', which is not beside it. Copy that file, too."),
    ),
    Case(
        _GROUP,
        "a data file outside the folder",
        _naming("../SECRET.raw"),
        Refused(
            VolumeError,
            "scan.mhd names a data file outside its own folder. Put the data file beside the header and its bare name into "
            "the header.",
        ),
    ),
    Case(
        _GROUP,
        "itself as its data file",
        _naming("scan.mhd"),
        Refused(VolumeError, "scan.mhd names itself as its data file. Repair the header."),
    ),
    Case(
        _GROUP,
        "three volumes",
        _frames(3),
        Refused(
            FrameNeededError,
            "scan.mha holds 3 volumes (4D); one can be opened. Choose it with frame=0 to frame=2 (in the shell --frame).",
        ),
    ),
    Case(_GROUP, "three volumes, the last", _frames(3, 2), Opens(("Volume 3 of 3 in the file.",)), {"frame": 2}),
    Case(
        _GROUP,
        "three values a voxel, the second",
        _frames(0, 1, packing="zlib"),
        Opens(("Volume 2 of 3 in the file.",)),
        {"frame": 1},
    ),
    Case(
        _GROUP,
        "colours",
        _colours,
        Refused(VolumeError, "scan.mha holds colours or vectors (3 values a voxel); a CT has one."),
        {"frame": 0},
    ),
    Case(
        _GROUP,
        "a picture (two axes)",
        _picture,
        Refused(VolumeError, "scan.mha has 2 axes (20 x 18): a picture, not a volume."),
    ),
    Case(_GROUP, "lines that end as on Windows", _edited(lambda raw: b"\r\n".join(raw.split(b"\n", 12))), Opens()),
    Case(
        _GROUP,
        "a line that is no key and value",
        _edited(lambda raw: raw.replace(b"Offset = ", b"Offset ")),
        Refused(
            VolumeError,
            "scan.mha is not a MetaImage file, or its header is damaged: it must be lines 'key = value', the last of them "
            "ElementDataFile. Copy or export the file again.",
        ),
    ),
    Case(
        _GROUP,
        "a damaged number",
        _edited(lambda raw: raw.replace(b"Offset = ", b"Offset = 1_")),
        Refused(
            VolumeError,
            "scan.mha has a damaged header: Offset is '1_285.695 -15.747 -500.582', but must be 3 numbers. Repair the "
            "header.",
        ),
    ),
    Case(
        _GROUP,
        "another file named scan.mha",
        lambda folder: Written(save(folder, {"scan.mha": b"\x1f\x8b" + bytes(300)})),
        Refused(
            VolumeError,
            "scan.mha is not a MetaImage file, or its header is damaged: it must be lines 'key = value', the last of them "
            "ElementDataFile. Copy or export the file again.",
        ),
    ),
    Case(
        _GROUP,
        "a header without end",
        lambda folder: Written(save(folder, {"scan.mha": b"Comment = a\n" * 100_000})),
        Refused(VolumeError, "The header of scan.mha does not end within 1 MB; it is damaged."),
    ),
    Case(
        _GROUP,
        "a key with a damaged letter",
        _edited(lambda raw: raw.replace(b"TransformM", b"Transform\xff"), **_KNOWN),
        Refused(
            VolumeError,
            "scan.mha is not a MetaImage file, or its header is damaged: it must be lines 'key = value', the last of them "
            "ElementDataFile. Copy or export the file again.",
        ),
    ),
    Case(
        _GROUP,
        "damaged in the middle of its compressed data",
        _edited(lambda raw: raw[:1200] + bytes(4) + raw[1200:], packing="zlib"),
        Refused(
            VolumeError,
            "scan.mha is damaged or was cut short: its compressed data ends early or does not match its checksum. Copy or "
            "download it again.",
        ),
    ),
    Case(
        _GROUP,
        "cut short",
        _edited(lambda raw: raw[:2000]),
        Refused(
            VolumeError,
            "scan.mha was cut short: 20 x 18 x 8 voxels do not fit into the file. Copy or download it again.",
        ),
    ),
    Case(
        _GROUP,
        "compressed and cut short",
        _edited(lambda raw: raw[:2000], packing="zlib"),
        Refused(
            VolumeError,
            "scan.mha is damaged or was cut short: its compressed data ends early or does not match its checksum. Copy or "
            "download it again.",
        ),
    ),
    Case(
        _GROUP,
        "a header that promises terabytes",
        _plain(DimSize="30000 30000 30000"),
        Refused(
            VolumeError,
            "scan.mha was cut short: 30000 x 30000 x 30000 voxels do not fit into the file. Copy or download it again.",
        ),
    ),
]
