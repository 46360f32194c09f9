"""The tab "Why": variants of the sentence that was asked, and what each did to the answer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel

from napari_ct_grounding.core.errors import SentenceError
from napari_ct_grounding.readers.napari_reader import layer_of_volume
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.profile_strip import ProfileStrip
from napari_ct_grounding.widgets.sources import source_of_layer
from napari_ct_grounding.widgets.why.panel import LIMITS
from napari_ct_grounding.widgets.why.tab import WhyTab
from napari_ct_grounding.widgets.work import SessionStore

_SENTENCE = "Left bright mass"


@pytest.fixture
def stage(qtbot, inline_jobs, session, volume, volume_maker, monkeypatch):
    """The right side lies 60 mm below the left; without "mass" there is no place."""
    plain = session._result

    def result(sentence, encoded):
        shift_mm = -60.0 if "right" in sentence.lower().split() else 0.0
        moved = SimpleNamespace(**{**vars(encoded), "sphere_mm": encoded.sphere_mm + shift_mm})
        return plain(sentence if "mass" in sentence.lower() else f"flat {sentence}", moved)

    monkeypatch.setattr(session, "_result", result)
    controller = GroundingController(inline_jobs, SessionStore(lambda *_: session))
    viewer = ViewerModel()

    def choose(shown):
        data, meta, _ = layer_of_volume(shown)
        controller.choose_source(source_of_layer(viewer.add_image(data, **meta)))

    choose(volume)
    strip, jumps = ProfileStrip(colors_of_theme("dark")), []
    presenter = SimpleNamespace(select=strip.set_result, jump=jumps.append)
    context = SimpleNamespace(viewer=viewer, controller=controller, presenter=presenter, strip=strip)
    tab = WhyTab(context, colors_of_theme("dark"))
    for widget in (tab.panel, strip):
        qtbot.addWidget(widget)
    tab.panel.show()
    tab.go_live()
    return SimpleNamespace(
        tab=tab, panel=tab.panel, controller=controller, jobs=inline_jobs, session=session, strip=strip, jumps=jumps,
        choose=choose, another=volume_maker(20),
    )  # fmt: skip


def _ask(stage, sentence=_SENTENCE):
    stage.controller.ground(sentence)
    stage.jobs.run_all()


def _rows(stage) -> dict[str, str]:
    table = stage.panel.table
    items = [table.topLevelItem(row) for row in range(table.topLevelItemCount())]
    return {item.text(0): item.text(1) for item in items}


def test_the_sentence_that_was_asked_is_varied_and_each_shift_is_told(stage):
    _ask(stage)
    rows = _rows(stage)
    assert stage.panel.edit.text() == _SENTENCE
    assert rows["The sentence itself"] == "0"
    assert rows["Left \u2192 Right"] == "\u221260"
    assert rows["without \u201cmass\u201d"] == "no place"
    assert rows["without \u201cbright\u201d"] == "0"
    assert list(rows)[1] == "without \u201cmass\u201d", "what loses its place comes first"


def test_a_sentence_is_varied_once_in_each_scan(stage):
    _ask(stage)
    num_asked = len(stage.session.grounded)
    stage.panel.button.click()
    stage.jobs.run_all()
    assert len(stage.session.grounded) == num_asked
    stage.choose(stage.another)
    _ask(stage)
    assert len(stage.session.grounded) > num_asked
    assert _rows(stage)["Left \u2192 Right"] != ""


def test_another_sentence_can_be_typed(stage):
    _ask(stage)
    stage.panel.edit.clear()
    QTest.keyClicks(stage.panel.edit, "Mass on the right")
    QTest.keyClick(stage.panel.edit, Qt.Key.Key_Return)
    stage.jobs.run_all()
    assert _rows(stage)["right \u2192 left"] == "+60"
    assert list(stage.controller.answers.results) == [_SENTENCE], "variants are no answers of the list"


def test_a_row_draws_its_profile_and_enter_goes_to_its_place(stage):
    _ask(stage)
    table = stage.panel.table
    (row,) = table.findItems("Left \u2192 Right", Qt.MatchFlag.MatchExactly)
    table.setCurrentItem(row)
    assert stage.strip.result.sentence == "Right bright mass"
    assert stage.jumps == []
    QTest.keyClick(table, Qt.Key.Key_Return)
    assert stage.jumps == [stage.strip.result.z_mm]


def test_out_of_sight_nothing_is_asked_until_the_tab_is_shown(stage):
    stage.panel.hide()
    _ask(stage)
    assert "Right bright mass" not in stage.session.grounded
    stage.panel.show()
    stage.jobs.run_all()
    assert "Left \u2192 Right" in _rows(stage)


def test_a_variant_that_the_weights_cannot_read_is_left_out(stage):
    def refuse(sentence):
        if sentence.startswith("Right"):
            raise SentenceError("too odd")

    stage.session.before_sentence = refuse
    _ask(stage)
    assert "Left \u2192 Right" not in _rows(stage)
    assert "without \u201cmass\u201d" in _rows(stage)


def test_cancel_between_two_variants_leaves_the_table_empty_and_the_button_asks_again(stage):
    stage.controller.ground(_SENTENCE)
    stage.jobs.run_next()  # the encoding
    stage.session.before_sentence = lambda sentence: stage.controller.cancel() if "Right" in sentence else None
    stage.jobs.run_all()
    assert _rows(stage) == {}
    stage.session.before_sentence = lambda _: None
    stage.panel.button.click()
    stage.jobs.run_all()
    assert "Left \u2192 Right" in _rows(stage)


def test_its_limits_are_always_in_sight(stage):
    assert LIMITS in [label.text() for label in stage.panel.findChildren(QLabel) if label.isVisible()]
    assert "Not why a finding is there" in LIMITS


def test_a_tab_that_rests_hears_nothing(stage):
    stage.tab.rest()
    _ask(stage)
    assert _rows(stage) == {}
    assert "Right bright mass" not in stage.session.grounded
