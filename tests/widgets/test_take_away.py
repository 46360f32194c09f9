"""Take away in the dock: what is written, what the notices say, and that nothing is computed when results come back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from qtpy.QtGui import QColor, QGuiApplication
from qtpy.QtWidgets import QFileDialog

from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.export.formats import FORMATS
from napari_ct_grounding.export.walk import Finding
from napari_ct_grounding.export.walk_file import read_walk, write_walk
from napari_ct_grounding.widgets.answers import ScanAnswers
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.take_away_menu import TakeAwayMenu
from napari_ct_grounding.widgets.sources import LayerSource
from napari_ct_grounding.widgets.take_away import TakeAwayDesk, menu_entries, take_away_of


class Desk:
    """A desk with everything around it that it may ask."""

    def __init__(self, qtbot: Any, jobs: Any, volume: CTVolume, session: Any) -> None:
        self.menu = TakeAwayMenu(menu_entries())
        self.notices = NoticeBoard(colors_of_theme("dark"))
        for widget in (self.menu, self.notices):
            qtbot.addWidget(widget)
        self.volume = volume
        self.source = LayerSource("layer", volume.name, volume.geometry, volume=volume)
        encoded = session.encode(volume)
        self.answers = ScanAnswers(SimpleNamespace(encoded=encoded))  # type: ignore[arg-type]
        (result,) = session.ground(["A bright mass."], encoded)
        self.answers.results[result.sentence] = result
        self.redrawn: list[str] = []
        self.controller: Any = SimpleNamespace(
            intent=SimpleNamespace(source=self.source),
            answers=self.answers,
            facts=SimpleNamespace(weights_name="fake", precision="float32"),
            scan_changed=SimpleNamespace(emit=lambda: self.redrawn.append("scan")),
        )
        self.shown: list[Any] = []
        presenter = SimpleNamespace(show_saved=lambda results, first: self.shown.append((list(results), first)))
        self.volumes: Any = SimpleNamespace(source_path=lambda: None)
        self.report: list[Finding] = []
        self.jobs = jobs
        self.desk = TakeAwayDesk(
            self.menu, jobs, self.notices, self.controller, self.volumes, presenter, lambda: self.report  # type: ignore[arg-type]
        )  # fmt: skip

    def texts(self) -> list[str]:
        return [
            text
            for kind in ("saved", "open", "copy", "nothing", *FORMATS)
            if (text := self.notices.text_of(f"take away {kind}"))
        ]


@pytest.fixture
def desk(qtbot: Any, inline_jobs: Any, volume: CTVolume, session: Any) -> Desk:
    return Desk(qtbot, inline_jobs, volume, session)


# What is taken -----------------------------------------------------------------------------------------------------


def test_the_report_comes_first_and_no_sentence_twice(desk: Desk) -> None:
    (typed,) = desk.answers.results.values()
    desk.report = [Finding("Another."), Finding.of_report(_sentence("A bright mass."), typed)]
    away = take_away_of(desk.controller, desk.volumes, lambda: desk.report)
    assert away is not None
    assert [finding.sentence for finding in away.walk.findings] == ["Another.", "A bright mass."]
    assert away.walk.is_of(desk.volume)
    assert away.load_volume() is desk.volume


def _sentence(text: str) -> Any:
    from napari_ct_grounding.core.report import split_report

    (sentence,) = split_report(text)
    return sentence


def test_without_an_answer_a_notice_says_what_to_do_and_nothing_is_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_dialog(*_: object) -> None:
        raise AssertionError("a dialog was opened")

    monkeypatch.setattr(QFileDialog, "getSaveFileName", no_dialog)
    desk.answers.results.clear()
    desk.menu.saving_requested.emit("html")
    assert desk.texts() == ["There is nothing to take away yet. Ask for a sentence, or paste a report."]
    assert not desk.jobs.queued


# Saving ------------------------------------------------------------------------------------------------------------


def choose(monkeypatch: pytest.MonkeyPatch, dialog: str, path: Path | str) -> list[tuple]:
    asked: list[tuple] = []
    monkeypatch.setattr(QFileDialog, dialog, lambda *arguments: (asked.append(arguments), (str(path), ""))[1])
    return asked


def test_every_form_stands_in_the_menu_with_a_tooltip_and_asks_for_itself(desk: Desk) -> None:
    wished: list[str] = []
    desk.menu.saving_requested.disconnect()
    desk.menu.saving_requested.connect(wished.append)
    actions = {action.text(): action for action in desk.menu.menu().actions() if action.text()}
    for form in FORMATS.values():
        action = actions[f"{form.title}\u2026"]
        assert action.toolTip() == form.tool_tip
        action.trigger()
    assert wished == list(FORMATS)


def test_one_dialog_one_job_and_then_the_file_with_a_way_to_its_folder(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = choose(monkeypatch, "getSaveFileName", tmp_path / "mine")  # no ending: it gets one
    desk.menu.saving_requested.emit("json")
    assert asked[0][2].endswith("walk.json")
    assert desk.texts() == ["Writing mine.json\u2026"]
    assert not list(tmp_path.iterdir())  # not on this thread
    desk.jobs.run_all()
    assert desk.texts() == ["Saved mine.json."]
    assert [finding.sentence for finding in read_walk(tmp_path / "mine.json").findings] == ["A bright mass."]
    # The next dialog begins in the same folder.
    desk.menu.saving_requested.emit("csv")
    assert asked[1][2] == str(tmp_path / "walk.csv")


def test_a_dialog_that_is_closed_writes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "getSaveFileName", "")
    desk.menu.saving_requested.emit("json")
    assert not desk.jobs.queued
    assert desk.texts() == []


def test_the_patient_stays_out_until_the_menu_says_otherwise(desk: Desk, tmp_path: Path) -> None:
    assert not desk.menu.with_patient
    desk.desk.save("json", tmp_path / "a.json")
    (option,) = [action for action in desk.menu.menu().actions() if action.isCheckable()]
    option.setChecked(True)
    desk.jobs.run_all()  # begun before: as it was asked for
    desk.desk.save("json", tmp_path / "b.json")
    desk.jobs.run_all()
    assert read_walk(tmp_path / "a.json").scan.name.startswith("CT ")
    assert read_walk(tmp_path / "b.json").scan.name == desk.volume.name


def test_pictures_tell_progress_in_the_notice(desk: Desk, tmp_path: Path) -> None:
    desk.desk.save("html", tmp_path / "report.html")
    told: list[str] = []
    desk.notices.set_text = lambda key, text: told.append(text)  # type: ignore[method-assign]
    desk.jobs.run_all()
    assert told == ["Writing report.html\u2026 1 of 1"]
    assert desk.texts() == ["Saved report.html."]


def test_cancel_in_the_notice_stops_the_work_and_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.desk.save("gif", tmp_path / "walk.gif")
    desk.notices.press("take away gif", "Cancel")
    assert desk.jobs.cancelled == [1]
    assert desk.texts() == []
    assert not list(tmp_path.iterdir())


def test_asking_again_for_the_same_form_stops_the_older_work(desk: Desk, tmp_path: Path) -> None:
    desk.desk.save("gif", tmp_path / "one.gif")
    desk.desk.save("gif", tmp_path / "two.gif")
    assert desk.jobs.cancelled == [1]
    assert desk.texts() == ["Writing two.gif\u2026"]
    desk.desk.cancel_all()
    assert desk.jobs.cancelled == [1, 2]
    assert desk.texts() == []


def test_what_cannot_be_written_is_told_in_plain_words(desk: Desk, tmp_path: Path) -> None:
    desk.desk.save("json", tmp_path / "missing" / "walk.json")
    desk.jobs.run_all()
    assert desk.texts() == ["walk.json cannot be written (No such file or directory). Choose another place."]
    desk.desk.save("kos", tmp_path / "key.dcm")
    desk.jobs.run_all()
    assert any("highdicom" in text or "not read from any" in text for text in desk.texts())


def test_a_fault_of_ours_is_told_without_its_inside(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("Mustermann")

    monkeypatch.setattr("napari_ct_grounding.widgets.take_away.write_take_away", broken)
    desk.desk.save("json", tmp_path / "walk.json")
    desk.jobs.run_all()
    assert desk.texts() == ["Something went wrong while the file was made (KeyError); the log holds the details."]


# Copying -----------------------------------------------------------------------------------------------------------


def test_the_table_is_copied_as_a_spreadsheet_takes_it(desk: Desk) -> None:
    desk.menu.table_copy_requested.emit()
    desk.jobs.run_all()
    lines = QGuiApplication.clipboard().text().strip().splitlines()
    assert len(lines) == 2
    assert "A bright mass." in lines[1].split("\t")
    assert desk.texts() == ["The table is on the clipboard."]


def test_the_contact_sheet_is_copied_as_a_picture(desk: Desk) -> None:
    desk.menu.picture_copy_requested.emit()
    desk.jobs.run_all()
    image = QGuiApplication.clipboard().image()
    assert image.width() > 300
    assert image.pixelColor(2, 2) == QColor(255, 255, 255)
    assert desk.texts() == ["The contact sheet is on the clipboard."]


# Bringing back -----------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(desk: Desk, tmp_path: Path) -> Path:
    desk.desk.save("json", tmp_path / "walk.json")
    desk.jobs.run_all()
    return tmp_path / "walk.json"


def test_saved_results_are_listed_again_as_if_they_had_been_asked_for(
    desk: Desk, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.answers.results.clear()
    choose(monkeypatch, "getOpenFileName", saved)
    desk.menu.opening_requested.emit()
    desk.jobs.run_all()
    assert list(desk.answers.results) == ["A bright mass."]
    assert desk.redrawn == ["scan"]
    ((results, first),) = desk.shown
    assert [result.sentence for result in results] == ["A bright mass."]
    assert first is results[0]
    (text,) = [text for text in desk.texts() if text.startswith("1 answer of walk.json")]
    assert text.endswith("Nothing was computed.")


def test_results_of_other_weights_are_shown_but_not_mixed_with_those_of_the_chosen_ones(
    desk: Desk, saved: Path
) -> None:
    from dataclasses import replace

    write_walk(saved, replace(read_walk(saved), weights_fingerprint="f" * 32))
    desk.answers.results.clear()
    desk.desk.open(saved)
    desk.jobs.run_all()
    assert desk.answers.results == {}
    assert len(desk.shown) == 1


def test_a_scan_that_was_never_encoded_shows_saved_results_too(desk: Desk, saved: Path) -> None:
    desk.controller.answers = None
    desk.desk.open(saved)
    desk.jobs.run_all()
    assert len(desk.shown) == 1


def test_results_of_another_scan_are_refused(desk: Desk, saved: Path, volume_maker: Any) -> None:
    other = volume_maker(sphere_slice=12)
    desk.controller.intent.source = LayerSource("other", "other", other.geometry, volume=other)
    desk.desk.open(saved)
    desk.jobs.run_all()
    assert desk.shown == []
    assert any("walk.json was made on another scan" in text for text in desk.texts())


def test_a_scan_chosen_while_the_file_was_read_is_not_given_the_answers_of_another(desk: Desk, saved: Path) -> None:
    desk.desk.open(saved)
    desk.controller.intent.source = None
    desk.jobs.run_all()
    assert desk.shown == []
    assert any("another scan was chosen meanwhile" in text for text in desk.texts())


def test_without_a_scan_a_notice_asks_for_it(desk: Desk, saved: Path) -> None:
    desk.controller.intent.source = None
    desk.desk.open(saved)
    assert any(text.startswith("Open the scan first") for text in desk.texts())
    assert not desk.jobs.queued


def test_a_file_that_is_no_walk_is_told(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    desk.desk.open(tmp_path / "other.json")
    desk.jobs.run_all()
    assert any("other.json is not a walk" in text for text in desk.texts())


# In the dock -------------------------------------------------------------------------------------------------------


@pytest.mark.gui
@pytest.mark.usefixtures("no_threads_left")
def test_the_dock_saves_what_was_asked_and_shows_it_again(
    make_napari_viewer_proxy: Any, qtbot: Any, add_ct: Any, session: Any, tmp_path: Path
) -> None:
    from napari_ct_grounding.widgets.dock import GroundingDock

    viewer = make_napari_viewer_proxy()
    add_ct(viewer)
    dock = GroundingDock(viewer, lambda *_: session)
    viewer.window.add_dock_widget(dock, name="CT Grounding", area="right")
    dock.sentence_panel.submit("a bright sphere")
    qtbot.waitUntil(
        lambda: dock.controller.answers is not None and bool(dock.controller.answers.results), timeout=20_000
    )
    dock.take_away.save("json", tmp_path / "walk.json")
    qtbot.waitUntil(lambda: dock.export_jobs.is_idle, timeout=20_000)
    dock.controller.remove_result("a bright sphere")
    assert dock.table.results() == []
    dock.take_away.open(tmp_path / "walk.json")
    qtbot.waitUntil(lambda: dock.export_jobs.is_idle, timeout=20_000)
    assert [result.sentence for result in dock.table.results()] == ["a bright sphere"]
    assert dock.strip.result is not None
    assert session.grounded.count("a bright sphere") == 1
