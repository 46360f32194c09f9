"""Phantoms on disk: generated once, in a pool of processes, prepared as the session would prepare a scan.

Every seed becomes ``slabs/<seed>.npy`` (int16 HU, opened memory-mapped) and ``records/<seed>.json`` (truth). The
record is written last, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.model.slab.preprocessing import SlabFrame, prepare_slabs
from napari_ct_grounding.phantom.catalogue import FINDINGS
from napari_ct_grounding.phantom.scan import Target, generate_scan

__all__ = ["CachedPhantom", "check_frame", "generate_cache", "load_cache", "read_slabs"]


@dataclass(frozen=True)
class CachedPhantom:
    """One phantom's truth; its slabs are read with `read_slabs`.

    Parameters
    ----------
    seed : int
    z_mm : tuple of float
        World z of every slab.
    targets : tuple of Target
    diseases : tuple of str
        CT-RATE names that are true.
    facts : dict
        Sex, age, phase, protocol.
    """

    seed: int
    z_mm: tuple[float, ...]
    targets: tuple[Target, ...]
    diseases: tuple[str, ...]
    facts: dict[str, Any]

    @property
    def absent(self) -> tuple[str, ...]:
        """What a report may deny: CT-RATE diseases that are not true, kinds of finding that are not shown."""
        shown = {target.name.partition("@")[0] for target in self.targets}
        kinds = (name for name, kind in FINDINGS.items() if kind.disease is None and name not in shown)
        return (*(name for name in CT_RATE_DISEASES if name not in self.diseases), *kinds)


def check_frame(folder: Path, frame: SlabFrame) -> None:
    """Raise when a cache holds slabs of another frame; an empty or missing one holds none.

    Raises
    ------
    InputError
        With both frames.
    """
    held, wanted = _frame_of(folder), (frame.spacing_mm[0], frame.shape)
    if held is not None and held != wanted:
        raise InputError(
            f"The cache {folder.name} holds {_in_words(held)}, but {_in_words(wanted)} are wanted. Name the cache that "
            "'phantoms' wrote for this recipe, or another folder for a new one."
        )


def generate_cache(folder: Path, seeds: Iterable[int], frame: SlabFrame, num_workers: int) -> float:
    """Generate the phantoms of `seeds` that `folder` does not hold yet; return the seconds it took.

    Raises
    ------
    InputError
        When the folder holds slabs of another frame.
    """
    check_frame(folder, frame)
    (folder / "slabs").mkdir(parents=True, exist_ok=True)
    (folder / "records").mkdir(exist_ok=True)
    missing = [seed for seed in seeds if not _record_path(folder, seed).is_file()]
    started = time.perf_counter()
    with ProcessPoolExecutor(num_workers, initializer=_one_thread) as pool:
        jobs = [(folder, seed, frame) for seed in missing]
        for done, _ in enumerate(pool.map(_generate_one, jobs, chunksize=4), start=1):
            if done % 50 == 0 or done == len(missing):
                elapsed = time.perf_counter() - started
                print(f"{done} of {len(missing)} phantoms in {elapsed:.0f} s ({elapsed / done:.2f} s each)", flush=True)
    return time.perf_counter() - started


def load_cache(folder: Path, seeds: Sequence[int] | None = None) -> list[CachedPhantom]:
    """Return the phantoms of a cache in the order of their seeds (only those in `seeds` where given)."""
    wanted = None if seeds is None else set(seeds)
    phantoms = []
    for path in sorted((folder / "records").glob("*.json")):
        if wanted is not None and int(path.stem) not in wanted:
            continue
        record = json.loads(path.read_text(encoding="utf-8"))
        record["targets"] = tuple(_target(target) for target in record["targets"])
        for name in ("z_mm", "diseases"):
            record[name] = tuple(record[name])
        phantoms.append(CachedPhantom(**record))
    return phantoms


def _target(record: dict[str, Any]) -> Target:
    """Return a target from its JSON object, in which tuples became lists."""
    fields: dict[str, Any] = {name: tuple(of) if isinstance(of, list) else of for name, of in record.items()}
    return Target(**fields)


def read_slabs(folder: Path, seed: int) -> NDArray[np.int16]:
    """Return the slabs (n, y, x) of a phantom, memory-mapped."""
    return np.load(folder / "slabs" / f"{seed:08d}.npy", mmap_mode="r")


def _frame_of(folder: Path) -> tuple[float, tuple[int, int]] | None:
    """Thickness (mm) and pixels (y, x) of the slabs of a cache, from the first phantom that is whole."""
    record = next((folder / "records").glob("*.json"), None)
    if record is None:
        return None
    z_mm = json.loads(record.read_text(encoding="utf-8"))["z_mm"]
    _, rows, columns = read_slabs(folder, int(record.stem)).shape
    return round(z_mm[1] - z_mm[0], 3), (rows, columns)


def _in_words(frame: tuple[float, tuple[int, int]]) -> str:
    step_mm, (rows, columns) = frame
    return f"{step_mm:g} mm slabs of {rows} x {columns} pixels"


def _record_path(folder: Path, seed: int) -> Path:
    return folder / "records" / f"{seed:08d}.json"


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"


def _generate_one(job: tuple[Path, int, SlabFrame]) -> None:
    folder, seed, frame = job
    scan = generate_scan(seed, spacing_mm=frame.spacing_mm)
    slabs = prepare_slabs(scan.volume, frame)
    phantom = CachedPhantom(
        seed=seed,
        z_mm=tuple(float(z) for z in slabs.z_mm),
        targets=scan.targets,
        diseases=tuple(sorted(scan.diseases)),
        facts=dict(scan.facts),
    )
    np.save(folder / "slabs" / f"{seed:08d}.npy", slabs.hu)
    temporary = _record_path(folder, seed).with_suffix(".part")
    temporary.write_text(json.dumps(asdict(phantom), ensure_ascii=False), encoding="utf-8")
    temporary.replace(_record_path(folder, seed))
