"""One row, looked at closely: the profile with answer and truth beside it, figures in words, tag and note."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_ct_grounding.core.error_rows import ErrorRow
from napari_ct_grounding.widgets.localization_errors.notes import CaseNote
from napari_ct_grounding.widgets.localization_errors.row_words import fact_texts, runner_ups
from napari_ct_grounding.widgets.localization_errors.table_model import number_text
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.profile_strip import ProfileStrip

__all__ = ["DetailPanel"]

#: Typing pauses for this long (ms) before a note is taken.
_SOON_MS = 400
_NAMES = ("Error", "Answer", "Truth", "Interval", "Rank")
_TIPS = (
    "Distance along z from the answer to the true range; 0 inside it",
    "Where the model says the sentence points (key A goes there)",
    "Where it really points (key T goes there)",
    "Range that holds most of the similarity",
    "Place of the truth among the scan's depth positions, by similarity",
)


class DetailPanel(QWidget):
    """Shows a row; knows neither viewer nor file."""

    z_requested = Signal(float)
    slice_step_requested = Signal(int)
    row_step_requested = Signal(int)
    opening_requested = Signal()
    #: (tag, text)
    note_changed = Signal(str, str)

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row: ErrorRow | None = None
        self.strip = ProfileStrip(colors, self)
        self.strip.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)  # as high as the words beside it
        self.sentence = QLabel(self)
        self.sentence.setWordWrap(True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.sentence.setStyleSheet("font-weight: bold;")
        self.place = QLabel(self)
        self.place.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # cut rather than wrapped
        self.message = QLabel(self)
        self.message.setWordWrap(True)
        self.names = [QLabel(name, self) for name in _NAMES]
        self.values = [QLabel("\u2013", self) for _ in _NAMES]
        self.previous = self._arrow("\u25c0", "The row before, among those shown (key P)")
        self.open_button = self._button("Open", "Open the scan of this row and go to the answer (Enter)")
        self.next = self._arrow("\u25b6", "The next row, among those shown (key N)")
        self.to_answer = self._button("Answer", "Go to the slice of the answer (key A)")
        self.to_truth = self._button("Truth", "Go to the middle of the true range (key T)")
        self.peaks = [self._button("", "Go to the next best place of the profile") for _ in range(2)]
        self.tag = QComboBox(self)
        self.tag.setEditable(True)
        self.tag.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.tag.setToolTip("What is wrong with this row; keys 1 to 5 in the table, 0 takes it away. Type your own")
        self.tag.setAccessibleName("Tag of this row")
        self.tag.lineEdit().setPlaceholderText("Tag")
        self.note = QLineEdit(self)
        self.note.setPlaceholderText("Note")
        self.note.setToolTip("What you saw in this row; saved beside the file of results")
        self.note.setAccessibleName("Note on this row")
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._soon.timeout.connect(self.take_note)
        self._lay_out()
        self._connect()
        self.set_colors(colors)
        self.show_row(None)

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setMinimumWidth(20)
        return button

    def _arrow(self, text: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        return button

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(1)
        for line, (name, value, tip) in enumerate(zip(self.names, self.values, _TIPS, strict=True)):
            value.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            name.setToolTip(tip)
            grid.addWidget(name, line, 0)
            grid.addWidget(value, line, 1)
        grid.setColumnStretch(1, 1)
        column = QVBoxLayout()
        column.setSpacing(4)
        head = QHBoxLayout()
        head.setSpacing(2)
        head.addWidget(self.place, 1)
        head.addWidget(self.previous, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.next, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(head)
        column.addWidget(self.sentence)
        column.addWidget(self.message)
        column.addLayout(grid)
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for button in (self.open_button, self.to_answer, self.to_truth, *self.peaks):
            buttons.addWidget(button)
        column.addLayout(buttons)
        said = QHBoxLayout()
        said.setSpacing(4)
        said.addWidget(self.tag, 2)
        said.addWidget(self.note, 3)
        column.addLayout(said)
        column.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.strip)
        layout.addLayout(column, 1)

    def _connect(self) -> None:
        self.strip.z_requested.connect(self.z_requested)
        self.strip.step_requested.connect(self.slice_step_requested)
        self.previous.clicked.connect(lambda: self.row_step_requested.emit(-1))
        self.next.clicked.connect(lambda: self.row_step_requested.emit(1))
        self.open_button.clicked.connect(lambda: self.opening_requested.emit())
        self.to_answer.clicked.connect(self.ask_for_answer)
        self.to_truth.clicked.connect(self.ask_for_truth)
        for number, button in enumerate(self.peaks):
            button.clicked.connect(lambda _=False, which=number: self._ask_for_peak(which))
        self.tag.currentTextChanged.connect(lambda _text: self._soon.start())
        self.note.textChanged.connect(lambda _text: self._soon.start())

    # -- what is shown

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self.strip.set_colors(colors)
        for label, color in (
            (self.place, colors.faded),
            (self.message, colors.warning),
            (self.names[0], colors.faded),
            (self.names[1], colors.accent),
            (self.names[2], colors.truth),
            (self.names[3], colors.accent),
            (self.names[4], colors.faded),
        ):
            label.setStyleSheet(f"color: {color.name()};")

    def set_tags(self, tags: Sequence[str]) -> None:
        """Offer these tags."""
        with QSignalBlocker(self.tag):
            text = self.tag.currentText()
            self.tag.clear()
            self.tag.addItems(["", *tags])
            self.tag.setCurrentText(text)

    def show_note(self, note: CaseNote) -> None:
        """Show what is said about the row."""
        self._soon.stop()
        with QSignalBlocker(self.tag), QSignalBlocker(self.note):
            self.tag.setCurrentText(note.tag)
            self.note.setText(note.text)

    def show_row(
        self,
        row: ErrorRow | None,
        extent_mm: tuple[float, float] | None = None,
        image_number: int | None = None,
        *,
        is_open: bool = False,
        is_missing: bool = False,
    ) -> None:
        """Show a row; None shows that there is none.

        Parameters
        ----------
        row : ErrorRow or None
        extent_mm : tuple of float, optional
            Lowest and highest slice of its scan, once that is known.
        image_number : int, optional
            Of the answer's slice.
        is_open, is_missing : bool
            Whether its scan stands in the viewer, or was not found.
        """
        self.take_note()
        self.row = row
        result = None if row is None else row.prediction
        self._show_strip(row, extent_mm)
        self.sentence.setText("Choose a row." if row is None else row.case.sentence)
        self.place.setText("" if row is None else _place_text(row))
        self.place.setToolTip("" if row is None else f"{_place_text(row)}\n{row.case.scan}")
        message = "" if row is None or row.message is None else f"Failed: {row.message}"
        self.message.setText(message)
        self.message.setVisible(bool(message))
        for label, text, tip in zip(self.values, fact_texts(row, image_number), _TIPS, strict=True):
            label.setText(text)
            label.setToolTip(f"{text}\n{tip}")
        if result is not None and np.isfinite(result.score):
            similarity = f"Similarity {number_text(result.score, 2)}: a cosine, -1 to 1, no probability"
            self.values[1].setToolTip(f"{self.values[1].toolTip()}\n{similarity}")
        has_place = is_open and row is not None
        self.to_answer.setEnabled(has_place and result is not None)
        self.to_truth.setEnabled(has_place and row is not None and row.truth_mm is not None)
        others = [] if row is None else runner_ups(row)
        for number, button in enumerate(self.peaks):
            button.setVisible(number < len(others))
            if number < len(others):
                button.setText(f"{number + 2}. {others[number][0]:.0f}".replace("-", "\u2212"))
                button.setToolTip(others[number][1])
                button.setEnabled(has_place)
        for widget in (self.previous, self.next, self.tag, self.note):
            widget.setEnabled(row is not None)
        self.open_button.setEnabled(row is not None and not is_missing)
        self.open_button.setText("Not found" if is_missing else "Open")

    def _show_strip(self, row: ErrorRow | None, extent_mm: tuple[float, float] | None) -> None:
        result = None if row is None else row.prediction
        if row is None or (result is None and extent_mm is None):
            self.strip.set_extent(None)
            self.strip.set_result(None)
            self.strip.set_position(None)
            return
        covered = None
        if result is not None and np.isfinite(result.covered_mm).all():
            covered = result.covered_mm
        if extent_mm is None and result is not None:
            places = [*result.depths_mm, *result.interval_mm, *(row.truth_mm or ()), *(covered or ())]
            extent_mm = float(min(places)), float(max(places))
        self.strip.set_extent(extent_mm, covered)
        self.strip.set_result(result)
        marks = [(z_mm, z_mm, text, "peak") for z_mm, text in runner_ups(row)]
        if row.truth_mm is not None:
            marks.append((*row.truth_mm, "truth", "truth"))
        self.strip.set_marks(marks)

    # -- wishes

    def ask_for_answer(self) -> None:
        """Go to the answer."""
        if self.to_answer.isEnabled() and self.row is not None and self.row.prediction is not None:
            self.z_requested.emit(self.row.prediction.z_mm)

    def ask_for_truth(self) -> None:
        """Go to the truth."""
        if self.to_truth.isEnabled() and self.row is not None and self.row.truth_mm is not None:
            self.z_requested.emit(sum(self.row.truth_mm) / 2)

    def _ask_for_peak(self, which: int) -> None:
        if self.row is not None:
            self.z_requested.emit(runner_ups(self.row)[which][0])

    def take_note(self) -> None:
        """Tell what was typed, if it was not told yet."""
        if self._soon.isActive():
            self._soon.stop()
            self.note_changed.emit(self.tag.currentText().strip(), self.note.text().strip())


def _place_text(row: ErrorRow) -> str:
    case = row.case
    parts = [f"row {row.number}"]
    parts += [case.category] if case.category else []
    parts += [case.case]
    parts += [f"series {case.series}"] if case.series is not None else []
    parts += [f"volume {case.frame + 1}"] if case.frame is not None else []
    return " \u00b7 ".join(parts)
