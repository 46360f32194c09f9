"""What other programs, or a plain computation, make of a volume file: second opinions for the fuzzer and the property tests.

None of this calls the package's readers. An opinion may be missing (a library refuses the file); it is never invented.
"""

from __future__ import annotations

import bz2
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import SimpleITK
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_ct_grounding.core.volume import CTVolume

__all__ = ["Opinion", "dicom_disagreement", "disagreement", "metaimage_opinions", "nifti_opinions", "nrrd_opinions"]

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
nibabel.imageglobals.logger.disabled = True


def _without_warnings(judge: Callable[..., str]) -> Callable[..., str]:
    @wraps(judge)
    def quiet(*arguments: Any) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return judge(*arguments)

    return quiet


@dataclass(frozen=True, eq=False)
class Opinion:
    """Somebody's reading of a file: values with shape (x, y, z) or (x, y, z, frames), and their affine to RAS mm."""

    source: str
    values: NDArray
    affine: NDArray[np.float64]


def disagreement(volume: CTVolume, opinion: Opinion, frame: int = 0) -> str:
    """Return how a volume differs from an opinion, voxel by voxel; empty where it does not."""
    values = opinion.values[..., frame] if opinion.values.ndim == 4 else opinion.values
    index = np.stack(np.meshgrid(*(np.arange(n) for n in volume.hu.shape), indexing="ij"), axis=-1).reshape(-1, 3)
    world = index[:, ::-1] @ volume.geometry.affine[:3, :3].T + volume.geometry.affine[:3, 3]
    inverse = np.linalg.inv(opinion.affine)
    place = world @ inverse[:3, :3].T + inverse[:3, 3]
    stored = np.rint(place).astype(int)
    if np.abs(place - stored).max() > 2e-3:
        return f"{opinion.source}: voxels lie up to {np.abs(place - stored).max():.3g} voxels apart"
    if volume.hu.size != values.size or (stored < 0).any() or (stored >= values.shape).any():
        return f"{opinion.source}: shape {values.shape} against {volume.hu.shape[::-1]}"
    if len(np.unique(np.ravel_multi_index(stored.T, values.shape))) != values.size:
        return f"{opinion.source}: two voxels at one place"
    if volume.geometry.affine[2, 2] <= 0 or np.linalg.det(volume.geometry.affine[:3, :3]) <= 0:
        return "the slices do not grow to the head, or the axes are left-handed"
    expected = values[tuple(stored.T)].astype(np.float32)
    if not np.array_equal(expected, volume.hu.reshape(-1).astype(np.float32)):
        return f"{opinion.source}: values differ"
    return ""


