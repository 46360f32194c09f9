"""Scans as the frozen window encoder left them: features in memory-mapped float16 files, texts and labels beside them.

The window encoder does not train, so it runs once per scan (`python -m train features`) and training reads its three
summaries of each window from here. A store is a folder::

    store.json                    of which weights and preprocessing, the width of a vector
    features/NAME-IofN-SSSSS.npy  float16 (rows, width), several scans one after the other
    features/NAME-IofN.jsonl      one line per scan: which rows are whose, and where in the world its windows lie
    records/NAME.jsonl            one line per scan: who it is, report, labels, placed sentences

NAME is a data set, I one of N processes that encode. Features are dear and never change; records are cheap and are
written anew whenever a report, a label or a mined sentence changed. Both are written so that a process may be killed at any
moment: rows count only once their line stands, and records appear whole or not at all.

The rows of a scan with n windows (row-major over h, w, d; d fastest) and k depth positions per window are n of the cls
token, n of the average patch, n x k of the depth positions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.errors import InputError
from train.data.scan_records import ReportTexts, ScanFeatures, ScanPlace, ScanRecord, Snippet, StoreHeader

__all__ = [
    "FEATURE_DTYPE",
    "FORMAT_VERSION",
    "UNKNOWN",
    "FeatureStore",
    "ReportTexts",
    "ScanFeatures",
    "ScanPlace",
    "ScanRecord",
    "Snippet",
    "StoreHeader",
    "StoredRows",
    "read_header",
    "rows_of_scans",
    "whole_lines",
]

FORMAT_VERSION = 1
#: A label that nobody knows.
UNKNOWN = -1
FEATURE_DTYPE = np.dtype("<f2")


@dataclass(frozen=True, eq=False)
class StoredRows:
    """Which rows of which file belong to a scan.

    Parameters
    ----------
    file : Path
    first : int
    place : ScanPlace
    seen : mapping
        What else was learned when the scan was read, as the encoding process left it.
    """

    file: Path
    first: int
    place: ScanPlace
    seen: Mapping[str, Any]


class FeatureStore:
    """A store opened for reading: a sequence of scans in a fixed order, by data set and then as its reader gave them.

    Parameters
    ----------
    folder : Path
    label_names : sequence of str, optional
        Columns of `labels`; by default the 18 of CT-RATE in their order, then all others that a record knows, by name.
    forgets_padding : bool
        Repeat the released fault of SPEC section 9, no. 3: sentences of padded scans aim beside their place, and padding
        counts as part of the scan.

    Raises
    ------
    InputError
        When the folder holds no store, one of another format, a file shorter than its scans, or no scan at all; all
        problems at once.
    """

    def __init__(
        self, folder: Path, *, label_names: Sequence[str] | None = None, forgets_padding: bool = False
    ) -> None:
        self.folder = Path(folder)
        self.header = read_header(self.folder)
        self.forgets_padding = forgets_padding
        self._maps: dict[Path, NDArray[np.float16]] = {}
        self._rows: list[StoredRows] = []
        self.records: list[ScanRecord] = []
        rows = rows_of_scans(self.folder)
        problems = _file_problems(rows.values(), self.header)
        lines = [line for file in sorted((self.folder / "records").glob("*.jsonl")) for line in whole_lines(file)]
        self.label_names = tuple(label_names) if label_names is not None else _all_label_names(lines)
        for line in lines:
            stored = rows.get((line["dataset"], line["scan_id"]))
            if stored is None:
                problems.append(f"the scan {line['scan_id']} of {line['dataset']} has no features")
                continue
            self.records.append(_record(line, stored.place, self.label_names, forgets_padding))
            self._rows.append(stored)
        if not self.records and not problems:
            problems.append("it holds no scan; run 'python -m train features' to its end")
        if problems:
            shown = "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
            raise InputError(
                f"The feature store {self.folder.name!r} cannot be used: {shown}. "
                "'python -m train features' with the same options mends it."
            )

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[tuple[ScanRecord, ScanFeatures]]:
        return ((record, self.features(i)) for i, record in enumerate(self.records))

    def features(self, index: int) -> ScanFeatures:
        """Return the features of the scan with this index in `records`; nothing is read before it is looked at."""
        stored = self._rows[index]
        if stored.file not in self._maps:
            self._maps[stored.file] = np.load(stored.file, mmap_mode="r")
        grid, k = stored.place.grid_hwd, self.header.positions_per_window
        n = stored.place.num_windows
        rows = self._maps[stored.file][stored.first : stored.first + n * (2 + k)]
        return ScanFeatures(
            cls=rows[:n].reshape(*grid, -1),
            patch_average=rows[n : 2 * n].reshape(*grid, -1),
            depth=rows[2 * n :].reshape(*grid, k, -1),
        )

    def __getstate__(self) -> dict[str, Any]:
        """Travel to workers of a loader without the maps, which are opened there again."""
        return {**self.__dict__, "_maps": {}}

    @cached_property
    def labels(self) -> NDArray[np.int8]:
        """(n, q) labels of all scans."""
        return np.stack([record.labels for record in self.records])

    @cached_property
    def scans_of_report(self) -> dict[tuple[str, str], list[int]]:
        """(data set, report) to the indices of its scans; the released recipe draws one of them each time."""
        groups: dict[tuple[str, str], list[int]] = {}
        for index, record in enumerate(self.records):
            groups.setdefault((record.dataset, record.report_id), []).append(index)
        return groups

    def chosen(self, *, split: str | None = None, dataset: str | None = None) -> list[int]:
        """Return the indices of the scans of a split and a data set.

        Patients who are held out anywhere in the store are not in "train": some data sets are made of others' scans, and what
        one holds out another trains on.
        """
        return [
            index
            for index, record in enumerate(self.records)
            if split in (None, record.split)
            and dataset in (None, record.dataset)
            and not (split == "train" and record.patient_id in self._held_out_patients)
        ]

    @cached_property
    def _held_out_patients(self) -> frozenset[str]:
        return frozenset(record.patient_id for record in self.records if record.split != "train")


def read_header(folder: Path) -> StoreHeader:
    """Return what all scans of a store have in common.

    Raises
    ------
    InputError
        When there is no store, or one of another format.
    """
    file = Path(folder) / "store.json"
    if not file.is_file():
        raise InputError(
            f"{Path(folder).name!r} is no feature store: it has no store.json. 'python -m train features' makes one."
        )
    content = json.loads(file.read_text(encoding="utf-8"))
    version = content.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise InputError(
            f"The feature store {Path(folder).name!r} has the format {version}; this program reads {FORMAT_VERSION}. "
            "Encode again."
        )
    for name in ("window_hwd", "spacing_hwd_mm"):
        content[name] = tuple(content[name])
    return StoreHeader(**content)


def rows_of_scans(folder: Path) -> dict[tuple[str, str], StoredRows]:
    """(data set, scan) to its rows, from all whole lines of all processes."""
    rows: dict[tuple[str, str], StoredRows] = {}
    for journal in sorted((folder / "features").glob("*.jsonl")):
        for line in whole_lines(journal):
            place = ScanPlace(
                grid_hwd=tuple(line["grid_hwd"]),
                affine=np.array(line["affine"], dtype=np.float64),
                padding_hwd=tuple(line["padding_hwd"]),
                depths_mm=np.array(line["depths_mm"], dtype=np.float64),
                is_valid=np.array(line["is_valid"], dtype=bool),
            )
            key = line["dataset"], line["scan_id"]
            rows.setdefault(
                key, StoredRows(journal.with_name(line["file"]), line["first"], place, line.get("seen", {}))
            )
    return rows


def _file_problems(rows: Iterable[StoredRows], header: StoreHeader) -> list[str]:
    """Say which files are missing, of another kind, or too short for their scans; only their headers are read."""
    needed: dict[Path, int] = {}
    for stored in rows:
        end = stored.first + stored.place.num_windows * (2 + header.positions_per_window)
        needed[stored.file] = max(needed.get(stored.file, 0), end)
    problems = []
    for file, num_rows in needed.items():
        if not file.is_file():
            problems.append(f"{file.name} is missing")
            continue
        try:
            stored_rows = np.load(file, mmap_mode="r")
        except ValueError as error:
            problems.append(f"{file.name} is damaged ({error})")
            continue
        if stored_rows.dtype != FEATURE_DTYPE or stored_rows.ndim != 2 or stored_rows.shape[1] != header.width:
            problems.append(
                f"{file.name} holds {stored_rows.dtype} {stored_rows.shape}, not float16 of width {header.width}"
            )
        elif len(stored_rows) < num_rows:
            problems.append(f"{file.name} has {len(stored_rows)} rows of {num_rows}")
    return problems


def whole_lines(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a JSON-lines file; a last one without an end is being written, or was cut off, and does not count."""
    if not file.is_file():
        return
    with file.open("rb") as content:
        for line in content:
            if line.endswith(b"\n"):
                yield json.loads(line)


