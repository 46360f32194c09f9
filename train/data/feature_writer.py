"""Writing a feature store (`train.data.stored_features`) so that it may be killed at any moment and goes on where it was.

Each process appends to files of its own: rows first, then the header of their .npy file, last the line that makes them
count. Records of a data set are replaced as a whole.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import InputError
from train.data.scan_records import ReportTexts, ScanFeatures, ScanPlace, Snippet, StoreHeader
from train.data.stored_features import (
    FEATURE_DTYPE,
    FORMAT_VERSION,
    UNKNOWN,
    read_header,
    rows_of_scans,
    whole_lines,
)

__all__ = ["MAX_FILE_BYTES", "FeatureWriter", "record_line", "write_records"]

#: A file of features is closed and the next begun at this size.
MAX_FILE_BYTES = 1 << 30


class FeatureWriter:
    """Appends scans to one process's part of a store; begun again after a stop of any kind, it goes on behind the last
    whole scan.

    Parameters
    ----------
    folder : Path
    header : StoreHeader
        Must equal that of what the folder already holds.
    dataset : str
    part : tuple of int
        (i, n): the i-th of n processes, from 0. No two processes write one part.
    max_file_bytes : int

    Raises
    ------
    InputError
        When the folder holds features of other weights or settings, or another process writes this part.
    """

    def __init__(
        self,
        folder: Path,
        header: StoreHeader,
        dataset: str,
        part: tuple[int, int] = (0, 1),
        max_file_bytes: int = MAX_FILE_BYTES,
    ) -> None:
        self._folder = Path(folder)
        self._header = header
        self._max_file_bytes = max_file_bytes
        self._dataset = dataset
        for name in ("features", "records"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        _keep_header(self._folder, header)
        self._name = f"{dataset}-{part[0]}of{part[1]}"
        self._lock = FileLock(self._folder / "features" / f".{self._name}.lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise InputError(
                f"Another process writes part {part[0]} of {part[1]} of {dataset} already. Wait for it, or give each its own "
                "part (--shard)."
            ) from error
        self._journal = self._folder / "features" / f"{self._name}.jsonl"
        self._end: tuple[Path, int] = (self._file(0), 0)  # file, and rows of it that count
        self._mend()

    def __enter__(self) -> FeatureWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another process write this part."""
        self._lock.release()

    @property
    def done(self) -> set[str]:
        """Scans of this data set that the folder holds, whichever process wrote them."""
        return {scan for dataset, scan in rows_of_scans(self._folder) if dataset == self._dataset}

    def add(
        self, scan_id: str, place: ScanPlace, features: ScanFeatures, seen: Mapping[str, Any] | None = None
    ) -> None:
        """Append one scan.

        Parameters
        ----------
        scan_id : str
        place : ScanPlace
        features : ScanFeatures
        seen : mapping, optional
            What else was learned when the scan was read, for `StoredRows.seen`; JSON.

        Raises
        ------
        InputError
            When a feature is not finite in float16.
        """
        width = self._header.width
        parts = (features.cls, features.patch_average, features.depth)
        with np.errstate(over="ignore"):
            rows = np.concatenate([np.asarray(part, dtype=FEATURE_DTYPE).reshape(-1, width) for part in parts])
        expected = place.num_windows * (2 + self._header.positions_per_window)
        if len(rows) != expected:
            raise InputError(
                f"The scan {scan_id} has {len(rows)} vectors, but its grid {place.grid_hwd} needs {expected}."
            )
        if not np.isfinite(rows).all():
            raise InputError(f"The features of the scan {scan_id} are not finite in float16; its voxels are damaged.")
        file, first = self._end
        if first and (first + len(rows)) * rows.itemsize * width > self._max_file_bytes:
            file, first = self._file(self._number(file) + 1), 0
        _append_rows(file, first, rows)
        line = {"dataset": self._dataset, "scan_id": scan_id, "file": file.name, "first": first, **_place_line(place)}
        line["seen"] = dict(seen or {})
        with self._journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(line) + "\n")
            _to_disk(journal)
        self._end = file, first + len(rows)

    def _mend(self) -> None:
        """Cut off what a killed process left behind: half a line, and rows without one."""
        if self._journal.is_file():
            content = self._journal.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                with self._journal.open("r+b") as journal:
                    journal.truncate(whole)
        vectors = 2 + self._header.positions_per_window
        for line in whole_lines(self._journal):
            num_rows = int(np.prod(line["grid_hwd"])) * vectors
            self._end = self._folder / "features" / line["file"], line["first"] + num_rows
        later = self._file(self._number(self._end[0]) + 1)
        later.unlink(missing_ok=True)
        if self._end[1] == 0:
            self._end[0].unlink(missing_ok=True)

    def _file(self, number: int) -> Path:
        return self._folder / "features" / f"{self._name}-{number:05d}.npy"

    @staticmethod
    def _number(file: Path) -> int:
        return int(file.stem.rpartition("-")[2])