def nifti_opinions(path: Path) -> Iterator[Opinion]:
    """Give nibabel's reading; in millimetres where the volume is (the unit is the caller's to compare)."""
    raw = path.read_bytes()
    raw = zlib.decompressobj(47).decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    image_class = (
        nibabel.Nifti2Image
        if 540 in struct.unpack("<i", raw[:4]) + struct.unpack(">i", raw[:4])
        else nibabel.Nifti1Image
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = nibabel.load(path) if ".hdr" in path.name else image_class.from_bytes(raw)
            values = np.asanyarray(image.dataobj)
    except Exception:  # whatever nibabel makes of it, it is no opinion
        return
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim == 5 and values.shape[3] == 1:
        values = values[:, :, :, 0]
    yield Opinion("nibabel", values, np.asarray(image.affine, dtype=np.float64))


def nifti_unit_mm(path: Path) -> float:
    """Return the millimetres of the unit that the header names."""
    raw = path.read_bytes()
    raw = zlib.decompressobj(47).decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    unit = (
        raw[123]
        if 348 in struct.unpack("<i", raw[:4]) + struct.unpack(">i", raw[:4])
        else raw[500 + (raw[503] & 7 > 0) * 3]
    )
    return {1: 1e3, 3: 1e-3}.get(unit & 7, 1.0)


def nrrd_opinions(path: Path) -> Iterator[Opinion]:
    """Give SimpleITK's reading and a plain one."""
    yield from _simpleitk(path)
    yield from _plainly(_plain_nrrd, path)


def metaimage_opinions(path: Path) -> Iterator[Opinion]:
    """Give SimpleITK's reading and a plain one."""
    yield from _simpleitk(path)
    yield from _plainly(_plain_metaimage, path)


@_without_warnings
def dicom_disagreement(volume: CTVolume, folder: Path) -> str:
    """Compare each voxel with the images of the folder by the plane equation of DICOM (PS3.3, C.7.6.2.1.1)."""
    points, values, signed = [], [], []
    read_as_signed = any("read as signed" in note for note in volume.notes)
    for path in folder.iterdir():
        try:
            dataset = pydicom.dcmread(BytesIO(path.read_bytes()), force=True)  # a length that lies costs no memory
            if not hasattr(dataset, "file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
                dataset.ensure_file_meta()
                dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
            stored = dataset.pixel_array.astype(np.float64)
            row, column = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
            down, right = map(float, dataset.PixelSpacing)
            position = np.array(dataset.ImagePositionPatient, float)
            slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
            slope, intercept = 1.0 if slope is None else float(slope), 0.0 if intercept is None else float(intercept)
            hu = stored * slope + intercept
        except Exception:  # a damaged image has no opinion
            continue
        j, i = np.mgrid[: hu.shape[0], : hu.shape[-1]]
        lps = position + i[..., None] * right * row + j[..., None] * down * column
        if hu.ndim != 2 or not np.isfinite(lps).all():
            continue  # nor has one of many planes, or at no place
        points.append(lps.reshape(-1, 3) * (-1, -1, 1))
        values.append(np.where(hu < -1500, -1000, hu).reshape(-1))
        # The volume says when it took unsigned values for signed ones.
        other = np.where(stored > 32767, stored - 65536, stored) * slope + intercept if read_as_signed else hu
        signed.append(np.where(other < -1500, -1000, other).reshape(-1))
    if not points:
        return "opened, although no image can be decoded"
    where, what = np.concatenate(points), np.stack([np.concatenate(values), np.concatenate(signed)], axis=1)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in volume.hu.shape), indexing="ij"), axis=-1).reshape(-1, 3)
    world = volume.geometry.world_of_voxel(index)
    step = max(volume.geometry.spacing_mm)
    tolerance = max(0.06, 0.02 * step)
    if cKDTree(where).query(world)[0].max() > tolerance:
        return f"plane equation: voxels lie up to {cKDTree(where).query(world)[0].max():.3g} mm from any pixel"
    near = cKDTree(where).query_ball_point(world, tolerance * 1.01)
    hu = volume.hu.reshape(-1).astype(np.float32)
    if not all((what[list(places)].astype(np.float32) == value).any() for places, value in zip(near, hu, strict=True)):
        return "plane equation: values differ"
    return ""


def _simpleitk(path: Path) -> Iterator[Opinion]:
    raw = path.read_bytes()
    size = re.search(rb"\nCompressedDataSize = (\d+)\n", raw)
    if b"CompressedData = True" in raw and (not size or int(size[1]) != len(raw.partition(b"DataFile = LOCAL\n")[2])):
        return  # it then says "Uncompress failed" and gives what happens to lie in memory
    try:
        image = SimpleITK.ReadImage(str(path))
        values = SimpleITK.GetArrayFromImage(image)
    except Exception:  # RuntimeError, and OverflowError from the bindings
        return
    if image.GetDimension() == 4 and image.GetNumberOfComponentsPerPixel() == 1:
        values = np.moveaxis(values, 0, -1)  # frames last
    elif image.GetDimension() != 3:
        return
    spatial = values.shape[:3]
    values = values.transpose(2, 1, 0, *range(3, values.ndim))
    assert values.shape[:3] == spatial[::-1]
    size = image.GetDimension()
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(size, size)[:3, :3]
    affine[:3, :3] = direction * image.GetSpacing()[:3]
    affine[:3, 3] = image.GetOrigin()[:3]
    yield Opinion("SimpleITK", values, _LPS @ affine)


def _plainly(read: Callable[[Path], Opinion], path: Path) -> Iterator[Opinion]:
    try:
        with np.errstate(all="ignore"):
            yield read(path)
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, OSError, EOFError, zlib.error, AttributeError):
        return


def _unpacked(data: bytes, packing: str) -> bytes:
    if packing in ("gzip", "gz", "zlib"):
        return zlib.decompressobj(47).decompress(data)
    return bz2.decompress(data) if packing in ("bzip2", "bz2") else data


def _array(data: bytes, dtype: str, shape: list[int], is_text: bool) -> NDArray:
    count = int(np.prod(shape))
    if is_text:
        return np.array(data.split()[:count], dtype=np.float64).reshape(shape, order="F")
    return np.frombuffer(data[: count * np.dtype(dtype).itemsize], dtype).reshape(shape, order="F")


