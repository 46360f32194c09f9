"""A measured figure, its history, and the table that sets figures side by side."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Figure", "Run", "append_run", "medians", "previous_run", "read_history", "table", "written_between_marks"]

BEGIN_MARK, END_MARK = "<!-- bench: begin -->", "<!-- bench: end -->"


@dataclass(frozen=True)
class Figure:
    """One row of the table.

    Parameters
    ----------
    name : str
        What was measured; the same in every run.
    value : float
    unit : str
        "s", "ms", "MB", "times" or "" for a bare number.
    aim : str
        What was promised, in words.
    """

    name: str
    value: float
    unit: str
    aim: str = ""


@dataclass(frozen=True)
class Run:
    """One run of the suite, as the history keeps it.

    Parameters
    ----------
    date, commit : str
        When, and of which state; a "+" behind the commit says that files were changed since.
    machine : str
        Processor, cores, memory and GPU: figures are compared on one machine only.
    software : str
        Versions, and the load before the run.
    is_quick : bool
    figures, before : tuple of Figure
        Of the working tree, and of the state that it was measured against.
    against : str
        That state.
    notes : tuple of str
        Parts that were skipped, and why.
    """

    date: str
    commit: str
    machine: str
    software: str
    is_quick: bool
    figures: tuple[Figure, ...]
    before: tuple[Figure, ...] = ()
    against: str = ""
    notes: tuple[str, ...] = field(default=())

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON types."""
        values = {
            key: [[f.name, round(f.value, 6), f.unit, f.aim] for f in getattr(self, key)]
            for key in ("figures", "before")
        }
        return {**self.__dict__, **values, "notes": list(self.notes)}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Run:
        """Read what `to_record` gave."""
        values = {key: tuple(Figure(*entry) for entry in record[key]) for key in ("figures", "before")}
        return cls(**{**record, **values, "notes": tuple(record["notes"])})


def append_run(path: Path, run: Run) -> None:
    """Add a run to the history, one line of JSON each."""
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(run.to_record()) + "\n")


def read_history(path: Path) -> list[Run]:
    """Return the runs of the history, oldest first; lines that are no run (of an older form, or cut short) are left out."""
    runs = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            runs.append(Run.from_record(json.loads(line)))
        except (ValueError, KeyError, TypeError):
            continue
    return runs


def previous_run(runs: Sequence[Run], machine: str, is_quick: bool) -> Run | None:
    """Return the last run on the same machine and of the same kind."""
    return next((run for run in reversed(runs) if (run.machine, run.is_quick) == (machine, is_quick)), None)


def medians(repeats: Sequence[Sequence[Figure]]) -> tuple[Figure, ...]:
    """Return the median of each figure over several runs of a part."""
    values: dict[str, list[float]] = {}
    last: dict[str, Figure] = {}
    for figure in (figure for repeat in repeats for figure in repeat):
        values.setdefault(figure.name, []).append(figure.value)
        last[figure.name] = figure
    return tuple(Figure(f.name, statistics.median(values[name]), f.unit, f.aim) for name, f in last.items())


def table(figures: Iterable[Figure], before: Iterable[Figure], before_name: str) -> str:
    """Return a Markdown table; a figure that was not there before has a dash in its place."""
    earlier = {figure.name: figure for figure in before}
    rows = [("what", before_name or "before", "now", "now / before", "aim")]
    for figure in figures:
        old = earlier.get(figure.name)
        quotient = f"{figure.value / old.value:.2f}" if old is not None and old.value else "-"
        rows.append((figure.name, shown(old) if old is not None else "-", shown(figure), quotient, figure.aim))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def shown(figure: Figure) -> str:
    """Return a value with its unit, three digits."""
    number = f"{figure.value:.0f}" if abs(figure.value) >= 100 else f"{figure.value:.3g}"
    return f"{number} {figure.unit}".strip()


def written_between_marks(page: str, text: str) -> str:
    """Return a page with what stands between its two marks replaced by `text`.

    Raises
    ------
    ValueError
        When the page has no such marks.
    """
    if BEGIN_MARK not in page or END_MARK not in page:
        raise ValueError(f"the page has no {BEGIN_MARK} and {END_MARK}")
    head, rest = page.split(BEGIN_MARK, 1)
    return f"{head}{BEGIN_MARK}\n{text}\n{END_MARK}{rest.split(END_MARK, 1)[1]}"
