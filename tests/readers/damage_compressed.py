"""Sound little compressed DICOM series, ways to damage their codestreams, and what must come of them.

No second decoder is asked: decoders may differ on a damaged codestream. The truth of a frame that was not touched is what was
encoded; of a damaged one that still opens, only the places of its pixels are known. What counts is that nothing else happens: no
crash, no hang, no exception but a refusal, no untouched slice with other values.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from scipy.spatial import cKDTree

from napari_ct_grounding.core.volume import CTVolume
from tests.readers.damage import Files, Random
from tests.readers.dicom_writing import Series, axial_images, dataset_of

__all__ = ["compressed_disagreement", "compressed_seeds", "damage_compressed"]

_FRAMES = Path(__file__).resolve().parents[1] / "data" / "dicom_frames.npz"
_12_BITS = {"BitsStored": 12, "HighBit": 11}
_SIGNED = {"PixelRepresentation": 1, "RescaleIntercept": 0}
#: Name in the file of frames (empty: pydicom encodes), transfer syntax, what the header says.
_SERIES: tuple[tuple[str, UID, dict[str, Any]], ...] = (
    ("jpeg_baseline", JPEGBaseline8Bit, {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "RescaleSlope": 8}),
    ("jpeg_extended", JPEGExtended12Bit, _12_BITS),
    ("jpeg_lossless_sv1", JPEGLosslessSV1, _12_BITS),
    ("jpeg_lossless_sv1_signed", JPEGLosslessSV1, {**_12_BITS, **_SIGNED}),
    ("jpeg_lossless_predictor4", JPEGLossless, {}),
    ("", JPEGLSLossless, {}),
    ("jpeg_ls_near", JPEGLSNearLossless, {}),
    ("jpeg2000_lossless", JPEG2000Lossless, {}),
    ("jpeg2000_signed", JPEG2000Lossless, _SIGNED),
    ("jpeg2000_lossy", JPEG2000, _12_BITS),
    ("htj2k_lossless", HTJ2KLossless, {}),
    ("htj2k_lossy", HTJ2K, {}),
    ("", RLELossless, {}),
)
#: The lossiest of them (JPEG of 8 bits) comes as close as this.
_TOLERANCE_HU = 32
_NUM_SLICES = 4
_SYNTAX, _PIXELS, _ITEM = b"\x02\x00\x10\x00UI", b"\xe0\x7f\x10\x00OB", b"\xfe\xff\x00\xe0"
_JPEG_END = b"\xff\xd9"
_JPEG_MARKERS = (*range(0xC0, 0xE0), 0xEE, 0xF7, 0xFE)


@lru_cache(maxsize=1)
def compressed_seeds() -> list[Files]:
    """Return one series for each codec, the same bytes in every run."""
    return [files for files, _ in _sound()]


@lru_cache(maxsize=1)
def _sound() -> list[tuple[Files, list[NDArray]]]:
    return [_written(*series) for series in _SERIES]


def _written(codec: str, syntax: UID, elements: dict[str, Any]) -> tuple[Files, list[NDArray]]:
    series = Series(uid="1.2.826.0.1.3680043.8.498.2", study_uid="1.2.826.0.1.3680043.8.498.3")
    files: Files = {}
    truth = []
    with np.load(_FRAMES, allow_pickle=False) as frames, tempfile.TemporaryDirectory() as folder:
        for place, image in enumerate(axial_images(_NUM_SLICES)):
            hu = frames["hu"][place]
            dataset = dataset_of(replace(image, hu=hu).having(**elements), series)
            dataset.SOPInstanceUID = f"1.2.826.0.1.3680043.8.498.1.{place}"
            dataset.file_meta = FileMetaDataset()
            if codec:
                dataset.file_meta.TransferSyntaxUID = syntax
                dataset.PixelData = encapsulate([frames[f"{codec}_{place}"].tobytes()])
                dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
            else:
                dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
                dataset.compress(syntax, generate_instance_uid=False)
            path = Path(folder) / f"IM{(place * 7 + 3) % 11}"
            dataset.save_as(path, enforce_file_format=True)
            files[path.name] = path.read_bytes()
            truth.append(hu)
    return files, truth


@lru_cache(maxsize=1)
def _encoded_hu() -> dict[bytes, NDArray]:
    """Return what was encoded, by the bytes of a file from PixelData on."""
    return {_pixels(raw): hu for files, truth in _sound() for raw, hu in zip(files.values(), truth, strict=True)}


def _pixels(raw: bytes) -> bytes:
    return raw[raw.find(_PIXELS) :]


def damage_compressed(files: Files, random: Random) -> Files:
    """Damage the codestream of one image, or its frame of items; now and then give all images another transfer syntax."""
    way = random.random()
    if way < 0.06:
        other = str(_SERIES[int(random.integers(len(_SERIES)))][1]).encode()
        return {name: _with_syntax(raw, other) for name, raw in files.items()}
    name = str(random.choice(list(files)))
    raw = files[name]
    start = raw.find(_PIXELS)
    if start < 0 or (item := raw.rfind(_ITEM)) < start:
        return files
    if way < 0.2:
        return {**files, name: raw[:start] + _changed(raw[start:], random, 40)}
    end = item + 8 + int.from_bytes(raw[item + 4 : item + 8], "little")
    frame = _changed(raw[item + 8 : end], random, 200 if random.random() < 0.6 else 1 << 20)
    if random.random() < 0.5 and frame.startswith(b"\xff\xd8") and frame.rfind(_JPEG_END) < 0:
        frame += _JPEG_END  # a stream without its end is refused before it is decoded
    frame += b"\0" * (len(frame) % 2)
    return {**files, name: raw[:item] + _ITEM + len(frame).to_bytes(4, "little") + frame + raw[end:]}


def _with_syntax(raw: bytes, syntax: bytes) -> bytes:
    place = raw.find(_SYNTAX, 132)
    if place < 0:
        return raw
    syntax += b"\0" * (len(syntax) % 2)
    length = int.from_bytes(raw[place + 6 : place + 8], "little")
    grown = len(syntax) - length  # the length of the meta header stands in its first element
    group = (int.from_bytes(raw[140:144], "little") + grown).to_bytes(4, "little")
    after = raw[place + 8 + length :]
    return raw[:140] + group + raw[144 : place + 6] + len(syntax).to_bytes(2, "little") + syntax + after


def _changed(stream: bytes, random: Random, first: int) -> bytes:
    """Flip bytes among the `first` ones, cut, insert, remove, repeat, or put a marker of JPEG in."""
    raw = bytearray(stream)
    for _ in range(int(random.choice([1, 1, 1, 2, 4]))):
        if len(raw) < 8:
            break
        way, place = random.random(), int(random.integers(min(first, len(raw))))
        if way < 0.5:
            raw[place] = int(random.choice([0, 1, 127, 128, 255, raw[place] ^ (1 << int(random.integers(8)))]))
        elif way < 0.65:
            del raw[int(random.integers(len(raw))) :]
        elif way < 0.75:
            raw[place:place] = random.integers(0, 256, int(random.integers(1, 9)), dtype=np.uint8).tobytes()
        elif way < 0.85:
            del raw[place : place + int(random.integers(1, 9))]
        elif way < 0.93:
            marker = _JPEG_MARKERS[int(random.integers(len(_JPEG_MARKERS)))]
            raw[place:place] = bytes([0xFF, marker, 0, int(random.integers(2, 20))])
        else:
            source = int(random.integers(len(raw)))
            raw[place:place] = raw[source : source + int(random.integers(1, 40))]
    return bytes(raw)


def compressed_disagreement(volume: CTVolume, folder: Path) -> str:
    """Compare each voxel with the place of a pixel and, where its frame is as it was written, with what was encoded."""
    places, values = map(np.concatenate, zip(*_pixels_below(folder), strict=True))
    index = np.stack(np.meshgrid(*(np.arange(n) for n in volume.hu.shape), indexing="ij"), axis=-1).reshape(-1, 3)
    distance, nearest = cKDTree(places).query(volume.geometry.world_of_voxel(index))
    if distance.max() > 0.06 or len(np.unique(nearest)) != len(index):
        return f"plane equation: voxels lie up to {distance.max():.3g} mm from any pixel"
    # A frame that was damaged has no value.
    difference = np.abs(volume.hu.reshape(-1) - values[nearest])
    if (difference > _TOLERANCE_HU).any():
        return f"untouched frames differ by up to {np.nanmax(difference):g} HU"
    return ""


def _pixels_below(folder: Path) -> Iterator[tuple[NDArray, NDArray]]:
    """Give the RAS places (n, 3) of the pixels of each image, mm, and their HU (n,); NaN where the frame was damaged."""
    for path in folder.iterdir():
        raw = path.read_bytes()
        if (start := raw.find(_PIXELS)) < 0:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(BytesIO(raw[:start]))  # this part was left alone
        j, i = np.mgrid[: dataset.Rows, : dataset.Columns]
        row, column = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
        down, right = map(float, dataset.PixelSpacing)
        position = np.array(dataset.ImagePositionPatient, float)
        lps = position + i[..., None] * right * row + j[..., None] * down * column
        hu = _encoded_hu().get(_pixels(raw), np.full(j.shape, np.nan))
        yield lps.reshape(-1, 3) * (-1, -1, 1), hu.reshape(-1).astype(float)
