"""Sound little scans of every format, and ways to damage them: what the fuzzer feeds to the readers."""

from __future__ import annotations

import re
import struct
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pydicom
from nibabel import Nifti1Header
from pydicom.dataset import FileMetaDataset

from tests.readers.dicom_writing import axial_images
from tests.readers.dicom_writing import written as written_dicom
from tests.readers.volume_writing import body, metaimage, nifti, nrrd, tilted

__all__ = [
    "Files",
    "Random",
    "damage_dicom",
    "damage_nifti",
    "damage_text",
    "dicom_seeds",
    "metaimage_seeds",
    "nifti_seeds",
    "nrrd_seeds",
]

Files = dict[str, bytes]
Random = np.random.Generator
_NASTY_TEXT = (
    *(
        b"nan",
        b"inf",
        b"-1",
        b"0",
        b"1e308",
        b"1e-300",
        b"",
        b"(1,2",
        b"none",
        b"99999999999",
        b"1_0",
        b"0x10",
        b"3.5",
        b"-0",
    ),
    *(
        b"2",
        b"4",
        b"7",
        b"\xd9\xa3",
        b"1e5",
        b"(0,0,0)",
        b"../x",
        b"/etc/passwd",
        b"LOCAL",
        b"LIST",
        b"%03d 0 9 1",
        b"True",
        b"raw",
    ),
)
_NASTY_DICOM = (
    b"nan",
    b"inf",
    b"-1",
    b"0",
    b"1e308",
    b"",
    b"99999",
    b"1\\2",
    b"\xff",
    b"3.5",
    b"-0",
    b"1_0",
    b"1\\0\\0\\0\\0\\-1",
    b"x",
)
_TAGS = [
    *(
        (0x0020, 0x0032),
        (0x0020, 0x0037),
        (0x0028, 0x0030),
        (0x0028, 0x0010),
        (0x0028, 0x0011),
        (0x0028, 0x1052),
        (0x0028, 0x1053),
    ),
    *(
        (0x0028, 0x0100),
        (0x0028, 0x0101),
        (0x0028, 0x0102),
        (0x0028, 0x0103),
        (0x0028, 0x0002),
        (0x0008, 0x0060),
        (0x0008, 0x0016),
    ),
    *(
        (0x0008, 0x0018),
        (0x0020, 0x000E),
        (0x0020, 0x0013),
        (0x0020, 0x0011),
        (0x0002, 0x0010),
        (0x7FE0, 0x0010),
        (0x0008, 0x0008),
    ),
]


@lru_cache(maxsize=1)
def nifti_seeds() -> list[Files]:
    array, affine = body((3, 4, 5)), tilted()
    frames = np.stack([array, array + 1], axis=-1)
    return [
        nifti(array, affine),
        nifti(array, affine, "scan.nii.gz", order=">"),
        nifti(array, affine, version=2),
        nifti(array, affine, sform_code=0, qform=((0.1, 0.2, -0.3), (5, 6, 7), -1)),
        nifti(array.astype(np.float32), affine, qform=((0, 0, 0), (0, 0, 0), 1)),
        nifti(array, np.diag([1e-3, 2e-3, 3e-3, 1]), xyzt_units=1),
        nifti(array, affine, "scan.hdr"),
        nifti(frames, affine, "4d.nii", scl=(2, -3)),
    ]


@lru_cache(maxsize=1)
def nrrd_seeds() -> list[Files]:
    array, affine = body((3, 4, 5)), tilted()
    frames = np.stack([array, array + 1], axis=0)
    return [
        nrrd(array, affine),
        nrrd(array, affine, encoding="gzip", order=">", space="right-anterior-superior"),
        nrrd(array, affine, encoding="ascii", space_units='"mm" "mm" "mm"', kinds="domain domain domain"),
        nrrd(array, affine, encoding="bzip2", space="left-anterior-superior"),
        nrrd(array.astype(np.float32), affine, "scan.nhdr", data_file="scan.raw", byte_skip="0"),
        nrrd(frames, affine, "4d.nrrd", kinds="vector domain domain domain", frames_at=0),
    ]


