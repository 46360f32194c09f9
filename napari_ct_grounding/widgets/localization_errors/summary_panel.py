"""What the rows shown add up to: figures with what they leave out, and four pictures of where the errors are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFrame, QGridLayout, QLabel, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from napari_ct_grounding.core.localization_error import ErrorColumns, ErrorSummary
from napari_ct_grounding.widgets.localization_errors.category_bars import CategoryBars
from napari_ct_grounding.widgets.localization_errors.scatter_plot import Scatter, ScatterPlot
from napari_ct_grounding.widgets.panels.colors import PanelColors

__all__ = ["PICTURES", "SummaryPanel", "left_out_text", "rows_text"]

PICTURES = (
    "Answer against truth",
    "Error by length of the scan",
    "Error by place in the scan",
    "Error by category",
)
_BY_CATEGORY = 3

_STEPS = "Steps: mean (solid) and median (dashed) of five groups of about equal size. Click a point to choose its row."
_LEGENDS = (
    "Middle of the true range and answer, in mm above the lowest place that the model saw of the scan. Line: equal; dashed: "
    "12 mm; dotted: 24 mm. Click a point to choose its row.",
    _STEPS,
    _STEPS,
    "Bar: mean error, mm. Tick: median. Click one to show its rows alone.",
)

#: (attribute of the summary, name, what it is, whether it is a share)
_FIGURES = (
    ("mean_mm", "Mean error", "Over sentences: a scan with many of them weighs more", False),
    ("median_mm", "Median error", "Half of the sentences err less", False),
    ("scan_mean_mm", "Mean by scan", "Mean within each scan, then over scans: all scans weigh alike", False),
    ("within_12_mm", "Within 12 mm", "Share of the rows with an error whose error is at most 12 mm", True),
    ("within_24_mm", "Within 24 mm", "Share of the rows with an error whose error is at most 24 mm", True),
    ("interval_holds", "Truth in interval", "Share whose interval touches the true range", True),
    ("top_rank", "Truth ranked first", "Share in which no depth position outside the truth is more similar", True),
)


def rows_text(summary: ErrorSummary, num_all: int) -> str:
    """Say how many rows the figures are taken over."""
    shown = f"{summary.num_rows:,} rows" if summary.num_rows == num_all else f"{summary.num_rows:,} of {num_all:,} rows"
    if not summary.num_scored:
        return f"{shown}; none has an error"
    scans = f"{summary.num_scans:,} scan{'s' if summary.num_scans != 1 else ''}"
    return f"{shown}; errors of {summary.num_scored:,} sentence{'s' if summary.num_scored != 1 else ''} in {scans}"


def left_out_text(summary: ErrorSummary) -> str:
    """Say what the errors leave out, and what they count although somebody might not."""
    text = f"Left out: {summary.num_failed:,} failed, {summary.num_without_truth:,} without a truth."
    if summary.num_no_location:
        answers = "answer counts" if summary.num_no_location == 1 else "answers count"
        text += f" {summary.num_no_location:,} \u201cno clear location\u201d {answers} with the best guess."
    unranked = summary.num_scored - summary.num_ranked
    if unranked:
        text += f" The rank leaves out {unranked:,} more without a profile at the truth."
    return text


class SummaryPanel(QWidget):
    """Emits `row_chosen(number)` for a click on a point, `category_chosen(name)` for one on a bar."""

    row_chosen = Signal(int)
    category_chosen = Signal(str)

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: ErrorColumns | None = None
        self._chosen: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._is_due = False
        self.rows = QLabel(self)
        self.rows.setWordWrap(True)
        self.left_out = QLabel(self)
        self.left_out.setWordWrap(True)
        self.figures = {name: QLabel("\u2013", self) for name, *_ in _FIGURES}
        self.picture = QComboBox(self)
        self.picture.addItems(PICTURES)
        self.scatter = ScatterPlot(colors, self)
        self.bars = CategoryBars(colors)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.scatter)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(self.bars)
        self._stack.addWidget(scroll)
        self._lay_out()
        self.picture.currentIndexChanged.connect(self._show_picture)
        self.scatter.row_chosen.connect(self.row_chosen)
        self.bars.category_chosen.connect(self.category_chosen)
        self.set_colors(colors)

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(2)
        for place, (attribute, name, tip, _) in enumerate(_FIGURES):
            label = QLabel(name, self)
            label.setToolTip(tip)
            value = self.figures[attribute]
            value.setToolTip(tip)
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            row, column = place % 4, 2 * (place // 4)
            grid.addWidget(label, row, column)
            grid.addWidget(value, row, column + 1)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 4, 2, 2)
        layout.setSpacing(4)
        layout.addWidget(self.rows)
        layout.addLayout(grid)
        layout.addWidget(self.left_out)
        layout.addWidget(self.picture)
        layout.addWidget(self._stack, 1)

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self.left_out.setStyleSheet(f"color: {colors.faded.name()};")
        self.scatter.set_colors(colors)
        self.bars.set_colors(colors)

    def set_columns(self, columns: ErrorColumns | None, chosen: NDArray[np.intp]) -> None:
        """Show the figures of some rows of a file; the pictures are painted once they are looked at."""
        self._columns, self._chosen = columns, chosen
        if self.isVisible():
            self._fill()
        else:
            self._is_due = True

    def set_current(self, number: int | None) -> None:
        """Ring the point of a row."""
        self.scatter.set_current(number)

    def showEvent(self, event: object) -> None:  # noqa: N802, D102 (Qt's name)
        super().showEvent(event)
        if self._is_due:
            self._fill()

    def _fill(self) -> None:
        self._is_due = False
        columns = self._columns
        summary = ErrorSummary(0, 0, 0, 0, 0, 0) if columns is None else columns.summary(self._chosen)
        num_all = 0 if columns is None else len(columns.error_mm)
        self.rows.setText("No file is open." if columns is None else rows_text(summary, num_all))
        self.left_out.setText("" if columns is None else left_out_text(summary))
        for name, _, _, is_share in _FIGURES:
            value = getattr(summary, name)
            text = "\u2013" if value is None else (f"{value:.1%}" if is_share else f"{value:.1f} mm")
            self.figures[name].setText(text)
        self._show_picture(self.picture.currentIndex())

    def _show_picture(self, which: int) -> None:
        columns, chosen = self._columns, self._chosen
        self._stack.setCurrentIndex(int(which == _BY_CATEGORY))
        self.picture.setToolTip(_LEGENDS[which])
        if columns is None:
            self.scatter.set_scatter(None)
            self.bars.set_groups(())
        elif which == _BY_CATEGORY:
            self.bars.set_groups(columns.by_category(chosen))
        elif which == 0:
            self.scatter.set_scatter(_answer_against_truth(columns, chosen))
        elif which == 1:
            name = "length of the scan that the model saw, mm"
            self.scatter.set_scatter(_error_by(columns, columns.length_mm, name, chosen))
        else:
            name = "place of the truth, % of the scan from its lower end"
            self.scatter.set_scatter(_error_by(columns, 100 * columns.position, name, chosen))


def _answer_against_truth(columns: ErrorColumns, chosen: NDArray[np.intp]) -> Scatter:
    x, y = columns.true_mm[chosen], columns.predicted_mm[chosen]
    is_known = np.isfinite(x) & np.isfinite(y)
    return Scatter(
        x[is_known],
        y[is_known],
        chosen[is_known],
        "truth, mm (dashed: 12 mm off, dotted: 24)",
        "answer, mm",
        has_diagonal=True,
    )


def _error_by(columns: ErrorColumns, values: NDArray[np.float64], name: str, chosen: NDArray[np.intp]) -> Scatter:
    x, y = values[chosen], columns.error_mm[chosen]
    is_known = np.isfinite(x) & np.isfinite(y)
    groups = tuple(columns.by_quantity(values, chosen))
    return Scatter(x[is_known], y[is_known], chosen[is_known], name, "error, mm", groups)
