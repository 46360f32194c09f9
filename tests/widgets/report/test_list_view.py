"""The list of a report: walking, marking, editing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from qtpy.QtCore import QEvent, QItemSelectionModel, Qt
from qtpy.QtGui import QColor, QImage, QKeyEvent
from qtpy.QtWidgets import QLineEdit

from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.report.line_painter import FigureColumns
from napari_ct_grounding.widgets.report.lines import lines_of
from napari_ct_grounding.widgets.report.list_model import HERE_ROLE
from napari_ct_grounding.widgets.report.list_view import ReportListView
from napari_ct_grounding.widgets.report.rows import rows_of

REPORT = """Findings: Mass in the left hilum. No pericardial effusion. Scar in the right apex.
Cyst in the right lobe of the liver. Impression: Left hilar mass."""
#: Rows 0, 2, 4 are findings with a place; 1 is negated, 3 has none.
NOWHERE = 3


@pytest.fixture
def rows():
    return rows_of(REPORT)


def _lines(rows, result):
    z_mm = {0: -300.0, 1: -310.0, 2: -350.0, 4: -300.0}
    answers = {
        row.sentence.text: replace(
            result,
            z_mm=z_mm.get(i, 0.0),
            interval_mm=(z_mm.get(i, 0.0) - 10, z_mm.get(i, 0.0) + 10),
            has_location=i in z_mm,
        )
        for i, row in enumerate(rows)
    }
    return lines_of(rows, lambda row: answers[row.sentence.text], lambda row: None, lambda row: (), is_waiting=False)


@pytest.fixture
def view(qtbot, rows, result):
    view = ReportListView(colors_of_theme("dark"))
    qtbot.addWidget(view)
    view.resize(290, 420)
    view.set_lines(_lines(rows, result))
    view.show()
    return view


@pytest.fixture
def asked(view):
    asked = []
    view.row_requested.connect(asked.append)
    return asked


def test_up_and_down_walk_the_findings_that_have_a_place(qtbot, view, asked):
    for key in (Qt.Key.Key_Down,) * 4 + (Qt.Key.Key_Up,):
        qtbot.keyClick(view, key)
    assert asked == [0, 2, 4, 2]


def test_with_ctrl_every_sentence_is_reached_and_headings_are_skipped(qtbot, view, asked):
    for _ in range(6):
        qtbot.keyClick(view, Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
    assert asked == [0, 1, 2, 3, 4]


def test_enter_and_a_second_click_ask_again(qtbot, view, asked):
    qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    place = view.visualRect(view.currentIndex()).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert asked == [0, 0, 0]


def test_a_row_that_is_selected_from_outside_tells_nobody(view, asked):
    view.select_row(2)
    assert view.current_row() == 2
    assert not asked


def test_the_current_row_comes_first_among_the_selected(view):
    view.select_row(2)
    model = view.selectionModel()
    for row in (0, 4):
        model.select(view.lines.index(view.lines.number_of_row(row)), QItemSelectionModel.SelectionFlag.Select)
    assert view.selected_rows() == [2, 0, 4]


def test_answers_that_come_leave_selection_and_place_alone(view, rows, result, asked):
    view.select_row(2)
    view.set_lines(_lines(rows, result))
    view.set_lines([line for line in _lines(rows, result) if line.row != 1])  # the filter
    assert view.current_row() == 2
    assert not asked


def test_scrolling_marks_the_lines_whose_interval_holds_the_slice_and_touches_no_others(view):
    touched = []
    view.lines.dataChanged.connect(lambda index, _to, roles: touched.append((index.row(), list(roles))))
    view.lines.set_position(-295.0)
    view.lines.set_position(-296.0)

    def marked():
        numbers = range(view.lines.rowCount())
        return [view.lines.lines[n].row for n in numbers if view.lines.index(n).data(HERE_ROLE)]

    assert marked() == [0, 4]
    assert [roles for _, roles in touched] == [[HERE_ROLE]] * 2
    view.lines.set_position(None)
    assert marked() == []


def test_f2_edits_a_sentence_and_enter_tells_the_new_words(qtbot, view):
    view.select_row(1)
    qtbot.keyClick(view, Qt.Key.Key_F2)
    editor = view.findChild(QLineEdit)
    assert editor.text() == "No pericardial effusion."
    editor.setText("Small pericardial effusion.")
    with qtbot.waitSignal(view.lines.edited) as told:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert told.args == [1, "Small pericardial effusion."]


def test_keys_of_the_report_are_kept_from_the_window(view):
    told = []
    for name in ("undo", "redo", "paste", "copy"):
        getattr(view, f"{name}_requested").connect(lambda name=name: told.append(name))
    ctrl = Qt.KeyboardModifier.ControlModifier
    for key in (Qt.Key.Key_Z, Qt.Key.Key_Y, Qt.Key.Key_V, Qt.Key.Key_C):
        event = QKeyEvent(QEvent.Type.ShortcutOverride, key, ctrl)
        event.ignore()
        view.event(event)
        assert event.isAccepted()
        view.keyPressEvent(QKeyEvent(QEvent.Type.KeyPress, key, ctrl))
    assert told == ["undo", "redo", "paste", "copy"]


def test_delete_asks_for_the_selected_rows(qtbot, view):
    view.select_row(2)
    with qtbot.waitSignal(view.removal_requested) as told:
        qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert told.args == [[2]]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_faded_sentences_are_paler_and_the_shown_slice_has_a_bar(qtbot, view, theme):
    colors = colors_of_theme(theme)
    view.setStyleSheet(f"background: {colors.field.name()}")  # as napari's themes do
    view.set_colors(colors)
    view.lines.set_position(-300.0)
    image = QImage(view.viewport().size(), QImage.Format.Format_RGB32)
    image.fill(colors.field)
    view.viewport().render(image)

    def contrast(row):
        rect = view.visualRect(view.lines.index(view.lines.number_of_row(row)))
        ground = colors.field.lightness()
        return max(
            abs(QColor(image.pixel(x, y)).lightness() - ground)
            for x in range(20, 280)
            for y in range(rect.top(), rect.bottom())
        )

    assert contrast(0) > contrast(1)
    top = view.visualRect(view.lines.index(view.lines.number_of_row(0)))
    assert image.pixelColor(4, top.center().y()) == colors.position


def test_figures_stand_below_the_sentence_in_a_narrow_dock_and_beside_it_in_a_wide_one(view):
    narrow, wide = (FigureColumns.of_width(width, view.fontMetrics()) for width in (272, 900))
    assert not narrow.is_beside
    assert wide.is_beside
    for columns in (narrow, wide):
        edges = [edge for place in columns.figures for edge in place]
        assert edges == sorted(edges)
    assert wide.text[1] < wide.figures[0][0]


def test_a_screen_reader_hears_words_sentence_and_figures(view):
    spoken = view.lines.index(view.lines.number_of_row(1)).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith("negated: No pericardial effusion.")
    assert "\u2212310" in spoken
