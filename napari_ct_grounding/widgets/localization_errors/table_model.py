"""The rows as Qt's item models see them: one that holds them, and one that filters and sorts.

Both are made for thousands of rows: texts are made when a cell is first seen, a column is ranked once for a sort, and a
filter is a mask over all rows. The order is not kept up to date by itself, so that a row does not vanish under whoever tags it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtGui import QBrush, QColor, QFont

from napari_ct_grounding.core.error_rows import ErrorRow
from napari_ct_grounding.widgets.localization_errors.notes import CaseNote
from napari_ct_grounding.widgets.localization_errors.row_filter import RowFilter, accepted_rows

__all__ = ["COLUMNS", "ErrorTableModel", "FilteredErrors", "number_text"]


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
    """Holds the rows of a file, their notes, and which scans were not found."""

    def __init__(self, faded: QColor, parent: Any = None) -> None:
        super().__init__(parent)
        self.rows: tuple[ErrorRow, ...] = ()
        self.notes: list[CaseNote] = []
        self.is_missing: NDArray[np.bool_] = np.zeros(0, dtype=bool)
        self._texts: dict[tuple[int, int], str] = {}
        self._faded = QBrush(faded)
        self._italic = QFont()
        self._italic.setItalic(True)

    # -- what it holds

    def set_rows(self, rows: tuple[ErrorRow, ...], notes: Sequence[CaseNote]) -> None:
        """Show the rows of another file."""
        self.beginResetModel()
        self.rows, self.notes = rows, list(notes)
        self.is_missing = np.zeros(len(rows), dtype=bool)
        self._texts.clear()
        self.endResetModel()

    def set_note(self, number: int, note: CaseNote) -> None:
        """Change what is said about the row with this index."""
        self.notes[number] = note
        for column in (TAG_COLUMN, TAG_COLUMN + 1):
            self._texts.pop((number, column), None)
        self.dataChanged.emit(self.index(number, TAG_COLUMN), self.index(number, TAG_COLUMN + 1))

    def set_missing(self, is_missing: NDArray[np.bool_]) -> None:
        """Grey the rows whose scan was not found."""
        self.is_missing = is_missing
        self._look_changed()

    def set_faded(self, faded: QColor) -> None:
        """Take the colours of another theme."""
        self._faded = QBrush(faded)
        self._look_changed()

    def _look_changed(self) -> None:
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(COLUMNS) - 1))

    def sort_ranks(self, column: int, *, is_descending: bool) -> list[int]:
        """Return the place of each row in a column's order; rows without a value are last both ways."""
        keys = [COLUMNS[column].key(row, note) for row, note in zip(self.rows, self.notes, strict=True)]
        places = {key: place for place, key in enumerate(sorted({key for key in keys if key is not None}))}
        last, num = -1 if is_descending else len(places), len(keys)
        # Among equals the order of the file decides, whichever way the column is sorted.
        return [
            (last if key is None else places[key]) * num + (num - 1 - number if is_descending else number)
            for number, key in enumerate(keys)
        ]

    # -- what Qt asks

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, N802, D102 (Qt's name and default)
        return 0 if parent.isValid() else len(self.rows)

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
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(COLUMNS[section])
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        number, place = index.row(), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            text = self._texts.get((number, place))
            if text is None:
                text = COLUMNS[place].text(self.rows[number], self.notes[number])
                self._texts[number, place] = text
            return text
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(COLUMNS[place])
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


class FilteredErrors(QSortFilterProxyModel):
    """The rows that pass a filter, in the order asked for."""

    def __init__(self, model: ErrorTableModel, parent: Any = None) -> None:
        super().__init__(parent)
        self._model = model
        self._wish = RowFilter()
        self._accepted: NDArray[np.bool_] = np.zeros(0, dtype=bool)
        self._ranks: list[int] = []
        self.setDynamicSortFilter(False)
        model.modelAboutToBeReset.connect(self._forget)
        self.setSourceModel(model)

    @property
    def wish(self) -> RowFilter:
        """The filter in force."""
        return self._wish

    def set_filter(self, wish: RowFilter) -> None:
        """Show the rows that pass, as their tags and scans are now."""
        self._wish = wish
        self._accepted = accepted_rows(self._model.rows, self._model.notes, self._model.is_missing, wish)
        self.invalidateFilter()

    def shown(self) -> NDArray[np.intp]:
        """Return the indices, in the file, of the rows shown, in the order shown."""
        return np.array(
            [self.mapToSource(self.index(place, 0)).row() for place in range(self.rowCount())], dtype=np.intp
        )

    def place_of(self, number: int) -> int | None:
        """Return where a row of the file is shown; None where the filter hides it."""
        index = self.mapFromSource(self._model.index(number, 0))
        return index.row() if index.isValid() else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1 is the order of the file."""
        if column >= 0:
            self._ranks = self._model.sort_ranks(column, is_descending=order == Qt.SortOrder.DescendingOrder)
        # The same column again would do nothing, although tags have changed.
        super().sort(-1, order)
        super().sort(column, order)

    def _forget(self) -> None:
        self._accepted, self._ranks = np.zeros(0, dtype=bool), []

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:  # noqa: N802, D102 (Qt's name)
        return bool(self._accepted[row]) if row < len(self._accepted) else True

    def lessThan(self, left: QModelIndex, right: QModelIndex) -> bool:  # noqa: N802, D102 (Qt's name)
        ranks = self._ranks
        return bool(ranks) and ranks[left.row()] < ranks[right.row()]


def _alignment(column: _Column) -> int:
    side = Qt.AlignmentFlag.AlignRight if column.is_number else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)
