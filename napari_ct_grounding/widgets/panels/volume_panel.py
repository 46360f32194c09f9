"""Choosers of volume, series, weights and device, and the progress of the encoding."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QStackedLayout,
    QWidget,
)

from napari_ct_grounding.widgets.panels.badges import BadgeRow
from napari_ct_grounding.widgets.panels.chooser import Chooser
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.open_menu import OpenMenu
from napari_ct_grounding.widgets.panels.weights_chooser import WeightsChooser

__all__ = ["SeriesEntry", "VolumeEntry", "VolumePanel"]


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
    device_chosen = Signal(str)
    encode_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.volume = Chooser("Volume", "The CT that sentences are grounded in")
        self.badges = BadgeRow(colors, self)
        self.series = Chooser("Series", "All series of the same DICOM folder; choosing one opens it")
        self.frame = Chooser("Frame", "All volumes of the same file (phases, time points); choosing one opens it")
        self.weights = WeightsChooser(self)
        self.device = Chooser("Device", "Where the model runs")
        for device in ("auto", "cpu", "cuda", *(("mps",) if sys.platform == "darwin" else ())):
            self.device.add_row(device, device)
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
        self._lay_out()
        self.volume.activated.connect(lambda row: self.volume_chosen.emit(self.volume.itemData(row)))
        self.series.activated.connect(lambda row: self.series_chosen.emit(self.series.itemData(row)))
        self.frame.activated.connect(lambda row: self.frame_chosen.emit(self.frame.itemData(row)))
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
        for entry in entries:
            self.volume.add_row(entry.name, entry.layer_id, entry.reason or entry.name, is_enabled=entry.reason is None)
        self.volume.setPlaceholderText("no CT open" if not entries else "choose a volume")
        self.volume.setCurrentIndex(self.volume.row_of(chosen))
        self.volume.setEnabled(bool(entries))
        name = self.volume.currentText()
        self.volume.setToolTip(f"The CT that sentences are grounded in: {name}" if name else "No CT is open")

    def set_series(self, entries: Sequence[SeriesEntry], chosen: str | None) -> None:
        """Show the series of a DICOM folder; fewer than two hide the row."""
        self.series.clear()
        for entry in entries:
            self.series.add_row(entry.label, entry.key, entry.tooltip, is_enabled=entry.is_enabled)
        self.show_series(chosen)
        for part in (self.series, self._series_label):
            part.setVisible(len(entries) > 1)

    def show_series(self, key: str | None) -> None:
        """Show a series as chosen without telling anybody."""
        self.series.setCurrentIndex(self.series.row_of(key))
        self.series.setToolTip(f"Series of the same DICOM folder; choosing one opens it.\n{self.series.currentText()}")

    def set_frames(self, chosen: int, num_frames: int) -> None:
        """Show which volume of a file is open (from 0); a file with one volume hides the row."""
        self.frame.clear()
        for frame in range(num_frames):
            self.frame.add_row(f"volume {frame + 1} of {num_frames}", frame)
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

    def show_device(self, device: str) -> None:
        """Show a device as chosen without telling anybody."""
        self.device.setCurrentIndex(max(self.device.row_of(device), 0))
