"""The list of cases that a batch works through: a CSV file with a sentence about a scan on each line."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.json_object import raise_problems
from napari_ct_grounding.core.localization_results import LocalizationCase, Truth

__all__ = ["COLUMNS", "CaseList", "read_cases"]

REQUIRED = ("scan", "sentence")
TRUTHS = ("z_mm", "z_lo_mm", "z_hi_mm", "image_number")
COLUMNS = (*REQUIRED, "case", "series", "frame", "category", *TRUTHS)

#: What spreadsheet programs of different countries put between columns.
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class CaseList:
    """Cases in the order of their file.

    Parameters
    ----------
    folder : Path
        What the paths of the scans start from.
    cases : tuple of LocalizationCase
    unused_columns : tuple of str
        Columns of the file that mean nothing here.
    """

    folder: Path
    cases: tuple[LocalizationCase, ...]
    unused_columns: tuple[str, ...] = ()


def read_cases(path: Path) -> CaseList:
    """Return the cases of a CSV file (UTF-8; comma, semicolon or tab; the first line names the columns).

    Columns are `scan` (path from the folder of the file) and `sentence`, and where wanted `case` (by default the scan), `series`,
    `frame`, `category`, and the truth: `z_mm`, or `z_lo_mm` with `z_hi_mm`, or `image_number`.

    Raises
    ------
    InputError
        When the file cannot be read, or naming every line that cannot be used.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"The list {path.name} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The list {path.name} is not text in UTF-8. Save it as CSV UTF-8.") from error
    heading = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=heading.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    problems: list[str] = []
    try:
        columns = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = columns
        _check_columns(columns, path.name)
        cases = [_case(record, f"line {reader.line_num}", problems) for record in reader if any(record.values())]
    except csv.Error as error:
        raise InputError(f"Line {reader.line_num} of {path.name} is not CSV ({error}). Check its quotes.") from error
    raise_problems(problems, path.name, "Mend these lines.")
    if not cases:
        raise InputError(f"The list {path.name} has a heading, but no line below it. Add a scan and a sentence.")
    unused = tuple(name for name in columns if name not in COLUMNS)
    return CaseList(path.parent, tuple(cases), unused)


def _check_columns(columns: Sequence[str], name: str) -> None:
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        raise InputError(
            f"The list {name} has no column {' and no column '.join(missing)}; its first line must name at least "
            f"{' and '.join(REQUIRED)}."
        )
    twice = sorted({column for column in columns if column in COLUMNS and columns.count(column) > 1})
    if twice:
        raise InputError(f"The list {name} has the column {twice[0]} twice. Remove one of them.")


def _case(record: dict[str | None, str | list[str] | None], where: str, problems: list[str]) -> LocalizationCase:
    """Return the case of one line; what cannot be used is added to `problems`."""
    cells = {name: value.strip() for name, value in record.items() if isinstance(name, str) and isinstance(value, str)}
    if None in record:
        problems.append(f"{where} has more cells than there are columns (a sentence with a comma needs quotes)")
    for name in REQUIRED:
        if not cells.get(name):
            problems.append(f"{where} has no {name}")
    scan = cells.get("scan", "").replace("\\", "/")  # as Windows writes paths
    return LocalizationCase(
        case=cells.get("case") or scan,
        scan=scan,
        sentence=cells.get("sentence", ""),
        series=cells.get("series") or None,
        frame=_whole("frame", cells, where, problems),
        category=cells.get("category") or None,
        truth=_truth(cells, where, problems),
    )


def _truth(cells: dict[str, str], where: str, problems: list[str]) -> Truth | None:
    given = {name for name in TRUTHS if cells.get(name)}
    if not given:
        return None
    if given == {"image_number"}:
        return Truth(image_number=_whole("image_number", cells, where, problems))
    numbers = {name: _number(name, cells, where, problems) for name in given - {"image_number"}}
    if given == {"z_mm"}:
        return Truth(numbers["z_mm"], numbers["z_mm"])
    if given == {"z_lo_mm", "z_hi_mm"}:
        if numbers["z_lo_mm"] > numbers["z_hi_mm"]:
            problems.append(
                f"{where} has a z_lo_mm of {numbers['z_lo_mm']:g} above its z_hi_mm of {numbers['z_hi_mm']:g}"
            )
        return Truth(numbers["z_lo_mm"], numbers["z_hi_mm"])
    named = ", ".join(name for name in TRUTHS if name in given)
    problems.append(f"{where} has {named}; a truth is z_mm, or z_lo_mm with z_hi_mm, or image_number")
    return None


def _number(name: str, cells: dict[str, str], where: str, problems: list[str]) -> float:
    try:
        value = float(cells[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        problems.append(f"{where} has {cells[name][:20]!r} for {name}; it must be a number, with a point for decimals")
        return 0.0
    return value


def _whole(name: str, cells: dict[str, str], where: str, problems: list[str]) -> int | None:
    text = cells.get(name)
    if not text:
        return None
    if not text.removeprefix("-").isdecimal():
        problems.append(f"{where} has {text[:20]!r} for {name}; it must be a whole number")
        return None
    return int(text)
