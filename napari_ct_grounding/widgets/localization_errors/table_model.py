"""The rows as Qt's item views see them, filtered and sorted.

One model does all three: Qt's sorting proxy asks Python for every comparison, which held the window for half a second at 5,000
rows. Here a filter is a mask over all rows, a column is ranked once for a sort, and texts are made when a cell is first seen. The
choice is not kept up to date by itself, so that a row does not vanish under whoever tags it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QBrush, QColor, QFont

from napari_ct_grounding.core.error_rows import ErrorRow
from napari_ct_grounding.widgets.localization_errors.notes import CaseNote
from napari_ct_grounding.widgets.localization_errors.row_filter import RowFilter, accepted_rows

__all__ = ["COLUMNS", "ErrorTableModel", "number_text"]


def number_text(value: float | None, digits: int = 0) -> str:
    """Return a number with a true minus sign; a dash for none."""
    if value is None or value != value:
        return "\u2013"
    return f"{value:.{digits}f}".replace("-", "\u2212")


@dataclass(frozen=True)
class _Column:
    name: str
    tip: str
    #: What is sorted: None comes last, whichever way.
    key: Callable[[ErrorRow, CaseNote], Any]
    text: Callable[[ErrorRow, CaseNote], str]
    is_number: bool = False


def _rank_text(row: ErrorRow) -> str:
    rank = row.truth_rank
    return "\u2013" if rank is None else f"{rank.rank} / {rank.num_positions}"


def _answer_mm(row: ErrorRow) -> float | None:
    return None if row.prediction is None else row.prediction.z_mm


def _true_mm(row: ErrorRow) -> float | None:
    return None if row.truth_mm is None else sum(row.truth_mm) / 2


def _words(name: str, tip: str, of: Callable[[ErrorRow, CaseNote], str]) -> _Column:
    return _Column(name, tip, lambda row, note: of(row, note).lower() or None, of)


COLUMNS = (
    _Column(
        "Error mm",
        "Distance along z from the answer to the true range; 0 inside it. None for rows that failed or have no truth",
        lambda row, note: row.error_mm,
        lambda row, note: number_text(row.error_mm, 1),
        is_number=True,
    ),
    _words("Sentence", "What was asked", lambda row, note: row.case.sentence),
    _words("Category", "As the results file groups them", lambda row, note: row.case.category or ""),
    _Column(
        "Rank",
        "Place of the truth among the scan's depth positions, by similarity; 1 means that the model liked the truth best",
        lambda row, note: None if row.truth_rank is None else row.truth_rank.rank,
        lambda row, note: _rank_text(row),
        is_number=True,
    ),
    _words("Status", "done, no clear location, no truth, or failed", lambda row, note: row.status),
    _words("Tag", "What you said about the row; keys 1 to 5, 0 takes it away", lambda row, note: note.tag),
    _words("Note", "Your note", lambda row, note: note.text),
    _words("Case", "The name that the results file gives it", lambda row, note: row.case.case),
    _words("Scan", "Path of the scan in the results file", lambda row, note: row.case.scan),
    _Column(
        "Answer",
        "Predicted position, mm: world z (RAS, towards the head)",
        lambda row, note: _answer_mm(row),
        lambda row, note: number_text(_answer_mm(row), 1),
        is_number=True,
    ),
    _Column(
        "Truth",
        "Middle of the true range, mm: world z (RAS, towards the head)",
        lambda row, note: _true_mm(row),
        lambda row, note: number_text(_true_mm(row), 1),
        is_number=True,
    ),
    _Column(
        "Row", "Place in the file", lambda row, note: row.number, lambda row, note: str(row.number), is_number=True
    ),
)
TAG_COLUMN = next(i for i, column in enumerate(COLUMNS) if column.name == "Tag")


class ErrorTableModel(QAbstractTableModel):
    """Holds the rows of a file with their notes, and shows those that pass a filter in the order asked for.

    A row is known by its `number`, the index in the file; a `place` is an index among the rows shown.
    """

    def __init__(self, faded: QColor, parent: Any = None) -> None:
        super().__init__(parent)
        self.rows: tuple[ErrorRow, ...] = ()
        self.notes: list[CaseNote] = []
        self.is_missing: NDArray[np.bool_] = np.zeros(0, dtype=bool)
        #: Numbers of the rows shown, in the order shown.
        self.shown: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._order = (0, True)
        self._wish = RowFilter()
        self._texts: dict[tuple[int, int], str] = {}
        self._faded = QBrush(faded)
        self._italic = QFont()
        self._italic.setItalic(True)

    # -- what it holds

    def set_rows(self, rows: tuple[ErrorRow, ...], notes: Sequence[CaseNote], wish: RowFilter | None = None) -> None:
        """Show the rows of another file that pass a filter."""
        self.rows, self.notes = rows, list(notes)
        self.is_missing = np.zeros(len(rows), dtype=bool)
        self._texts.clear()
        self._wish = RowFilter() if wish is None else wish
        self._choose()

    def set_note(self, number: int, note: CaseNote) -> None:
        """Change what is said about a row."""
        self.notes[number] = note
        for column in (TAG_COLUMN, TAG_COLUMN + 1):
            self._texts.pop((number, column), None)
        place = self.place_of(number)
        if place is not None:
            self.dataChanged.emit(self.index(place, TAG_COLUMN), self.index(place, TAG_COLUMN + 1))

    def set_missing(self, is_missing: NDArray[np.bool_]) -> None:
        """Grey the rows whose scan was not found."""
        self.is_missing = is_missing
        self._look_changed()

    # -- which rows are shown

    def set_filter(self, wish: RowFilter) -> None:
        """Show the rows that pass, as their tags and scans are now."""
        self._wish = wish
        self._choose()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column, as its values are now; -1 is the order of the file."""
        self._order = (column, order == Qt.SortOrder.DescendingOrder)
        self._choose()

    def place_of(self, number: int) -> int | None:
        """Return where a row is shown; None where the filter hides it."""
        found = np.flatnonzero(self.shown == number)
        return int(found[0]) if len(found) else None

    def _choose(self) -> None:
        self.beginResetModel()
        accepted = accepted_rows(self.rows, self.notes, self.is_missing, self._wish)
        order = np.argsort(self._ranks(*self._order), kind="stable")
        self.shown = order[accepted[order]]
        self.endResetModel()

    def _ranks(self, column: int, is_descending: bool) -> NDArray[np.intp]:
        """Place of each row in a column's order; equals share one, and rows without a value come last both ways."""
        if column < 0:
            return np.zeros(len(self.rows), dtype=np.intp)
        keys = [COLUMNS[column].key(row, note) for row, note in zip(self.rows, self.notes, strict=True)]
        known = sorted({key for key in keys if key is not None}, reverse=is_descending)
        places = {key: place for place, key in enumerate(known)}
        return np.array([len(known) if key is None else places[key] for key in keys], dtype=np.intp)

    def set_faded(self, faded: QColor) -> None:
        """Take the colours of another theme."""
        self._faded = QBrush(faded)
        self._look_changed()

    def _look_changed(self) -> None:
        if len(self.shown):
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.shown) - 1, len(COLUMNS) - 1))

    # -- what Qt asks

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, N802, D102 (Qt's name and default)
        return 0 if parent.isValid() else len(self.shown)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, N802, D102 (Qt's name and default)
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(  # noqa: N802, D102 (Qt's name)
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].name
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{COLUMNS[section].tip}. Click to sort"
        if role == Qt.ItemDataRole.TextAlignmentRole:  # on the right stands the arrow of the order
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        number, column = int(self.shown[index.row()]), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            text = self._texts.get((number, column))
            if text is None:
                text = COLUMNS[column].text(self.rows[number], self.notes[number])
                self._texts[number, column] = text
            return text
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(COLUMNS[column])
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._faded if self.is_missing[number] or self.rows[number].prediction is None else None
        if role == Qt.ItemDataRole.FontRole:
            return self._italic if self.rows[number].prediction is None else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(number)
        return None

    def _tip(self, number: int) -> str:
        row = self.rows[number]
        lines = [row.case.sentence]
        if row.message:
            lines.append(f"Failed: {row.message}")
        if self.is_missing[number]:
            lines.append(f"The scan {row.case.scan} was not found. Choose the folder of the scans (button Scans).")
        return "\n".join(lines)


def _alignment(column: _Column) -> int:
    side = Qt.AlignmentFlag.AlignRight if column.is_number else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)
