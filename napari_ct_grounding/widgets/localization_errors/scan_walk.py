"""From row to row through the viewer: the scan of the current row is opened, drawn, and let go of when its layer goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_ct_grounding.core.error_rows import ErrorRow
from napari_ct_grounding.core.errors import InputError, UnevenSpacingError
from napari_ct_grounding.widgets.freed_memory import give_back_freed_memory_soon
from napari_ct_grounding.widgets.jobs import Jobs
from napari_ct_grounding.widgets.localization_errors.case_opener import CaseOpener, CaseOrder, failure_sentence
from napari_ct_grounding.widgets.localization_errors.case_view import CaseView
from napari_ct_grounding.widgets.panels.notice import NoticeBoard

__all__ = ["ScanWalk"]

_OTHER, _READING, _REFUSED = "other scan", "reading", "refused"
#: Scans that take longer than this (ms) to read are announced, with Cancel.
_SOON_MS = 300


class ScanWalk(QObject):
    """Opens and shows one row at a time.

    Parameters
    ----------
    viewer : napari.Viewer
    jobs : Jobs
        Where scans are read.
    notices : NoticeBoard
    current : callable
        Returns the row that is wanted by the time a scan arrives.
    parent : QObject, optional
    """

    #: Another row stands in the viewer, or none.
    placed_changed = Signal()

    def __init__(
        self,
        viewer: Any,
        jobs: Jobs,
        notices: NoticeBoard,
        current: Callable[[], ErrorRow | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._notices = notices
        self._current = current
        self.opener = CaseOpener(viewer, jobs, self)
        self.view = CaseView(viewer)
        #: The row that stands in the viewer, with its positions there.
        self.placed: ErrorRow | None = None
        self._reading = ""
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._soon.timeout.connect(self._show_reading)
        self.opener.opened.connect(self._on_opened)
        self.opener.failed.connect(self._on_failed)
        self.opener.reading_changed.connect(self._on_reading_changed)

    def show(self, row: ErrorRow, candidates: Sequence[Path]) -> None:
        """Open the scan of a row, where it was found, and go to the answer; the row asked for before is given up."""
        self._notices.remove_notice(_REFUSED)
        if candidates:
            self.opener.open(CaseOrder(row, candidates))
        else:
            self.opener.cancel()

    def is_placed(self, row: ErrorRow | None) -> bool:
        """Whether a row stands in the viewer."""
        return row is not None and self.placed is not None and self.placed.number == row.number

    def begin_anew(self) -> None:
        """Another file was opened."""
        for key in (_OTHER, _REFUSED):
            self._notices.remove_notice(key)
        self.opener.forget_all()
        self.clear()

    def clear(self) -> None:
        """Take what we drew out of the viewer."""
        self.placed = None
        self.view.clear()

    def forget_layer(self, layer_id: Any) -> None:
        """A layer was removed: its voxels must go with it."""
        self.opener.forget(layer_id)
        if self.view.forget(layer_id):
            self.placed = None
            give_back_freed_memory_soon()
            self.placed_changed.emit()

    def _on_opened(self, row: ErrorRow, layer_id: Any, note: str | None, is_new: bool) -> None:
        current = self._current()
        if current is None or current.scan_key != row.scan_key:
            return  # the user went on meanwhile; the layer waits
        try:
            self.placed = self.view.show(current, layer_id, is_new=is_new, others=self.opener.known_layers())
        except InputError as error:  # it is another scan, or the layer was changed
            self.clear()
            note = str(error)
        self._notices.remove_notice(_OTHER)
        if note is not None:
            self._notices.show_notice(_OTHER, note, is_closable=True)
        self.placed_changed.emit()

    def _on_failed(self, order: CaseOrder, error: Exception) -> None:
        actions = []
        if isinstance(error, UnevenSpacingError):
            actions = [("Resample to an even grid", lambda: self.opener.open(replace(order, uneven="resample")))]
        self._notices.show_notice(_REFUSED, failure_sentence(order, error), actions, is_closable=True)

    def _on_reading_changed(self, name: str) -> None:
        self._reading = name
        self._notices.remove_notice(_READING)
        if name:
            self._soon.start()
        else:
            self._soon.stop()

    def _show_reading(self) -> None:
        if self._reading:
            cancel = [("Cancel", self.opener.cancel)]
            self._notices.show_notice(_READING, f"Reading {self._reading}\u2026", cancel, is_warning=False)
