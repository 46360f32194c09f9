"""NIfTI (.nii, .nii.gz, and pairs of .hdr and .img) to a CT volume.

nibabel reads the header, because ITK refuses valid files; the voxels are streamed as `StoredVolume` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import nibabel
import numpy as np
from isal import igzip
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import GeometryError, VolumeError
from napari_ct_grounding.readers.formats.stored_volume import StoredVolume, in_millimetres
from napari_ct_grounding.readers.formats.voxel_stream import GZIP_MAGIC, reading_errors_of

__all__ = ["describe_nifti", "pair_of", "starts_like_nifti_header"]

NiftiHeader = nibabel.Nifti1Header

#: sform and qform that differ by more than this (mm, or per voxel) are told to the reader.
FORM_TOLERANCE = 1e-3
#: Unknown, scanner, aligned, Talairach, MNI, another template.
_FORM_CODES = set(range(6))
#: Intent codes of files whose fifth axis holds the parts of a vector, a matrix or a colour.
_INTENTS = {
    1003: "matrices",
    1004: "matrices",
    1005: "matrices",
    1006: "a displacement field",
    1007: "vectors",
    1008: "points",
}
_INTENTS |= {1010: "quaternions", 2003: "colours", 2004: "colours"}
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


def describe_nifti(path: Path) -> StoredVolume:
    """Return what the header of a NIfTI-1 or NIfTI-2 file says, compressed or not, whatever its name says.

    Raises
    ------
    VolumeError
        When the file is no NIfTI, damaged, or not three-dimensional.
    GeometryError
        When the header gives no usable grid.
    """
    name = path.name
    header_path, voxel_path = pair_of(path)
    with reading_errors_of(name):
        with _open(header_path) as stream:
            header = _read_header(stream, name, is_pair=header_path != voxel_path)
        if not voxel_path.is_file():
            raise VolumeError(
                f"{name} is half of a pair: {voxel_path.name}, which holds the voxels, is not beside it. Copy it, too."
            )
        with open(voxel_path, "rb") as raw:
            is_compressed = raw.read(2) == GZIP_MAGIC
    shape, num_frames = _shape(header, name)
    with np.errstate(all="ignore"):  # numbers out of range become NaN or infinity, which the geometry refuses
        affine, notes = _affine(header)
    try:
        dtype = header.get_data_dtype()
        slope, intercept = header.get_slope_inter()
        start = float(header["vox_offset"])
    except (HeaderDataError, KeyError, ValueError, OverflowError) as error:
        raise VolumeError(
            f"{name} has a damaged header: the type or the scale of its voxels makes no sense."
        ) from error
    if dtype.kind not in "iuf":
        raise VolumeError(f"{name} holds colours or complex numbers; a CT has one number a voxel.")
    # nibabel takes 0 at its word, others put the voxels behind the header: no telling who is right.
    first = 0 if header_path != voxel_path else header.single_vox_offset
    if not (first <= start < 2**40 and start.is_integer()):
        raise VolumeError(
            f"{name} has a damaged header: its voxels cannot begin at byte {start:g}. Copy or export the file again."
        )
    return StoredVolume(
        name=name,
        title=re.sub(r"\.(nii|hdr|img)(\.gz)?$", "", name, flags=re.IGNORECASE),
        affine=affine,
        shape=shape,
        dtype=dtype,
        parts=(voxel_path,),
        coding="gzip" if is_compressed else "raw",
        offset=0 if is_compressed else int(start),
        lead=int(start) if is_compressed else 0,
        num_frames=num_frames,
        slope=1.0 if slope is None else float(slope),
        intercept=float(intercept or 0.0),
        notes=tuple(notes),
    )


def pair_of(path: Path) -> tuple[Path, Path]:
    """Return the file of the header and the file of the voxels: of a pair .hdr and .img both, else twice the same."""
    match = re.fullmatch(r"(.*)\.(hdr|img)(\.gz)?", path.name, flags=re.IGNORECASE | re.DOTALL)
    if not match:
        return path, path
    endings = ("HDR", "IMG") if match[2].isupper() else ("hdr", "img")
    header, voxels = (path.with_name(f"{match[1]}.{ending}{match[3] or ''}") for ending in endings)
    return header, voxels


def starts_like_nifti_header(path: Path) -> bool:
    """Whether a file holds the header of a NIfTI or Analyze volume."""
    try:
        with reading_errors_of(path.name), _open(path) as stream:
            return _sizes_named(stream.read(4)).intersection((348, 540)) != set()
    except VolumeError:
        return False


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    """Open for reading decompressed bytes; the content decides, not the name."""
    if not path.is_file():
        raise VolumeError(f"{path.name}, the header that belongs to the voxels, is not beside them. Copy it, too.")
    with open(path, "rb") as raw:
        start = raw.read(2)
    if not start:
        raise VolumeError(f"{path.name} is empty (0 bytes). Copy or download it again.")
    with igzip.open(path, "rb") if start == GZIP_MAGIC else open(path, "rb") as stream:
        yield stream


def _sizes_named(start: bytes) -> set[int]:
    return {int.from_bytes(start, "little"), int.from_bytes(start, "big")}


def _read_header(stream: BinaryIO, name: str, is_pair: bool) -> NiftiHeader:
    start = stream.read(4)
    for magic, what in _OTHER_FILES:
        if start.startswith(magic):
            raise VolumeError(f"{name} is not a NIfTI file: it is {what}. Open the CT itself (NIfTI or DICOM).")
    sizes = _sizes_named(start)
    header_class = nibabel.Nifti2Header if 540 in sizes else nibabel.Nifti1Header
    size = header_class.template_dtype.itemsize
    block = start + stream.read(size - 4)
    if size not in sizes or len(block) < size:
        raise VolumeError(f"{name} is not a NIfTI file: it does not begin with a NIfTI header.")
    if size == 540 and block[8:12] != b"\r\n\x1a\n":
        raise VolumeError(
            f"{name} was changed while it was copied (as text?): the mark of its header is damaged. Copy it again."
        )
    # The size of the header tells the byte order; nibabel would guess it from the number of axes, which may be damaged.
    header = header_class(block, endianness="<" if int.from_bytes(start, "little") == size else ">", check=False)
    magic = bytes(header["magic"].tobytes())[:4]
    wanted = (header.pair_magic if is_pair else header.single_magic)[:3]
    if magic == wanted + b"\0":
        return header
    if is_pair and magic == bytes(4):
        raise VolumeError(
            f"{name} is an Analyze 7.5 volume, which does not say where left and right are. Convert the original DICOM again."
        )
    raise VolumeError(
        f"{name} is not a {'pair of NIfTI files' if is_pair else 'single-file NIfTI'} (its mark is "
        f"{magic.rstrip(bytes(1)).decode('ascii', 'replace')!r}, {wanted.decode()!r} is needed)."
        + ("" if is_pair else " Open the .hdr of a pair, or convert the file to .nii.gz.")
    )


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
    if (intent := int(header["intent_code"])) in _INTENTS and len(dims) > 3:
        raise VolumeError(f"{name} holds {_INTENTS[intent]}, not a CT, which has one number a voxel.")
    if len(dims) == 5 and dims[3] == 1:
        dims.pop(3)  # some writers put the volumes on the fifth axis
    if len(dims) > 4:
        raise VolumeError(
            f"{name} has {len(dims)} axes ({' x '.join(map(str, dims))}); three, or four for several volumes."
        )
    return (dims[0], dims[1], dims[2]), dims[3] if len(dims) == 4 else 1


def _affine(header: NiftiHeader) -> tuple[NDArray[np.float64], list[str]]:
    """Return stored voxel (x, y, z) to world RAS+ mm by the sform, else the qform, and what to say about it."""
    notes: list[str] = []
    sform_code, qform_code = int(header["sform_code"]), int(header["qform_code"])
    if not {sform_code, qform_code} <= _FORM_CODES:
        raise GeometryError(
            f"The header marks its orientations with the codes {sform_code} (sform) and {qform_code} (qform); known are 0 to 5. "
            "It is damaged. Repair the header."
        )
    pixdim = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    if sform_code == 0:
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
        if header["pixdim"][0] == 0:
            header["pixdim"][0] = 1  # the standard: 0 means 1
        try:
            qform = np.asarray(header.get_qform(), dtype=np.float64)
        except (HeaderDataError, ValueError) as error:
            if sform_code == 0:
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
    return _by_unit(affine, header, notes), notes


def _by_unit(affine: NDArray[np.float64], header: NiftiHeader, notes: list[str]) -> NDArray[np.float64]:
    """Scale an affine in metres or micrometres, where the header says so and the sizes agree with it."""
    try:
        unit = header.get_xyzt_units()[0]
    except KeyError:
        return affine
    factor, name = {"meter": (1e3, "metres"), "micron": (1e-3, "micrometres")}.get(unit, (1.0, ""))
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    # Many tools write the unit without care: believe it only where millimetres would be absurd for a CT.
    if name and np.isfinite(sizes).all() and (sizes.min() < 0.02 or sizes.max() > 50):
        return in_millimetres(affine, factor, name, notes)
    return affine
