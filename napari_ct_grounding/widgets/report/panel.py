"""The page of the tab "Report": what to do while it is empty, else tools, list and a line of status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.report.list_view import ReportListView
from napari_ct_grounding.widgets.report.report_file import SUFFIXES

__all__ = ["ReportPanel"]

_HINT = (
    "Paste a report here (Ctrl+V), drop a text file, or open one.\n\n"
    "Every sentence gets its slice. Up and down walk the findings."
)


class ReportPanel(QWidget):
    """Shows and emits; knows neither session nor viewer."""

    paste_requested = Signal()
    opening_requested = Signal()
    example_requested = Signal()
    grounding_requested = Signal()
    stop_requested = Signal()
    clearing_requested = Signal()
    undo_requested = Signal()
    redo_requested = Signal()
    copy_requested = Signal()
    #: (is_on)
    filter_changed = Signal(bool)
    #: (text)
    text_dropped = Signal(str)
    #: (path as text)
    file_dropped = Signal(str)
    #: (number of the entry)
    other_report_requested = Signal(int)
    #: The panel came into sight.
    shown = Signal()

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = ReportListView(colors, self)
        self.hint = _EmptyPage(self)
        self.only_localizable = QCheckBox("Localizable only", self)
        self.only_localizable.setToolTip(
            "Hide sentences that name no place in this scan: negated ones, technique, history"
        )
        self.status = QLabel(self)
        self.status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.status.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.find_button = QPushButton("Find all", self)
        self._is_running = False
        self._others: Sequence[str] = ()
        self._undo_text: str | None = None
        self._redo_text: str | None = None
        #: Tools stand in it from left to right; others may add theirs (`add_tool`).
        self._tool_row = QHBoxLayout()
        self._lay_out()
        self._connect()
        self.setAcceptDrops(True)
        self.set_running(is_running=False, can_start=False)

    def _lay_out(self) -> None:
        self._menu_button = _tool(self, "\u22ef", "More: undo, redo, copy, clear")
        self._menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu_button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self._menu_button.setMenu(QMenu(self))
        self._menu_button.menu().aboutToShow.connect(self._fill_menu)
        self._open_button = QPushButton("Open\u2026", self)
        self._open_button.setToolTip(f"Open a report from a text file ({', '.join(SUFFIXES[:2])})")
        self._paste_button = QPushButton("Paste", self)
        self._paste_button.setToolTip("Take the report on the clipboard (Ctrl+V); Ctrl+Z brings this one back")
        self._tool_row.setContentsMargins(0, 4, 0, 2)
        self._tool_row.setSpacing(4)
        for button in (self._paste_button, self._open_button, self.find_button):
            self._tool_row.addWidget(button)
        self._tool_row.addStretch(1)
        self._tool_row.addWidget(self._menu_button)
        row = QHBoxLayout()
        row.setContentsMargins(2, 0, 2, 2)
        row.addWidget(self.only_localizable)
        row.addWidget(self.status, 1)
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(self._tool_row)
        column.addWidget(self.list, 1)
        column.addLayout(row)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.hint)
        self._pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._pages)

    def _connect(self) -> None:
        for button in (self._paste_button, self.hint.paste):
            button.clicked.connect(lambda: self.paste_requested.emit())
        for button in (self._open_button, self.hint.open):
            button.clicked.connect(lambda: self.opening_requested.emit())
        self.hint.example.clicked.connect(lambda: self.example_requested.emit())
        self.hint.paste_pressed.connect(self.paste_requested)
        self.hint.undo_pressed.connect(self.undo_requested)
        self.find_button.clicked.connect(self._on_find_pressed)
        self.only_localizable.toggled.connect(self.filter_changed)
        for own, inner in (
            (self.paste_requested, self.list.paste_requested),
            (self.undo_requested, self.list.undo_requested),
            (self.redo_requested, self.list.redo_requested),
            (self.copy_requested, self.list.copy_requested),
        ):
            inner.connect(own)

    # -- what is shown

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self.list.set_colors(colors)

    def add_tool(self, widget: QWidget) -> None:
        """Put a further tool into the row above the list."""
        self._tool_row.insertWidget(self._tool_row.count() - 2, widget)  # before the stretch and the menu

    def set_empty(self, is_empty: bool) -> None:
        """Show what to do, or the list."""
        page = 0 if is_empty else 1
        if page != self._pages.currentIndex():
            had_focus = self.isAncestorOf(self.focusWidget()) if self.focusWidget() is not None else False
            self._pages.setCurrentIndex(page)
            if had_focus or self._pages.hasFocus():
                self.take_focus()

    def set_running(self, *, is_running: bool, can_start: bool) -> None:
        """Show the button that looks for all places, or the one that stops this."""
        self._is_running = is_running
        self.find_button.setText("Stop" if is_running else "Find all")
        self.find_button.setEnabled(is_running or can_start)
        self.find_button.setToolTip(
            "Stop looking; the places found so far stay"
            if is_running
            else "Look for the places of all sentences; encodes the scan first when needed"
        )

    def set_status(self, text: str, tool_tip: str) -> None:
        """Show what the list holds."""
        self.status.setText(text)
        self.status.setToolTip(tool_tip)

    def set_history(self, undo_text: str | None, redo_text: str | None) -> None:
        """Take what undo and redo would do; None where there is nothing."""
        self._undo_text, self._redo_text = undo_text, redo_text
        self.hint.set_undo(undo_text)

    def set_others(self, names: Sequence[str]) -> None:
        """Offer the reports of other volumes, by the volumes' names."""
        self._others = tuple(names)

    def take_focus(self) -> None:
        """Let keys go to what is in sight."""
        (self.hint if self._pages.currentIndex() == 0 else self.list).setFocus()

    # -- wishes

    def _on_find_pressed(self) -> None:
        (self.stop_requested if self._is_running else self.grounding_requested).emit()

    def _fill_menu(self) -> None:
        menu = self._menu_button.menu()
        menu.clear()
        for name, text, key, signal in (
            ("Undo", self._undo_text, "Ctrl+Z", self.undo_requested),
            ("Redo", self._redo_text, "Ctrl+Y", self.redo_requested),
        ):
            action = menu.addAction(f"{name} {text or ''}".strip() + f"\t{key}")
            action.setEnabled(text is not None)
            action.triggered.connect(lambda _=False, signal=signal: signal.emit())
        menu.addSeparator()
        menu.addAction("Copy all lines as a table").triggered.connect(self._copy_all)
        menu.addAction("Clear").triggered.connect(lambda: self.clearing_requested.emit())
        for number, name in enumerate(self._others):
            action = menu.addAction(f"Take the report of {name}")
            action.triggered.connect(lambda _=False, number=number: self.other_report_requested.emit(number))

    def _copy_all(self) -> None:
        self.list.clearSelection()
        self.copy_requested.emit()

    def showEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        super().showEvent(event)
        if not event.spontaneous():
            self.shown.emit()

    def dragEnterEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        mime = event.mimeData()
        if _report_path(mime) or (mime.hasText() and not mime.hasUrls()):
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        path = _report_path(event.mimeData())
        if path:
            self.file_dropped.emit(path)
        else:
            self.text_dropped.emit(event.mimeData().text())
        event.acceptProposedAction()


