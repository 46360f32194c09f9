"""The button "Take away": save what was found, copy it, or open what was saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu, QToolButton, QWidget

__all__ = ["TakeAwayEntry", "TakeAwayMenu"]


@dataclass(frozen=True)
class TakeAwayEntry:
    """A form that can be saved.

    Parameters
    ----------
    key : str
    title, tool_tip : str
    """

    key: str
    title: str
    tool_tip: str


class TakeAwayMenu(QToolButton):
    """Emits wishes; knows nothing of what they mean.

    Parameters
    ----------
    entries : sequence of TakeAwayEntry
        Forms, in the order of the menu.
    """

    #: (key of the form)
    saving_requested = Signal(str)
    table_copy_requested = Signal()
    picture_copy_requested = Signal()
    opening_requested = Signal()

    def __init__(self, entries: Sequence[TakeAwayEntry], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText("Take away \u25be")
        self.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.setToolTip("Save or copy what was found: report with key images, table, film, DICOM objects")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for entry in entries:
            action = menu.addAction(f"{entry.title}\u2026")
            action.setToolTip(entry.tool_tip)
            action.triggered.connect(lambda _=False, key=entry.key: self.saving_requested.emit(key))
        menu.addSeparator()
        copy_table = menu.addAction("Copy table")
        copy_table.setToolTip("A row for each sentence, to paste into a spreadsheet")
        copy_table.triggered.connect(lambda: self.table_copy_requested.emit())
        copy_picture = menu.addAction("Copy contact sheet")
        copy_picture.setToolTip("All key images as one picture, to paste into a slide or a message")
        copy_picture.triggered.connect(lambda: self.picture_copy_requested.emit())
        menu.addSeparator()
        self._with_patient = menu.addAction("With the patient's name")
        self._with_patient.setCheckable(True)
        self._with_patient.setToolTip(
            "Off: no name, id or birth date, no file name, no UIDs but those that DICOM objects refer to. "
            "Sentences are written as they are"
        )
        menu.addSeparator()
        opening = menu.addAction("Open saved results (JSON)\u2026")
        opening.setToolTip("Show the answers of a file again, on the same scan, without computing")
        opening.triggered.connect(lambda: self.opening_requested.emit())
        self.setMenu(menu)

    @property
    def with_patient(self) -> bool:
        """Whether files may say who the patient is; off until it is switched on, in every dock."""
        return self._with_patient.isChecked()
