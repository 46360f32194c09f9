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
    QMenu,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from napari_ct_grounding.widgets.sources import Orientation

__all__ = ["OrientationQuestion", "VolumeEntry", "VolumePanel"]

_CHOOSE_FOLDER = "choose"
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


class VolumePanel(QWidget):
    """Shows what is chosen and tells of wishes. Layers are named by id."""

    volume_chosen = Signal(object)
    path_chosen = Signal(str)
    sample_requested = Signal()
    series_chosen = Signal(str)
    weights_chosen = Signal(object)
    device_chosen = Signal(str)
    encode_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.volume = _chooser("Volume", "The CT that sentences are grounded in")
        self.series = _chooser("Series", "Other series of the same DICOM folder; choosing one opens it")
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
        self.open_button.setToolTip("Open a CT with the reader of this plugin")
        menu = QMenu(self.open_button)
        menu.addAction("DICOM folder\u2026").triggered.connect(self._on_open_folder)
        menu.addAction("NIfTI file\u2026").triggered.connect(self._on_open_file)
        menu.addAction("Sample").triggered.connect(self.sample_requested)
        self.open_button.setMenu(menu)
        self.open_button.setStyleSheet(
            "QPushButton { padding: 4px 8px; } QPushButton::menu-indicator { image: none; width: 0; }"
        )
        self._stage = ""
        self._weights_index = 0
        self._lay_out()
        self.volume.activated.connect(lambda row: self.volume_chosen.emit(self.volume.itemData(row)))
        self.series.activated.connect(lambda row: self.series_chosen.emit(self.series.itemData(row)))
        self.weights.activated.connect(self._on_weights_activated)
        self.device.activated.connect(lambda row: self.device_chosen.emit(self.device.itemData(row)))
        self.encode.clicked.connect(self.encode_requested)
        self.cancel.clicked.connect(self.cancel_requested)
        self.set_volumes([], None)
        self.set_series([], None)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        self._series_label = QLabel("Series", self)
        model = QHBoxLayout()
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
        grid.addWidget(self._series_label, 1, 0)
        grid.addWidget(self.series, 1, 1)
        grid.addWidget(QLabel("Model", self), 2, 0)
        grid.addLayout(model, 2, 1)
        grid.addLayout(self._stack, 3, 0, 1, 2)

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

    def set_series(self, entries: Sequence[tuple[str, str, str | None]], chosen: str | None) -> None:
        """Show the series of a DICOM folder as (key, label, reason why not); fewer than two hide the row."""
        self.series.clear()
        for row, (key, label, reason) in enumerate(entries):
            self.series.addItem(label, key)
            self.series.setItemData(row, reason or label, Qt.ItemDataRole.ToolTipRole)
            model = self.series.model()
            if reason and isinstance(model, QStandardItemModel):
                model.item(row).setEnabled(False)
        self.series.setCurrentIndex(next((i for i, entry in enumerate(entries) if entry[0] == chosen), -1))
        for part in (self.series, self._series_label):
            part.setVisible(len(entries) > 1)

    def set_encoding(self, is_running: bool, is_encoded: bool, has_volume: bool) -> None:
        """Show the button, or the progress with Cancel."""
        self._stack.setCurrentIndex(1 if is_running else 0)
        self.encode.setText("Encoded" if is_encoded else "Encode")
        self.encode.setEnabled(has_volume and not is_encoded)
        if not is_running:
            self._stage = ""
            self.progress.reset()

    def set_stage(self, text: str) -> None:
        """Say what the running job does; the bar moves without a share until windows are counted."""
        self._stage = text
        self.progress.setRange(0, 0)
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

    def _on_open_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "DICOM folder")
        if folder:
            self.path_chosen.emit(folder)

    def _on_open_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "NIfTI file", filter="NIfTI (*.nii *.nii.gz);;All files (*)")
        if path:
            self.path_chosen.emit(path)

    def _on_weights_activated(self, row: int) -> None:
        key = self.weights.itemData(row)
        if key == _CHOOSE_FOLDER:
            self.weights.setCurrentIndex(self._weights_index)
            folder = QFileDialog.getExistingDirectory(self, "Folder of weights")
            if folder:
                self.add_weights_folder(Path(folder))
            return
        self._weights_index = row
        is_name = any(key == name for name, *_ in _WEIGHTS)
        self.weights_chosen.emit(key if is_name else Path(key))


class OrientationQuestion(QWidget):
    """Asks which way the axes of a plain layer run; emits `answered(Orientation)`."""

    answered = Signal(object)

    _ROWS = (
        ("First slice at", ("the feet", "the head")),
        ("First row at", ("the front", "the back")),
        ("First column at", ("patient's right", "patient's left")),
    )

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 2)
        column.setSpacing(3)
        self.text = QLabel("Orientation unknown. Please say it:", self)
        column.addWidget(self.text)
        grid = QGridLayout()
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        column.addLayout(grid)
        self._boxes = []
        for row, (label, choices) in enumerate(self._ROWS):
            box = QComboBox(self)
            box.addItems(choices)
            grid.addWidget(QLabel(label, self), row, 0)
            grid.addWidget(box, row, 1)
            self._boxes.append(box)
        self.button = QPushButton("Use as CT", self)
        column.addWidget(self.button)
        self.button.clicked.connect(lambda: self.answered.emit(self.orientation()))
        self.hide()

    def orientation(self) -> Orientation:
        """What is chosen."""
        slices, rows, columns = (box.currentIndex() for box in self._boxes)
        return Orientation(slices == 1, rows == 0, columns == 0)


def _chooser(name: str, tip: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(tip)
    # Long names are cut with dots and must not widen the dock.
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(6)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box
