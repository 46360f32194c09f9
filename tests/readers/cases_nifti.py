"""Cases of NIfTI files."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import FrameNeededError, GeometryError, NotHounsfieldError, VolumeError
from tests.readers.case import Case, Opens, Refused, Truth, Written, phantom_grid
from tests.readers.volume_writing import nifti, save

_GROUP = "NIfTI"
_OFF_AXIAL = "The slices are {} degrees off axial."


def _plain(
    change: NDArray | None = None, scale: float = 1.0, hidden: bool = False, **options: Any
) -> Callable[[Path], Written]:
    """Write the phantom with its affine changed; `scale` is what the file's unit is in mm."""

    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        affine = affine if change is None else affine @ change
        files = nifti(array, np.diag([1 / scale] * 3 + [1]) @ affine, **options)
        return Written(save(folder, files), None if hidden else Truth.of_grid(array, affine))

    return write


def _quaternion(**options: Any) -> Callable[[Path], Written]:
    """Write the phantom with a qform alone: turned half about z, so that x and y run against the patient's axes."""

    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        spacing, offset = np.diag(affine)[:3], affine[:3, 3]
        turned = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.diag([*spacing, 1.0])
        turned[:3, 3] = offset
        pixdim = options.get("pixdim", [1, *spacing, 1, 1, 1, 1])
        settings = {"pixdim": pixdim, "qform": ((0, 0, 1), offset, 1), **options}
        return Written(save(folder, nifti(array, affine, sform_code=0, **settings)), Truth.of_grid(array, turned))

    return write


def _as(dtype: Any, **options: Any) -> Callable[[Path], Written]:
    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        return Written(save(folder, nifti(array.astype(dtype), affine, **options)), Truth.of_grid(array, affine))

    return write


def _scaled(slope: float, intercept: float, means: tuple[float, float] | None = None) -> Callable[[Path], Written]:
    """Write a scale; `means` is what it stands for where that is something else."""

    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        applied = means or (slope, intercept)
        truth = Truth.of_grid((array * np.float64(applied[0]) + applied[1]).astype(np.float32), affine)
        return Written(save(folder, nifti(array, affine, scl=(slope, intercept))), truth)

    return write


def _frames(shape: tuple[int, ...], frame: int | None = None, **options: Any) -> Callable[[Path], Written]:
    """Write several volumes, each brighter by 1 HU than the one before; the truth is one of them."""

    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        stack = np.stack([array + k for k in range(int(np.prod(shape)))], axis=-1).reshape(
            *array.shape, *shape, order="F"
        )
        truth = None if frame is None else Truth.of_grid(array + frame, affine)
        return Written(save(folder, nifti(stack.astype(np.int16), affine, **options)), truth)

    return write


def _named(name: str, repack: Callable[[bytes], bytes]) -> Callable[[Path], Written]:
    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        (data,) = nifti(array, affine).values()
        return Written(save(folder, {name: repack(data)}), Truth.of_grid(array, affine))

    return write


def _without_orientation(folder: Path) -> Written:
    """Write no form; the standard then leaves positions open, and nibabel centres the volume and lets x run to the left."""
    array, affine = phantom_grid()
    assumed = np.diag([-1.0, 1.0, 1.0, 1.0]) @ np.diag(np.diag(affine))
    assumed[:3, 3] = -assumed[:3, :3] @ (np.array(array.shape) - 1) / 2
    return Written(save(folder, nifti(array, affine, sform_code=0)), Truth.of_grid(array, assumed))


def _with_too_few_slices_named(folder: Path) -> Written:
    array, affine = phantom_grid()
    files = nifti(array, affine, dim=[3, *array.shape[:2], 7, 1, 1, 1, 1])
    return Written(save(folder, files), Truth.of_grid(array[:, :, :7], affine))


def _patched(place: int, data: bytes, keep: int | None = None) -> Callable[[Path], Written]:
    """Write the file, overwrite bytes of its header, and cut it."""

    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        raw = bytearray(next(iter(nifti(array, affine).values())))
        raw[place : place + len(data)] = data
        return Written(save(folder, {"scan.nii": bytes(raw[:keep])}), Truth.of_grid(array, affine))

    return write


def _copied_as_text(folder: Path) -> Written:
    (data,) = nifti(*phantom_grid(), version=2).values()
    return Written(save(folder, {"scan.nii": data.replace(b"\r\n", b"\n")}))


def _filled(value: float) -> Callable[[Path], Written]:
    def write(folder: Path) -> Written:
        array, affine = phantom_grid()
        values = array.astype(np.float32)
        values[3, 4, 5] = value
        return Written(save(folder, nifti(values, affine)))

    return write


