"""What the tab "Why" shows: the sentence, its variants with what each did to the answer, and their profiles."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QBrush, QShowEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_ct_grounding.core.counterfactuals import Effect
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.empty_hint import paint_hint
from napari_ct_grounding.widgets.why.plot import ProfilePlot

__all__ = ["COLUMNS", "LIMITS", "WhyPanel"]

COLUMNS = ("Change", "mm", "Score")

#: What the comparison does not show; always in sight.
LIMITS = "Shows what the model listens to. Not why a finding is there, nor that it is."

_EMPTY = "Ask about a sentence. Each of its words is then left out, its side, negation and organ exchanged, to see what moves."
_RESULT_ROLE = Qt.ItemDataRole.UserRole


class WhyPanel(QWidget):
    """Knows neither session nor viewer."""

    #: (sentence) Vary it.
    sentence_requested = Signal(str)
    #: (result) Draw it.
    result_chosen = Signal(object)
    #: (result) Go to its place.
    result_requested = Signal(object)
    #: The panel came into sight.
    shown = Signal()

    def __init__(self, colors: PanelColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = QLineEdit(self)
        self.edit.setPlaceholderText("Sentence to vary, then Enter")
        self.edit.setToolTip(
            "The sentence whose words are varied: the one selected last, or type another. Enter varies it."
        )
        self.edit.setAccessibleName("Sentence to vary")
        self.button = QPushButton("Vary", self)
        self.button.setToolTip("Ask about all variants of the sentence (Enter)")
        self.plot = ProfilePlot(colors, self)
        self.table = _EffectTable(colors, self)
        limits = QLabel(LIMITS, self)
        limits.setWordWrap(True)
        limits.setStyleSheet("font-size: 10px;")
        head = QHBoxLayout()
        head.addWidget(self.edit, 1)
        head.addWidget(self.button)
        middle = QHBoxLayout()
        middle.addWidget(self.plot)
        middle.addWidget(self.table, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 3, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(head)
        layout.addLayout(middle, 1)
        layout.addWidget(limits)
        self.edit.returnPressed.connect(self._on_submit)
        self.button.clicked.connect(self._on_submit)
        self.table.result_chosen.connect(self._on_chosen)
        self.table.result_requested.connect(self.result_requested)

    # -- what is shown

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self.plot.set_colors(colors)
        self.table.colors = colors
        self.table.viewport().update()

    def set_sentence(self, sentence: str) -> None:
        """Show which sentence is varied, from its beginning."""
        self.edit.setText(sentence)
        self.edit.home(False)

    def set_effects(self, original: GroundingResult | None, effects: Sequence[Effect]) -> None:
        """Show a sentence's answer and what each variant did to it."""
        self.plot.set_profiles(original, [effect.result for effect in effects])
        self.table.set_effects(original, effects)

    def set_hint(self, text: str = "") -> None:
        """Say why the table is empty; by default how to fill it."""
        self.table.hint = text or _EMPTY
        self.table.viewport().update()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802, D102 (Qt's name)
        super().showEvent(event)
        self.shown.emit()

    def _on_submit(self) -> None:
        if self.edit.text().strip():
            self.sentence_requested.emit(self.edit.text())

    def _on_chosen(self, result: GroundingResult) -> None:
        self.plot.choose(result)
        self.result_chosen.emit(result)


class _EffectTable(QTreeWidget):
    """Emits `result_chosen` when a row is clicked or reached by the arrow keys, `result_requested` on Enter or a double click."""

    result_chosen = Signal(object)
    result_requested = Signal(object)

    def __init__(self, colors: PanelColors, parent: QWidget) -> None:
        super().__init__(parent)
        self.colors = colors
        self.hint = _EMPTY
        self.setColumnCount(len(COLUMNS))
        self.setHeaderLabels(COLUMNS)
        tips = (
            "What was changed in the sentence; the tooltip of a row holds the whole variant",
            "How far (mm) the answer moved, + towards the head; \u201cno place\u201d where the variant has no clear location",
            "Change of the cosine similarity at the best place",
        )
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for column, tip in enumerate(tips):
            self.headerItem().setToolTip(column, tip)
            if column:
                self.headerItem().setTextAlignment(column, right)
        header = self.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(30)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setStyleSheet("QHeaderView::section { padding: 2px 3px; }")
        header.setSectionsMovable(False)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setStyleSheet("QTreeWidget { font-size: 11px; }")
        self.setAccessibleName("Variants of the sentence")
        self.currentItemChanged.connect(lambda item, _: self._tell(self.result_chosen, item))
        self.itemClicked.connect(lambda item, _: self._tell(self.result_chosen, item))
        self.itemDoubleClicked.connect(lambda item, _: self._tell(self.result_requested, item))

    def paintEvent(self, event: object) -> None:  # noqa: N802
        super().paintEvent(event)
        paint_hint(self, self.hint, self.colors.faded)

    def set_effects(self, original: GroundingResult | None, effects: Sequence[Effect]) -> None:
        self.blockSignals(True)
        self.clear()
        if original is not None:
            place = "0" if original.has_location else "no place"
            self._add("The sentence itself", place, f"{original.score:.2f}", original, f"{original.sentence}", True)
            for effect in effects:
                shift = _signed(effect.shift_mm, 0) if effect.result.has_location else "no place"
                score = _signed(effect.score_change, 2)
                tip = f"{effect.variant.kind}: {effect.variant.sentence}\nClick: draw it. Enter: go to its place"
                has_changed = effect.result.has_location != original.has_location
                is_far = has_changed or abs(effect.shift_mm) > original.depth_width_mm
                self._add(effect.variant.change, shift, score, effect.result, tip, is_far)
        self.blockSignals(False)

    def _add(self, change: str, shift: str, score: str, result: GroundingResult, tip: str, is_strong: bool) -> None:
        item = QTreeWidgetItem([change, shift, score])
        item.setData(0, _RESULT_ROLE, result)
        for column in range(len(COLUMNS)):
            item.setToolTip(column, tip)
            if column:
                item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if not is_strong:  # within the thickness of one depth position: no move that the model could tell
                item.setForeground(column, QBrush(self.colors.faded))
        self.addTopLevelItem(item)

    def keyPressEvent(self, event: object) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._tell(self.result_requested, self.currentItem())
        else:
            super().keyPressEvent(event)

    def _tell(self, signal: Signal, item: QTreeWidgetItem | None) -> None:
        if item is not None:
            signal.emit(item.data(0, _RESULT_ROLE))


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text.replace("-", "\u2212") if float(text) else f"{0:.{digits}f}"
