"""The figures of a whole evaluation, for files that hold these and no rows."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_ct_grounding.core.evaluation_results import EvaluationResults, Figure

__all__ = ["FiguresTable"]

_COLUMNS = ("Group", "Answer", "Figure", "Value", "95 % interval")


class FiguresTable(QTableWidget):
    """A line for each figure."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        self.setHorizontalHeaderLabels(_COLUMNS)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.setAccessibleName("Figures of the evaluation")

    def set_results(self, results: EvaluationResults) -> None:
        """Show the figures of a file."""
        self.setRowCount(len(results.figures))
        for row, figure in enumerate(results.figures):
            for column, text in enumerate(_cells(figure)):
                item = QTableWidgetItem(text)
                if column >= 3:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, column, item)


def _cells(figure: Figure) -> tuple[str, ...]:
    value = "not defined" if figure.value is None else f"{figure.value:.4g}"
    interval = "" if figure.low is None else f"{figure.low:.4g} to {figure.high:.4g}"
    return figure.group, figure.answer, figure.name.replace("_", " "), value, interval
