"""A hospital's own scans: a table with a line for each, CSV or Parquet, beside folders of DICOM (or other files).

========================  ==============================================================================================
scan                      folder of DICOM, or file, absolute or beside the table
patient_id                the same for all scans of a person; decides the split where there is no column for it
report or report_file     the text, or a text file, absolute or beside the table; or in parts: findings, impressions
scan_id, report_id        optional; by default the place of `scan` as written, and the scan's own
split                     optional: train, valid or test
series                    optional: SeriesNumber, where a folder holds several
label:NAME                optional, any number: 1, 0 or empty for unknown
snippets                  optional: JSON, or a JSON file, of placed sentences
========================  ==============================================================================================

Placed sentences are a list of ``{"sentences": [...], "image": 38}`` (InstanceNumber) or ``{"sentences": [...], "z_mm": [lo,
hi]}``, or the record of a mined study: slice name to ``{"shape", "dcmaffine", "en_cleanhist", "de_cleanhist"}``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.readers.reading import read_volume
from train.data.datasets.report_parts import findings_and_impression
from train.data.datasets.scans import Dataset, DatasetScan, PlacedSentence, ReadScan
from train.data.datasets.tables import label_of, read_table
from train.data.scan_records import ReportTexts

__all__ = ["Manifest", "mined_snippets", "split_of_patient"]

_SPLITS = ("train", "valid", "test")
_LABEL = "label:"
#: Of a hundred patients, from which number on they are in "valid" and in "test".
_FIRST_VALID, _FIRST_TEST = 90, 95
MAX_PROBLEMS_TOLD = 8


class Manifest(Dataset):
    """Scans named by a table.

    Parameters
    ----------
    table : Path
        .csv or .parquet.
    name : str
        What the data set is called in records; by default the table's name.
    """

    def __init__(self, table: Path, name: str | None = None) -> None:
        self._table = Path(table)
        self.name = name or self._table.stem

    def scans(self) -> list[DatasetScan]:
        """See `Dataset.scans`; one wrong line is enough to refuse the table, and all wrong lines are told."""
        rows = read_table(self._table, ["scan", "patient_id"]).to_dict("records")
        problems: list[str] = []
        scans = []
        for number, row in enumerate(rows, start=2):  # as a spreadsheet counts, below the heading
            try:
                scans.append(self._scan(row))
            except (InputError, OSError, ValueError) as error:
                problems.append(f"line {number}: {error}")
        names = [scan.scan_id for scan in scans]
        problems += [
            f"the scan {name!r} stands there {names.count(name)} times"
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
        splits: dict[str, set[str]] = {}
        for scan in scans:
            splits.setdefault(scan.patient_id, set()).add(scan.split)
        problems += [
            f"a patient of {', '.join(sorted(found))} lies in several splits"
            for found in splits.values()
            if len(found) > 1
        ]
        if problems or not scans:
            told = problems[:MAX_PROBLEMS_TOLD] or ["it has no lines"]
            if len(problems) > len(told):
                told.append(f"and {len(problems) - len(told)} more")
            raise InputError(f"The table {self._table.name} cannot be used: {'; '.join(told)}.")
        return scans

    def read(self, scan: DatasetScan) -> ReadScan:
        """See `Dataset.read`."""
        return ReadScan(read_volume(scan.path, series=scan.facts.get("series")))

    def _scan(self, row: Mapping[str, str]) -> DatasetScan:
        path = self._beside(row["scan"])
        if not row["scan"] or not path.exists():
            raise InputError("the scan is not there")
        if not row["patient_id"]:
            raise InputError("patient_id is empty; without it one patient may lie in two splits")
        split = row.get("split") or split_of_patient(row["patient_id"])
        if split not in _SPLITS:
            raise InputError(f"the split is {split!r}; it must be train, valid or test")
        scan_id = row.get("scan_id") or row["scan"]
        return DatasetScan(
            scan_id=scan_id,
            report_id=row.get("report_id") or scan_id,
            patient_id=row["patient_id"],
            split=split,
            path=path,
            texts=self._texts(row),
            labels=_labels(row),
            placed=self._placed(row.get("snippets", "")),
            facts={"series": row["series"]} if row.get("series") else {},
        )

    def _texts(self, row: Mapping[str, str]) -> ReportTexts:
        if row.get("findings") or row.get("impressions"):
            return ReportTexts(row.get("findings", ""), row.get("impressions", ""))
        report = row.get("report", "")
        if not report and row.get("report_file"):
            report = self._beside(row["report_file"]).read_text(encoding="utf-8-sig")
        return ReportTexts(*findings_and_impression(report))

    def _placed(self, cell: str) -> tuple[PlacedSentence, ...]:
        if not cell:
            return ()
        content = json.loads(cell if cell[0] in "[{" else self._beside(cell).read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return mined_snippets(content)
        return tuple(PlacedSentence.from_json(item) for item in content)

    def _beside(self, path: str) -> Path:
        return self._table.parent / path


def mined_snippets(record: Mapping[str, Mapping[str, Any]]) -> tuple[PlacedSentence, ...]:
    """Return the sentences of a mined study: slice name to its plane and its lists of sentences in both languages."""
    placed = []
    for _, item in sorted(record.items()):
        sentences = [text for language in ("en", "de") for text in item.get(f"{language}_cleanhist") or ()]
        if sentences:
            placed.append(PlacedSentence.from_json({**item, "sentences": sentences}))
    return tuple(placed)


def split_of_patient(patient_id: str) -> str:
    """Return the split of a patient who is given none: 90 of 100 train, 5 valid, 5 test, always the same."""
    place = int.from_bytes(hashlib.blake2b(patient_id.encode(), digest_size=8).digest(), "big") % 100
    return "train" if place < _FIRST_VALID else "valid" if place < _FIRST_TEST else "test"


def _labels(row: Mapping[str, str]) -> dict[str, int]:
    labels = {}
    for column, cell in row.items():
        if column.startswith(_LABEL) and cell:
            value = label_of(cell)
            if value is None:
                raise InputError(f"{column} is {cell!r}; it must be 1, 0 or empty")
            labels[column.removeprefix(_LABEL)] = value
    return labels
