"""A list to choose from that fits into a narrow dock."""

from __future__ import annotations

from collections.abc import Hashable

from qtpy.QtCore import Qt
from qtpy.QtGui import QPaintEvent, QPalette, QStandardItemModel
from qtpy.QtWidgets import QComboBox, QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

__all__ = ["Chooser"]

_MAX_POPUP_WIDTH = 640


class Chooser(QComboBox):
    """Long names are cut with dots and do not widen the dock; a row that cannot be chosen is grey.

    Parameters
    ----------
    name : str
        For those who hear the window instead of seeing it.
    tip : str
        Tooltip of the closed list.
    parent : QWidget, optional
    """

    def __init__(self, name: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setToolTip(tip)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def add_row(self, label: str, key: Hashable, tip: str = "", *, is_enabled: bool = True) -> None:
        """Add a row at the end; one that is not enabled is grey, and its tooltip should say why."""
        self.addItem(label, key)
        row = self.count() - 1
        self.setItemData(row, tip, Qt.ItemDataRole.ToolTipRole)
        model = self.model()
        if not is_enabled and isinstance(model, QStandardItemModel):
            model.item(row).setEnabled(False)

    def row_of(self, key: Hashable) -> int:
        """Return the row of a key; -1 for none. Unlike Qt's own search, by equality in Python."""
        return next((row for row in range(self.count()) if self.itemData(row) == key), -1)

    def shown_text(self) -> str:
        """Return what stands in the closed list: the chosen name, cut with dots where it is too long; else what to do."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        width = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width()
        text = self.currentText() if self.currentIndex() >= 0 else self.placeholderText()
        return self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        """Paint as Qt does, but for the cut: napari's style breaks off in the middle of a letter."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        if self.currentIndex() < 0:
            option.palette.setBrush(QPalette.ColorRole.ButtonText, option.palette.placeholderText())
        painter.setPen(option.palette.color(QPalette.ColorRole.Text))
        option.currentText = self.shown_text()
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def showPopup(self) -> None:  # noqa: N802 (Qt's name)
        """Open the list as wide as its rows, up to a limit, so that they can be told apart."""
        view = self.view()
        if view is not None:
            view.setMinimumWidth(min(view.sizeHintForColumn(0) + 32, _MAX_POPUP_WIDTH))
        super().showPopup()
