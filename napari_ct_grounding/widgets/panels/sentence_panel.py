"""The box for one sentence of a report."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QPushButton, QToolButton, QWidget

__all__ = ["SentencePanel"]


class SentenceEdit(QLineEdit):
    """A line with a history: up and down walk through what was submitted before."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._history: list[str] = []
        self._place = 0
        self._draft = ""

    def remember(self, text: str) -> None:
        """Put a sentence at the end of the history."""
        if text in self._history:
            self._history.remove(text)
        self._history.append(text)
        self._place = len(self._history)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        if self._place == len(self._history):
            self._draft = self.text()
        self._place = min(max(self._place + step, 0), len(self._history))
        self.setText(self._history[self._place] if self._place < len(self._history) else self._draft)


class SentencePanel(QWidget):
    """Sentence box, button, and a menu of examples. Emits `sentence_requested` on Enter."""

    sentence_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = SentenceEdit(self)
        self.edit.setPlaceholderText("Report sentence, then Enter")
        self.edit.setToolTip(
            "Type a sentence of a report, in English or German, and press Enter. Up and down: history."
        )
        self.edit.setAccessibleName("Sentence")
        self.edit.setClearButtonEnabled(True)
        self.edit.setMinimumHeight(28)
        self.button = QPushButton("Find", self)
        self.button.setToolTip("Go to the slice that the sentence speaks of (Enter)")
        self.examples = QToolButton(self)
        self.examples.setText("\u25be")
        self.examples.setToolTip("Example sentences")
        self.examples.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.examples.setMenu(QMenu(self))
        self.examples.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.edit, 1)
        layout.addWidget(self.examples)
        layout.addWidget(self.button)
        self.edit.returnPressed.connect(self._on_submit)
        self.button.clicked.connect(self._on_submit)

    def set_examples(self, sentences: Sequence[str]) -> None:
        """Offer these sentences in the menu."""
        menu = self.examples.menu()
        menu.clear()
        for sentence in sentences:
            menu.addAction(sentence).triggered.connect(lambda _=False, text=sentence: self.submit(text))
        self.examples.setVisible(bool(sentences))

    def submit(self, text: str) -> None:
        """Put a sentence into the box and ask for it."""
        self.edit.setText(text)
        self._on_submit()

    def _on_submit(self) -> None:
        text = self.edit.text().strip()
        if text:
            self.edit.remember(text)
        self.edit.end(False)
        self.edit.home(True)  # all selected, and the beginning in sight
        self.sentence_requested.emit(text)
