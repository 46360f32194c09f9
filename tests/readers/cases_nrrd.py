"""Cases of NRRD files."""

from __future__ import annotations

import bz2
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import FrameNeededError, GeometryError, VolumeError
from tests.readers.case import Case, Opens, Refused, Truth, Written, phantom_grid
from tests.readers.volume_writing import nrrd, save

_GROUP = "NRRD"


def _plain(change: NDArray | None = None, **options: Any) -> Callable[[Path], Written]:
    """Write the phantom, its affine changed."""

    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        affine = affine if change is None else affine @ change
        return Written(save(folder, nrrd(array, affine, **options)), Truth.of_grid(array, affine))

    return write


def _in_unit(mm: float, unit: str) -> Callable[[Path], Written]:
    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        files = nrrd(array, np.diag([1 / mm] * 3 + [1]) @ affine, space_units=f'"{unit}" "{unit}" "{unit}"')
        return Written(save(folder, files), Truth.of_grid(array, affine))

    return write


def _frames(axis: int, kind: str, num: int = 3, frame: int | None = None, **options: Any) -> Callable[[Path], Written]:
    """Write several volumes, their axis in this place among those of space; the truth is one of them."""

    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        stack = np.stack([array + k for k in range(num)], axis=axis).astype(np.int16)
        kinds = ["domain"] * 3
        kinds.insert(axis, kind)
        files = nrrd(stack, affine, kinds=" ".join(kinds), frames_at=axis, **options)
        return Written(save(folder, files), None if frame is None else Truth.of_grid(array + frame, affine))

    return write


def _in_slices(names: str | None) -> Callable[[Path], Written]:
    """Write a header and one file for each slice; `names` is what stands behind "data file", None for a list of names."""

    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        num = array.shape[2]
        spec = names or "LIST\n" + "\n".join(f"slice_{k:02d}.raw" for k in range(num))
        (header, _) = nrrd(array, affine, "scan.nhdr", data_file="none").items()
        text = header[1].replace(b"data file: none", b"").replace(b"\n\n", b"\n") + f"data file: {spec}\n".encode()
        slices = {f"slice_{k:02d}.raw": array[..., k].astype("<i2").tobytes(order="F") for k in range(num)}
        return Written(save(folder, {header[0]: text, **slices}), Truth.of_grid(array, affine))

    return write


def _without_origin(folder: Path) -> Written:
    array, affine = phantom_grid()
    truth = Truth.of_grid(array, np.diag(np.diag(affine)))
    return Written(save(folder, nrrd(array, affine, drop=("space origin",))), truth)


def _behind_text(lines: int, **options: Any) -> Callable[[Path], Written]:
    """Write a data file that begins with some lines of text."""

    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        files = nrrd(array, affine, "scan.nhdr", data_file="scan.raw", **options)
        files["scan.raw"] = b"some words\n" * lines + files["scan.raw"]
        return Written(save(folder, files), Truth.of_grid(array, affine))

    return write


def _edited(edit: Callable[[bytes], bytes], **options: Any) -> Callable[[Path], Written]:
    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        (item,) = nrrd(array, affine, **options).items()
        return Written(save(folder, {item[0]: edit(item[1])}), Truth.of_grid(array, affine))

    return write


def _without_data(name: str) -> Callable[[Path], Written]:
    def write(folder: Path) -> Written:
        files = nrrd(*phantom_grid(), "scan.nhdr", data_file="scan.raw")
        return Written(save(folder, {"scan.nhdr": files["scan.nhdr"].replace(b"scan.raw", name.encode())}))

    return write


def _bomb(folder: Path) -> Written:
    """Write two gigabytes of air as bzip2 packs them: into a few kilobytes."""
    (item,) = nrrd(*phantom_grid(), encoding="bzip2", sizes="1024 1024 1000").items()
    header, _, _ = item[1].partition(b"\n\n")
    return Written(save(folder, {item[0]: header + b"\n\n" + bz2.compress(bytes(1 << 20))}))


