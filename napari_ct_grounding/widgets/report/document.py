"""The report of one volume: its rows, and every change to them taken back and done again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.widgets.report.rows import ReportRow, row_from, rows_of

__all__ = ["MAX_STEPS", "MAX_TEXT", "ReportDocument"]

#: Changes that can be taken back.
MAX_STEPS = 200
#: A report has some thousand characters; a pasted book is a mistake.
MAX_TEXT = 200_000

_VERSION = 1


class ReportDocument:
    """Rows of a report. They are frozen, so that a step back is a tuple kept."""

    def __init__(self) -> None:
        self._rows: tuple[ReportRow, ...] = ()
        self._undone: list[tuple[str, tuple[ReportRow, ...]]] = []
        self._done: list[tuple[str, tuple[ReportRow, ...]]] = []
        #: Whether the user wants the places of all sentences, so that those of new ones are looked for, too.
        self.wants_places = False
        #: Cleaned sentences that are wanted all the same: edited ones, and those that were clicked.
        self.asked: set[str] = set()

    @property
    def rows(self) -> tuple[ReportRow, ...]:
        """The sentences, top first."""
        return self._rows

    @property
    def undo_text(self) -> str | None:
        """Name of the change that `undo` takes back; None where there is none."""
        return self._done[-1][0] if self._done else None

    @property
    def redo_text(self) -> str | None:
        """Name of the change that `redo` does again; None where there is none."""
        return self._undone[-1][0] if self._undone else None

    # -- changes

    def set_text(self, text: str) -> None:
        """Take another report.

        Raises
        ------
        InputError
            When no sentence is in it, or far more text than a report has.
        """
        if len(text) > MAX_TEXT:
            raise InputError(
                f"The text has {len(text):,} characters; a report has at most {MAX_TEXT:,}. Copy the report alone."
            )
        rows = rows_of(text)
        if not rows:
            raise InputError("No sentence was found in the text. Copy the text of a report first, then paste it here.")
        self._change("new report", rows)

    def edit(self, index: int, text: str) -> None:
        """Put other words in place of a sentence; several sentences become several rows, and no words none."""
        old = self._rows[index]
        if text.split() == old.sentence.text.split():
            return
        new = rows_of(text, old.sentence.section)
        self._change("edit", self._rows[:index] + new + self._rows[index + 1 :])

    def remove(self, indices: Collection[int]) -> None:
        """Take rows out."""
        if indices:
            self._change("removal", tuple(row for i, row in enumerate(self._rows) if i not in indices))

    def clear(self) -> None:
        """Take all rows out."""
        if self._rows:
            self._change("clearing", ())

    def undo(self) -> None:
        """Take the last change back, if there is one."""
        self._step(self._done, self._undone)

    def redo(self) -> None:
        """Do again what was taken back last, if there is something."""
        self._step(self._undone, self._done)

    def _change(self, what: str, rows: tuple[ReportRow, ...]) -> None:
        self._done.append((what, self._rows))
        del self._done[:-MAX_STEPS]
        self._undone.clear()
        self._rows = rows

    def _step(self, taken: list[tuple[str, tuple[ReportRow, ...]]], kept: list) -> None:
        if taken:
            what, rows = taken.pop()
            kept.append((what, self._rows))
            self._rows = rows

    # -- as plain values

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON types; steps back are not among them."""
        return {"version": _VERSION, "rows": [row.to_record() for row in self._rows]}

    def set_record(self, record: Any) -> None:
        """Take the rows that `to_record` gave, as a change of its own.

        Raises
        ------
        InputError
            When the record is damaged or of another version.
        """
        if (
            not isinstance(record, dict)
            or record.get("version") != _VERSION
            or not isinstance(record.get("rows"), list)
        ):
            raise InputError(
                f"The saved report is damaged, or not of version {_VERSION}. Paste the report again instead."
            )
        self._change("restored report", tuple(row_from(entry) for entry in record["rows"]))
