"""The panel of diseases: what each figure is, own prompts, keys."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

from napari_ct_grounding.core.diseases import CHEST_DISEASES, CT_RATE_DISEASES
from napari_ct_grounding.core.results import DiseaseScore
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.disease_panel import DiseasePanel, bar_share, figure_text


@pytest.fixture
def panel(qtbot):
    panel = DiseasePanel(colors_of_theme("dark"))
    qtbot.addWidget(panel)
    panel.resize(280, 400)
    panel.show()
    return panel


def _names(panel):
    return [panel.list.item(row).text() for row in range(panel.list.count())]


def test_diseases_are_listed_and_a_click_asks_for_one(qtbot, panel):
    panel.set_scores([DiseaseScore("Emphysema", 0.7), DiseaseScore("Lymphadenopathy", 0.4)], holds_chest=True)
    with qtbot.waitSignal(panel.disease_requested) as asked:
        place = panel.list.visualItemRect(panel.list.item(0)).center()
        qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert asked.args == ["Emphysema"]


def test_the_arrow_keys_and_enter_ask_for_one(qtbot, panel):
    panel.set_scores([DiseaseScore("Emphysema", 0.7), DiseaseScore("Lymphadenopathy", 0.4)], holds_chest=True)
    panel.list.setCurrentRow(0)
    qtbot.keyClick(panel.list, Qt.Key.Key_Down)
    with qtbot.waitSignal(panel.disease_requested) as asked:
        qtbot.keyClick(panel.list, Qt.Key.Key_Return)
    assert asked.args == ["Lymphadenopathy"]


def test_chest_diseases_are_greyed_and_explained_when_there_is_no_chest(panel):
    panel.set_own(["Emphysema of the gallbladder"])
    scores = [DiseaseScore(name, 0.6) for name in (*CT_RATE_DISEASES, "Emphysema of the gallbladder")]
    panel.set_scores(scores, holds_chest=False)
    items = [panel.list.item(row) for row in range(panel.list.count())]
    greyed = {item.text() for item in items if not item.flags() & Qt.ItemFlag.ItemIsEnabled}
    assert greyed == CHEST_DISEASES, "of an own prompt nothing is known, so nothing is said"
    assert all("no chest" in item.toolTip() for item in items if item.text() in greyed)
    asked = []
    panel.disease_requested.connect(asked.append)
    panel.list.ask_for(items[-1])
    assert asked == []


@pytest.mark.parametrize(
    ("entry", "figure", "head", "tip"),
    [
        (DiseaseScore("x", 0.512), "0.512", "Score, no probability", "Not a probability"),
        (DiseaseScore("x", 0.512, None, 87.2), "P87", "Rank among reference scans", "87 % of the scans"),
        (DiseaseScore("x", 0.512, 0.34, 87.2), "34%", "Probability, calibrated", "more likely than not"),
    ],
)
def test_head_figure_and_tooltip_say_what_a_figure_is(panel, entry, figure, head, tip):
    panel.set_scores([entry], holds_chest=True)
    assert figure_text(entry) == figure
    assert panel.head.text().startswith(head)
    assert tip in panel.head.toolTip()
    assert tip in panel.list.item(0).toolTip()


def test_two_kinds_of_figures_are_both_named_and_not_mixed_in_the_order(panel):
    scores = [DiseaseScore("plain", 0.9), DiseaseScore("low", 0.5, 0.1), DiseaseScore("high", 0.4, 0.8)]
    panel.set_scores(scores, holds_chest=True)
    assert _names(panel) == ["high", "low", "plain"]
    assert panel.head.text() == "Probability; else score"


def test_bars_of_scores_start_at_one_half_and_of_the_others_at_zero():
    assert bar_share(DiseaseScore("x", 0.5), 0.1) == 0
    assert bar_share(DiseaseScore("x", 0.45), 0.1) == pytest.approx(-0.5)
    assert bar_share(DiseaseScore("x", 0.45, 0.8), 0.1) == 0.8
    assert bar_share(DiseaseScore("x", 0.45, None, 25.0), 0.1) == 0.25


def test_own_prompts_are_added_with_enter_stand_first_and_go_with_delete(qtbot, panel):
    added, removed = [], []
    panel.prompt_added.connect(added.append)
    panel.prompt_removed.connect(removed.append)
    qtbot.keyClicks(panel.add_edit, " Rib fracture ")
    qtbot.keyClick(panel.add_edit, Qt.Key.Key_Return)
    assert added == ["Rib fracture"]
    assert panel.add_edit.text() == ""
    panel.set_own(["Rib fracture"])
    panel.set_scores([DiseaseScore("Emphysema", 0.7), DiseaseScore("Rib fracture", 0.4)], holds_chest=True)
    assert _names(panel) == ["Rib fracture", "Emphysema"]
    for row in (1, 0):
        panel.list.setCurrentRow(row)
        qtbot.keyClick(panel.list, Qt.Key.Key_Delete)
    assert removed == ["Rib fracture"], "the 18 stay"


def test_the_row_that_was_chosen_stays_chosen_when_scores_come_in(panel):
    scores = [DiseaseScore("Emphysema", 0.7), DiseaseScore("Atelectasis", 0.4)]
    panel.set_scores(scores, holds_chest=True)
    panel.list.setCurrentRow(1)
    panel.set_own(["Rib fracture"])
    panel.set_scores([*scores, DiseaseScore("Rib fracture", 0.9)], holds_chest=True)
    assert panel.list.currentItem().text() == "Atelectasis"
