from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_ct_grounding.core.error_rows import error_rows
from napari_ct_grounding.widgets.localization_errors.detail_panel import DetailPanel
from napari_ct_grounding.widgets.localization_errors.notes import CaseNote
from napari_ct_grounding.widgets.localization_errors.row_words import fact_texts, runner_ups
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from tests.core.localization_rows import a_row, results_of

HIT, MISS, FAILED, UNKNOWN, VAGUE = error_rows(
    results_of(
        a_row(102, (90, 110), category="lung"),
        a_row(102, (190, 200), second_mm=198.0),
        a_row(None, 5),
        a_row(30),
        a_row(30, 60, has_location=False),
    )
)


@pytest.fixture
def panel(qtbot):
    panel = DetailPanel(colors_of_theme("dark"))
    qtbot.addWidget(panel)
    panel.resize(400, 260)
    panel.show()
    return panel


def test_a_row_is_told_in_words():
    assert fact_texts(HIT) == (
        "0.0 mm, in the truth",
        "102.0 mm, slice 34",
        "90.0 to 110.0 mm",
        "90 to 114 mm, meets truth",
        "1 of 20 positions",
    )
    assert fact_texts(MISS, 12) == (
        "88.0 mm, too low",
        "102.0 mm, image 12",
        "190.0 to 200.0 mm",
        "90 to 114 mm, misses truth",
        "2 of 20 positions",
    )
    assert fact_texts(FAILED) == ("not known: failed", "\u2013", "5.0 mm", "\u2013", "\u2013")
    assert fact_texts(UNKNOWN)[0] == "not known: no truth"
    assert fact_texts(VAGUE)[1] == "no clear location; 30.0 mm, slice 10"
    assert set(fact_texts(None)) == {"\u2013"}


def test_runner_ups_are_peaks_outside_the_answers_own_interval():
    assert runner_ups(HIT) == []
    ((z_mm, text),) = runner_ups(MISS)
    assert z_mm == 198
    assert text.endswith("similarity 0.30, in the true range")
    far = replace(MISS, truth_mm=(30.0, 40.0))
    assert runner_ups(far)[0][1].endswith("158 mm from the truth")


def test_depth_positions_are_named_as_such():
    row = replace(MISS, is_in_world=False)
    assert fact_texts(row)[1:4] == ("depth position 8 from below", "depth position 15 from below", "\u2013")


def test_the_strip_shows_profile_truth_and_runner_up(panel):
    panel.show_row(MISS, (0.0, 240.0))
    assert panel.strip.result is MISS.prediction
    assert [(mark.kind, mark.z_lo_mm, mark.z_hi_mm) for mark in panel.strip.marks] == [
        ("peak", 198, 198),
        ("truth", 190, 200),
    ]
    panel.show_row(None)
    assert panel.strip.result is None
    assert panel.strip.marks == ()


@pytest.mark.parametrize("row", [HIT, MISS, FAILED, UNKNOWN, VAGUE, None])
def test_every_kind_of_row_is_shown_open_and_not(panel, row):
    for options in ({}, {"is_open": True, "extent_mm": (0.0, 240.0)}, {"is_missing": True}):
        panel.show_row(row, **options)
        panel.grab()
    unknown_length = None if row is None or row.prediction is None else replace(
        row, prediction=replace(row.prediction, covered_mm=(np.nan, np.nan))
    )  # fmt: skip
    panel.show_row(unknown_length)
    panel.grab()


def test_places_can_be_asked_for_once_the_scan_is_open(panel):
    asked = []
    panel.z_requested.connect(asked.append)
    panel.show_row(MISS)
    for button in (panel.to_answer, panel.to_truth, panel.peaks[0]):
        button.click()
    panel.ask_for_truth()
    assert asked == []
    panel.show_row(MISS, (0.0, 240.0), is_open=True)
    for button in (panel.to_answer, panel.to_truth, panel.peaks[0]):
        button.click()
    assert asked == [102, 195, 198]
    assert panel.peaks[1].isHidden()


def test_what_is_typed_belongs_to_the_row_it_was_typed_for(panel):
    told = []
    panel.note_changed.connect(lambda tag, text: told.append((panel.row.number, tag, text)))
    panel.show_row(HIT)
    panel.show_note(CaseNote("fine", "old"))
    panel.note.setText("new ")
    panel.show_row(MISS)
    panel.show_note(CaseNote())
    assert told == [(1, "fine", "new")]
    panel.take_note()
    assert len(told) == 1


def test_a_failed_row_says_why(panel):
    panel.show_row(FAILED, is_missing=True)
    assert panel.message.text() == "Failed: The scan cannot be read."
    assert panel.open_button.text() == "Not found"
    assert not panel.open_button.isEnabled()