def _all_label_names(lines: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    others = {name for line in lines for name in line["labels"]} - set(CT_RATE_DISEASES)
    return (*CT_RATE_DISEASES, *sorted(others))


def _record(line: dict[str, Any], place: ScanPlace, label_names: tuple[str, ...], forgets_padding: bool) -> ScanRecord:
    texts = dict(line["texts"])
    if "findings_by_organ" in texts:
        texts["findings_by_organ"] = tuple((organ, text) for organ, text in texts["findings_by_organ"])
    snippets = line["snippets"]
    if forgets_padding:
        snippets = line.get("released_snippets", snippets)
        place = ScanPlace(
            place.grid_hwd, place.released_affine, (0, 0, 0), place.depths_mm, np.ones_like(place.is_valid)
        )
    labels = [line["labels"].get(name, UNKNOWN) for name in label_names]
    return ScanRecord(
        scan_id=line["scan_id"],
        report_id=line["report_id"],
        patient_id=line["patient_id"],
        dataset=line["dataset"],
        split=line["split"],
        texts=ReportTexts(**texts),
        labels=np.array(labels, dtype=np.int8),
        snippets=tuple(
            Snippet(tuple(item["sentences"]), item["depth"], None if item["extent"] is None else tuple(item["extent"]))
            for item in snippets
        ),
        place=place,
        facts=line.get("facts", {}),
    )
