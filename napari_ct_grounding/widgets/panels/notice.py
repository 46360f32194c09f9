"""Notices inside the dock: what is wrong or missing, and the button that mends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from napari_ct_grounding.widgets.panels.colors import PanelColors

__all__ = ["NoticeBoard"]

Action = tuple[str, Callable[[], None]]


class NoticeBoard(QWidget):
    """Notices one below the other, each under a key; the newest text of a key replaces the older."""

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self._notices: dict[str, QFrame] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self._colors = colors
        for frame in self._notices.values():
            self._dress(frame)

    def show_notice(
        self,
        key: str,
        text: str,
        actions: Sequence[Action] = (),
        *,
        is_warning: bool = True,
        is_closable: bool = False,
    ) -> None:
        """Show a notice; every action is a button that also takes the notice away, as does the cross of a closable one."""
        self.remove_notice(key)
        frame = QFrame(self)
        frame.setObjectName("ct_grounding_notice")
        frame.setProperty("is_warning", is_warning)
        layout = QVBoxLayout(frame)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.setSpacing(4)
        label = QLabel(text, frame)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        head = QHBoxLayout()
        head.addWidget(label, 1)
        if is_closable:
            cross = QToolButton(frame)
            cross.setText("\u00d7")
            cross.setAutoRaise(True)
            cross.setToolTip("Close this notice")
            cross.setAccessibleName("Close this notice")
            cross.clicked.connect(lambda: self.remove_notice(key))
            head.addWidget(cross, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(head)
        if actions:
            row = QHBoxLayout()
            row.setSpacing(6)
            for name, callback in actions:
                button = QPushButton(name, frame)
                button.clicked.connect(lambda _=False, run=callback: self._run(key, run))
                row.addWidget(button)
            row.addStretch(1)
            layout.addLayout(row)
        self._notices[key] = frame
        self._dress(frame)
        self.layout().addWidget(frame)
        self.show()

    def set_text(self, key: str, text: str) -> None:
        """Change the words of a notice that is there; its buttons stay as they are, under the pointer."""
        frame = self._notices.get(key)
        if frame is not None:
            frame.findChild(QLabel).setText(text)

    def remove_notice(self, key: str) -> None:
        """Take a notice away, if it is there."""
        frame = self._notices.pop(key, None)
        if frame is not None:
            frame.hide()
            self.layout().removeWidget(frame)
            frame.deleteLater()
        self.setVisible(bool(self._notices))

    def text_of(self, key: str) -> str | None:
        """What a notice says; None when it is not there."""
        frame = self._notices.get(key)
        return None if frame is None else frame.findChild(QLabel).text()

    def press(self, key: str, name: str) -> None:
        """Press a button of a notice."""
        buttons = {button.text(): button for button in self._notices[key].findChildren(QPushButton)}
        buttons[name].click()

    def _run(self, key: str, callback: Callable[[], None]) -> None:
        self.remove_notice(key)
        callback()

    def _dress(self, frame: QFrame) -> None:
        edge = self._colors.warning if frame.property("is_warning") else self._colors.position
        frame.setStyleSheet(
            f"QFrame#ct_grounding_notice {{ border: none; border-left: 3px solid {edge.name()}; border-radius: 2px; "
            f"background: {self._colors.field.name()}; }} QFrame#ct_grounding_notice QLabel {{ background: transparent; }}"
        )
