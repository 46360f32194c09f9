"""Badges: a few words each on what is unusual about the volume, wrapped to the width of the dock."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QLabel, QSizePolicy, QWidget
from superqt import QFlowLayout

from napari_ct_grounding.widgets.panels.colors import PanelColors

__all__ = ["BadgeRow"]


class BadgeRow(QWidget):
    """Shows (short, full) warnings as labels side by side; the full sentence is the tooltip of its badge."""

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self._badges: list[tuple[str, str]] = []
        self._labels: list[QLabel] = []
        self._flow = QFlowLayout(self)
        self._flow.setContentsMargins(0, 0, 0, 0)
        self._flow.setHorizontalSpacing(4)
        self._flow.setVerticalSpacing(3)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.hide()

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self._colors = colors
        for label in self._labels:
            self._dress(label)

    def set_badges(self, badges: Sequence[tuple[str, str]]) -> None:
        """Show these badges and no others."""
        if list(badges) == self._badges:
            return
        self._badges = list(badges)
        # Labels are kept and hidden, never removed: a layout written in Python and Qt would both delete the item.
        while len(self._labels) < len(self._badges):
            label = QLabel(self)
            self._dress(label)
            self._flow.addWidget(label)
            self._labels.append(label)
        for label, (short, full) in zip(self._labels, self._badges, strict=False):
            label.setText(f"\u26a0 {short}")
            label.setToolTip(f"<qt>{_escaped(full)}</qt>")  # rich text wraps; plain text would run off the screen
            label.setAccessibleName(short)
            label.setAccessibleDescription(full)
        for place, label in enumerate(self._labels):
            label.setVisible(place < len(self._badges))  # a hidden one takes no room
        self.setVisible(bool(self._badges))
        self._fit()

    def texts(self) -> list[str]:
        """The short words shown."""
        return [short for short, _ in self._badges]

    def full_texts(self) -> list[str]:
        """The full sentences."""
        return [full for _, full in self._badges]

    def resizeEvent(self, event: object) -> None:  # noqa: N802, D102 (Qt's name)
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Be as high as the rows of badges need at this width; Qt's layouts do not ask again when only the content changes."""
        self._flow.invalidate()
        self.setFixedHeight(max(self._flow.heightForWidth(self.width()), 1))

    def _dress(self, label: QLabel) -> None:
        colors = self._colors
        label.setStyleSheet(
            f"color: {colors.warning.name()}; background: {colors.field.name()}; border: 1px solid {colors.line.name()}; "
            "border-radius: 3px; padding: 1px 4px; font-size: 11px;"
        )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
