"""The lines of a report as a Qt model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractListModel, QModelIndex, Qt, Signal

from napari_ct_grounding.widgets.report.lines import ReportLine

__all__ = ["HERE_ROLE", "LINE_ROLE", "ReportListModel"]

LINE_ROLE = Qt.ItemDataRole.UserRole
#: Whether the slice that is shown lies in the interval of the line.
HERE_ROLE = Qt.ItemDataRole.UserRole + 1


class ReportListModel(QAbstractListModel):
    """Holds `ReportLine`s; an edited text is told, not taken: new lines come from outside."""

    #: (row of the report, text)
    edited = Signal(int, str)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._lines: list[ReportLine] = []
        self._lows = self._highs = np.zeros(0)
        self._is_here = np.zeros(0, dtype=bool)
        self._position_mm: float | None = None

    @property
    def lines(self) -> Sequence[ReportLine]:
        """What is shown, top first."""
        return self._lines

    @property
    def are_slices_unnumbered(self) -> bool:
        """Whether there are answers, and their slices bear no image numbers: files other than DICOM."""
        results = [line.result for line in self._lines if line.result is not None]
        return bool(results) and all(result.image_number is None for result in results)

    def set_lines(self, lines: Sequence[ReportLine]) -> bool:
        """Show other lines; returns whether they are other ones, so that what was selected is gone."""
        old, self_lines = self._lines, list(lines)
        is_other = [(line.row, line.text) for line in old] != [(line.row, line.text) for line in self_lines]
        if is_other:
            self.beginResetModel()
        self._lines = self_lines
        intervals = [line.place.interval_mm if line.place else (np.nan, np.nan) for line in self_lines]
        self._lows, self._highs = np.array(intervals, dtype=float).reshape(-1, 2).T
        self._is_here = self._held()
        if is_other:
            self.endResetModel()
        else:
            for number, (was, now) in enumerate(zip(old, self_lines, strict=True)):
                if was != now:
                    self._tell(number)
        return is_other

    def set_position(self, z_mm: float | None) -> None:
        """Mark the lines whose interval holds the slice that is shown; costs as much as the lines that change."""
        self._position_mm = z_mm
        held = self._held()
        changed = np.flatnonzero(held != self._is_here)
        self._is_here = held
        for number in changed:
            index = self.index(int(number))
            self.dataChanged.emit(index, index, [HERE_ROLE])

    def number_of_row(self, row: int) -> int | None:
        """Which line shows a row of the report; None where the filter leaves it out."""
        return next((number for number, line in enumerate(self._lines) if line.row == row), None)

    # -- what Qt asks

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802, D102 (Qt's name)
        return 0 if parent is not None and parent.isValid() else len(self._lines)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102 (Qt's name)
        if not index.isValid() or index.row() >= len(self._lines):
            return None
        line = self._lines[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return line.text
        if role == LINE_ROLE:
            return line
        if role == HERE_ROLE:
            return bool(self._is_here[index.row()])
        if role == Qt.ItemDataRole.ToolTipRole:
            here = "\nThe slice that is shown lies in its interval." if self._is_here[index.row()] else ""
            return line.tool_tip + here if line.tool_tip else None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return " ".join(
                [*(f"{word}:" for word in line.words), line.text, *line.figures, line.remark, line.reference]
            )
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802, D102
        line = self._lines[index.row()] if index.isValid() else None
        if role != Qt.ItemDataRole.EditRole or line is None or line.row is None:
            return False
        self.edited.emit(line.row, str(value))
        return True

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:  # noqa: D102 (Qt's name)
        if not index.isValid() or self._lines[index.row()].row is None:
            return Qt.ItemFlag.ItemIsEnabled  # a heading can be read, not chosen
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable

    def _held(self) -> np.ndarray:
        if self._position_mm is None:
            return np.zeros(len(self._lines), dtype=bool)
        return (self._lows <= self._position_mm) & (self._position_mm <= self._highs)  # NaN holds nothing

    def _tell(self, number: int) -> None:
        index = self.index(number)
        self.dataChanged.emit(index, index)
