"""All panels of the error browser, and where they stand. Knows nothing of what they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QSizePolicy, QSplitter, QTabWidget, QVBoxLayout, QWidget

from napari_ct_grounding.widgets.localization_errors.detail_panel import DetailPanel
from napari_ct_grounding.widgets.localization_errors.figures_table import FiguresTable
from napari_ct_grounding.widgets.localization_errors.file_bar import FileBar
from napari_ct_grounding.widgets.localization_errors.filter_bar import FilterBar
from napari_ct_grounding.widgets.localization_errors.summary_panel import SummaryPanel
from napari_ct_grounding.widgets.localization_errors.table_view import ErrorTable
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.status_line import StatusLine

__all__ = ["BrowserPanels"]

#: Narrowest dock (px) in which every panel shows whole.
_MIN_WIDTH = 404


class BrowserPanels(QWidget):
    """File and filter at the top, rows or their summary below, and the current row at the bottom."""

    def __init__(
        self, colors: PanelColors, recent_files: Callable[[], Sequence[str]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.file_bar = FileBar(recent_files, self)
        self.notices = NoticeBoard(colors, self)
        self.filter_bar = FilterBar(self)
        self.table = ErrorTable(colors, self)
        self.summary = SummaryPanel(colors, self)
        self.figures = FiguresTable(self)
        self.detail = DetailPanel(colors, self)
        self.status_line = StatusLine(colors, self)
        self.tabs = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.table, "Rows")
        self.tabs.addTab(self._scrolled(self.summary), "Summary")
        self.tabs.addTab(self.figures, "Figures")
        self.tabs.setTabToolTip(0, "The rows that pass the filter")
        self.tabs.setTabToolTip(1, "What the rows that pass the filter add up to")
        self.tabs.setTabToolTip(2, "Figures of a whole evaluation")
        self.show_figures(False)
        self._lay_out()

    def _lay_out(self) -> None:
        parts = QSplitter(Qt.Orientation.Vertical, self)
        parts.addWidget(self.tabs)
        parts.addWidget(self._scrolled(self.detail))
        parts.setChildrenCollapsible(False)
        parts.setStretchFactor(0, 2)
        parts.setStretchFactor(1, 1)  # a taller window gives the profile room, too
        parts.setSizes([340, 256])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(5)
        layout.addWidget(self.file_bar)
        layout.addWidget(self.notices)
        layout.addWidget(self.filter_bar)
        layout.addWidget(parts, 1)
        layout.addWidget(self.status_line)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setMinimumWidth(_MIN_WIDTH)

    def _scrolled(self, panel: QWidget) -> QScrollArea:
        """A frame that lets a panel be higher than its place: notices above it must not push the window off the screen."""
        area = QScrollArea(self)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(panel)
        return area

    def set_count(self, num_shown: int, num_all: int) -> None:
        """Say how many rows pass the filter."""
        some = f"{num_shown:,} of {num_all:,}" if num_shown != num_all else f"{num_all:,}"
        self.tabs.setTabText(0, f"Rows ({some})" if num_all else "Rows")

    def show_figures(self, are_shown: bool) -> None:
        """Show the figures of an evaluation in place of rows and summary, or not at all."""
        self.tabs.setTabVisible(2, are_shown)
        if are_shown:
            self.tabs.setCurrentIndex(2)
        elif self.tabs.currentIndex() == 2:
            self.tabs.setCurrentIndex(0)

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        for panel in (self.notices, self.table, self.summary, self.detail, self.status_line):
            panel.set_colors(colors)