def write_records(folder: Path, dataset: str, lines: Iterable[dict[str, Any]]) -> int:
    """Replace the records of a data set, all at once; return how many there are now.

    Parameters
    ----------
    folder : Path
        Of the store.
    dataset : str
    lines : iterable of dict
        From `record_line`.
    """
    file = Path(folder) / "records" / f"{dataset}.jsonl"
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    count = 0
    with partial.open("w", encoding="utf-8") as out:
        for line in lines:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            count += 1
        _to_disk(out)
    os.replace(partial, file)
    return count


def record_line(
    *,
    scan_id: str,
    report_id: str,
    patient_id: str,
    dataset: str,
    split: str,
    texts: ReportTexts,
    labels: Mapping[str, int],
    snippets: Sequence[Snippet],
    released_snippets: Sequence[Snippet],
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the line of one scan; `released_snippets` are those that forget padding, kept only where they differ."""
    line: dict[str, Any] = {
        "scan_id": scan_id,
        "report_id": report_id,
        "patient_id": patient_id,
        "dataset": dataset,
        "split": split,
        "texts": {name: value for name, value in asdict(texts).items() if value},
        "labels": {name: int(label) for name, label in labels.items() if label != UNKNOWN},
        "snippets": [asdict(snippet) for snippet in snippets],
    }
    if facts:
        line["facts"] = dict(facts)
    if list(released_snippets) != list(snippets):
        line["released_snippets"] = [asdict(snippet) for snippet in released_snippets]
    return line


def _keep_header(folder: Path, header: StoreHeader) -> None:
    file = folder / "store.json"
    if not file.is_file():
        partial = file.with_name(f".store.{os.getpid()}.partial")
        content = {"format_version": FORMAT_VERSION, **asdict(header)}
        partial.write_text(json.dumps(content, indent=2), encoding="utf-8")
        os.replace(
            partial, file
        )  # of several processes that begin at once the last one wins; they agree, or are told next
    kept = read_header(folder)
    if kept != header:
        differing = [name for name in asdict(header) if getattr(kept, name) != getattr(header, name)]
        raise InputError(
            f"The feature store {folder.name!r} differs from what is asked for in {', '.join(differing)}. Features of "
            "two kinds do not mix; choose another folder."
        )


def _append_rows(file: Path, first: int, rows: NDArray[np.float16]) -> None:
    """Write rows behind the first `first` of an .npy file, whatever followed them before.

    numpy leaves room in the header for a first axis that grows, so that it can be written again in place.
    """
    header = io.BytesIO()
    shape = (first + len(rows), rows.shape[1])
    np.lib.format.write_array_header_1_0(header, {"descr": FEATURE_DTYPE.str, "fortran_order": False, "shape": shape})
    with file.open("r+b" if first else "wb") as out:
        out.truncate(len(header.getvalue()) + first * rows.shape[1] * rows.itemsize)
        out.seek(0, os.SEEK_END)
        out.write(np.ascontiguousarray(rows).data)
        _to_disk(out)
        out.seek(0)
        out.write(header.getvalue())
        _to_disk(out)


def _to_disk(file: IO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _place_line(place: ScanPlace) -> dict[str, Any]:
    return {
        "grid_hwd": list(place.grid_hwd),
        "affine": place.affine.tolist(),
        "padding_hwd": list(place.padding_hwd),
        "depths_mm": place.depths_mm.tolist(),
        "is_valid": place.is_valid.tolist(),
    }
