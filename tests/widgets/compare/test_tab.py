"""The tab "Compare": the second weights are asked in one go, when asked to, and what is stale is dropped."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_ct_grounding.core.errors import LicenceNeededError, SentenceError
from napari_ct_grounding.readers.napari_reader import layer_of_volume
from napari_ct_grounding.widgets.compare.tab import CompareTab
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.profile_strip import ProfileStrip
from napari_ct_grounding.widgets.requests import WeightsChoice
from napari_ct_grounding.widgets.sources import source_of_layer
from napari_ct_grounding.widgets.work import SessionStore


@pytest.fixture
def stage(qtbot, inline_jobs, session, volume, volume_maker):
    """A tab beside a controller whose weights "bundled" see the sphere, and whose others see it 60 mm higher."""
    other = type(session)()
    other_encode = other.encode

    def encode(shown, **options):
        encoded = other_encode(shown, **options)
        encoded.sphere_mm += 60.0
        encoded.weights_fingerprint = "other"
        return encoded

    def own_encode(shown, _encode=session.encode, **options):
        encoded = _encode(shown, **options)
        encoded.weights_fingerprint = "own"
        return encoded

    other.encode, session.encode = encode, own_encode
    loaded = []

    def load(weights, *_):
        loaded.append(str(weights))
        if str(weights) == "far away":
            raise LicenceNeededError("", "CC", 1, "far away")
        return session if str(weights) == "bundled" else other

    controller = GroundingController(inline_jobs, SessionStore(load))
    viewer = ViewerModel()

    def choose(shown):
        data, meta, _ = layer_of_volume(shown)
        controller.choose_source(source_of_layer(viewer.add_image(data, **meta)))

    choose(volume)
    colors = colors_of_theme("dark")
    strip, notices = ProfileStrip(colors), NoticeBoard(colors)
    jumps = []
    presenter = SimpleNamespace(select=strip.set_result, jump=jumps.append)
    file_jobs = SimpleNamespace(submit=lambda *_: None)
    context = SimpleNamespace(
        viewer=viewer, controller=controller, presenter=presenter, strip=strip, notices=notices, file_jobs=file_jobs
    )
    tab = CompareTab(context, colors)
    for widget in (tab.panel, strip, notices):
        qtbot.addWidget(widget)
    tab.panel.show()
    tab.go_live()
    return SimpleNamespace(
        tab=tab, panel=tab.panel, controller=controller, jobs=inline_jobs, loaded=loaded, other=other, strip=strip,
        notices=notices, jumps=jumps, choose=choose, session=session,
    )  # fmt: skip


def _ask(stage, *sentences):
    for sentence in sentences:
        stage.controller.ground(sentence)
    stage.jobs.run_all()


def _compare(stage, weights="mine"):
    stage.panel.weights.weights_chosen.emit(weights)
    stage.panel.button.click()
    stage.jobs.run_all()


def _rows(stage):
    table = stage.panel.table
    return [[table.topLevelItem(row).text(column) for column in range(4)] for row in range(table.topLevelItemCount())]


def test_both_answers_are_listed_with_their_distance(stage):
    _ask(stage, "bright sphere", "flat words")
    _compare(stage)
    assert _rows(stage) == [["bright sphere", "\u2212310", "\u2212250", "+60"], ["flat words", "none", "none", ""]]
    assert stage.panel.summary.text() == "2 sentences \u00b7 median 60 mm apart \u00b7 1 differ"
    assert list(stage.controller.answers.results) == ["bright sphere", "flat words"], "the chosen answers stay"
    assert stage.controller.intent.weights == WeightsChoice()


def test_the_weights_change_once_for_all_sentences(stage):
    _ask(stage, "one sphere", "two spheres", "three spheres")
    _compare(stage)
    assert stage.loaded == ["bundled", "mine"]
    assert stage.other.num_encoded == 1


def test_only_what_is_new_is_asked_the_second_time(stage):
    _ask(stage, "one sphere")
    _compare(stage)
    _ask(stage, "two spheres")
    assert "1 not asked yet" in stage.panel.summary.text()
    stage.panel.button.click()
    stage.jobs.run_all()
    assert stage.other.grounded == ["one sphere", "two spheres"]
    assert stage.other.num_encoded == 1
    assert len(_rows(stage)) == 2


def test_a_conflict_comes_first(stage):
    _ask(stage, "bright sphere", "odd sphere")
    own = stage.controller.answers.results
    object.__setattr__(own["odd sphere"], "has_location", False)
    _compare(stage)
    assert [row[0] for row in _rows(stage)] == ["odd sphere", "bright sphere"]
    assert _rows(stage)[0] == ["odd sphere", "none", "\u2212250", "conflict"]
    assert stage.panel.summary.text().endswith("1 conflict")


def test_the_same_weights_twice_are_refused_in_words(stage):
    _ask(stage, "bright sphere")
    stage.panel.weights.weights_chosen.emit("bundled")
    assert stage.panel.summary.text().startswith("These weights answer already.")
    assert not stage.panel.button.isEnabled()
    stage.tab.compare()
    assert not stage.jobs.queued


def test_the_same_weights_under_another_name_are_found_out(stage):
    _ask(stage, "bright sphere")
    stage.controller.answers.scan.encoded.weights_fingerprint = "other"
    _compare(stage)
    assert _rows(stage) == []
    assert stage.panel.summary.text().startswith("These weights answer already.")


def test_a_row_draws_both_profiles_and_goes_to_the_place(stage, qtbot):
    _ask(stage, "bright sphere")
    _compare(stage)
    table = stage.panel.table
    table.setCurrentItem(table.topLevelItem(0))
    first, second = stage.controller.answers.results["bright sphere"], stage.strip.overlays[0]
    assert stage.strip.result is first
    assert second.z_mm == first.z_mm + 60
    assert stage.jumps == [first.z_mm]
    qtbot.keyClick(table, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert stage.jumps[-1] == second.z_mm
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert stage.jumps[-1] == first.z_mm
    rect = table.visualItemRect(table.topLevelItem(0))
    x = table.columnViewportPosition(2) + 5
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=rect.center().__class__(x, rect.center().y()))
    assert stage.jumps[-1] == second.z_mm


def test_stop_leaves_the_second_weights_and_what_comes_late_is_dropped(stage):
    _ask(stage, "bright sphere", "another sphere")
    stage.panel.weights.weights_chosen.emit("mine")
    asked = []
    stage.other.before_sentence = lambda sentence: (asked.append(sentence), stage.panel.button.click())
    stage.panel.button.click()
    assert stage.panel.button.text() == "Stop"
    stage.jobs.run_all()
    assert stage.panel.button.text() == "Compare"
    assert asked == ["bright sphere"]
    assert _rows(stage) == []


def test_another_scan_shows_its_own_answers_and_stops_the_work(stage, volume_maker):
    _ask(stage, "bright sphere")
    _compare(stage)
    stage.choose(volume_maker(10, name="second"))
    assert _rows(stage) == []
    _ask(stage, "bright sphere")
    stage.panel.button.click()
    assert stage.panel.button.text() == "Stop"
    stage.choose(volume_maker(20, name="third"))
    stage.jobs.run_all()
    assert stage.panel.button.text() == "Compare"
    assert _rows(stage) == []


def test_a_long_encoding_is_asked_about_first(stage):
    _ask(stage, "bright sphere")
    stage.other.seconds = dict.fromkeys(stage.other.seconds, 600.0)
    _compare(stage)
    assert stage.notices.text_of("compare slow") == "Encoding this scan with the second weights takes about 10 min."
    assert stage.other.num_encoded == 0
    stage.notices.press("compare slow", "Encode")
    stage.jobs.run_all()
    assert len(_rows(stage)) == 1


def test_weights_that_are_not_here_are_not_fetched_in_passing(stage):
    _ask(stage, "bright sphere")
    _compare(stage, "far away")
    assert "not on this computer" in stage.panel.summary.text()
    assert stage.panel.button.text() == "Compare"


def test_a_failure_is_told_in_the_tab(stage):
    _ask(stage, "bright sphere")
    stage.other.error = RuntimeError("no")
    _compare(stage)
    assert "Something went wrong in the model (RuntimeError)" in stage.panel.summary.text()


def test_a_sentence_that_the_second_weights_cannot_read_is_left_out(stage):
    def before(sentence):
        if "strange" in sentence:
            raise SentenceError("unknown words")

    _ask(stage, "bright sphere", "strange sphere")
    stage.other.before_sentence = before
    _compare(stage)
    assert [row[0] for row in _rows(stage)] == ["bright sphere"]


def test_sentences_of_a_report_are_compared_too(stage):
    _ask(stage, "bright sphere", "reported sphere")
    answers = stage.controller.answers
    answers.aside["reported sphere"] = answers.results.pop("reported sphere")
    _compare(stage)
    assert {row[0] for row in _rows(stage)} == {"bright sphere", "reported sphere"}


def test_weights_chosen_later_find_their_answers_there(stage):
    _ask(stage, "bright sphere")
    _compare(stage)
    stage.controller.choose_weights(WeightsChoice("mine"))
    _ask(stage, "bright sphere")
    assert stage.other.grounded == ["bright sphere"]
    assert stage.other.num_encoded == 1


def test_the_table_is_copied_and_saved(stage, tmp_path):
    _ask(stage, "bright sphere")
    _compare(stage)
    stage.panel.copy_requested.emit()
    head, row = QApplication.clipboard().text().splitlines()
    assert head.split("\t")[1:4] == ["bundled z mm", "mine z mm", "difference mm"]
    assert row.split("\t")[:4] == ["bright sphere", "-310.0", "-250.0", "60.0"]
    stage.tab.save(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text(encoding="utf-8").startswith("sentence,bundled z mm")
    (tmp_path / "file").write_text("")
    stage.tab.save(tmp_path / "file" / "table.csv")


def test_hints_say_what_to_do_next(stage):
    assert "Choose second weights" in stage.panel.table.hint
    stage.panel.weights.weights_chosen.emit("mine")
    assert "Ask about sentences first" in stage.panel.table.hint
    assert not stage.panel.button.isEnabled()
    _ask(stage, "bright sphere")
    assert "Press Compare" in stage.panel.table.hint
    assert stage.panel.button.isEnabled()


def test_a_tab_that_rests_hears_nothing(stage):
    stage.tab.rest()
    _ask(stage, "bright sphere")
    assert _rows(stage) == []
    stage.tab.leave()
    stage.tab.go_live()
