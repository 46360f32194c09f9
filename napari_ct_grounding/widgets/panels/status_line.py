"""The line at the bottom: which weights, where they run, what was seen, and that this is research."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_ct_grounding.widgets.panels.colors import PanelColors

__all__ = ["RESEARCH_USE", "StatusLine"]

RESEARCH_USE = "Research use only"


class StatusLine(QWidget):
    """Shows one line of facts."""

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self.facts = QLabel(self)
        self.facts.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.addWidget(self.facts)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.set_facts([], "")
        self.set_colors(colors)

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self._colors = colors
        self.facts.setStyleSheet(f"color: {colors.faded.name()};")

    def set_facts(self, facts: Sequence[str], tooltip: str) -> None:
        """Show facts in a row; that this is for research only is always the last."""
        self.facts.setText(" \u00b7 ".join([*facts, RESEARCH_USE]))
        self.facts.setToolTip(tooltip)
