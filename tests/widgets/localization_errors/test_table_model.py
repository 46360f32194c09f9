from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QAbstractItemModelTester

from napari_ct_grounding.core.error_rows import error_rows
from napari_ct_grounding.widgets.localization_errors.notes import CaseNote
from napari_ct_grounding.widgets.localization_errors.row_filter import RowFilter
from napari_ct_grounding.widgets.localization_errors.table_model import COLUMNS, number_text
from napari_ct_grounding.widgets.localization_errors.table_view import EMPTY_HINT, ErrorTable
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from tests.core.localization_rows import a_row, many_rows, results_of

NAMES = [column.name for column in COLUMNS]
ROWS = error_rows(
    results_of(
        a_row(105, 100, sentence="beta", category="lung"),
        a_row(None, 100, sentence="alpha"),
        a_row(160, 100, sentence="delta", category="liver"),
        a_row(50, sentence="gamma"),
        a_row(105, 100, sentence="Echo"),
    )
)
UP, DOWN = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder


@pytest.fixture
def table(qtbot):
    table = ErrorTable(colors_of_theme("dark"))
    qtbot.addWidget(table)
    table.rows.set_rows(ROWS, [CaseNote()] * len(ROWS))
    return table


def texts(table, name):
    return [table.rows.index(place, NAMES.index(name)).data() for place in range(table.rows.rowCount())]


def test_the_model_keeps_the_rules_of_qt(table):
    tester = QAbstractItemModelTester(table.rows)
    table.rows.set_note(2, CaseNote("fine"))
    table.rows.set_filter(RowFilter(text="a"))
    table.rows.sort(NAMES.index("Sentence"), DOWN)
    table.rows.set_rows(ROWS[:2], [CaseNote()] * 2)
    assert tester.model() is table.rows
    assert table.rows.rowCount() == 2


def test_the_worst_comes_first_and_rows_without_an_error_last_whichever_way(table):
    assert texts(table, "Sentence") == ["delta", "beta", "Echo", "alpha", "gamma"]
    table.rows.sort(NAMES.index("Error mm"), UP)
    assert texts(table, "Error mm") == ["5.0", "5.0", "60.0", "\u2013", "\u2013"]
    assert texts(table, "Sentence")[:2] == ["beta", "Echo"], "the order of the file among equals"


def test_words_are_sorted_without_regard_to_case_and_empty_ones_last(table):
    table.rows.sort(NAMES.index("Sentence"), UP)
    assert texts(table, "Sentence") == ["alpha", "beta", "delta", "Echo", "gamma"]
    table.rows.sort(NAMES.index("Category"), UP)
    assert texts(table, "Category") == ["liver", "lung", "", "", ""]
    table.rows.sort(NAMES.index("Category"), DOWN)
    assert texts(table, "Category") == ["lung", "liver", "", "", ""]


def test_every_column_can_be_sorted_both_ways_and_loses_no_row(table):
    for column in range(len(COLUMNS)):
        for order in (UP, DOWN):
            table.rows.sort(column, order)
            assert sorted(table.rows.shown.tolist()) == list(range(len(ROWS)))


def test_a_filter_hides_rows_and_the_mapping_follows(table):
    table.choose(4)
    table.set_filter(RowFilter(text="ta", low_mm=0.0))
    assert table.current_number() is None
    assert table.rows.shown.tolist() == [2, 0]
    assert table.rows.place_of(0) == 1
    assert table.rows.place_of(4) is None
    assert not table.choose(4)
    assert table.choose(0)
    assert table.current_number() == 0


def test_a_tagged_row_stays_where_it_is_until_the_next_sort(table):
    table.rows.sort(NAMES.index("Tag"), UP)
    before = table.rows.shown.tolist()
    table.rows.set_note(before[-1], CaseNote("fine", "why"))
    assert texts(table, "Tag")[-1] == "fine"
    assert texts(table, "Note")[-1] == "why"
    table.rows.sort(NAMES.index("Tag"), UP)
    assert texts(table, "Tag")[0] == "fine"


def test_steps_stop_at_the_ends_and_letters_search_nothing(table, qtbot):
    table.show()
    table.step(1)
    assert table.currentIndex().row() == 0
    table.step(-1)
    assert table.currentIndex().row() == 0
    qtbot.keyClick(table, Qt.Key.Key_G)
    assert table.currentIndex().row() == 0
    table.step(99)
    assert table.currentIndex().row() == len(ROWS) - 1


def test_number_keys_ask_for_tags_and_enter_for_the_scan(table, qtbot):
    table.show()
    table.step(1)
    tags, opened = [], []
    table.tag_requested.connect(tags.append)
    table.opening_requested.connect(opened.append)
    qtbot.keyClick(table, Qt.Key.Key_2)
    qtbot.keyClick(table, Qt.Key.Key_0)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert tags == ["truth is wrong", ""]
    assert opened == [table.current_number()]


def test_rows_that_failed_or_whose_scan_is_missing_are_faded_and_say_why(table):
    def look(number, role):
        return table.rows.data(table.rows.index(table.rows.place_of(number), 1), role)

    assert look(1, Qt.ItemDataRole.ForegroundRole) is not None
    assert "The scan cannot be read." in look(1, Qt.ItemDataRole.ToolTipRole)
    assert look(0, Qt.ItemDataRole.ForegroundRole) is None
    table.rows.set_missing(np.array([True, False, False, False, False]))
    assert look(0, Qt.ItemDataRole.ForegroundRole) is not None
    assert "was not found" in look(0, Qt.ItemDataRole.ToolTipRole)


def test_the_current_row_stays_current_when_the_order_changes(table):
    told = []
    table.row_chosen.connect(told.append)
    table.choose(3)
    table.horizontalHeader().setSortIndicator(NAMES.index("Sentence"), UP)
    assert texts(table, "Sentence") == ["alpha", "beta", "delta", "Echo", "gamma"]
    assert table.current_number() == 3
    table.set_filter(RowFilter(text="gamma"))
    assert table.current_number() == 3
    assert told == [3]


def test_an_empty_table_says_how_to_make_a_file():
    assert "ct-grounding batch" in EMPTY_HINT
    assert "demo case" in EMPTY_HINT


def test_thousands_of_rows_are_ranked_like_python_sorts_them(qtbot):
    rows = error_rows(results_of(*many_rows(600)))
    table = ErrorTable(colors_of_theme("dark"))
    qtbot.addWidget(table)
    table.rows.set_rows(rows, [CaseNote()] * len(rows))
    table.rows.set_filter(RowFilter(low_mm=0.0))
    table.rows.sort(0, DOWN)
    expected = sorted((row for row in rows if row.error_mm is not None), key=lambda row: -row.error_mm)
    assert [rows[number].number for number in table.rows.shown] == [row.number for row in expected]


@pytest.mark.parametrize(("value", "text"), [(None, "\u2013"), (float("nan"), "\u2013"), (-3.26, "\u22123.3")])
def test_numbers_have_a_true_minus_and_none_is_a_dash(value, text):
    assert number_text(value, 1) == text
