"""Damaged scans by the thousand: each opens in the right place, or is refused in a sentence.

The full run, which docs/input-handling.md quotes, takes some minutes::

    python -m tests.readers.fuzz --inputs 20000

Input number `i` of a seed is always the same; `--only i` runs one. An input fails when reading it raises anything but an
`InputError` (a warning counts), takes more than `MAX_SECONDS`, names a folder in its message, or gives a volume in which a voxel
lies elsewhere or holds another value than an independent reading of the damaged file says (`tests/readers/oracles.py`).
"""

from __future__ import annotations

import argparse
import re
import resource
import shutil
import struct
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from nibabel import Nifti1Header

from napari_ct_grounding import read_volume
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.volume import CTVolume
from tests.readers import oracles
from tests.readers.dicom_writing import axial_images
from tests.readers.dicom_writing import written as written_dicom
from tests.readers.volume_writing import body, metaimage, nifti, nrrd, save, tilted

__all__ = ["FORMATS", "Failure", "run_one"]

#: Reading one of these tiny scans takes some milliseconds.
MAX_SECONDS = 5.0
#: Address space that the child process may add to what it has after its imports (full run only).
MAX_EXTRA_BYTES = 3 << 30

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


class Failure(AssertionError):
    """An input that did what none may do."""


def run_one(number: int, folder: Path, seed: int = 0) -> str:
    """Make input `number`, read it, judge it; return "format: opened" (with what agreed) or "format: refused".

    Parameters
    ----------
    number : int
        Also chooses the format: they take turns.
    folder : Path
        Empty; what is written stays there when the input fails.
    seed : int

    Raises
    ------
    Failure
    """
    random = np.random.default_rng((seed, number))
    name = list(FORMATS)[number % len(FORMATS)]
    seeds, damage, judge = FORMATS[name]
    files = dict(seeds()[int(random.integers(len(seeds())))])
    for _ in range(int(random.choice([1, 1, 1, 2, 3]))):
        files = damage(files, random)
    path = save(folder, files)
    path = folder if name == "DICOM" else path
    start = time.perf_counter()
    try:
        result: CTVolume | InputError = read_volume(path, assume_hu=True, frame=_frame_for(path))
    except InputError as error:
        result = error
    except Exception as error:
        raise Failure(f"{name} {number}: {type(error).__name__}: {error}") from error
    if (seconds := time.perf_counter() - start) > MAX_SECONDS:
        raise Failure(f"{name} {number}: took {seconds:.1f} s")
    if isinstance(result, InputError):
        if len(str(result)) < 20 or str(folder) in str(result):
            raise Failure(f"{name} {number}: says {result}")
        return f"{name}: refused"
    verdict, sources = judge(result, path)
    if verdict:
        raise Failure(f"{name} {number}: {verdict}")
    return f"{name}: opened, {sources}"


def _frame_for(path: Path) -> int | None:
    return 0 if path.name.startswith("4d") else None


def _judge_by(opinions: Callable[[Path], Iterable[oracles.Opinion]]) -> Callable[[CTVolume, Path], tuple[str, str]]:
    def judge(volume: CTVolume, path: Path) -> tuple[str, str]:
        found = list(opinions(path))
        for opinion in found:
            if verdict := _compare(volume, opinion, path):
                return verdict, ""
        return "", " and ".join(opinion.source for opinion in found) + " agree" if found else "no second opinion"

    return judge


def _compare(volume: CTVolume, opinion: oracles.Opinion, path: Path) -> str:
    verdict = oracles.disagreement(volume, opinion)
    scaled = any("converted to millimetres" in note for note in volume.notes)
    if not scaled or not verdict:
        return verdict
    # Units are ignored by the libraries; the volume says that it used one.
    factors = [oracles.nifti_unit_mm(path)] if opinion.source == "nibabel" else [1e3, 10.0, 1e-3]
    for factor in factors:
        in_mm = oracles.Opinion(opinion.source, opinion.values, np.diag([factor, factor, factor, 1.0]) @ opinion.affine)
        if not oracles.disagreement(volume, in_mm):
            return ""
    return verdict


