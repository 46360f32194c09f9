"""All panels of the dock, and where they stand."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QSizePolicy, QSplitter, QTabWidget, QVBoxLayout, QWidget

from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.disease_panel import DiseasePanel
from napari_ct_grounding.widgets.panels.download_panel import DownloadPanel
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.orientation_question import OrientationQuestion
from napari_ct_grounding.widgets.panels.profile_strip import ProfileStrip
from napari_ct_grounding.widgets.panels.result_table import ResultTable
from napari_ct_grounding.widgets.panels.sentence_panel import SentencePanel
from napari_ct_grounding.widgets.panels.status_line import StatusLine
from napari_ct_grounding.widgets.panels.volume_panel import VolumePanel
from napari_ct_grounding.widgets.panels.window_presets import WindowPresets

__all__ = ["DockPanels"]

#: Narrowest dock (px) in which every panel shows whole.
_MIN_WIDTH = 388


class DockPanels(QWidget):
    """The profile strip on the left, everything else in a column beside it. Knows nothing of what the panels show.

    Parameters
    ----------
    colors : PanelColors
    parent : QWidget, optional
    """

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.volume_panel = VolumePanel(colors, self)
        self.download_panel = DownloadPanel(self)
        self.orientation_question = OrientationQuestion(self)
        self.notices = NoticeBoard(colors, self)
        self.sentence_panel = SentencePanel(self)
        self.presets = WindowPresets(self)
        self.table = ResultTable(colors, self)
        self.disease_panel = DiseasePanel(colors, self)
        self.strip = ProfileStrip(colors, self)
        self.status_line = StatusLine(colors, self)
        #: What the dock works on: one tab for single sentences, others are added by the dock.
        self.tabs = self._tab_group()
        #: What is known of the whole scan; the corner beside its one tab has room for a button.
        self.lower_tabs = self._tab_group()
        self._lay_out()

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        badges = self.volume_panel.badges
        for panel in (badges, self.notices, self.table, self.disease_panel, self.strip, self.status_line):
            panel.set_colors(colors)

    def _lay_out(self) -> None:
        lists = QSplitter(Qt.Orientation.Vertical, self)
        self.tabs.addTab(self.table, "Answers")
        self.tabs.setTabToolTip(0, "The sentences that you asked about")
        self.lower_tabs.addTab(self.disease_panel, "Diseases")
        for group in (self.tabs, self.lower_tabs):
            lists.addWidget(group)
        lists.setChildrenCollapsible(False)
        # A tab may wish for more room, but its wish does not widen the dock.
        lists.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        lists.setSizes([300, 200])
        column = QVBoxLayout()
        column.setSpacing(6)
        for part in (
            self.volume_panel,
            self.download_panel,
            self.orientation_question,
            self.notices,
            self.sentence_panel,
            self.presets,
        ):
            column.addWidget(part)
        column.addWidget(lists, 1)
        column.addWidget(self.status_line)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 4, 6, 4)
        layout.setSpacing(6)
        layout.addWidget(self.strip)
        layout.addLayout(column, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setMinimumWidth(_MIN_WIDTH)

    def _tab_group(self) -> QTabWidget:
        group = QTabWidget(self)
        group.setDocumentMode(True)
        group.setUsesScrollButtons(True)
        return group