class _EmptyPage(QWidget):
    """What can be done without a report. Takes keys, so that Ctrl+V works after a click on the tab."""

    paste_pressed = Signal()
    undo_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Empty report")
        label = QLabel(_HINT, self)
        label.setWordWrap(True)
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.paste = QPushButton("Paste", self)
        self.paste.setToolTip("Take the report on the clipboard (Ctrl+V)")
        self.open = QPushButton("Open\u2026", self)
        self.open.setToolTip(f"Open a report from a text file ({', '.join(SUFFIXES[:2])})")
        self.example = QPushButton("Example report", self)
        self.example.setToolTip("Take the report that goes with this sample")
        self._undo = QLabel(self)
        self._undo.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row = QHBoxLayout()
        row.addStretch(1)
        for button in (self.paste, self.open, self.example):
            row.addWidget(button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addWidget(label)
        layout.addLayout(row)
        layout.addWidget(self._undo)
        layout.addStretch(2)
        self.set_undo(None)
        self.example.hide()

    def set_undo(self, text: str | None) -> None:
        """Say that there is a way back."""
        self._undo.setText("" if text is None else f"Ctrl+Z: undo the {text}")

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        if event.matches(QKeySequence.StandardKey.Paste):
            self.paste_pressed.emit()
        elif event.matches(QKeySequence.StandardKey.Undo):
            self.undo_pressed.emit()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Keep our keys: a shortcut of the window would take them first."""
        keys = (QKeySequence.StandardKey.Paste, QKeySequence.StandardKey.Undo)
        if event.type() == QEvent.Type.ShortcutOverride and any(event.matches(key) for key in keys):  # type: ignore[attr-defined]
            event.accept()
            return True
        return bool(super().event(event))


def _tool(parent: QWidget, text: str, tip: str) -> QToolButton:
    button = QToolButton(parent)
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    return button


def _report_path(mime: Any) -> str | None:
    """The one text file that is dragged; None for anything else."""
    paths = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]
    return paths[0] if len(paths) == 1 and paths[0].lower().endswith(SUFFIXES) else None
