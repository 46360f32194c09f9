"""Tables as data sets ship them (CSV, TSV, Excel, Parquet), with every cell as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from napari_ct_grounding.core.errors import InputError

__all__ = ["find_table", "label_of", "read_table"]


def find_table(folder: Path, *patterns: str) -> Path:
    """Return the table that matches one of the glob patterns, the last by name where several do (names end in a date).

    Raises
    ------
    InputError
        When there is none.
    """
    for pattern in patterns:
        if found := sorted(folder.glob(pattern)):
            return found[-1]
    raise InputError(f"There is no table {' or '.join(patterns)} in {folder.name!r}. Download it with the scans.")


def read_table(path: Path, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Return a table of texts; an empty cell is an empty text.

    Parameters
    ----------
    path : Path
        Its ending tells what it is: .csv, .tsv, .xlsx or .parquet.
    columns : sequence of str
        That it must have.

    Raises
    ------
    InputError
        When it cannot be read or lacks columns.
    """
    ending = path.suffix.lower()
    try:
        if ending == ".parquet":
            table = pd.read_parquet(path)
        elif ending == ".xlsx":
            table = pd.read_excel(path, dtype=str)
        elif ending in (".csv", ".tsv", ".txt"):
            table = pd.read_csv(
                path, sep="," if ending == ".csv" else "\t", dtype=str, keep_default_na=False, encoding="utf-8-sig"
            )
        else:
            raise InputError(f"The table {path.name} is none of .csv, .tsv, .xlsx and .parquet.")
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise InputError(f"The table {path.name} cannot be read: {error}") from error
    table.columns = [str(column).strip() for column in table.columns]
    if missing := [column for column in columns if column not in table.columns]:
        raise InputError(
            f"The table {path.name} has no column {', '.join(missing)}; it has {', '.join(table.columns)}."
        )
    return table.fillna("").map(_text)


def label_of(cell: str) -> int | None:
    """Return 1 or 0 of a cell that says yes or no in one of the usual ways; None when it says neither."""
    word = cell.strip().lower()
    if word in ("1", "1.0", "true", "yes"):
        return 1
    return 0 if word in ("0", "0.0", "false", "no") else None


def _text(cell: object) -> str:
    return cell.strip() if isinstance(cell, str) else str(cell)
