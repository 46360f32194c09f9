from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from napari_ct_grounding.core.error_rows import error_rows
from napari_ct_grounding.core.localization_error import ErrorColumns, ErrorSummary
from napari_ct_grounding.widgets.localization_errors.summary_panel import (
    PICTURES,
    SummaryPanel,
    left_out_text,
    rows_text,
)
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from tests.core.localization_rows import a_row, results_of

ROWS = (
    a_row(100, 100, category="lung", scan="a"),
    a_row(130, 100, category="liver", scan="a"),
    a_row(50, scan="b"),
    a_row(None, 100, scan="b"),
    a_row(112, 100, has_location=False, scan="c", category="liver"),
    a_row(40, 800, scan="c"),
)


@pytest.fixture
def panel(qtbot):
    panel = SummaryPanel(colors_of_theme("dark"))
    qtbot.addWidget(panel)
    panel.resize(400, 500)
    panel.show()
    panel.set_columns(ErrorColumns(error_rows(results_of(*ROWS))), np.arange(6))
    return panel


def test_the_figures_say_what_they_are_taken_over_and_what_they_leave_out(panel):
    assert panel.rows.text() == "6 rows; errors of 4 sentences in 2 scans"
    assert panel.left_out.text() == (
        "Left out: 1 failed, 1 without a truth. 1 \u201cno clear location\u201d answer counts with the best guess. The rank "
        "leaves out 1 more without a profile at the truth."
    )
    assert panel.figures["median_mm"].text() == "21.0 mm"
    assert panel.figures["within_12_mm"].text() == "50.0%"
    assert panel.figures["top_rank"].text() == "33.3%"


def test_a_choice_is_told_apart_from_the_whole_file(panel):
    panel.set_columns(panel._columns, np.array([0, 1]))
    assert panel.rows.text() == "2 of 6 rows; errors of 2 sentences in 1 scan"
    panel.set_columns(panel._columns, np.array([2, 3]))
    assert panel.rows.text() == "2 of 6 rows; none has an error"
    assert {label.text() for label in panel.figures.values()} == {"\u2013"}


@pytest.mark.parametrize("which", range(len(PICTURES)))
def test_every_picture_is_painted_with_rows_and_without(panel, which):
    panel.picture.setCurrentIndex(which)
    assert panel.picture.toolTip()
    panel.grab()
    panel.set_columns(None, np.zeros(0, dtype=int))
    panel.grab()
    assert panel.rows.text() == "No file is open."


def test_a_click_on_a_point_or_a_bar_is_told(panel, qtbot):
    chosen, categories = [], []
    panel.row_chosen.connect(chosen.append)
    panel.category_chosen.connect(categories.append)
    qtbot.mouseClick(panel.scatter, Qt.MouseButton.LeftButton, pos=panel.scatter.place_of(1).toPoint())
    panel.picture.setCurrentIndex(3)
    assert [group.name for group in panel.bars.groups] == ["(no category)", "liver", "lung"]
    qtbot.mouseClick(panel.bars, Qt.MouseButton.LeftButton, pos=QPoint(150, 60))
    assert (chosen, categories) == ([1], ["liver"])


def test_a_panel_that_is_not_seen_computes_nothing_until_it_is(panel):
    panel.hide()
    panel.set_columns(panel._columns, np.array([0]))
    assert panel.rows.text() == "6 rows; errors of 4 sentences in 2 scans"
    panel.show()
    assert panel.rows.text().startswith("1 of 6 rows")


def test_words_for_one_and_for_many():
    one = ErrorSummary(1, 0, 0, 1, 1, 0, num_ranked=1)
    assert rows_text(one, 5000) == "1 of 5,000 rows; errors of 1 sentence in 1 scan"
    assert left_out_text(one) == "Left out: 0 failed, 0 without a truth."
    assert "2 \u201cno clear location\u201d answers count" in left_out_text(
        ErrorSummary(3, 0, 0, 3, 1, 2, num_ranked=3)
    )
