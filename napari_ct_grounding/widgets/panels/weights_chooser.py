"""The list of weights: by name, by folder."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_ct_grounding.widgets.panels.chooser import Chooser

__all__ = ["WeightsChooser", "WeightsEntry"]

#: Key of the row that asks for a folder; no weights have an empty name.
_ASK_FOR_FOLDER = ""
_TIP = "Which trained model answers"
#: Longest line of a tooltip, in characters: Qt breaks none that is plain text.
_MAX_LINE = 72


@dataclass(frozen=True)
class WeightsEntry:
    """A row of the list; `reason` says why the weights cannot be chosen."""

    name: str
    label: str
    tooltip: str
    reason: str | None = None


class WeightsChooser(Chooser):
    """Shows the weights that there are, those of folders after those with a name, and last the row that asks for a folder."""

    #: (name or Path)
    weights_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Weights", _TIP, parent)
        self._entries: list[WeightsEntry] = []
        self._folders: list[Path] = []
        self._shown: str | Path | None = None
        self._fill()
        self.activated.connect(self._on_activated)
        self.currentIndexChanged.connect(self._show_tip)

    def set_entries(self, entries: Sequence[WeightsEntry]) -> None:
        """Offer these weights; what is chosen stays chosen."""
        if list(entries) != self._entries:
            self._entries = list(entries)
            self._fill()

    def show_weights(self, weights: str | Path) -> None:
        """Show weights as chosen without telling anybody."""
        self._shown = weights
        if self.row_of(weights) < 0:
            self._fill()
        self.setCurrentIndex(self.row_of(weights))

    def add_folder(self, folder: Path) -> None:
        """Offer a folder of weights and choose it."""
        if folder not in self._folders:
            self._folders.append(folder)
            self._fill()
        self.show_weights(folder)
        self.weights_chosen.emit(folder)

    def ask_for_folder(self) -> None:
        """Let the user point at a folder of weights."""
        folder = QFileDialog.getExistingDirectory(self, "Folder of weights")
        if folder:
            self.add_folder(Path(folder))

    def _fill(self) -> None:
        self.clear()
        for entry in self._entries:
            tip = f"{entry.reason}\n{entry.tooltip}" if entry.reason else entry.tooltip
            self.add_row(entry.label, entry.name, _wrapped(tip), is_enabled=entry.reason is None)
        if isinstance(self._shown, str) and self.row_of(self._shown) < 0:
            self.add_row(self._shown, self._shown)
        for folder in self._folders:
            self.add_row(folder.name, folder, f"Weights in the folder {folder.name}")
        self.add_row("Folder\u2026", _ASK_FOR_FOLDER, "A folder of weights on this computer")
        self.setCurrentIndex(self.row_of(self._shown))
        self._show_tip(self.currentIndex())  # the first row became the current one before it had a tooltip

    def _show_tip(self, row: int) -> None:
        """Let the closed list tell about what it shows."""
        tip = self.itemData(row, Qt.ItemDataRole.ToolTipRole)
        self.setToolTip(f"{_TIP}.\n{tip}" if tip else _TIP)

    def _on_activated(self, row: int) -> None:
        key = self.itemData(row)
        if key == _ASK_FOR_FOLDER:
            self.setCurrentIndex(self.row_of(self._shown))
            self.ask_for_folder()
        else:
            self._shown = key
            self.weights_chosen.emit(key)


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.fill(line, _MAX_LINE) for line in text.splitlines())
