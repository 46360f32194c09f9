"""NIfTI (.nii, .nii.gz) to a CT volume.

nibabel reads the header; the voxels are streamed slice by slice into their canonical place, through the fast gunzip of isal where
the file is compressed, so that a scan is held in memory once and stays int16 where it can.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import nibabel
import numpy as np
from isal import igzip
from isal.igzip_lib import IsalError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import FrameNeededError, GeometryError, VolumeError
from napari_ct_grounding.core.geometry import VolumeGeometry, canonicalise
from napari_ct_grounding.core.volume import CTVolume, SliceRecord
from napari_ct_grounding.readers.canonical_buffer import CanonicalBuffer, scale_to_hu
from napari_ct_grounding.readers.notes import check_plausible, geometry_notes

__all__ = ["read_nifti", "read_nifti_geometry"]

NiftiHeader = nibabel.Nifti1Header

GZIP_MAGIC = b"\x1f\x8b"
#: What reading a damaged .nii.gz raises, by isal or the standard library.
_DAMAGED: tuple[Any, ...] = (EOFError, zlib.error, IsalError, gzip.BadGzipFile)
#: deflate cannot shrink further than this; a header that asks for more voxels than the file can hold is wrong.
MAX_GZIP_RATIO = 1040
#: sform and qform that differ by more than this (mm, or per voxel) are told to the reader.
FORM_TOLERANCE = 1e-3
_OTHER_FILES = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"PK\x03\x04", "a zip archive"),
    (b"%PDF", "a PDF document"),
    (b"NRRD", "an NRRD volume"),
    (b"\x93NUMPY", "a numpy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
)


def read_nifti(path: Path, frame: int | None = None) -> CTVolume:
    """Return the CT volume of a NIfTI file; values are stored x slope + intercept and are not checked for being HU.

    Parameters
    ----------
    path : Path
        A single-file NIfTI-1 or NIfTI-2, compressed or not, whatever its name says.
    frame : int, optional
        Which volume of a file with several (fourth axis), from 0.

    Raises
    ------
    VolumeError
        When the file is no NIfTI, damaged, not three-dimensional, or holds several volumes and `frame` is not given.
    GeometryError
        When the header gives no usable grid.
    """
    try:
        with _open(path) as stream:
            header = _read_header(stream, path)
            shape, num_frames = _shape(header, path.name)
            if frame is None and num_frames > 1:
                raise FrameNeededError(
                    f"{path.name} holds {num_frames} volumes (4D); one can be opened. "
                    f"Choose it with frame=0 to frame={num_frames - 1} (in the shell --frame).",
                    num_frames,
                )
            if not 0 <= (frame or 0) < num_frames:
                raise VolumeError(f"frame={frame} does not exist: {path.name} holds {num_frames} (counted from 0).")
            with np.errstate(all="ignore"):  # numbers out of range become NaN or infinity, which the geometry refuses
                affine, notes = _affine(header)
            layout = _voxel_layout(header, shape, frame or 0, path)
            how = canonicalise(affine, shape)
            check_plausible(how.geometry)
            buffer = CanonicalBuffer(how)
            _stream_voxels(stream, layout, shape, buffer, path.name)
    except _DAMAGED as error:
        raise VolumeError(
            f"{path.name} is damaged or was cut short: its compressed data ends early or does not match its checksum. "
            "Copy or download it again."
        ) from error
    except OSError as error:
        raise VolumeError(f"{path.name} cannot be read ({error.strerror or 'input error'}).") from error
    notes += geometry_notes(how.geometry)
    if num_frames > 1:
        notes.append(f"Volume {frame} of {num_frames} in the file.")
    return CTVolume(
        hu=buffer.finish(),
        geometry=how.geometry,
        slice_table=tuple(SliceRecord(how.stored_slice_of(index)) for index in range(how.geometry.shape[0])),
        name=_stem(path.name),
        notes=tuple(notes),
        stored_affine=affine,
    )


def read_nifti_geometry(path: Path) -> VolumeGeometry:
    """Return the canonical grid that the header of a NIfTI file names, without its voxels; raises as `read_nifti`."""
    try:
        with _open(path) as stream:
            header = _read_header(stream, path)
            shape, _ = _shape(header, path.name)
            with np.errstate(all="ignore"):
                affine = _affine(header)[0]
            return canonicalise(affine, shape).geometry
    except (OSError, *_DAMAGED) as error:
        raise VolumeError(f"{path.name} is damaged or was cut short.") from error


def _stem(name: str) -> str:
    for ending in (".nii.gz", ".nii"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def _open(path: Path) -> BinaryIO:
    """Open for reading decompressed bytes; the content decides, not the name."""
    with open(path, "rb") as raw:
        start = raw.read(2)
    if not start:
        raise VolumeError(f"{path.name} is empty (0 bytes). Copy or download it again.")
    return igzip.open(path, "rb") if start == GZIP_MAGIC else open(path, "rb")


def _read_header(stream: BinaryIO, path: Path) -> NiftiHeader:
    start = stream.read(4)
    for magic, what in _OTHER_FILES:
        if start.startswith(magic):
            raise VolumeError(f"{path.name} is not a NIfTI file: it is {what}. Open the CT itself (NIfTI or DICOM).")
    sizes = {int.from_bytes(start, order) for order in ("little", "big")}
    header_class = nibabel.Nifti2Header if 540 in sizes else nibabel.Nifti1Header
    block = start + stream.read(header_class.template_dtype.itemsize - 4)
    if not sizes & {348, 540} or len(block) < header_class.template_dtype.itemsize:
        raise VolumeError(f"{path.name} is not a NIfTI file: it does not begin with a NIfTI header.")
    header = header_class(block, check=False)
    magic = bytes(header["magic"].tobytes()).rstrip(b"\0\r\n\x1a")[:3]
    if magic not in (b"n+1", b"n+2"):
        raise VolumeError(
            f"{path.name} is not a single-file NIfTI (its mark is {magic.decode('ascii', 'replace')!r}, 'n+1' is needed). "
            "Convert pairs of .hdr and .img, or Analyze files, to .nii.gz first."
        )
    return header


def _shape(header: NiftiHeader, name: str) -> tuple[tuple[int, int, int], int]:
    """Return the stored (x, y, z) and the number of volumes."""
    num_axes = int(header["dim"][0])
    if not 1 <= num_axes <= 7 or min(int(n) for n in header["dim"][1 : num_axes + 1]) < 1:
        raise VolumeError(f"{name} has a damaged header: its dimensions are {[int(n) for n in header['dim']]}.")
    dims = [int(n) for n in header["dim"][1 : num_axes + 1]]
    while len(dims) > 3 and dims[-1] == 1:
        dims.pop()
    if len(dims) < 3 or min(dims[:3]) < 2:
        raise VolumeError(
            f"{name} has the shape {' x '.join(map(str, dims))}: a picture, not a volume. At least two slices are needed."
        )
    if len(dims) > 4:
        raise VolumeError(
            f"{name} has {len(dims)} axes ({' x '.join(map(str, dims))}); three, or four for several volumes."
        )
    return (dims[0], dims[1], dims[2]), dims[3] if len(dims) == 4 else 1


def _affine(header: NiftiHeader) -> tuple[NDArray[np.float64], list[str]]:
    """Return stored voxel (x, y, z) to world RAS+ mm by the sform, else the qform, and what to say about it."""
    notes: list[str] = []
    sform_code, qform_code = int(header["sform_code"]), int(header["qform_code"])
    pixdim = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    if sform_code <= 0:
        if not np.isfinite(pixdim).all() or (pixdim == 0).any():
            raise GeometryError(
                f"The voxel size in the header is {' x '.join(f'{size:g}' for size in pixdim)} mm (x, y, z); every size must be "
                "above 0. Repair the header."
            )
        if (pixdim < 0).any():
            header["pixdim"][1:4] = np.abs(pixdim)
            notes.append("The header holds a negative voxel size; its absolute value is used.")
    affine = np.asarray(header.get_sform(), dtype=np.float64)
    qform: NDArray[np.float64] | None = None
    if qform_code > 0:
        try:
            qform = np.asarray(header.get_qform(), dtype=np.float64)
        except (HeaderDataError, ValueError) as error:
            if sform_code <= 0:
                raise GeometryError(
                    "The orientation in the header (qform) is no rotation, so positions in mm are unknown. Repair the header."
                ) from error
    if sform_code > 0:
        if qform is not None and not np.allclose(affine, qform, rtol=0, atol=FORM_TOLERANCE):
            worst = float(np.nanmax(np.abs(affine - qform)))
            notes.append(
                f"The two orientations in the header (sform, qform) differ by up to {worst:.3g}; the sform is used."
            )
    elif qform is not None:
        affine = qform
    else:
        affine = np.asarray(header.get_base_affine(), dtype=np.float64)
        notes.append(
            "The header names no orientation (qform and sform codes are 0): left, right, head and feet are assumed, not known."
        )
    return _in_millimetres(affine, header, notes), notes


def _in_millimetres(affine: NDArray[np.float64], header: NiftiHeader, notes: list[str]) -> NDArray[np.float64]:
    """Scale an affine in metres or micrometres, where the header says so and the sizes agree with it."""
    try:
        unit = header.get_xyzt_units()[0]
    except KeyError:
        return affine
    factor = {"meter": 1e3, "micron": 1e-3}.get(unit)
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    # Many tools write the unit without care: believe it only where millimetres would be absurd for a CT.
    if factor and np.isfinite(sizes).all() and (sizes.min() < 0.02 or sizes.max() > 50):
        notes.append(f"The header counts in {unit}s; positions were converted to millimetres.")
        return np.diag([factor, factor, factor, 1.0]) @ affine
    return affine


@dataclass(frozen=True)
class _VoxelLayout:
    """Where in the decompressed file the voxels begin, their type, and how they become HU."""

    offset: int
    dtype: np.dtype
    slope: float
    intercept: float


def _voxel_layout(header: NiftiHeader, shape: tuple[int, int, int], frame: int, path: Path) -> _VoxelLayout:
    try:
        dtype = header.get_data_dtype()
        slope, intercept = header.get_slope_inter()
        start = int(header["vox_offset"])
    except (HeaderDataError, KeyError, ValueError, OverflowError) as error:
        raise VolumeError(
            f"{path.name} has a damaged header: the type, the scale or the place of its voxels makes no sense."
        ) from error
    if dtype.kind not in "iuf":
        raise VolumeError(f"{path.name} holds colours or complex numbers ({dtype}); a CT has one number a voxel.")
    num_bytes = math.prod(shape) * dtype.itemsize
    offset = max(start, header.template_dtype.itemsize) + frame * num_bytes
    with open(path, "rb") as raw:
        ratio = MAX_GZIP_RATIO if raw.read(2) == GZIP_MAGIC else 1
    # Before any memory is asked for: a damaged or hostile header may promise terabytes.
    if offset + num_bytes > os.path.getsize(path) * ratio:
        raise VolumeError(
            f"{path.name} was cut short: {' x '.join(map(str, shape))} voxels do not fit into the file. "
            "Copy or download it again."
        )
    return _VoxelLayout(offset, dtype, 1.0 if slope is None else float(slope), float(intercept or 0.0))


def _stream_voxels(
    stream: BinaryIO, layout: _VoxelLayout, shape: tuple[int, int, int], buffer: CanonicalBuffer, name: str
) -> None:
    stream.seek(layout.offset)
    plane = np.empty((shape[1], shape[0]), layout.dtype)
    for index in range(shape[2]):
        _fill(stream, plane, name)
        native = plane.astype(layout.dtype.newbyteorder("="), copy=False)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is found as not finite
            buffer.put(index, scale_to_hu(native, layout.slope, layout.intercept))
    # Behind the last volume only the end is left; reading it makes gzip compare the checksum.
    stream.read(1)


def _fill(stream: BinaryIO, plane: NDArray, name: str) -> None:
    target = memoryview(plane.view(np.uint8).data).cast("B")
    done = 0
    while done < len(target):
        count = stream.readinto(target[done:])  # type: ignore[attr-defined]
        if not count:
            raise VolumeError(f"{name} was cut short: voxels are missing at its end. Copy or download it again.")
        done += count
