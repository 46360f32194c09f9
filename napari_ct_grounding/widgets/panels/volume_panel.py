"""Choosers of volume, series, weights and device, and the progress of the encoding."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QWidget,
)

from napari_ct_grounding.widgets.panels.badges import BadgeRow
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.open_menu import OpenMenu

__all__ = ["SeriesEntry", "VolumeEntry", "VolumePanel"]

_CHOOSE_FOLDER = "choose"
_MAX_POPUP_WIDTH = 640
_WEIGHTS = (
    ("bundled", "Bundled", "Small model of this package, trained on synthetic anatomy; works offline"),
    (
        "radfinder",
        "RadFinder",
        "Released weights, about 1 billion parameters; for research, not for commercial use",
    ),
    (_CHOOSE_FOLDER, "Folder\u2026", "A folder of weights on this computer"),
)


@dataclass(frozen=True)
class VolumeEntry:
    """A row of the volume chooser; `reason` says why it cannot be chosen."""

    layer_id: Hashable
    name: str
    reason: str | None = None


@dataclass(frozen=True)
class SeriesEntry:
    """A row of the series chooser; one that is not enabled cannot be opened, and its tooltip says why."""

    key: str
    label: str
    tooltip: str
    is_enabled: bool = True


class VolumePanel(QWidget):
    """Shows what is chosen and tells of wishes. Layers are named by id."""

    volume_chosen = Signal(object)
    series_chosen = Signal(str)
    frame_chosen = Signal(int)
    weights_chosen = Signal(object)
    device_chosen = Signal(str)
    encode_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.volume = _chooser("Volume", "The CT that sentences are grounded in")
        self.badges = BadgeRow(colors, self)
        self.series = _chooser("Series", "All series of the same DICOM folder; choosing one opens it")
        self.frame = _chooser("Frame", "All volumes of the same file (phases, time points); choosing one opens it")
        self.weights = _chooser("Weights", "Which trained model answers")
        self.device = _chooser("Device", "Where the model runs")
        for key, label, tip in _WEIGHTS:
            self.weights.addItem(label, key)
            self.weights.setItemData(self.weights.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        for device in ("auto", "cpu", "cuda", *(("mps",) if sys.platform == "darwin" else ())):
            self.device.addItem(device, device)
        self.device.setFixedWidth(self.device.fontMetrics().horizontalAdvance("auto") + 48)
        self.encode = QPushButton("Encode", self)
        self.encode.setToolTip("Run the image side of the model, once per scan. Asking for a sentence does it too")
        self.cancel = QPushButton("Cancel", self)
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(True)
        self.progress.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.open_button = QPushButton("Open", self)
        self.open_button.setToolTip("Open a CT without napari's question which reader to use")
        self.open_menu = OpenMenu(self.open_button)
        self.open_button.setMenu(self.open_menu)
        self.open_button.setStyleSheet(
            "QPushButton { padding: 4px 8px; } QPushButton::menu-indicator { image: none; width: 0; }"
        )
        self._stage = ""
        self._weights_index = 0
        self._lay_out()
        self.volume.activated.connect(lambda row: self.volume_chosen.emit(self.volume.itemData(row)))
        self.series.activated.connect(lambda row: self.series_chosen.emit(self.series.itemData(row)))
        self.frame.activated.connect(lambda row: self.frame_chosen.emit(self.frame.itemData(row)))
        self.weights.activated.connect(self._on_weights_activated)
        self.device.activated.connect(lambda row: self.device_chosen.emit(self.device.itemData(row)))
        self.encode.clicked.connect(self.encode_requested)
        self.cancel.clicked.connect(self.cancel_requested)
        self.set_volumes([], None)
        self.set_series([], None)
        self.set_frames(0, 1)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        self._series_label = QLabel("Series", self)
        self._frame_label = QLabel("Frame", self)
        model = self.model_row = QHBoxLayout()
        model.setSpacing(4)
        model.addWidget(self.weights, 1)
        model.addWidget(self.device)
        volume = QHBoxLayout()
        volume.setSpacing(4)
        volume.addWidget(self.volume, 1)
        volume.addWidget(self.open_button)
        idle, busy = QWidget(self), QWidget(self)
        self._stack = QStackedLayout()
        for box, parts in ((idle, (self.encode,)), (busy, (self.progress, self.cancel))):
            row = QHBoxLayout(box)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(4)
            for part in parts:
                row.addWidget(part, 1 if part is not self.cancel else 0)
            self._stack.addWidget(box)
        grid.addWidget(QLabel("Volume", self), 0, 0)
        grid.addLayout(volume, 0, 1)
        grid.addWidget(self.badges, 1, 0, 1, 2)
        grid.addWidget(self._series_label, 2, 0)
        grid.addWidget(self.series, 2, 1)
        grid.addWidget(self._frame_label, 3, 0)
        grid.addWidget(self.frame, 3, 1)
        grid.addWidget(QLabel("Model", self), 4, 0)
        grid.addLayout(model, 4, 1)
        grid.addLayout(self._stack, 5, 0, 1, 2)

    # -- what is shown

    def set_volumes(self, entries: Sequence[VolumeEntry], chosen: Hashable | None) -> None:
        """Show these layers; those with a reason are greyed, with the reason as tooltip."""
        self.volume.clear()
        for row, entry in enumerate(entries):
            self.volume.addItem(entry.name, entry.layer_id)
            self.volume.setItemData(row, entry.reason or entry.name, Qt.ItemDataRole.ToolTipRole)
            model = self.volume.model()
            if entry.reason and isinstance(model, QStandardItemModel):
                model.item(row).setEnabled(False)
        self.volume.setPlaceholderText("no CT open" if not entries else "choose a volume")
        self.volume.setCurrentIndex(next((i for i, e in enumerate(entries) if e.layer_id == chosen), -1))
        self.volume.setEnabled(bool(entries))
        name = self.volume.currentText()
        self.volume.setToolTip(f"The CT that sentences are grounded in: {name}" if name else "No CT is open")

    def set_series(self, entries: Sequence[SeriesEntry], chosen: str | None) -> None:
        """Show the series of a DICOM folder; fewer than two hide the row."""
        self.series.clear()
        for row, entry in enumerate(entries):
            self.series.addItem(entry.label, entry.key)
            self.series.setItemData(row, entry.tooltip, Qt.ItemDataRole.ToolTipRole)
            model = self.series.model()
            if not entry.is_enabled and isinstance(model, QStandardItemModel):
                model.item(row).setEnabled(False)
        self.show_series(chosen)
        _widen_popup(self.series)
        for part in (self.series, self._series_label):
            part.setVisible(len(entries) > 1)

    def show_series(self, key: str | None) -> None:
        """Show a series as chosen without telling anybody."""
        self.series.setCurrentIndex(self.series.findData(key))
        self.series.setToolTip(f"Series of the same DICOM folder; choosing one opens it.\n{self.series.currentText()}")

    def set_frames(self, chosen: int, num_frames: int) -> None:
        """Show which volume of a file is open (from 0); a file with one volume hides the row."""
        self.frame.clear()
        for frame in range(num_frames):
            self.frame.addItem(f"volume {frame + 1} of {num_frames}", frame)
        self.frame.setCurrentIndex(chosen)
        for part in (self.frame, self._frame_label):
            part.setVisible(num_frames > 1)

    def set_encoding(self, is_running: bool, is_encoded: bool, has_volume: bool) -> None:
        """Show the button, or the progress with Cancel."""
        self._stack.setCurrentIndex(1 if is_running else 0)
        self.encode.setText("Encoded" if is_encoded else "Encode")
        self.encode.setEnabled(has_volume and not is_encoded)
        if not is_running:
            self._stage = ""
            self.progress.reset()

    def set_stage(self, text: str) -> None:
        """Say what the running job does; until windows are counted the bar is empty, since a moving one shows no words."""
        self._stage = text
        self.progress.setRange(0, 1)
        self.progress.setValue(0)
        self.progress.setFormat(text)

    def set_progress(self, done: int, total: int) -> None:
        """Show how many windows are done."""
        self.progress.setRange(0, max(total, 1))
        self.progress.setValue(done)
        self.progress.setFormat(f"{self._stage or 'Encoding'} {done} of {total}")

    def add_weights_folder(self, folder: Path) -> None:
        """Offer a folder of weights and choose it."""
        row = self.weights.findData(str(folder))
        if row < 0:
            row = self.weights.count() - 1  # above "Folder..."
            self.weights.insertItem(row, folder.name, str(folder))
            self.weights.setItemData(row, f"Weights in the folder {folder.name}", Qt.ItemDataRole.ToolTipRole)
        self.weights.setCurrentIndex(row)
        self._weights_index = row
        self.weights_chosen.emit(folder)

    def show_weights(self, name: str) -> None:
        """Show weights as chosen without telling anybody."""
        row = max(self.weights.findData(name), 0)
        self.weights.setCurrentIndex(row)
        self._weights_index = row

    def show_device(self, device: str) -> None:
        """Show a device as chosen without telling anybody."""
        self.device.setCurrentIndex(max(self.device.findData(device), 0))

    def ask_for_weights_folder(self) -> None:
        """Let the user point at a folder of weights."""
        folder = QFileDialog.getExistingDirectory(self, "Folder of weights")
        if folder:
            self.add_weights_folder(Path(folder))

    def _on_weights_activated(self, row: int) -> None:
        key = self.weights.itemData(row)
        if key == _CHOOSE_FOLDER:
            self.weights.setCurrentIndex(self._weights_index)
            self.ask_for_weights_folder()
            return
        self._weights_index = row
        is_name = any(key == name for name, *_ in _WEIGHTS)
        self.weights_chosen.emit(key if is_name else Path(key))


def _chooser(name: str, tip: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(tip)
    # Long names are cut with dots and must not widen the dock.
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(6)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box


def _widen_popup(box: QComboBox) -> None:
    """Let the list of a narrow chooser be as wide as its rows, up to a limit, so that they can be told apart."""
    view = box.view()
    if view is not None:
        view.setMinimumWidth(min(view.sizeHintForColumn(0) + 32, _MAX_POPUP_WIDTH))
