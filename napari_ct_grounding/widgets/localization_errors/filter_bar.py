"""Which rows are wanted: words, category, scan, status, tag, range of the error."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker, QTimer, Signal
from qtpy.QtGui import QDoubleValidator
from qtpy.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QWidget

from napari_ct_grounding.widgets.localization_errors.row_filter import STATUSES, RowFilter

__all__ = ["FilterBar"]

#: Typing pauses for this long (ms) before the rows are filtered.
_SOON_MS = 120


class FilterBar(QWidget):
    """Emits `filter_changed(RowFilter)`."""

    filter_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLineEdit(self)
        self.text.setPlaceholderText("Find words in sentences, cases, scans, notes")
        self.text.setClearButtonEnabled(True)
        self.text.setToolTip("All words must occur, in any order (Ctrl+F)")
        self.text.setAccessibleName("Words to find")
        self.category = self._chooser("Category", "Show the rows of one category")
        self.status = self._chooser(
            "Status", "Show rows that are done, no clear location, no truth, failed; or the scan was not found"
        )
        self.tag = self._chooser("Tag", "Show rows by your tag")
        self.scan = self._chooser("Scan", "Show the rows of one scan")
        self.low = self._number("0", "Least error, mm")
        self.high = self._number("any", "Largest error, mm")
        self.clear_button = QPushButton("Clear", self)
        self.clear_button.setToolTip("Show all rows")
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._soon.timeout.connect(self._tell)
        self._lay_out()
        for line in (self.text, self.low, self.high):
            line.textChanged.connect(lambda _text: self._soon.start())
        for box in self._boxes():
            box.currentIndexChanged.connect(lambda _index: self._tell())
        self.clear_button.clicked.connect(self.clear)
        self.set_choices((), (), ())

    def _boxes(self) -> tuple[QComboBox, ...]:
        return self.category, self.status, self.tag, self.scan

    def _chooser(self, everything: str, tip: str) -> QComboBox:
        box = QComboBox(self)
        box.setToolTip(tip)
        box.setAccessibleName(tip)
        box.addItem(everything, None)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(8)
        box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        return box

    def _number(self, placeholder: str, tip: str) -> QLineEdit:
        line = QLineEdit(self)
        line.setPlaceholderText(placeholder)
        line.setToolTip(tip)
        line.setAccessibleName(tip)
        line.setFixedWidth(52)
        validator = QDoubleValidator(0.0, 1e5, 1, line)
        validator.setNotation(QDoubleValidator.Notation.StandardNotation)
        line.setValidator(validator)
        return line

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        words = QHBoxLayout()
        words.setSpacing(4)
        words.addWidget(self.text, 1)
        words.addWidget(self.clear_button)
        grid.addLayout(words, 0, 0, 1, 3)
        grid.addWidget(self.category, 1, 0)
        grid.addWidget(self.status, 1, 1)
        grid.addWidget(self.tag, 1, 2)
        errors = QHBoxLayout()
        errors.setSpacing(4)
        errors.addWidget(QLabel("Error", self))
        errors.addWidget(self.low)
        errors.addWidget(QLabel("to", self))
        errors.addWidget(self.high)
        errors.addWidget(QLabel("mm", self))
        errors.addStretch(1)
        grid.addWidget(self.scan, 2, 0)
        grid.addLayout(errors, 2, 1, 1, 2)
        for column in range(3):
            grid.setColumnStretch(column, 1)

    # -- what is shown

    def set_choices(self, categories: Sequence[str], scans: Sequence[str], tags: Sequence[str]) -> None:
        """Offer these; a choice that is offered no more is taken back."""
        for box, names in (
            (self.category, categories),
            (self.status, STATUSES),
            (self.tag, tags),
            (self.scan, scans),
        ):
            chosen = box.currentData()
            with QSignalBlocker(box):
                everything = box.itemText(0)
                box.clear()
                box.addItem(everything, None)
                for name in names:
                    box.addItem(name, name)
                box.setCurrentIndex(max(0, box.findData(chosen)))

    @property
    def wish(self) -> RowFilter:
        """What is asked for."""
        return RowFilter(
            self.text.text(),
            self.category.currentData(),
            self.scan.currentData(),
            self.status.currentData(),
            self.tag.currentData(),
            _number_in(self.low),
            _number_in(self.high),
        )

    def set_category(self, name: str) -> None:
        """Ask for one category."""
        self.category.setCurrentIndex(max(0, self.category.findData(name)))

    def clear(self) -> None:
        """Ask for all rows."""
        self.reset()
        self._tell()

    def reset(self) -> None:
        """Ask for all rows without a word."""
        self._soon.stop()
        for line in (self.text, self.low, self.high):
            with QSignalBlocker(line):
                line.clear()
        for box in self._boxes():
            with QSignalBlocker(box):
                box.setCurrentIndex(0)

    def _tell(self) -> None:
        self._soon.stop()
        self.filter_changed.emit(self.wish)


def _number_in(line: QLineEdit) -> float | None:
    try:
        return float(line.text().replace(",", "."))
    except ValueError:
        return None
