"""A list to choose from that fits into a narrow dock."""

from __future__ import annotations

from collections.abc import Hashable

from qtpy.QtCore import Qt
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QComboBox, QSizePolicy, QWidget

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

    def showPopup(self) -> None:  # noqa: N802 (Qt's name)
        """Open the list as wide as its rows, up to a limit, so that they can be told apart."""
        view = self.view()
        if view is not None:
            view.setMinimumWidth(min(view.sizeHintForColumn(0) + 32, _MAX_POPUP_WIDTH))
        super().showPopup()