def _plain_nrrd(path: Path) -> Opinion:
    raw = path.read_bytes()
    header, fields = 0, {}
    for line in raw.split(b"\n"):
        header += len(line) + 1
        if not line.strip():
            break
        key, _, value = line.decode("latin-1").partition(":")
        fields[key.strip().lower()] = value.strip()
    rows = re.findall(r"\(([^)]*)\)|none", fields["space directions"])
    sizes = [int(word) for word in fields["sizes"].split()]
    affine = np.eye(4)
    affine[:3, :3] = np.array([[float(word) for word in row.split(",")] for row in rows if row]).T
    if "space origin" in fields:
        affine[:3, 3] = [float(word) for word in fields["space origin"].strip("()").split(",")]
    left, back = fields["space"].lower().replace("lps", "left-posterior").split("-")[:2]
    affine = np.diag([-1.0 if left == "left" else 1.0, -1.0 if back == "posterior" else 1.0, 1.0, 1.0]) @ affine
    unit = re.findall(r'"(\w*)"', fields.get("space units", ""))
    affine = np.diag([*[{"m": 1e3, "cm": 10.0, "um": 1e-3}.get(unit[0] if unit else "", 1.0)] * 3, 1.0]) @ affine
    kind = {
        "short": "i2",
        "ushort": "u2",
        "int": "i4",
        "float": "f4",
        "double": "f8",
        "uchar": "u1",
        "signed char": "i1",
    }
    dtype = (">" if fields.get("endian") == "big" else "<") + {**kind, "int8": "i1", "uint": "u4"}[
        fields["type"].lower()
    ]
    data = (path.parent / fields["data file"]).read_bytes() if "data file" in fields else raw[header:]
    packing = fields["encoding"].lower()
    skipped = int(fields.get("byte skip", 0))
    for _ in range(int(fields.get("line skip", 0))):
        data = data[data.index(b"\n") + 1 :]
    size = int(np.prod(sizes)) * np.dtype(dtype).itemsize
    data = data[-size:] if skipped == -1 else _unpacked(data, packing)[skipped:]
    values = _array(data, dtype, sizes, packing in ("ascii", "text", "txt"))
    others = [
        axis for axis, row in enumerate(re.findall(r"\([^)]*\)|none", fields["space directions"])) if row == "none"
    ]
    return Opinion("plain NRRD", np.moveaxis(values, others, range(-len(others), 0)), affine)


def _plain_metaimage(path: Path) -> Opinion:
    raw = path.read_bytes()
    header, fields = 0, {}
    for line in raw.split(b"\n"):
        header += len(line) + 1
        key, _, value = line.decode("latin-1").partition("=")
        fields[key.strip()] = value.strip()
        if key.strip() == "ElementDataFile":
            break
    num = int(fields["NDims"])

    def numbers(*names: str) -> NDArray:
        return np.array([float(word) for word in fields[next((name for name in names if name in fields), "")].split()])

    affine = np.eye(4)
    affine[:3, :3] = numbers("TransformMatrix", "Rotation", "Orientation").reshape(num, num)[:3, :3].T
    affine[:3, :3] *= numbers("ElementSpacing", "ElementSize")[:3]
    if {"Offset", "Position", "Origin"} & fields.keys():
        affine[:3, 3] = numbers("Offset", "Position", "Origin")[:3]
    affine = np.diag([*[{"um": 1e-3, "cm": 10.0}.get(fields.get("DistanceUnits", ""), 1.0)] * 3, 1.0]) @ affine
    channels = int(fields.get("ElementNumberOfChannels", 1))
    shape = [*([channels] if channels > 1 else []), *(int(word) for word in fields["DimSize"].split())]
    is_big = fields.get("ElementByteOrderMSB", fields.get("BinaryDataByteOrderMSB", "False"))[0] in "Tt1"
    kind = {
        "SHORT": "i2",
        "USHORT": "u2",
        "INT": "i4",
        "FLOAT": "f4",
        "DOUBLE": "f8",
        "UCHAR": "u1",
        "CHAR": "i1",
        "UINT": "u4",
    }
    dtype = (">" if is_big else "<") + kind[fields["ElementType"].removeprefix("MET_").removesuffix("_ARRAY")]
    spec = fields["ElementDataFile"]
    data = raw[header:] if spec.lower() == "local" else (path.parent / spec).read_bytes()
    size = int(fields.get("HeaderSize", 0))
    if spec.lower() != "local" and size:
        data = data[size:] if size > 0 else data[-int(np.prod(shape)) * np.dtype(dtype).itemsize :]
    data = _unpacked(data, "zlib") if fields.get("CompressedData", "False")[0] in "Tt1" else data
    values = _array(data, dtype, shape, fields.get("BinaryData", "True")[0] in "Ff0")
    return Opinion("plain MetaImage", np.moveaxis(values, 0, -1) if channels > 1 else values, _LPS @ affine)
