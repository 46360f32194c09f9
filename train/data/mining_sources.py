"""What is mined: reports out of tables, folders and JSON lines, and the slice tables of the studies they are about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.slice_table import SeriesTable, read_slice_tables
from napari_ct_grounding.readers.dicom.index import index_folder
from napari_ct_grounding.readers.dicom.slice_tables import slice_tables
from train.data.datasets.tables import read_table

__all__ = ["SIDECAR_ENDING", "MinedReport", "Studies", "read_reports"]

#: Of slice tables written before a study was converted; the name before it is that of the study.
SIDECAR_ENDING = ".slices.json"
_STUDY_COLUMNS = ("study", "scan", "study_uid", "StudyInstanceUID")


@dataclass(frozen=True)
class MinedReport:
    """A report and the study that it is about: a folder below the studies, the name of a sidecar, or a StudyInstanceUID."""

    report_id: str
    study: str
    text: str


def read_reports(source: Path) -> list[MinedReport]:
    """Return the reports of a table, a folder of text files or a file of JSON lines.

    Tables (.csv, .tsv, .xlsx, .parquet) and lines have `report` (or `report_file`, beside the source) and `study` (or `scan`,
    `study_uid`); `report_id` is optional. Text files are named after their study.

    Raises
    ------
    InputError
        When nothing is there, or lines lack what is needed; all wrong lines are told.
    """
    if source.is_dir():
        files = sorted(source.glob("*.txt"))
        reports = [MinedReport(file.stem, file.stem, file.read_text(encoding="utf-8-sig")) for file in files]
    elif source.suffix.lower() in (".jsonl", ".ndjson"):
        reports = _from_rows(source, _json_lines(source))
    else:
        reports = _from_rows(source, read_table(source).to_dict("records"))
    if not reports:
        raise InputError(
            f"There are no reports in {source.name}. Name a table, a .jsonl file or a folder of .txt files."
        )
    names = [report.report_id for report in reports]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"The report_id {twice!r} stands {names.count(twice)} times in {source.name}; each must be unique."
        )
    return reports


def _json_lines(source: Path) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(f"Line {number} of {source.name} is no JSON: {error}. Mend or remove it.") from error
            rows.append(row if isinstance(row, dict) else {})
    return rows


def _from_rows(source: Path, rows: Sequence[Mapping[Any, Any]]) -> list[MinedReport]:
    reports, problems = [], []
    for number, row in enumerate(rows, start=1):
        study = next((str(row[name]) for name in _STUDY_COLUMNS if row.get(name)), "")
        text = str(row.get("report") or "")
        file = row.get("report_file")
        if not text and file:
            path = source.parent / str(file)
            if path.is_file():
                text = path.read_text(encoding="utf-8-sig")
            else:
                problems.append(f"row {number}: the report file is not there")
                continue
        if not study or not text:
            problems.append(f"row {number} has no {'study' if not study else 'report'}")
            continue
        reports.append(MinedReport(str(row.get("report_id") or study), study, text))
    if problems:
        more = f"; and {len(problems) - 8} more" if len(problems) > 8 else ""
        raise InputError(f"The reports {source.name} cannot be used: {'; '.join(problems[:8])}{more}.")
    return reports


class Studies:
    """Slice tables of studies, read when a report asks for them.

    Parameters
    ----------
    root : Path
        Folder with a folder of DICOM, or a sidecar (``NAME.slices.json``), for each study.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise InputError(f"{root.name} is no folder. Name the folder that holds the studies.")
        self._root = root
        self._read = lru_cache(maxsize=64)(self._read_place)
        self._by_uid: dict[str, str] | None = None

    def tables_of(self, study: str) -> list[SeriesTable]:
        """Return the tables of a study; none where it is not there.

        Raises
        ------
        InputError
            When a sidecar is damaged.
        """
        if place := self._place_of(study):
            return self._read(place)
        if self._by_uid is None:
            self._by_uid = self._uids()
        place = self._by_uid.get(study, "")
        return [table for table in self._read(place) if table.study == study] if place else []

    def _place_of(self, study: str) -> str:
        # A name out of a table must not lead out of the folder.
        if not study or Path(study).is_absolute() or ".." in Path(study).parts:
            return ""
        if (self._root / study).is_dir():
            return study
        name = f"{study.removesuffix(SIDECAR_ENDING)}{SIDECAR_ENDING}"
        return name if (self._root / name).is_file() else ""

    def _read_place(self, place: str) -> list[SeriesTable]:
        path = self._root / place
        return read_slice_tables(path) if path.is_file() else slice_tables(index_folder(path), place)

    def _uids(self) -> dict[str, str]:
        """StudyInstanceUID to the folder or sidecar that holds it; reads all headers once."""
        places = [
            path.name for path in sorted(self._root.iterdir()) if path.is_dir() or path.name.endswith(SIDECAR_ENDING)
        ]
        return {table.study: place for place in places for table in self._read_place(place) if table.study}
