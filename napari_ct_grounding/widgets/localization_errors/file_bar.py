"""The top of the browser: which file is open, and the menus of files and scans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QMenu, QProgressBar, QPushButton, QVBoxLayout, QWidget

__all__ = ["FileBar"]

_RESULTS = "Results (*.json);;All files (*)"


class FileBar(QWidget):
    """Emits wishes; what was opened before is asked for at the moment the menu opens.

    Parameters
    ----------
    recent_files : callable
        Returns paths, the latest first.
    """

    file_chosen = Signal(str)
    export_chosen = Signal(str)
    folder_chosen = Signal(str)
    sample_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, recent_files: Callable[[], Sequence[str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recent_files = recent_files
        self.file_button = QPushButton("File", self)
        self.file_button.setToolTip(
            "Open results, export rows, try the demo case. Files can be dropped on the dock, too"
        )
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.file_button.setMenu(self.menu)
        self.scans_button = QPushButton("Scans\u2026", self)
        self.scans_button.setToolTip("Choose the folder below which the scans of these results lie")
        self.scans_button.clicked.connect(self.choose_folder)
        self.name = QLabel("No file is open", self)
        self.name.setMinimumWidth(40)
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.stage = QLabel(self)
        self.cancel = QPushButton("Cancel", self)
        self.cancel.clicked.connect(lambda: self.cancel_requested.emit())
        self._lay_out()
        self.set_file(None, has_rows=False)
        self.set_working(None)

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self.file_button)
        line.addWidget(self.scans_button)
        line.addWidget(self.name, 1)
        working = QHBoxLayout()
        working.setSpacing(6)
        working.addWidget(self.stage)
        working.addWidget(self.progress, 1)
        working.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(line)
        layout.addLayout(working)

    # -- what is shown

    def set_file(self, path: Path | None, *, has_rows: bool) -> None:
        """Show which file is open."""
        self._has_rows = has_rows
        self.name.setText("No file is open" if path is None else path.name)
        self.name.setToolTip("" if path is None else str(path))
        self.scans_button.setEnabled(has_rows)

    def set_working(self, stage: str | None) -> None:
        """Show that something takes its time, with Cancel; None takes it away."""
        for widget in (self.stage, self.progress, self.cancel):
            widget.setVisible(stage is not None)
        self.stage.setText(stage or "")
        if stage is None:
            self.progress.setRange(0, 0)

    def set_progress(self, done: int, total: int) -> None:
        """Show how far it is."""
        self.progress.setRange(0, total)
        self.progress.setValue(done)

    # -- wishes

    def _fill_menu(self) -> None:
        self.menu.clear()
        self.menu.addAction("Open results\u2026 (JSON)").triggered.connect(self.choose_file)
        recent = self.menu.addMenu("Open again")
        recent.setToolTipsVisible(True)
        for path in self._recent_files():
            action = recent.addAction(Path(path).name)
            action.setToolTip(path)
            action.triggered.connect(partial(self._choose, path))
        recent.setEnabled(not recent.isEmpty())
        self.menu.addAction("Try the demo case").triggered.connect(lambda: self.sample_requested.emit())
        self.menu.addSeparator()
        export = self.menu.addAction("Export the rows shown\u2026 (CSV)")
        export.setEnabled(self._has_rows)
        export.triggered.connect(self.choose_export)
        folder = self.menu.addAction("Choose the folder of the scans\u2026")
        folder.setEnabled(self._has_rows)
        folder.triggered.connect(self.choose_folder)

    def _choose(self, path: str, _checked: bool = False) -> None:
        self.file_chosen.emit(path)

    def choose_file(self) -> None:
        """Ask for a file of results."""
        path, _ = QFileDialog.getOpenFileName(self, "Localization results", filter=_RESULTS)
        if path:
            self.file_chosen.emit(path)

    def choose_export(self) -> None:
        """Ask where the rows go."""
        path, _ = QFileDialog.getSaveFileName(self, "Export rows", "localization-errors.csv", "CSV (*.csv)")
        if path:
            self.export_chosen.emit(path)

    def choose_folder(self) -> None:
        """Ask for the folder of the scans."""
        folder = QFileDialog.getExistingDirectory(self, "Folder of the scans")
        if folder:
            self.folder_chosen.emit(folder)
