"""The list to choose from, in a narrow dock."""

from __future__ import annotations

from napari_ct_grounding.widgets.panels.chooser import Chooser


def test_a_long_name_is_cut_with_dots_and_a_short_one_is_whole(qtbot):
    chooser = Chooser("Volume", "Which CT")
    qtbot.addWidget(chooser)
    chooser.add_row("CT series 2 (Thin soft 3.0 Br36), 100 slices", "long")
    chooser.add_row("CT", "short")
    chooser.resize(160, 24)
    chooser.setCurrentIndex(0)
    assert chooser.shown_text().startswith("CT series 2")
    assert chooser.shown_text().endswith("\u2026")
    chooser.setCurrentIndex(1)
    assert chooser.shown_text() == "CT"
    assert not chooser.grab().isNull(), "it paints"


def test_without_a_choice_it_says_what_to_do(qtbot):
    chooser = Chooser("Weights", "Which model")
    qtbot.addWidget(chooser)
    chooser.setPlaceholderText("choose weights")
    chooser.add_row("bundled", "bundled")
    chooser.setCurrentIndex(-1)
    chooser.resize(200, 24)
    assert chooser.shown_text() == "choose weights"
    assert not chooser.grab().isNull(), "it paints"