def _windowed(folder: Path) -> Written:
    array, affine = phantom_grid()
    return Written(save(folder, nifti(np.clip((array + 160) // 2, 0, 255).astype(np.uint8), affine)))


def _half_a_pair(folder: Path) -> Written:
    header, _ = nifti(*phantom_grid(), "scan.hdr").items()
    return Written(save(folder, dict([header])))


def _voxels_of_a_pair(folder: Path) -> Written:
    array, affine = phantom_grid()
    save(folder, nifti(array, affine, "scan.hdr"))
    return Written(folder / "scan.img", Truth.of_grid(array, affine))


def _bomb(folder: Path) -> Written:
    """Write a file of two megabytes that would unpack to two gigabytes of air."""
    (data,) = nifti(np.zeros((2, 2, 2), np.int16), np.eye(4)).values()
    raw = bytearray(data[:352])
    raw[40:48] = struct.pack("<4h", 3, 1024, 1024, 1000)
    return Written(save(folder, {"scan.nii.gz": gzip.compress(bytes(raw), mtime=0) + bytes(2_100_000)}))


_TURNED = np.array([[1, 0, 0, 0], [0, 0.9, -0.26, 0], [0, 0.26, 0.9, 0], [0, 0, 0, 1]])
CASES: list[Case] = [
    Case(_GROUP, "compressed", _plain(name="scan.nii.gz"), Opens()),
    Case(_GROUP, "NIfTI-2", _plain(version=2), Opens()),
    Case(_GROUP, "big endian", _plain(order=">"), Opens()),
    Case(_GROUP, "a pair, opened by its .hdr", _plain(name="scan.hdr"), Opens()),
    Case(_GROUP, "a pair, opened by its .img", _voxels_of_a_pair, Opens()),
    Case(
        _GROUP,
        "a .hdr without its .img",
        _half_a_pair,
        Refused(
            VolumeError, "scan.hdr is half of a pair: scan.img, which holds the voxels, is not beside it. Copy it, too."
        ),
    ),
    Case(
        _GROUP,
        "a pair of Analyze 7.5",
        _plain(name="scan.hdr", magic=bytes(4), hidden=True),
        Refused(
            VolumeError,
            "scan.hdr is an Analyze 7.5 volume, which does not say where left and right are. Convert the original DICOM "
            "again.",
        ),
    ),
    Case(_GROUP, "a .nii that is gzipped", _named("scan.nii", gzip.compress), Opens()),
    Case(_GROUP, "a .nii.gz that is not gzipped", _named("scan.nii.gz", bytes), Opens()),
    Case(_GROUP, "no ending in its name", _named("scan", bytes), Opens()),
    Case(_GROUP, "32-bit integers, all in the range of HU", _as(np.int32), Opens()),
    Case(_GROUP, "64-bit floats that are whole numbers", _as(np.float64), Opens()),
    Case(_GROUP, "slope 0: no scale", _scaled(0, 5, (1, 0)), Opens()),
    Case(_GROUP, "slope NaN: no scale", _scaled(np.nan, 5, (1, 0)), Opens()),
    Case(_GROUP, "slope 0.5, intercept -10", _scaled(0.5, -10), Opens()),
    Case(_GROUP, "qform alone", _quaternion(), Opens()),
    Case(_GROUP, "qform alone, qfac 0 (which means 1)", _quaternion(pixdim=[0, 20, 20, 12, 1, 1, 1, 1]), Opens()),
    Case(
        _GROUP,
        "qform alone, qfac 0.5",
        _quaternion(pixdim=[0.5, 20, 20, 12, 1, 1, 1, 1]),
        Refused(
            GeometryError,
            "The orientation in the header (qform) is no rotation, so positions in mm are unknown. Repair the header.",
        ),
    ),
    Case(
        _GROUP,
        "qform alone, a quaternion longer than 1",
        _quaternion(qform=((0.9, 0.9, 0.9), (0, 0, 0), 1)),
        Refused(
            GeometryError,
            "The orientation in the header (qform) is no rotation, so positions in mm are unknown. Repair the header.",
        ),
    ),
    Case(
        _GROUP,
        "qform alone, a voxel size of 0",
        _quaternion(pixdim=[1, 20, 0, 12, 1, 1, 1, 1]),
        Refused(
            GeometryError,
            "The voxel size in the header is 20 x 0 x 12 mm (x, y, z); every size must be above 0. Repair the header.",
        ),
    ),
    Case(
        _GROUP,
        "qform alone, a negative voxel size",
        _quaternion(pixdim=[1, -20, 20, 12, 1, 1, 1, 1]),
        Opens(("The header holds a negative voxel size; its absolute value is used.",)),
    ),
    Case(
        _GROUP,
        "sform and qform disagree",
        _plain(qform=((0, 0, 0), (1, 2, 3), 1)),
        Opens(("The two orientations in the header (sform, qform) differ by up to 504; the sform is used.",)),
    ),
    Case(
        _GROUP,
        "an unknown sform code",
        _plain(sform_code=77, hidden=True),
        Refused(
            GeometryError,
            "The header marks its orientations with the codes 77 (sform) and 0 (qform); known are 0 to 5. It is damaged. "
            "Repair the header.",
        ),
    ),
    Case(
        _GROUP,
        "no orientation at all",
        _without_orientation,
        Opens(
            (
                "The header names no orientation (qform and sform codes are 0): left, right, head and feet are assumed, not "
                "known.",
            )
        ),
    ),
    Case(
        _GROUP,
        "an affine with NaN",
        _patched(280, struct.pack("<f", np.nan)),
        Refused(GeometryError, "The affine holds NaN or infinity, so positions in mm are unknown. Repair the header."),
    ),
    Case(
        _GROUP,
        "an affine with an axis of no length",
        _plain(np.diag([1.0, 0, 1, 1]), hidden=True),
        Refused(GeometryError, "The affine has an axis of no length (pixel size 0?). Repair the header."),
    ),
    Case(
        _GROUP,
        "voxels of a kilometre",
        _plain(np.diag([1.0, 1, 1e5, 1]), hidden=True),
        Refused(
            GeometryError,
            "The voxels measure 1.2e+06 x 20 x 20 mm (z, y, x); those of a CT lie between 0.005 and 200 mm. Repair the "
            "header.",
        ),
    ),
    Case(
        _GROUP,
        "axes that almost coincide",
        _plain(np.array([[1, 0, 0, 0], [0, 1, 5, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), hidden=True),
        Refused(
            GeometryError,
            "The axes of the volume lean against each other by far more than a tilted gantry does (83 degrees between "
            "slices); the orientation in the header is damaged. Repair the header.",
        ),
    ),
    Case(
        _GROUP,
        "turned and sheared about x",
        _plain(_TURNED),
        Opens(
            (
                "Gantry tilt: the stack of slices is sheared by 15.9 degrees.",
                "The slices are 9.8 degrees off axial.",
            )
        ),
    ),
    Case(
        _GROUP,
        "a skewed affine",
        _plain(np.array([[1, 0.1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])),
        Opens(("Rows and columns of the slices are 5.7 degrees off a right angle.",)),
    ),
    Case(
        _GROUP,
        "a sheared affine (gantry tilt)",
        _plain(np.array([[1, 0, 0, 0], [0, 1, 0.2, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])),
        Opens(("Gantry tilt: the stack of slices is sheared by 18.4 degrees.",)),
    ),
    Case(
        _GROUP,
        "in metres",
        _plain(scale=1e3, xyzt_units=1),
        Opens(("The header counts in metres; positions were converted to millimetres.",)),
    ),
    Case(
        _GROUP,
        "in micrometres",
        _plain(scale=1e-3, xyzt_units=3),
        Opens(("The header counts in micrometres; positions were converted to millimetres.",)),
    ),
    Case(_GROUP, "unit unknown", _plain(xyzt_units=0), Opens()),
    Case(
        _GROUP,
        "marked as micrometres, but in millimetres",
        _plain(np.diag([0.05, 0.05, 0.25, 1]), xyzt_units=3),
        Opens(),
    ),
    Case(_GROUP, "4D with one volume", _frames((1,), 0), Opens()),
    Case(
        _GROUP,
        "4D with three volumes",
        _frames((3,)),
        Refused(
            FrameNeededError,
            "scan.nii holds 3 volumes (4D); one can be opened. Choose it with frame=0 to frame=2 (in the shell --frame).",
        ),
    ),
    Case(_GROUP, "4D, the third volume", _frames((3,), 2), Opens(("Volume 3 of 3 in the file.",)), {"frame": 2}),
    Case(
        _GROUP,
        "4D, a volume that does not exist",
        _frames((3,)),
        Refused(VolumeError, "frame=3 does not exist: scan.nii holds 3 (counted from 0)."),
        {"frame": 3},
    ),
    Case(
        _GROUP,
        "5D, the volumes on the fifth axis",
        _frames((1, 2), 1),
        Opens(("Volume 2 of 2 in the file.",)),
        {"frame": 1},
    ),
    Case(
        _GROUP,
        "5D",
        _frames((2, 2)),
        Refused(VolumeError, "scan.nii has 5 axes (20 x 18 x 8 x 2 x 2); three, or four for several volumes."),
        {"frame": 0},
    ),
    Case(
        _GROUP,
        "a displacement field",
        _frames((1, 3), intent_code=1006),
        Refused(VolumeError, "scan.nii holds a displacement field, not a CT, which has one number a voxel."),
        {"frame": 0},
    ),
    Case(
        _GROUP,
        "colours",
        _patched(70, struct.pack("<hh", 128, 24)),
        Refused(VolumeError, "scan.nii holds colours or complex numbers; a CT has one number a voxel."),
    ),
    Case(
        _GROUP,
        "a single slice",
        _patched(40, struct.pack("<4h", 3, 20, 18, 1)),
        Refused(
            VolumeError, "scan.nii has the shape 20 x 18 x 1: a picture, not a volume. At least two slices are needed."
        ),
    ),
    Case(
        _GROUP,
        "a PNG picture named scan.nii",
        lambda folder: Written(save(folder, {"scan.nii": b"\x89PNG\r\n\x1a\n" + bytes(400)})),
        Refused(VolumeError, "scan.nii is not a NIfTI file: it is a PNG picture. Open the CT itself (NIfTI or DICOM)."),
    ),
    Case(
        _GROUP,
        "an empty file",
        lambda folder: Written(save(folder, {"scan.nii": b""})),
        Refused(VolumeError, "scan.nii is empty (0 bytes). Copy or download it again."),
    ),
    Case(
        _GROUP,
        "NIfTI-2, copied as text",
        _copied_as_text,
        Refused(
            VolumeError,
            "scan.nii was changed while it was copied (as text?): the mark of its header is damaged. Copy it again.",
        ),
    ),
    Case(
        _GROUP,
        "cut short",
        _patched(0, b"", 2000),
        Refused(
            VolumeError,
            "scan.nii was cut short: 20 x 18 x 8 voxels do not fit into the file. Copy or download it again.",
        ),
    ),
    Case(
        _GROUP,
        "compressed and cut short",
        _named("scan.nii.gz", lambda raw: gzip.compress(raw, mtime=0)[:1500]),
        Refused(
            VolumeError,
            "scan.nii.gz is damaged or was cut short: its compressed data ends early or does not match its checksum. Copy "
            "or download it again.",
        ),
    ),
    Case(
        _GROUP,
        "one bit of the compressed data flipped",
        _named("scan.nii.gz", lambda raw: gzip.compress(raw, mtime=0)[:-6] + b"\0" * 6),
        Refused(
            VolumeError,
            "scan.nii.gz is damaged or was cut short: its compressed data ends early or does not match its checksum. Copy "
            "or download it again.",
        ),
    ),
    Case(
        _GROUP,
        "more voxels in the file than in its header",
        _with_too_few_slices_named,
        Opens(("The file goes on behind the last voxel that its header names: the header may be damaged.",)),
    ),
    Case(
        _GROUP,
        "voxels that begin inside the header",
        _patched(108, struct.pack("<f", 100)),
        Refused(
            VolumeError,
            "scan.nii has a damaged header: its voxels cannot begin at byte 100. Copy or export the file again.",
        ),
    ),
    Case(
        _GROUP,
        "a header that promises terabytes",
        _patched(42, struct.pack("<3h", 30000, 30000, 30000)),
        Refused(
            VolumeError,
            "scan.nii was cut short: 30000 x 30000 x 30000 voxels do not fit into the file. Copy or download it again.",
        ),
    ),
    Case(
        _GROUP,
        "a small file that would unpack to gigabytes",
        _bomb,
        Refused(
            VolumeError,
            "scan.nii.gz would unpack to 2.1 GB, 999 times its size; no CT shrinks that far. Its header is damaged, or it "
            "was made to fill the memory.",
        ),
    ),
    Case(
        _GROUP,
        "a voxel of NaN",
        _filled(np.nan),
        Refused(
            NotHounsfieldError,
            "Slice 5 of the file holds NaN or infinite values; every voxel of a CT has a number. Replace them (air is -1000"
            " HU) and save it again.",
        ),
    ),
    Case(
        _GROUP,
        "a windowed export (8 bits)",
        _windowed,
        Refused(
            NotHounsfieldError,
            "The values run from 0 to 253; Hounsfield units of a body include air or fat below -50. This looks like a "
            "windowed export or another modality. Export the original CT in HU, or say that the values are HU (--assume-hu "
            "in the shell, the question in the dock).",
        ),
    ),
]
