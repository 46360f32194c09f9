"""What a plain array does not say of itself: which way its axes run, and how large its voxels are."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_ct_grounding.widgets.sources import Orientation

__all__ = ["OrientationQuestion"]

#: Voxels of a CT of a body (mm).
_MIN_MM, _MAX_MM = 0.05, 50.0


class OrientationQuestion(QWidget):
    """Asks which way the axes of a plain layer run, and its voxel size where the layer's units do not say.

    Emits `answered(Orientation)`.
    """

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
        self.text = QLabel(self)
        self.text.setWordWrap(True)
        column.addWidget(self.text)
        grid = QGridLayout()
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        column.addLayout(grid)
        self._boxes = []
        for row, (label, choices) in enumerate(self._ROWS):
            box = QComboBox(self)
            box.addItems(choices)
            box.setAccessibleName(label)
            grid.addWidget(QLabel(label, self), row, 0)
            grid.addWidget(box, row, 1)
            self._boxes.append(box)
        self._sizes = []
        self._size_row = QWidget(self)
        sizes = QHBoxLayout(self._size_row)
        sizes.setContentsMargins(0, 0, 0, 0)
        sizes.setSpacing(3)
        for axis in ("z", "y", "x"):
            size = QDoubleSpinBox(self._size_row)
            size.setDecimals(3)
            size.setRange(_MIN_MM, _MAX_MM)
            size.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
            size.setPrefix(f"{axis} ")
            size.setAccessibleName(f"Voxel size along {axis} in mm")
            sizes.addWidget(size, 1)
            self._sizes.append(size)
        self._size_label = QLabel("Voxel mm", self)
        self._size_label.setToolTip("Distance between slices (z), rows (y) and columns (x) in millimetres")
        grid.addWidget(self._size_label, len(self._ROWS), 0)
        grid.addWidget(self._size_row, len(self._ROWS), 1)
        self.button = QPushButton("Use as CT", self)
        column.addWidget(self.button)
        self.button.clicked.connect(lambda: self.answered.emit(self.orientation()))
        self.ask(None)
        self.hide()

    def ask(self, spacing_mm: tuple[float, float, float] | None) -> None:
        """Prepare the question.

        Parameters
        ----------
        spacing_mm : tuple of float or None
            Voxel size (z, y, x) to start from where it is unknown; None where it is known.
        """
        for part in (self._size_label, self._size_row):
            part.setVisible(spacing_mm is not None)
        for box, value in zip(self._sizes, spacing_mm or (), strict=False):
            box.setValue(value)
        asked = "Orientation and voxel size are" if spacing_mm is not None else "Orientation is"
        self.text.setText(f"{asked} not known for this layer. Please say:")

    def orientation(self) -> Orientation:
        """What is chosen."""
        slices, rows, columns = (box.currentIndex() for box in self._boxes)
        spacing_mm = None if self._size_row.isHidden() else tuple(box.value() for box in self._sizes)
        return Orientation(slices == 1, rows == 0, columns == 0, spacing_mm)
