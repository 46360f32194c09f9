"""How a line of a report is painted: the sentence, and below it the figures in columns (beside it where there is room)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QModelIndex, QPointF, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontInfo, QFontMetrics, QPainter, QPen, QTextLayout, QTextOption
from qtpy.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.report.lines import COLUMNS, ReportLine
from napari_ct_grounding.widgets.report.list_model import HERE_ROLE, LINE_ROLE

__all__ = ["FigureColumns", "LinePainter"]

#: Room (px) on the left for the bar of the shown slice and the stroke of an overlay; between columns; above and below a line.
_GUTTER, _GAP, _PADDING = 16, 6, 3
#: From this width on (px) figures stand beside the sentence.
_WIDE = 640
_MAX_TEXT_LINES = 2
#: Wrapped sentences that are kept.
_MAX_BROKEN = 1000
#: The widest that a figure can be.
_SAMPLES = ("0000", "\u22120000", "\u2212000\u2026\u2212000", "\u22120.00")

_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


@dataclass(frozen=True)
class FigureColumns:
    """Where sentence and figures stand in a line of a given width.

    Parameters
    ----------
    text : tuple of float
        (left, right) of the sentence.
    figures : tuple of (left, right)
        One for each of `COLUMNS`.
    is_beside : bool
        Whether figures stand beside the sentence; else below it.
    """

    text: tuple[float, float]
    figures: tuple[tuple[float, float], ...]
    is_beside: bool

    @classmethod
    def of_width(cls, width: float, metrics: QFontMetrics) -> FigureColumns:
        """Lay out a line.

        Parameters
        ----------
        width : float
        metrics : QFontMetrics
            Of the figures' font.
        """
        widths = [metrics.horizontalAdvance(sample) + _GAP for sample in _SAMPLES]
        is_beside = width >= _WIDE
        reference = max(metrics.horizontalAdvance(COLUMNS[-1]) + 2 * _GAP, width * 0.24 if is_beside else 0)
        left = width - sum(widths) - reference - _GAP if is_beside else float(_GUTTER)
        places = []
        for column in widths:
            places.append((left, left + column))
            left += column
        places.append((left + _GAP, width - 4))
        text = (float(_GUTTER), places[0][0] - _GAP if is_beside else width - 4)
        return cls(text, tuple(places), is_beside)


class LinePainter(QStyledItemDelegate):
    """Paints `ReportLine`s and edits their sentences."""

    def __init__(self, colors: PanelColors, view: QWidget) -> None:
        super().__init__(view)
        self._view = view
        self.colors = colors
        self._broken: dict[
            tuple[str, str, float], list[str]
        ] = {}  # wrapped sentences: scrolling paints them again and again
        #: Strokes of the sentences that lie over the one shown on the strip, by row of the report.
        self.strokes: dict[int, QPen] = {}

    def figure_font(self) -> QFont:
        """The font of figures: a little smaller, so that an interval fits into a narrow dock."""
        font = QFont(self._view.font())
        font.setPixelSize(max(9, QFontInfo(font).pixelSize() - 1))
        return font

    def columns(self) -> FigureColumns:
        """Where things stand at the view's present width."""
        return FigureColumns.of_width(self._view.viewport().width(), QFontMetrics(self.figure_font()))

    def _text_lines(self, line: ReportLine, columns: FigureColumns) -> list[str]:
        font, width = self._view.font(), columns.text[1] - columns.text[0]
        key = (_prefixed(line), font.key(), width)
        if key not in self._broken:
            if len(self._broken) > _MAX_BROKEN:
                self._broken.clear()  # the dock was drawn to many widths
            self._broken[key] = _wrapped(_prefixed(line), font, width)
        return self._broken[key]

    # -- size

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802, D102
        line: ReportLine = index.data(LINE_ROLE)
        width = self._view.viewport().width()
        height = QFontMetrics(self._view.font()).height()
        if line.row is None:
            return QSize(width, height + 3 * _PADDING)
        columns = self.columns()
        num_lines = len(self._text_lines(line, columns))
        figures = 0 if columns.is_beside else QFontMetrics(self.figure_font()).height() + 1
        return QSize(width, num_lines * height + figures + 2 * _PADDING)

    # -- painting

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:  # noqa: D102
        line: ReportLine = index.data(LINE_ROLE)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(QPointF(option.rect.topLeft()))
        rect = QRectF(0, 0, option.rect.width(), option.rect.height())
        if line.row is None:
            self._paint_heading(painter, rect, line)
        else:
            self._paint_ground(painter, rect, option.state, is_here=index.data(HERE_ROLE))
            self._paint_sentence(painter, rect, line)
        painter.restore()

    def _paint_heading(self, painter: QPainter, rect: QRectF, line: ReportLine) -> None:
        font = QFont(self._view.font())
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(self.colors.text)
        painter.drawText(rect.adjusted(4, _PADDING, -4, 0), _LEFT, line.text)
        painter.setPen(QPen(self.colors.line, 1))
        painter.drawLine(QPointF(4, rect.bottom() - 1), QPointF(rect.right() - 4, rect.bottom() - 1))

    def _paint_ground(self, painter: QPainter, rect: QRectF, state: Any, *, is_here: bool) -> None:
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, self.colors.selection)
        elif state & QStyle.StateFlag.State_MouseOver:
            ground = QColor(self.colors.selection)
            ground.setAlpha(90)
            painter.fillRect(rect, ground)
        if is_here:
            painter.fillRect(QRectF(2, 2, 4, rect.height() - 4), self.colors.position)

    def _paint_sentence(self, painter: QPainter, rect: QRectF, line: ReportLine) -> None:
        columns = self.columns()
        metrics = QFontMetrics(self._view.font())
        color = self.colors.faded if line.is_faded else self.colors.text
        painter.setFont(self._view.font())
        painter.setPen(color)
        left, right = columns.text
        top = rect.top() + _PADDING
        for text in self._text_lines(line, columns):
            painter.drawText(QRectF(left, top, right - left, metrics.height()), _LEFT, text)
            top += metrics.height()
        figures = QFontMetrics(self.figure_font())
        row_top = rect.top() + _PADDING if columns.is_beside else top + 1
        self._paint_figures(painter, QRectF(0, row_top, rect.width(), figures.height()), columns, line)

    def _paint_figures(self, painter: QPainter, row: QRectF, columns: FigureColumns, line: ReportLine) -> None:
        painter.setFont(self.figure_font())
        metrics = painter.fontMetrics()
        stroke = self.strokes.get(-1 if line.row is None else line.row)
        if stroke is not None:
            painter.setPen(stroke)
            y = row.center().y()
            painter.drawLine(QPointF(8, y), QPointF(_GUTTER + 6, y))
        color = self.colors.faded if line.is_faded else self.colors.text
        painter.setPen(color)
        for (left, right), figure in zip(columns.figures, line.figures, strict=False):
            painter.drawText(QRectF(left, row.top(), right - left, row.height()), _RIGHT, figure)
        if line.remark:
            left, right = columns.figures[0][0], columns.figures[-2][1]
            painter.setPen(self.colors.faded)
            painter.drawText(QRectF(left + 2, row.top(), right - left, row.height()), _LEFT, line.remark)
        if line.reference:
            left, right = columns.figures[-1]
            text = metrics.elidedText(line.reference, Qt.TextElideMode.ElideRight, int(right - left))
            painter.setPen(color)
            painter.drawText(QRectF(left, row.top(), right - left, row.height()), _LEFT, text)

    # -- editing

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex) -> QWidget:  # noqa: N802, D102
        editor = QLineEdit(parent)
        editor.setToolTip("Enter: take these words, and look for their place. Esc: leave the sentence as it was")
        editor.setAccessibleName("Sentence of the report")
        return editor

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: QModelIndex) -> None:  # noqa: N802, D102
        height = min(option.rect.height(), editor.sizeHint().height())
        editor.setGeometry(QRect(option.rect.left(), option.rect.top(), option.rect.width(), height))


def _prefixed(line: ReportLine) -> str:
    return f"{', '.join(line.words)} \u00b7 {line.text}" if line.words else line.text


def _wrapped(text: str, font: QFont, width: float) -> list[str]:
    """Break a text into at most two lines of some width (px); what is left over is elided."""
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.beginLayout()
    starts: list[int] = []
    while len(starts) <= _MAX_TEXT_LINES and (line := layout.createLine()).isValid():
        line.setLineWidth(max(width, 20.0))
        starts.append(line.textStart())
    layout.endLayout()
    parts = [text[a:b].strip() for a, b in zip(starts, [*starts[1:], len(text)], strict=True)][: _MAX_TEXT_LINES - 1]
    if len(starts) >= _MAX_TEXT_LINES:
        rest = text[starts[_MAX_TEXT_LINES - 1] :].strip()
        parts.append(QFontMetrics(font).elidedText(rest, Qt.TextElideMode.ElideRight, int(max(width, 20.0))))
    return parts or [""]
