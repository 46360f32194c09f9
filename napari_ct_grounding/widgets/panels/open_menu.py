"""The menu of the button Open: our own way to files and folders, past napari's question which reader to use."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QMenu, QWidget

from napari_ct_grounding.widgets.reader_preference import is_preferred, set_preferred

__all__ = ["OpenMenu"]

_FILTER = "CT (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.zip *.dcm *.dicom *.ima);;All files, also DICOM without extension (*)"


class OpenMenu(QMenu):
    """Emits the path that was chosen; one entry teaches napari to open dropped CTs with our reader."""

    path_chosen = Signal(str)
    sample_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.addAction("CT folder\u2026 (DICOM)").triggered.connect(self.choose_folder)
        self.addAction("CT file\u2026 (DICOM, NIfTI, NRRD, MetaImage, zip)").triggered.connect(self.choose_file)
        self.addAction("Sample").triggered.connect(self.sample_requested)
        self.addSeparator()
        self.preference = self.addAction("Dropped CTs open without asking for a reader")
        self.preference.setCheckable(True)
        self.preference.setToolTip("A setting of napari; its Preferences, Plugins, show and change it, too")
        self.preference.triggered.connect(set_preferred)
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(lambda: self.preference.setChecked(is_preferred()))

    def choose_folder(self) -> None:
        """Ask for a folder."""
        folder = QFileDialog.getExistingDirectory(self.parentWidget(), "CT folder")
        if folder:
            self.path_chosen.emit(folder)

    def choose_file(self) -> None:
        """Ask for a file."""
        path, _ = QFileDialog.getOpenFileName(self.parentWidget(), "CT file", filter=_FILTER)
        if path:
            self.path_chosen.emit(path)