@lru_cache(maxsize=1)
def metaimage_seeds() -> list[Files]:
    array, affine = body((3, 4, 5)), tilted()
    return [
        metaimage(array, affine),
        metaimage(array, affine, packing="zlib", order=">", AnatomicalOrientation="RAI"),
        metaimage(array.astype(np.float32), affine, "scan.mhd", data_file="scan.raw", HeaderSize="0"),
        metaimage(array, affine, packing="text", DistanceUnits="mm"),
        metaimage(np.stack([array, array + 1], axis=-1), affine, "4d.mha"),
        metaimage(np.stack([array, array + 1], axis=0), affine, "4d.mhd", channels=2, data_file="4d.raw"),
    ]


@lru_cache(maxsize=1)
def dicom_seeds() -> list[Files]:
    seeds = []
    for syntax in ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2"):
        with tempfile.TemporaryDirectory() as folder:
            small = [replace(image, hu=image.hu[6:12, 6:11]) for image in axial_images(4)]
            written_dicom(Path(folder), small, edit=_in_syntax(syntax))
            seeds.append({path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())})
    return seeds


def _in_syntax(syntax: str) -> Callable[[pydicom.Dataset], None]:
    def edit(dataset: pydicom.Dataset) -> None:
        # Fixed names: an input is the same in every run, byte for byte.
        dataset.SOPInstanceUID = f"1.2.826.0.1.3680043.8.498.1.{dataset.InstanceNumber}"
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID = (
            "1.2.826.0.1.3680043.8.498.2",
            "1.2.826.0.1.3680043.8.498.3",
        )
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)

    return edit


def damage_nifti(files: Files, random: Random) -> Files:
    name = str(random.choice(list(files)))
    raw = bytearray(files[name])
    dtype = Nifti1Header.template_dtype
    if random.random() < 0.45 and len(raw) > 348 and raw[:2] != b"\x1f\x8b" and not name.endswith(".img"):
        field = str(random.choice(dtype.names))
        kind, place = dtype.fields[field][:2]
        base, place = kind.base, place + int(random.integers(max(1, int(np.prod(kind.shape))))) * kind.base.itemsize
        if base.kind in "if":
            nasty = (0, -1, 1, 2, 3, 5, 7, 32767, 348, 0.5, np.nan, np.inf, 1e30, -1e-30, -3, 64, 512, 352)
            value = nasty[int(random.integers(len(nasty)))]
            value = (
                int(value)
                if base.kind == "i" and np.isfinite(value) and abs(value) < 32768
                else (value if base.kind == "f" else 0)
            )
            raw[place : place + base.itemsize] = np.array(value, base).tobytes()
            return {**files, name: bytes(raw)}
    return {**files, name: _damaged_bytes(raw, random, 400)}


def damage_text(files: Files, random: Random) -> Files:
    name = next(iter(files)) if random.random() < 0.9 else str(random.choice(list(files)))
    raw = files[name]
    lines = raw.split(b"\n")
    num = next(
        (i for i, line in enumerate(lines) if not line.strip() or line.startswith(b"ElementDataFile")), len(lines) - 1
    )
    num = min(max(num, 1), 30)
    line, way = int(random.integers(num)), random.random()
    if way < 0.3:
        lines[line] = _other_numbers(lines[line], random)
    elif way < 0.42:
        parts = lines[line].replace(b",", b" , ").split(b" ")
        parts[int(random.integers(len(parts)))] = _NASTY_TEXT[int(random.integers(len(_NASTY_TEXT)))]
        lines[line] = b" ".join(parts).replace(b" , ", b",")
    elif way < 0.5:
        del lines[line]
    elif way < 0.56:
        lines.insert(int(random.integers(num)), lines[line])
    elif way < 0.6:
        other = int(random.integers(num))
        lines[line], lines[other] = lines[other], lines[line]
    elif way < 0.64:
        lines[line] += b" " + _NASTY_TEXT[int(random.integers(len(_NASTY_TEXT)))]
    elif way < 0.68:
        lines[:num] = [line + b"\r" for line in lines[:num]]
    else:
        return {**files, name: _damaged_bytes(bytearray(raw), random, sum(map(len, lines[:num])) + num)}
    return {**files, name: b"\n".join(lines)}


