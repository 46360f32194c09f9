"""Buttons and keys for the display windows of CT, and for the radiological view."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QShortcut, QSizePolicy, QWidget

from napari_ct_grounding.core.display import DISPLAY_WINDOWS

__all__ = ["PRESET_KEYS", "WindowPresets"]

#: napari and its image, shapes and labels modes use digits and letters; function keys are free, and usual on workstations.
PRESET_KEYS = ("F5", "F6", "F7", "F8")

_SHORT = {"Mediastinum": "Mediast."}


class WindowPresets(QWidget):
    """Emits `window_requested(DisplayWindow)` and `radiological_view_requested`."""

    window_requested = Signal(object)
    radiological_view_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        self.buttons: dict[str, QPushButton] = {}
        for window, key in zip(DISPLAY_WINDOWS, PRESET_KEYS, strict=True):
            tip = f"{window.name}: center {window.window_center_hu:g}, width {window.window_width_hu:g} HU ({key})"
            button = self._button(_SHORT.get(window.name, window.name), tip)
            button.clicked.connect(lambda _=False, window=window: self.window_requested.emit(window))
            # Works wherever the focus is in this window, and only while the dock is shown.
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.activated.connect(button.click)
            self.buttons[window.name] = button
            layout.addWidget(button, _needed_width(button))
        self.view_button = self._button("R | L", "Radiological view: axial, anterior up, patient right on screen left")
        self.view_button.clicked.connect(self.radiological_view_requested)
        layout.addWidget(self.view_button, _needed_width(self.view_button))

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        button.setStyleSheet("QPushButton { padding: 4px 2px; }")
        return button


def _needed_width(button: QPushButton) -> int:
    """Share of the row that a button needs: its text and a little air."""
    return button.fontMetrics().horizontalAdvance(button.text()) + 10
