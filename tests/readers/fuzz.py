"""Damaged scans by the thousand: each opens in the right place, or is refused in a sentence.

The full run takes some minutes::

    python -m tests.readers.fuzz --inputs 20000

Input number `i` of a seed is always the same; `--only i` runs one. An input fails when reading it raises anything but an
`InputError` (a warning counts), takes more than `MAX_SECONDS`, names a folder in its message, or gives a volume in which a voxel
lies elsewhere or holds another value than an independent reading of the damaged file says (`tests/readers/oracles.py`;
`tests/readers/damage_compressed.py` for compressed frames). An input at which the process dies fails too.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from napari_ct_grounding import read_volume
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.volume import CTVolume
from tests.readers import oracles
from tests.readers.damage import (
    Files,
    Random,
    damage_dicom,
    damage_nifti,
    damage_text,
    dicom_seeds,
    metaimage_seeds,
    nifti_seeds,
    nrrd_seeds,
)
from tests.readers.damage_compressed import compressed_disagreement, compressed_seeds, damage_compressed
from tests.readers.volume_writing import save

__all__ = ["FORMATS", "Failure", "run_one"]

#: Reading one of these tiny scans takes some milliseconds.
MAX_SECONDS = 5.0
#: Address space that the child process may add to what it has after its imports (full run only).
MAX_EXTRA_BYTES = 3 << 30


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
    path = folder if name.startswith("DICOM") else path
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
    try:
        verdict, sources = judge(result, path)
    except Exception as error:
        raise Failure(f"{name} {number}: cannot be judged: {type(error).__name__}: {error}") from error
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


def _judge_compressed(volume: CTVolume, folder: Path) -> tuple[str, str]:
    return compressed_disagreement(volume, folder), "places and untouched frames agree"


FORMATS: dict[
    str, tuple[Callable[[], list[Files]], Callable[[Files, Random], Files], Callable[..., tuple[str, str]]]
] = {
    "NIfTI": (nifti_seeds, damage_nifti, _judge_by(oracles.nifti_opinions)),
    "NRRD": (nrrd_seeds, damage_text, _judge_by(oracles.nrrd_opinions)),
    "MetaImage": (metaimage_seeds, damage_text, _judge_by(oracles.metaimage_opinions)),
    "DICOM": (dicom_seeds, damage_dicom, _judge_dicom),
    "DICOM, compressed": (compressed_seeds, damage_compressed, _judge_compressed),
}


def _run_some(numbers: range, seed: int, marker: Path) -> tuple[Counter[str], list[str], int]:
    """Run some inputs in this process; `marker` holds the number of the one being read, for the case that the process dies."""
    import resource  # not on Windows, where the slice in the test suite runs all the same

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