CASES: list[Case] = [
    Case(_GROUP, "raw, left-posterior-superior", _plain(), Opens()),
    Case(_GROUP, "raw, big endian", _plain(order=">"), Opens()),
    Case(_GROUP, "gzip, right-anterior-superior", _plain(encoding="gzip", space="right-anterior-superior"), Opens()),
    Case(_GROUP, "bzip2, left-anterior-superior", _plain(encoding="bzip2", space="left-anterior-superior"), Opens()),
    Case(_GROUP, "numbers as text", _plain(encoding="ascii"), Opens()),
    Case(_GROUP, "space LPS (in short)", _edited(lambda raw: raw.replace(b"left-posterior-superior", b"LPS")), Opens()),
    Case(_GROUP, "axes stored in the order z, y, x", _plain(np.eye(4)[:, [2, 1, 0, 3]]), Opens()),
    Case(
        _GROUP,
        "lines that end as on Windows",
        _edited(
            lambda raw: raw.partition(b"\n\n")[0].replace(b"\n", b"\r\n") + b"\r\n\r\n" + raw.partition(b"\n\n")[2]
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "free key/value pairs, which are not read",
        _plain(extra=["PatientName:=SECRET^NAME", "DICOM_0010:=SECRET"]),
        Opens(),
    ),
    Case(
        _GROUP,
        "in metres",
        _in_unit(1e3, "m"),
        Opens(("The header counts in m; positions were converted to millimetres.",)),
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
            GeometryError,
            "scan.nrrd counts in units that are not known: ['furlong']. Write mm, cm, m or um into its header.",
        ),
    ),
    Case(_GROUP, "data beside the header", _plain(name="scan.nhdr", data_file="scan.raw"), Opens()),
    Case(
        _GROUP,
        "data beside the header, compressed",
        _plain(name="scan.nhdr", data_file="scan.raw.gz", encoding="gzip"),
        Opens(),
    ),
    Case(_GROUP, "data behind two lines of text", _behind_text(2, line_skip="2"), Opens()),
    Case(_GROUP, "data behind 22 bytes", _behind_text(2, byte_skip="22"), Opens()),
    Case(_GROUP, "data at the end of its file", _behind_text(2, byte_skip="-1"), Opens()),
    Case(_GROUP, "a file for each slice, listed", _in_slices(None), Opens()),
    Case(_GROUP, "a file for each slice, numbered", _in_slices("slice_%02d.raw 0 7 1"), Opens()),
    Case(
        _GROUP,
        "a file for each slice, one of them missing",
        _in_slices("slice_%02d.raw 0 8 1"),
        Refused(
            VolumeError, "scan.nhdr keeps its voxels in 'slice_08.raw', which is not beside it. Copy that file, too."
        ),
    ),
    Case(
        _GROUP,
        "without its data file",
        _without_data("scan.raw"),
        Refused(VolumeError, "scan.nhdr keeps its voxels in 'scan.raw', which is not beside it. Copy that file, too."),
    ),
    Case(
        _GROUP,
        "a data file outside the folder",
        _without_data("../SECRET.raw"),
        Refused(
            VolumeError,
            "scan.nhdr names a data file outside its own folder. Put the data file beside the header and its bare name into"
            " the header.",
        ),
    ),
    Case(
        _GROUP,
        "a data file with an absolute path",
        _without_data("/etc/passwd"),
        Refused(
            VolumeError,
            "scan.nhdr names a data file outside its own folder. Put the data file beside the header and its bare name into"
            " the header.",
        ),
    ),
    Case(
        _GROUP,
        "a data file with a path of Windows",
        _without_data(r"C:\SECRET\scan.raw"),
        Refused(
            VolumeError,
            "scan.nhdr names a data file outside its own folder. Put the data file beside the header and its bare name into"
            " the header.",
        ),
    ),
    Case(
        _GROUP,
        "three volumes, one after the other",
        _frames(3, "time"),
        Refused(
            FrameNeededError,
            "scan.nrrd holds 3 volumes (4D); one can be opened. Choose it with frame=0 to frame=2 (in the shell --frame).",
        ),
    ),
    Case(
        _GROUP,
        "three volumes, the second",
        _frames(3, "list", frame=1),
        Opens(("Volume 2 of 3 in the file.",)),
        {"frame": 1},
    ),
    Case(
        _GROUP,
        "three values a voxel, the third",
        _frames(0, "vector", frame=2),
        Opens(("Volume 3 of 3 in the file.",)),
        {"frame": 2},
    ),
    Case(
        _GROUP,
        "three values a row, the first",
        _frames(1, "list", frame=0, encoding="gzip"),
        Opens(("Volume 1 of 3 in the file.",)),
        {"frame": 0},
    ),
    Case(
        _GROUP,
        "three values a slice, the first",
        _frames(2, "list", frame=0),
        Opens(("Volume 1 of 3 in the file.",)),
        {"frame": 0},
    ),
    Case(_GROUP, "one value a voxel on an axis of its own", _frames(0, "vector", num=1, frame=0), Opens()),
    Case(
        _GROUP,
        "colours",
        _frames(0, "RGB-color"),
        Refused(VolumeError, "scan.nrrd holds colours, vectors or tensors (rgb-color); a CT has one number a voxel."),
        {"frame": 0},
    ),
    Case(
        _GROUP,
        "spacings alone",
        _plain(drop=("space", "space directions", "space origin"), spacings="20 20 12"),
        Refused(
            GeometryError,
            "scan.nrrd does not say where left, front and head are: it names no space and it holds no space directions. "
            "Save it again with its orientation (3D Slicer: load it, check the orientation, save as .nrrd), or write the "
            "lines 'space: left-posterior-superior', 'space directions: ...' and 'space origin: ...' into its header.",
        ),
    ),
    Case(
        _GROUP,
        "space scanner-xyz",
        _plain(space="scanner-xyz"),
        Refused(
            GeometryError,
            "scan.nrrd does not say where left, front and head are: its space is 'scanner-xyz'. Save it again with its "
            "orientation (3D Slicer: load it, check the orientation, save as .nrrd), or write the lines 'space: left-"
            "posterior-superior', 'space directions: ...' and 'space origin: ...' into its header.",
        ),
    ),
    Case(
        _GROUP,
        "a space, but no directions",
        _plain(drop=("space directions",)),
        Refused(
            GeometryError,
            "scan.nrrd does not say where left, front and head are: its space is 'left-posterior-superior' and it holds no "
            "space directions. Save it again with its orientation (3D Slicer: load it, check the orientation, save as "
            ".nrrd), or write the lines 'space: left-posterior-superior', 'space directions: ...' and 'space origin: ...' "
            "into its header.",
        ),
    ),
    Case(
        _GROUP,
        "two directions",
        _plain(space_directions="(-20,0,0) (0,-20,0) none"),
        Refused(
            GeometryError,
            "scan.nrrd has a damaged header: its space directions must be three vectors of three numbers, and 'none' for "
            "other axes. Repair the header.",
        ),
    ),
    Case(
        _GROUP,
        "directions on one line",
        _plain(space_directions="(-20,0,0) (0,-20,0) (0,0,0)"),
        Refused(GeometryError, "The affine has an axis of no length (pixel size 0?). Repair the header."),
    ),
    Case(
        _GROUP,
        "no origin",
        _without_origin,
        Opens(("The header names no origin: positions in mm count from the first voxel.",)),
    ),
    Case(
        _GROUP,
        "an origin of NaN",
        _plain(space_origin="(nan,0,0)"),
        Refused(
            VolumeError,
            "scan.nrrd has a damaged header: space origin is 'nan 0 0', but must be numbers. Repair the header.",
        ),
    ),
    Case(
        _GROUP,
        "a fraction as a size",
        _plain(sizes="20.5 18 8"),
        Refused(
            VolumeError,
            "scan.nrrd has a damaged header: sizes is '20.5', but must be a whole number. Repair the header.",
        ),
    ),
    Case(
        _GROUP,
        "a damaged number",
        _edited(lambda raw: raw.replace(b"space origin: (", b"space origin: (\xf2")),
        Refused(
            VolumeError, "scan.nrrd has a damaged header: space origin holds bytes that are no text. Repair the header."
        ),
    ),
    Case(
        _GROUP,
        "a field that stands there twice",
        _plain(extra=["space origin: (1,2,3)"]),
        Refused(
            VolumeError, "scan.nrrd has a damaged header (Duplicate header field: space origin). Repair the header."
        ),
    ),
    Case(
        _GROUP,
        "a field that nobody knows",
        _plain(extra=["space orogin: (1,2,3)"]),
        Refused(
            VolumeError,
            "scan.nrrd has a damaged header: the field 'space orogin' is not known. Copy or export the file again.",
        ),
    ),
    Case(
        _GROUP,
        "no byte order",
        _plain(drop=("endian",)),
        Refused(VolumeError, "scan.nrrd has a damaged header: endian must be little or big. Repair the header."),
    ),
    Case(
        _GROUP,
        "packed in a way nobody uses",
        _plain(encoding="hex"),
        Refused(VolumeError, "scan.nrrd is packed as 'hex'; raw, gzip, bzip2 and text are read. Save it as gzip."),
    ),
    Case(
        _GROUP,
        "of a later version",
        _edited(lambda raw: raw.replace(b"NRRD0004", b"NRRD0009")),
        Refused(
            VolumeError, "scan.nrrd is not an NRRD file: it does not begin with 'NRRD000' and a version from 1 to 5."
        ),
    ),
    Case(
        _GROUP,
        "another file named scan.nrrd",
        lambda folder: Written(save(folder, {"scan.nrrd": b"\x1f\x8b" + bytes(300)})),
        Refused(
            VolumeError, "scan.nrrd is not an NRRD file: it does not begin with 'NRRD000' and a version from 1 to 5."
        ),
    ),
    Case(
        _GROUP,
        "cut short",
        _edited(lambda raw: raw[:2000]),
        Refused(
            VolumeError,
            "scan.nrrd was cut short: 20 x 18 x 8 voxels do not fit into the file. Copy or download it again.",
        ),
    ),
    Case(
        _GROUP,
        "compressed and cut short",
        _edited(lambda raw: raw[:2000], encoding="gzip"),
        Refused(
            VolumeError,
            "scan.nrrd is damaged or was cut short: its compressed data ends early or does not match its checksum. Copy or "
            "download it again.",
        ),
    ),
    Case(
        _GROUP,
        "text with a letter among the numbers",
        _edited(lambda raw: raw[:-100] + b"x" + raw[-99:], encoding="ascii"),
        Refused(VolumeError, "The voxels are stored as text, and one of them is no number. Export the file again."),
    ),
    Case(
        _GROUP,
        "a header that promises terabytes",
        _plain(sizes="30000 30000 30000"),
        Refused(
            VolumeError,
            "scan.nrrd was cut short: 30000 x 30000 x 30000 voxels do not fit into the file. Copy or download it again.",
        ),
    ),
    Case(
        _GROUP,
        "a small file that would unpack to gigabytes",
        _bomb,
        Refused(
            VolumeError,
            "scan.nrrd would unpack to 2.1 GB, 46603378 times its size; no CT shrinks that far. Its header is damaged, or "
            "it was made to fill the memory.",
        ),
    ),
]
