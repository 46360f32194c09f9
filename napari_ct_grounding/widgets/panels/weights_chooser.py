"""The list of weights: by name, by folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_ct_grounding.widgets.panels.chooser import Chooser

__all__ = ["WeightsChooser", "WeightsEntry"]

#: Key of the row that asks for a folder; no weights have an empty name.
_ASK_FOR_FOLDER = ""


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
        super().__init__("Weights", "Which trained model answers", parent)
        self._entries: list[WeightsEntry] = []
        self._folders: list[Path] = []
        self._shown: str | Path | None = None
        self._fill()
        self.activated.connect(self._on_activated)

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
            self.add_row(entry.label, entry.name, tip, is_enabled=entry.reason is None)
        if isinstance(self._shown, str) and self.row_of(self._shown) < 0:
            self.add_row(self._shown, self._shown)
        for folder in self._folders:
            self.add_row(folder.name, folder, f"Weights in the folder {folder.name}")
        self.add_row("Folder\u2026", _ASK_FOR_FOLDER, "A folder of weights on this computer")
        self.setCurrentIndex(self.row_of(self._shown))

    def _on_activated(self, row: int) -> None:
        key = self.itemData(row)
        if key == _ASK_FOR_FOLDER:
            self.show_weights(self._shown)
            self.ask_for_folder()
        else:
            self._shown = key
            self.weights_chosen.emit(key)
