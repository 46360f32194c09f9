"""The life of a dock: shown, hidden, taken out of the window, deleted, and the end of the program.

napari never closes a dock's widget: the eye of the title bar hides it, the cross (and `remove_dock_widget`) takes it out of the
window for good and leaves it an orphan, and closing the viewer hides it. What these mean stands here once, for all docks.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QApplication

__all__ = ["DockLife"]


class DockLife:
    """Mixed in before the `QWidget` of a dock; calls `_return`, `_rest`, `_stop` and `_leave`, each of which may come twice."""

    def begin_life(self) -> None:
        """To be called once, at the end of the dock's `__init__`."""
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._on_quit)

    # -- what a dock answers with

    def _return(self) -> None:
        """Listen to the viewer again, and show what it is now; called whenever the dock appears."""
        raise NotImplementedError

    def _rest(self) -> None:
        """Stop listening: the dock is hidden."""
        raise NotImplementedError

    def _stop(self, *, wait: bool = False) -> None:
        """End all work; `wait` for the threads at the end of the program."""
        raise NotImplementedError

    def _leave(self) -> None:
        """Take everything out of the viewer, and let go of all that belongs to it."""
        raise NotImplementedError

    # -- what Qt tells

    def showEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        super().showEvent(event)  # type: ignore[misc]
        if not event.spontaneous():
            self._return()

    def hideEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        super().hideEvent(event)  # type: ignore[misc]
        if event.spontaneous():
            return  # the window was minimised
        self._rest()
        if not self.window().isVisible():  # type: ignore[attr-defined]  # the viewer is closing
            self._stop()

    def event(self, event: QEvent) -> bool:
        """Leave the viewer when the dock is taken out of the window (`remove_dock_widget`), or deleted."""
        is_out = event.type() == QEvent.Type.ParentChange and self.parent() is None  # type: ignore[attr-defined]
        if is_out or event.type() == QEvent.Type.DeferredDelete:
            self._leave()
        if is_out:
            # napari leaves an orphan behind. Held and deleted on this thread: Python might collect it on another one.
            QTimer.singleShot(0, lambda: self._delete_orphan())
        return super().event(event)  # type: ignore[misc,no-any-return]

    def _delete_orphan(self) -> None:
        with suppress(RuntimeError):  # somebody else was faster
            if self.parent() is None:  # type: ignore[attr-defined]
                self.deleteLater()  # type: ignore[attr-defined]

    def _on_quit(self) -> None:
        self._stop(wait=True)
