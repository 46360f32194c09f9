"""The button with three dots: what is chosen once rather than for each scan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QActionGroup
from qtpy.QtWidgets import QMenu, QToolButton, QWidget

__all__ = ["MenuFacts", "SessionMenu"]


@dataclass(frozen=True)
class MenuFacts:
    """What the menu shows when it is opened.

    Parameters
    ----------
    coverages : sequence of (key, label)
        Ways to walk a scan; empty before the weights are loaded.
    coverage : str
        Key of the chosen one.
    precisions : sequence of (key, label)
        Numbers in which the model can compute; fewer than two are no choice.
    precision : str
        Key of the chosen one.
    cache_text : str
        Size of the embeddings kept on disk, in words.
    is_cache_empty : bool
    is_kept : bool or None
        Whether embeddings are kept on disk; None where the environment forbids it.
    """

    coverages: Sequence[tuple[str, str]] = ()
    coverage: str = ""
    precisions: Sequence[tuple[str, str]] = ()
    precision: str = ""
    cache_text: str = ""
    is_cache_empty: bool = True
    is_kept: bool | None = True


class SessionMenu(QToolButton):
    """Emits wishes; what it shows is asked for at the moment it is opened.

    Parameters
    ----------
    facts : callable
        Returns `MenuFacts`.
    """

    coverage_chosen = Signal(str)
    precision_chosen = Signal(str)
    keeping_chosen = Signal(bool)
    clearing_requested = Signal()
    log_folder_requested = Signal()
    views_requested = Signal()
    preferences_requested = Signal()
    diagnostics_requested = Signal()

    def __init__(self, facts: Callable[[], MenuFacts], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._facts = facts
        self.setText("\u2026")
        self.setToolTip("Orthogonal views, coverage, embeddings on disk, preferences, diagnostics, log")
        self.setAccessibleName("More settings")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self.fill)
        self.setMenu(menu)

    def fill(self) -> None:
        """Write the menu anew."""
        menu, facts = self.menu(), self._facts()
        for old in (*menu.actions(), *menu.findChildren(QActionGroup)):
            old.deleteLater()
        menu.clear()
        self._add_entry("Orthogonal views", "Coronal and sagittal planes below the canvas", self.views_requested)
        self._add_heading("Coverage")
        if facts.coverages:
            self._add_choices(facts.coverages, facts.coverage, self.coverage_chosen.emit)
        else:
            menu.addAction("Known once the weights are loaded").setEnabled(False)
        if len(facts.precisions) > 1:
            self._add_heading("Precision")
            self._add_choices(facts.precisions, facts.precision, self.precision_chosen.emit)
        self._add_heading(f"Encoded scans: {facts.cache_text}")
        keep = menu.addAction("Keep on disk")
        keep.setCheckable(True)
        keep.setChecked(bool(facts.is_kept))
        keep.setEnabled(facts.is_kept is not None)
        keep.setToolTip("Vectors only, no images and no names; a scan opened again is then ready at once")
        keep.toggled.connect(self.keeping_chosen)
        clear = menu.addAction("Remove from disk")
        clear.setEnabled(not facts.is_cache_empty)
        clear.triggered.connect(self.clearing_requested)
        menu.addSeparator()
        tip = "Weights, device and window to begin with, scale bar, and what is kept on this computer"
        self._add_entry("Preferences\u2026", tip, self.preferences_requested)
        tip = "Versions, device and size of the scan, for a report of a fault; without names, paths, UIDs and texts"
        self._add_entry("Copy diagnostics", tip, self.diagnostics_requested)
        self._add_entry(
            "Open the log folder", "Where failures are written down, without their messages", self.log_folder_requested
        )

    def _add_entry(self, text: str, tip: str, signal: Any) -> None:
        action = self.menu().addAction(text)
        action.setToolTip(tip)
        action.triggered.connect(signal)

    def _add_heading(self, text: str) -> None:
        """Put a line above a group of entries; napari's style shows no text in Qt's own sections."""
        if self.menu().actions():
            self.menu().addSeparator()
        self.menu().addAction(text).setEnabled(False)

    def _add_choices(self, choices: Sequence[tuple[str, str]], chosen: str, choose: Callable[[str], None]) -> None:
        group = QActionGroup(self.menu())
        for key, label in choices:
            action = self.menu().addAction(label)
            action.setCheckable(True)
            action.setChecked(key == chosen)
            action.setActionGroup(group)
            action.triggered.connect(lambda _=False, key=key: choose(key))
