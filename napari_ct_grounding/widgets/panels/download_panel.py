"""How far the download of weights is, with a button that stops it."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

__all__ = ["DownloadPanel"]

#: A progress bar counts in 32 bits, which a few GB overflow.
_STEPS = 1000


class DownloadPanel(QWidget):
    """Shown while a download runs. Emits `cancel_requested`."""

    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel(self)
        self.title.setToolTip("The other weights work meanwhile")
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(True)
        self.bar.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setToolTip("Stop the download; what has arrived is kept for the next try")
        self.cancel.clicked.connect(self.cancel_requested)
        self.facts = QLabel(self)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 2, 0, 2)
        grid.setHorizontalSpacing(4)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        grid.addWidget(self.title, 0, 0, 1, 2)
        grid.addWidget(self.bar, 1, 0)
        grid.addWidget(self.cancel, 1, 1)
        grid.addWidget(self.facts, 2, 0, 1, 2)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    def begin(self, title: str) -> None:
        """Show the panel; nothing is known yet of how far it is."""
        self.title.setText(title)
        self.facts.setText("Connecting\u2026")
        self.bar.setRange(0, 0)
        self.show()

    def set_progress(self, share: float, facts: str) -> None:
        """Show a share (0 to 1) of the whole, and figures below it."""
        self.bar.setRange(0, _STEPS)
        self.bar.setValue(int(share * _STEPS))
        self.bar.setFormat(f"{share:.0%}")
        self.facts.setText(facts)