def _judge_dicom(volume: CTVolume, folder: Path) -> tuple[str, str]:
    return oracles.dicom_disagreement(volume, folder), "the plane equation agrees"


# What is damaged, and how


@lru_cache(maxsize=1)
def _nifti_seeds() -> list[Files]:
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
def _nrrd_seeds() -> list[Files]:
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
def _metaimage_seeds() -> list[Files]:
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
def _dicom_seeds() -> list[Files]:
    seeds = []
    for syntax in ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2"):
        with tempfile.TemporaryDirectory() as folder:
            small = [image.having() for image in axial_images(4)]
            written_dicom(Path(folder), [_cropped(image) for image in small], edit=_in_syntax(syntax))
            seeds.append({path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())})
    return seeds


def _cropped(image):
    from dataclasses import replace

    return replace(image, hu=image.hu[6:12, 6:11])


def _in_syntax(syntax: str):
    import pydicom
    from pydicom.dataset import FileMetaDataset

    def edit(dataset) -> None:
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)

    return edit


def _damage_nifti(files: Files, random: Random) -> Files:
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


def _damage_text(files: Files, random: Random) -> Files:
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


def _damage_dicom(files: Files, random: Random) -> Files:
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


FORMATS: dict[
    str, tuple[Callable[[], list[Files]], Callable[[Files, Random], Files], Callable[..., tuple[str, str]]]
] = {
    "NIfTI": (_nifti_seeds, _damage_nifti, _judge_by(oracles.nifti_opinions)),
    "NRRD": (_nrrd_seeds, _damage_text, _judge_by(oracles.nrrd_opinions)),
    "MetaImage": (_metaimage_seeds, _damage_text, _judge_by(oracles.metaimage_opinions)),
    "DICOM": (_dicom_seeds, _damage_dicom, _judge_dicom),
}


# The full run


def _run_some(numbers: range, seed: int, marker: Path) -> tuple[Counter[str], list[str], int]:
    """Run some inputs in this process; `marker` holds the number of the one being read, for the case that the process dies."""
    warnings.simplefilter("error")
    results: Counter[str] = Counter()
    failures = []
    run_one(0, Path(tempfile.mkdtemp()), 12345)  # imports are done before the limit is set
    used = (
        int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if sys.platform == "linux" else 0
    )
    if used:
        resource.setrlimit(resource.RLIMIT_AS, (used + MAX_EXTRA_BYTES, -1))
    for number in numbers:
        marker.write_text(str(number))
        folder = Path(tempfile.mkdtemp())
        try:
            results[run_one(number, folder, seed)] += 1
        except Failure as failure:
            failures.append(str(failure))
        finally:
            shutil.rmtree(folder)
    return results, failures, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--inputs", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="run one input and show what fails")
    options = parser.parse_args()
    if options.only is not None:
        folder = Path(tempfile.mkdtemp())
        print(folder)
        print(run_one(options.only, folder, options.seed))
        return 0
    results: Counter[str] = Counter()
    failures: list[str] = []
    peak_kb = 0
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as below:
        marker = Path(below) / "number"
        tempfile.tempdir = below
        todo = [range(first, min(first + 1000, options.inputs)) for first in range(0, options.inputs, 1000)]
        while todo:
            part = todo.pop(0)
            try:
                with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
                    some, bad, kb = pool.submit(_run_some, part, options.seed, marker).result()
                results, failures, peak_kb = results + some, failures + bad, max(peak_kb, kb)
            except BrokenProcessPool:
                died = int(marker.read_text())
                failures.append(f"input {died}: the process died")
                todo[:0] = [range(part.start, died), range(died + 1, part.stop)]
    for kind, count in sorted(results.items()):
        print(f"{count:6d}  {kind}")
    for failure in failures:
        print(f"FAILED  {failure}")
    print(
        f"{options.inputs} inputs in {time.perf_counter() - start:.0f} s: "
        f"{sum(count for kind, count in results.items() if 'opened' in kind)} opened, "
        f"{sum(count for kind, count in results.items() if 'refused' in kind)} refused, {len(failures)} failed; "
        f"largest process {peak_kb / 1024:.0f} MB"
    )
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
