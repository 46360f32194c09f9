"""Badges and the line at the bottom: which weights, where they run, what was seen, and that this is research."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_ct_grounding.widgets.panels.colors import PanelColors

__all__ = ["RESEARCH_USE", "StatusLine"]

RESEARCH_USE = "Research use only"


class StatusLine(QWidget):
    """Shows badges (each a short word with the full sentence as tooltip) above one line of facts."""

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self.badges = QLabel(self)
        self.badges.setWordWrap(True)
        self.facts = QLabel(self)
        self.facts.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.badges)
        layout.addWidget(self.facts)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.set_facts([], "")
        self.set_badges([])
        self.set_colors(colors)

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self._colors = colors
        self.badges.setStyleSheet(f"color: {colors.warning.name()};")
        self.facts.setStyleSheet(f"color: {colors.faded.name()};")

    def set_facts(self, facts: Sequence[str], tooltip: str) -> None:
        """Show facts in a row; that this is for research only is always the last."""
        self.facts.setText(" \u00b7 ".join([*facts, RESEARCH_USE]))
        self.facts.setToolTip(tooltip)

    def set_badges(self, badges: Sequence[tuple[str, str]]) -> None:
        """Show (short, full) warnings; the full sentences stand in the tooltip."""
        self.badges.setText("   ".join(f"\u26a0 {short}".replace(" ", "\u00a0") for short, _ in badges))
        self.badges.setToolTip("\n".join(full for _, full in badges))
        self.badges.setVisible(bool(badges))