def _other_numbers(line: bytes, random: Random) -> bytes:
    """Change a digit, drop or add a sign, or let two numbers change places: what still looks sound."""
    spans = [match.span() for match in re.finditer(rb"-?\d+(\.\d+)?", line)]
    if not spans:
        return line
    start, end = spans[int(random.integers(len(spans)))]
    word, way = line[start:end], random.random()
    if way < 0.4:
        place = int(random.choice([i for i, letter in enumerate(word) if letter not in b"-."]))
        word = word[:place] + str(random.integers(10)).encode() + word[place + 1 :]
    elif way < 0.65:
        word = word[1:] if word.startswith(b"-") else b"-" + word
    else:
        other_start, other_end = spans[int(random.integers(len(spans)))]
        if other_start > end:
            other = line[other_start:other_end]
            return line[:start] + other + line[end:other_start] + word + line[other_end:]
    return line[:start] + word + line[end:]


def damage_dicom(files: Files, random: Random) -> Files:
    way = random.random()
    if way < 0.5:
        tag = struct.pack("<HH", *_TAGS[int(random.integers(len(_TAGS)))])
        value = _NASTY_DICOM[int(random.integers(len(_NASTY_DICOM)))]
        if way < 0.25:  # places that could be true
            tag = struct.pack("<HH", *_TAGS[int(random.integers(3))])
            value = _other_numbers(_value_of(next(iter(files.values())), tag), random)
        value += b" " * (len(value) % 2)
        names = list(files) if random.random() < 0.6 else [str(random.choice(list(files)))]
        return {
            name: _with_element(raw, tag, value, random.random() < 0.1) if name in names else raw
            for name, raw in files.items()
        }
    name = str(random.choice(list(files)))
    return {**files, name: _damaged_bytes(bytearray(files[name]), random, len(files[name]) - 60, first=128)}


def _value_of(raw: bytes, tag: bytes) -> bytes:
    """Return the text of a short element."""
    place = raw.find(tag, 132)
    return (
        raw[place + 8 : place + 8 + int.from_bytes(raw[place + 6 : place + 8], "little")].strip() if place > 0 else b""
    )


def _with_element(raw: bytes, tag: bytes, value: bytes, only_length: bool) -> bytes:
    """Put a value into the element with this tag; or, `only_length`, leave the value and write the wrong length."""
    place = raw.find(tag, 132)
    if place < 0 or place + 12 > len(raw):
        return raw
    is_explicit = raw[place + 4 : place + 6].isalpha()
    is_short = is_explicit and raw[place + 4 : place + 6] not in (b"OB", b"OW", b"SQ", b"UN", b"UT")
    at, form = (place + 6, "<H") if is_short else (place + (8 if is_explicit else 4), "<I")
    (length,) = struct.unpack_from(form, raw, at)
    start = at + struct.calcsize(form)
    if only_length:
        return raw[:at] + struct.pack(form, (length * 7 + 2) % 65536) + raw[start:]
    return raw[:at] + struct.pack(form, len(value)) + value + raw[start + length :]


def _damaged_bytes(raw: bytearray, random: Random, header: int, first: int = 0) -> bytes:
    """Flip bytes of the header, cut the file short, or move what follows."""
    way = random.random()
    if way < 0.7 or len(raw) < 8:
        for _ in range(int(random.integers(1, 4))):
            place = min(first + int(random.integers(max(1, min(header, len(raw)) - first))), len(raw) - 1)
            if place >= 0:
                raw[place] = int(random.choice([0, 1, 127, 128, 255, raw[place] ^ (1 << int(random.integers(8)))]))
    elif way < 0.85:
        del raw[int(random.integers(len(raw))) :]
    else:
        place = int(random.integers(len(raw)))
        raw[place:place] = bytes(int(random.integers(1, 9)))
    return bytes(raw)
