"""What the tab "Here" shows: a ruler of landmarks, the phrases nearest to this slice, and a line to add one."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QAbstractListModel, QModelIndex, QPoint, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QShowEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from napari_ct_grounding.core.phrase_ranking import PhraseAtDepth
from napari_ct_grounding.widgets.here.phrase_bank import LANGUAGES
from napari_ct_grounding.widgets.here.ruler import Ruler
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.empty_hint import paint_hint

__all__ = ["NUM_PHRASES", "HerePanel"]

#: How many phrases are listed.
NUM_PHRASES = 12

_ROW_ROLE = Qt.ItemDataRole.UserRole
_EXPLANATION = (
    "Phrases of the bank that point to this slice more than to the rest of the scan, by the similarities that the model gave.\n"
    "\u00d79: nine times as much of the phrase's similarity lies here as if it were spread evenly over the scan.\n"
    "Bar: this slice against the phrase's own best slice.\n"
    "It does not say that a finding is there: every phrase has a best slice. Phrases without a clear location are left out."
)


class HerePanel(QWidget):
    """Knows neither session nor viewer."""

    #: (phrase) Draw its profile.
    phrase_chosen = Signal(str)
    #: (phrase) Go to its best slice.
    phrase_requested = Signal(str)
    #: (phrase) Take it into the bank.
    phrase_added = Signal(str)
    #: (phrase) Take it out of the bank.
    phrase_removed = Signal(str)
    #: Bring removed phrases of the package back.
    restoring_requested = Signal()
    #: (code)
    language_chosen = Signal(str)
    #: Go on with what was stopped.
    going_on_requested = Signal()
    #: The panel came into sight.
    shown = Signal()

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ruler = Ruler(colors, self)
        self.title = QLabel(self)
        self.language = QComboBox(self)
        for code, name in LANGUAGES:
            self.language.addItem(code.upper(), code)
            self.language.setItemData(self.language.count() - 1, name, Qt.ItemDataRole.ToolTipRole)
        self.language.setToolTip("Language of the phrases that come with the program: English or German")
        self.language.setAccessibleName("Language of the phrases")
        self.list = _PhraseList(colors, self)
        self.list.setToolTip(_EXPLANATION)
        self.add_edit = QLineEdit(self)
        self.add_edit.setPlaceholderText("Add a phrase, then Enter")
        self.add_edit.setToolTip("Your own phrase, kept for later scans. Delete in the list takes a phrase out.")
        self.add_edit.setAccessibleName("Add a phrase")
        self.state = QLabel(self)
        self.state.setWordWrap(True)
        self.go_on = QPushButton("Go on", self)
        self.go_on.setToolTip("Compare the rest of the phrases with the scan")
        self._lay_out()
        self.language.activated.connect(lambda _: self.language_chosen.emit(self.language.currentData()))
        self.add_edit.returnPressed.connect(self._on_add)
        self.go_on.clicked.connect(self.going_on_requested)
        self.list.phrase_chosen.connect(self.phrase_chosen)
        self.list.phrase_requested.connect(self.phrase_requested)
        self.list.removal_requested.connect(self.phrase_removed)
        self.list.restoring_requested.connect(self.restoring_requested)
        self.set_state("", can_go_on=False)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.language)
        foot = QHBoxLayout()
        foot.addWidget(self.state, 1)
        foot.addWidget(self.go_on)
        column = QVBoxLayout()
        column.setSpacing(3)
        column.addLayout(head)
        column.addWidget(self.list, 1)
        column.addLayout(foot)
        column.addWidget(self.add_edit)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 3, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.ruler)
        layout.addLayout(column, 1)
        self.title.setText("On this slice")
        self.title.setToolTip(_EXPLANATION)

    # -- what is shown

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self.ruler.set_colors(colors)
        self.list.set_colors(colors)

    def set_phrases(self, rows: Sequence[PhraseAtDepth]) -> None:
        """Show the phrases nearest to the slice, best first."""
        self.list.set_rows(rows)

    def set_hint(self, text: str) -> None:
        """Say why the list is empty, for as long as it is."""
        self.list.set_hint(text)

    def set_state(self, text: str, *, can_go_on: bool) -> None:
        """Say how far the comparison is, below the list; nothing once it is done."""
        self.state.setText(text)
        self.state.setVisible(bool(text))
        self.go_on.setVisible(can_go_on)

    def set_language(self, code: str) -> None:
        """Show which language is chosen, and tell nobody."""
        self.language.setCurrentIndex(max(0, self.language.findData(code)))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802, D102 (Qt's name)
        super().showEvent(event)
        self.shown.emit()

    def _on_add(self) -> None:
        phrase = self.add_edit.text().strip()
        if phrase:
            self.add_edit.clear()
            self.phrase_added.emit(phrase)


class _Rows(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: tuple[PhraseAtDepth, ...] = ()

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.phrase
        if role == Qt.ItemDataRole.ToolTipRole:
            share = f"\u00d7{row.concentration:.1f}; {row.share_of_best:.0%} of its best slice"
            return f"{row.phrase} {share}.\nClick: draw its profile. Enter: go to its best slice.\n\n{_EXPLANATION}"
        return row if role == _ROW_ROLE else None

    def set_rows(self, rows: Sequence[PhraseAtDepth]) -> None:
        if len(rows) == len(self.rows):
            self.rows = tuple(rows)
            self.dataChanged.emit(self.index(0), self.index(max(0, len(rows) - 1)))
        else:
            self.beginResetModel()
            self.rows = tuple(rows)
            self.endResetModel()


class _PhraseList(QListView):
    phrase_chosen = Signal(str)
    phrase_requested = Signal(str)
    removal_requested = Signal(str)
    restoring_requested = Signal()

    def __init__(self, colors: PanelColors, parent: QWidget) -> None:
        super().__init__(parent)
        self._delegate = _RowDelegate(colors, self)
        self._rows = _Rows(self)
        self._hint = ""
        self.setModel(self._rows)
        self.setItemDelegate(self._delegate)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAccessibleName("Phrases nearest to this slice")
        self.selectionModel().currentChanged.connect(self._on_current)
        self.clicked.connect(lambda index: self._tell(self.phrase_chosen, index))
        self.activated.connect(lambda index: self._tell(self.phrase_requested, index))
        self.customContextMenuRequested.connect(self._on_menu)

    def set_colors(self, colors: PanelColors) -> None:
        self._delegate.colors = colors
        self.viewport().update()

    def set_hint(self, text: str) -> None:
        if text != self._hint:
            self._hint = text
            self.viewport().update()

    def set_rows(self, rows: Sequence[PhraseAtDepth]) -> None:
        """Show other rows; what was selected is not, as its row holds another phrase now."""
        if tuple(rows) == self._rows.rows:
            return
        if self.currentIndex().isValid():
            self.selectionModel().reset()  # tells nobody
        self._rows.set_rows(rows)

    def paintEvent(self, event: object) -> None:  # noqa: N802
        super().paintEvent(event)
        paint_hint(self, self._hint, self._delegate.colors.faded)

    def keyPressEvent(self, event: object) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._tell(self.removal_requested, self.currentIndex())
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._tell(self.phrase_requested, self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _on_current(self, index: QModelIndex, _previous: QModelIndex) -> None:
        if self.hasFocus():
            self._tell(self.phrase_chosen, index)

    def _on_menu(self, position: QPoint) -> None:
        menu = QMenu(self)
        index = self.indexAt(position)
        if index.isValid():
            menu.addAction("Go to its best slice").triggered.connect(lambda: self._tell(self.phrase_requested, index))
            menu.addAction("Take out of the bank").triggered.connect(lambda: self._tell(self.removal_requested, index))
        menu.addAction("Bring back phrases taken out").triggered.connect(self.restoring_requested)
        menu.exec(self.viewport().mapToGlobal(position))

    def _tell(self, signal: Signal, index: QModelIndex) -> None:
        if index.isValid():
            signal.emit(index.data())


class _RowDelegate(QStyledItemDelegate):
    """Paints phrase, bar and figure."""

    def __init__(self, colors: PanelColors, parent: QWidget) -> None:
        super().__init__(parent)
        self.colors = colors

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802
        return QSize(80, option.fontMetrics.height() + 4)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        row: PhraseAtDepth = index.data(_ROW_ROLE)
        rect = QRectF(option.rect)
        metrics = option.fontMetrics
        painter.save()
        if option.state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_Selected):
            ground = QColor(self.colors.selection)
            ground.setAlpha(110)
            painter.fillRect(rect, ground)
        bar = QRectF(rect.left(), rect.top() + 1, rect.width() * row.share_of_best, rect.height() - 2)
        shade = QColor(self.colors.accent)
        shade.setAlpha(70)
        painter.fillRect(bar, shade)
        painter.fillRect(QRectF(bar.left(), bar.bottom() - 1, bar.width(), 1), self.colors.accent)
        painter.setPen(self.colors.text)
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        figure = f"\u00d7{row.concentration:.0f}"
        painter.drawText(rect.adjusted(0, 0, -4, 0), middle | int(Qt.AlignmentFlag.AlignRight), figure)
        figure_width = metrics.horizontalAdvance("\u00d788") + 8
        name = QRectF(rect.left() + 4, rect.top(), rect.width() - figure_width - 4, rect.height())
        text = metrics.elidedText(row.phrase, Qt.TextElideMode.ElideRight, int(name.width()))
        painter.drawText(name, middle, text)
        painter.restore()
