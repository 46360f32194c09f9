"""A user by script: sees what stands on the screen, and has a mouse, a keyboard and a clipboard.

Widgets are found by the words on them, as a user finds them; a word that is gone fails the walk.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent, QGuiApplication, QPixmap
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QApplication, QDockWidget, QLineEdit, QMenu, QTabBar, QWidget

__all__ = ["User", "opened_viewer"]

WINDOW = (1280, 800)
#: Longest wait (s) for anything; the machine may be busy.
_PATIENCE_S = 600.0
#: So long (s) nothing must run before the program counts as quiet.
_QUIET_S = 0.4
_DRAWING_S = 0.3

_W = TypeVar("_W", bound=QWidget)


class User:
    """One napari window on the screen.

    Parameters
    ----------
    viewer : napari.Viewer
    folder : Path
        Pictures are saved in it.
    """

    def __init__(self, viewer: Any, folder: Path) -> None:
        self.viewer = viewer
        self.window = viewer.window._qt_window
        self._folder = folder

    # -- hands

    def open_dock(self, name: str) -> Any:
        """Choose an entry of napari's menu Plugins; return the dock."""
        area, dock = self.viewer.window.add_plugin_dock_widget("napari-ct-grounding", name)
        self._give_room(area)
        return dock

    def click(self, words: str, *, inside: QWidget | None = None) -> None:
        """Press the button with these words."""
        self._press(self._button(words, inside))

    def tab(self, title: str) -> None:
        """Turn to a tab."""
        for bar in self.window.findChildren(QTabBar):
            titles = [bar.tabText(i) for i in range(bar.count())]
            if bar.isVisible() and title in titles:
                QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(titles.index(title)).center())
                self.pause()
                return
        raise LookupError(f"No tab is called {title!r}.")

    def type(self, placeholder: str, text: str, *, enter: bool = True, inside: QWidget | None = None) -> None:
        """Type into the line that says what belongs there, letter by letter."""
        edit = self.line(placeholder, inside)
        edit.setFocus()
        edit.selectAll()
        QTest.keyClicks(edit, text)
        if enter:
            QTest.keyClick(edit, Qt.Key.Key_Return)
        self.pause()

    def line(self, placeholder: str, inside: QWidget | None = None) -> QLineEdit:
        """The visible line with this placeholder."""
        edits = (inside or self.window).findChildren(QLineEdit)
        found = [edit for edit in edits if edit.isVisible() and edit.placeholderText() == placeholder]
        if not found:
            raise LookupError(f"No line says {placeholder!r}.")
        return found[0]

    def key(self, widget: QWidget, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key while a widget has the focus."""
        widget.setFocus()
        QTest.keyClick(widget, key, modifier)
        self.pause()

    def paste(self, widget: QWidget, text: str) -> None:
        """Ctrl+V."""
        QGuiApplication.clipboard().setText(text)
        self.key(widget, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)

    def drop(self, dock: Any, path: Path) -> None:
        """Drop a file or folder onto a dock."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        place = QPointF(dock.rect().center())
        event = QDropEvent(
            place, Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
        dock.dropEvent(event)  # a drop that is sent, without a mouse that drags, is thrown away by Qt
        self.pause()

    def give_room_above(self, lower: QWidget, share: float = 0.8) -> None:
        """Drag the line above the lower part of a column to where the upper part has this share of it."""
        parts = lower.parentWidget()
        height = parts.height()
        parts.setSizes([int(share * height), int((1 - share) * height)])
        self.pause()

    def check(self, words: str, is_on: bool) -> None:
        """Set a box to tick."""
        box = self._button(words, None)
        if box.isChecked() != is_on:
            box.click()
        self.pause()

    def theme(self, name: str) -> None:
        """Choose a theme, as the preferences of napari do."""
        self.viewer.theme = name
        self.pause(_DRAWING_S)

    @contextmanager
    def menu(self, words: str, *, inside: QWidget | None = None) -> Iterator[QMenu]:
        """Hold the menu of a button open."""
        button = self._button(words, inside)
        menu = button.menu()
        below = button.mapToGlobal(QPoint(0, button.height()))
        room, size = self.window.geometry(), menu.sizeHint()
        # as on a screen no larger than the window
        menu.popup(QPoint(min(below.x(), room.right() - size.width()), min(below.y(), room.bottom() - size.height())))
        self.pause()
        try:
            yield menu
        finally:
            menu.close()
            self.pause()

    def choose(self, button: str, entry: str) -> None:
        """Choose an entry in the menu of a button."""
        with self.menu(button) as menu:
            action = next((action for action in menu.actions() if action.text() == entry), None)
            if action is None:
                raise LookupError(f"The menu {button!r} has no entry {entry!r}.")
            menu.setActiveAction(action)
        action.trigger()
        self.pause()

    # -- eyes

    def see(self, kind: type[_W]) -> _W:
        """The widget of a kind that is in sight."""
        found = [widget for widget in self.window.findChildren(kind) if widget.isVisible()]
        if not found:
            raise LookupError(f"No {kind.__name__} is in sight.")
        return found[0]

    def focused(self) -> QWidget:
        """What the keyboard goes to. Without a window manager, a menu takes the focus of the window along."""
        self.window.activateWindow()
        self.pause()
        widget = QApplication.focusWidget() or self.window.focusWidget()
        if widget is None:
            raise LookupError("Nothing has the focus.")
        return widget

    def has_button(self, words: str) -> bool:
        """Whether a button with these words is in sight."""
        return bool(self._buttons(words, self.window))

    def shoot(self, name: str) -> None:
        """Save what stands on the screen in place of the window, menus and all."""
        self.pause(_DRAWING_S)
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self.picture().save(str(self._folder / f"{name}.png")):
            raise OSError(f"{name}.png could not be written.")

    def picture(self) -> QPixmap:
        """What stands on the screen in place of the window."""
        place = self.window.geometry()
        screen = QGuiApplication.primaryScreen()
        return screen.grabWindow(0, place.x(), place.y(), place.width(), place.height())

    def can_press(self, words: str) -> bool:
        """Whether a button with these words is in sight and not grey."""
        return any(button.isEnabled() for button in self._buttons(words, self.window))

    # -- patience

    def pause(self, seconds: float = 0.05) -> None:
        """Let the program draw and answer."""
        end = time.monotonic() + seconds
        while True:
            QApplication.processEvents()
            if time.monotonic() >= end:
                return
            time.sleep(0.01)

    def wait(self, is_so: Callable[[], object], what: str) -> None:
        """Wait until something is so."""
        end = time.monotonic() + _PATIENCE_S
        while not is_so():
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: not within {_PATIENCE_S:.0f} s.")
            self.pause()

    def wait_for_quiet(self, dock: Any) -> None:
        """Wait until the dock neither reads nor computes."""
        quiet_since = time.monotonic()
        end = quiet_since + _PATIENCE_S
        while time.monotonic() - quiet_since < _QUIET_S:
            self.pause()
            if dock.controller.is_working or dock.controller.is_encoding:
                quiet_since = time.monotonic()
            if time.monotonic() > end:
                raise TimeoutError("The dock did not come to rest.")

    # -- within

    def _button(self, words: str, inside: QWidget | None) -> QAbstractButton:
        found = self._buttons(words, inside or self.window)
        if not found:
            raise LookupError(f"No button says {words!r}.")
        return found[0]

    @staticmethod
    def _buttons(words: str, inside: QWidget) -> list[QAbstractButton]:
        """Visible buttons by their text, or where they show a sign only, by what they are called aloud or in the tooltip."""
        buttons = [button for button in inside.findChildren(QAbstractButton) if button.isVisible()]
        return [b for b in buttons if words in (b.text(), b.accessibleName(), b.toolTip())]

    def _press(self, button: QAbstractButton) -> None:
        if not button.isEnabled():
            raise LookupError(f"The button {button.text()!r} is grey.")
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        self.pause()

    def _give_room(self, area: QDockWidget) -> None:
        from napari_ct_grounding.widgets.demo import give_room_to_the_canvas

        give_room_to_the_canvas(self.window, area)
        self.pause()
        self.viewer.reset_view()


@contextmanager
def opened_viewer(theme: str = "dark", size: tuple[int, int] = WINDOW, title: str = "napari") -> Iterator[Any]:
    """A napari window of a size in the corner of the screen; closed at the end."""
    import napari

    viewer = napari.Viewer(title=title, show_welcome_screen=False)
    viewer.theme = theme
    window = viewer.window._qt_window
    window.resize(*size)
    window.move(0, 0)
    QApplication.processEvents()
    try:
        yield viewer
    except Exception:
        picture = User(viewer, Path()).picture()
        stuck = Path(tempfile.gettempdir()) / "ct-grounding-stuck.png"
        picture.save(str(stuck))
        print(f"What stood on the screen when the walk ended: {stuck}", file=sys.stderr)
        raise
    finally:
        viewer.close()
        QApplication.processEvents()
