"""Work in progress: kept while it goes on, offered at the next start, and not kept where the user says so."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from types import SimpleNamespace

import nibabel
import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.readers.napari_reader import scan_layer
from napari_ct_grounding.widgets import autosave as module
from napari_ct_grounding.widgets.autosave import Autosave, offer_text
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.requests import WeightsChoice
from napari_ct_grounding.widgets.settings import Settings
from napari_ct_grounding.widgets.volumes import VolumeList
from napari_ct_grounding.widgets.work import SessionStore
from napari_ct_grounding.widgets.work_in_progress import WorkInProgress, read_work, write_work

WORK = WorkInProgress("/scans/case.nii.gz", time.time(), sentences=("bright sphere",), tab="Answers")


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    """Settings of this test alone."""
    held = SimpleNamespace(now=Settings(), callbacks=[])
    monkeypatch.setattr(module, "read_settings", lambda: held.now)
    monkeypatch.setattr(module, "listen_to_settings", lambda call: (held.callbacks.append(call), lambda: None)[1])
    return held


class FakeReport:
    def __init__(self):
        self.state = {"rows": ["Mr Doe has a mass."]}
        self.restored = []
        self.error = None

    def report_state(self):
        return self.state

    def restore(self, state):
        if self.error is not None:
            raise self.error
        self.restored.append(state)


@pytest.fixture
def stage(qtbot, inline_jobs, session, tmp_path, volume):
    """Everything that an autosave works with, in a viewer without a window."""
    from napari.components import ViewerModel
    from qtpy.QtWidgets import QTabWidget, QWidget

    scan = tmp_path / "Doe_Jane" / "case.nii.gz"
    scan.parent.mkdir()
    nibabel.save(nibabel.Nifti1Image(volume.hu.transpose(2, 1, 0), volume.geometry.affine), scan)
    viewer = ViewerModel()
    controller = GroundingController(inline_jobs, SessionStore(lambda *_: session))
    volumes = VolumeList(viewer)
    notices, tabs = NoticeBoard(colors_of_theme("dark")), QTabWidget()
    for widget in (notices, tabs):
        qtbot.addWidget(widget)
    for title in ("Answers", "Report"):
        tabs.addTab(QWidget(), title)
    stage = SimpleNamespace(
        scan=scan, controller=controller, volumes=volumes, notices=notices, tabs=tabs, jobs=inline_jobs, report=FakeReport(),
        ordered=[], chosen=[], folders=[],
    )  # fmt: skip

    def open_scan(path=scan):
        layer, _ = scan_layer(str(path))
        viewer.add_image(layer[0], **layer[1])
        volumes.chosen_id = volumes.look()
        controller.choose_source(volumes.source())

    def choose(weights):
        stage.chosen.append(weights)
        controller.choose_weights(WeightsChoice(weights))

    def make():
        chooser = SimpleNamespace(show_weights=lambda _: None, add_folder=stage.folders.append)
        stage.autosave = Autosave(
            controller, volumes, SimpleNamespace(open_order=stage.ordered.append), SimpleNamespace(choose=choose), chooser,
            tabs, stage.report, notices, inline_jobs, tabs,
        )  # fmt: skip
        stage.autosave.go_live()
        inline_jobs.run_all()
        return stage.autosave

    stage.open_scan, stage.make = open_scan, make
    return stage


def _ask(stage, *sentences):
    for sentence in sentences:
        stage.controller.ground(sentence)
    stage.jobs.run_all()


def _let_save(stage):
    assert stage.autosave._due.isActive()
    stage.autosave._due.stop()
    stage.autosave._save_on_worker()
    stage.jobs.run_all()


def test_the_scan_and_its_sentences_are_kept_soon_after_an_answer(stage):
    stage.make()
    stage.open_scan()
    _ask(stage, "bright sphere", "another sphere")
    _let_save(stage)
    work = read_work()
    assert work.path == str(stage.scan)
    assert work.sentences == ("bright sphere", "another sphere")
    assert (work.weights, work.coverage, work.tab) == ("bundled", "auto", "Answers")


def test_the_text_of_a_report_is_kept_only_where_the_user_wants_it(stage, settings):
    stage.make()
    stage.open_scan()
    _ask(stage, "bright sphere")
    _let_save(stage)
    assert read_work().report is None
    settings.now = replace(Settings(), keeps_report_text=True)
    settings.callbacks[0]()
    _let_save(stage)
    assert read_work().report == stage.report.state
    settings.now = Settings()
    settings.callbacks[0]()
    _let_save(stage)
    assert read_work().report is None, "taken out again as soon as it is not wanted"


def test_nothing_is_kept_when_that_is_switched_off_and_what_was_there_goes(stage, settings):
    stage.make()
    stage.open_scan()
    _ask(stage, "bright sphere")
    _let_save(stage)
    settings.now = replace(Settings(), keeps_work=False)
    settings.callbacks[0]()
    assert read_work() is None
    _ask(stage, "another sphere")
    assert not stage.autosave._due.isActive()
    stage.autosave.rest()
    assert read_work() is None


def test_a_scan_that_came_from_no_file_and_one_without_questions_are_not_kept(stage, add_ct, volume):
    autosave = stage.make()
    assert autosave.work() is None
    stage.open_scan()
    assert autosave.work() is None
    stage.volumes.layer().metadata.pop("ct_source")
    _ask(stage, "bright sphere")
    assert autosave.work() is None


def test_the_same_work_is_written_once(stage, monkeypatch):
    stage.make()
    stage.open_scan()
    _ask(stage, "bright sphere")
    _let_save(stage)
    before = stage.jobs.num_submitted
    stage.tabs.setCurrentIndex(1)
    stage.tabs.setCurrentIndex(0)
    _let_save(stage)
    assert stage.jobs.num_submitted == before


def test_sentences_that_were_removed_are_removed_from_the_disk(stage):
    stage.make()
    stage.open_scan()
    _ask(stage, "bright sphere")
    _let_save(stage)
    stage.controller.remove_result("bright sphere")
    _let_save(stage)
    assert read_work() is None


def test_what_is_not_written_yet_is_written_when_the_dock_is_hidden(stage):
    stage.make()
    stage.open_scan()
    _ask(stage, "bright sphere")
    assert read_work() is None
    stage.autosave.rest()
    assert read_work().sentences == ("bright sphere",)


def test_a_full_disk_stops_nobody(stage, monkeypatch, caplog):
    def full(_work):
        raise OSError(28, "No space left on the disk of Doe")

    monkeypatch.setattr(module, "write_work", full)
    stage.make()
    stage.open_scan()
    _ask(stage, "bright sphere")
    _let_save(stage)
    stage.autosave.rest()
    assert "Doe" not in caplog.text


def test_work_that_was_left_is_offered_and_brought_back(stage):
    write_work(replace(WORK, path=str(stage.scan), sentences=("bright sphere", "above"), weights="radfinder", tab="Report",
                       coverage="paper", report={"rows": [2]}))  # fmt: skip
    autosave = stage.make()
    assert stage.notices.text_of("go on").startswith("Go on with case.nii.gz from ")
    stage.notices.press("go on", "Open")
    (order,) = stage.ordered
    assert order.path == str(stage.scan)
    assert stage.chosen == ["radfinder"]
    autosave._bring_back()
    assert stage.controller.answers is None, "the scan is still being read"
    stage.open_scan()
    autosave._bring_back()
    stage.jobs.run_all()
    assert list(stage.controller.answers.results) == ["bright sphere", "above"]
    assert stage.controller.intent.coverage == "paper"
    assert stage.report.restored == [{"rows": [2]}]
    assert stage.tabs.currentIndex() == 1


def test_sentences_wait_until_the_weights_are_there(stage, monkeypatch):
    write_work(replace(WORK, path=str(stage.scan), weights="radfinder"))
    autosave = stage.make()
    monkeypatch.setattr(autosave._weights_switch, "choose", lambda _: None)  # a licence is being read
    stage.notices.press("go on", "Open")
    stage.open_scan()
    autosave._bring_back()
    stage.jobs.run_all()
    assert stage.controller.answers is None
    stage.controller.choose_weights(WeightsChoice("radfinder"))
    autosave._bring_back()
    stage.jobs.run_all()
    assert list(stage.controller.answers.results) == ["bright sphere"]


def test_a_folder_of_weights_that_is_gone_leaves_the_others(stage, tmp_path):
    write_work(replace(WORK, path=str(stage.scan), weights=str(tmp_path / "gone")))
    autosave = stage.make()
    stage.notices.press("go on", "Open")
    stage.open_scan()
    autosave._bring_back()
    stage.jobs.run_all()
    assert stage.folders == []
    assert list(stage.controller.answers.results) == ["bright sphere"]


def test_a_folder_of_weights_that_is_there_is_chosen(stage, tmp_path):
    write_work(replace(WORK, path=str(stage.scan), weights=str(tmp_path)))
    stage.make()
    stage.notices.press("go on", "Open")
    assert stage.folders == [tmp_path]


def test_discard_deletes_and_is_not_offered_again(stage):
    write_work(replace(WORK, path=str(stage.scan)))
    stage.make()
    stage.notices.press("go on", "Discard")
    assert read_work() is None
    stage.make()
    assert stage.notices.text_of("go on") is None


def test_a_scan_that_is_gone_cannot_be_opened_but_discarded(stage):
    write_work(WORK)
    stage.make()
    assert "no longer at its place" in stage.notices.text_of("go on")
    with pytest.raises(KeyError):
        stage.notices.press("go on", "Open")


def test_nothing_is_offered_beside_another_open_scan_or_when_switched_off(stage, settings):
    write_work(replace(WORK, path=str(stage.scan.parent / "other")))
    stage.open_scan()
    stage.make()
    assert stage.notices.text_of("go on") is None
    settings.now = replace(Settings(), keeps_work=False)
    stage.make()
    assert stage.notices.text_of("go on") is None


def test_new_work_takes_the_place_of_what_was_left(stage):
    write_work(replace(WORK, path=str(stage.scan)))
    stage.make()
    stage.open_scan()
    _ask(stage, "new sentence")
    _let_save(stage)
    assert stage.notices.text_of("go on") is None
    assert read_work().sentences == ("new sentence",)


def test_somebody_who_opens_another_scan_or_asks_otherwise_is_not_overruled(stage, tmp_path):
    write_work(replace(WORK, path=str(stage.scan)))
    autosave = stage.make()
    stage.notices.press("go on", "Open")
    other = tmp_path / "other.nii.gz"
    os.link(stage.scan, other)
    stage.open_scan(other)
    autosave._bring_back()
    stage.open_scan()
    autosave._bring_back()
    stage.jobs.run_all()
    assert stage.controller.answers is None


def test_a_damaged_report_is_told_and_the_rest_comes_back(stage):
    write_work(replace(WORK, path=str(stage.scan), report={"rows": [2]}))
    stage.report.error = InputError("The saved report is damaged.")
    autosave = stage.make()
    stage.notices.press("go on", "Open")
    stage.open_scan()
    autosave._bring_back()
    stage.jobs.run_all()
    assert list(stage.controller.answers.results) == ["bright sphere"]


def test_the_offer_names_scan_time_and_what_there_is():
    now = time.mktime((2026, 3, 4, 15, 0, 0, 0, 0, -1))
    then = replace(WORK, saved_at=now - 3480, sentences=("a", "b"), report={"rows": [1]})
    assert offer_text(then, True, now) == "Go on with case.nii.gz from 14:02 (2 sentences and a report)?"
    older = replace(then, saved_at=now - 10 * 86400, sentences=("a",), report=None)
    assert offer_text(older, True, now) == "Go on with case.nii.gz from 22 Feb 2026, 15:00 (1 sentence)?"
    assert offer_text(then, False, now) == "case.nii.gz from 14:02 is no longer at its place."


@pytest.mark.gui
@pytest.mark.usefixtures("no_threads_left")
def test_a_dock_goes_on_where_the_last_one_was_left(make_napari_viewer, qtbot, session, stage):
    from napari_ct_grounding.widgets.dock import GroundingDock

    def open_dock():
        viewer = make_napari_viewer()
        dock = GroundingDock(viewer, lambda *_: session)
        viewer.window.add_dock_widget(dock, name="CT Grounding", area="right")
        return viewer, dock

    def is_idle(dock):
        busy = [jobs for jobs in (dock.jobs, dock.file_jobs, dock.reading_jobs) if not jobs.is_idle]
        return not busy and not dock.volume_switch.is_due

    viewer, dock = open_dock()
    dock.opener.open_paths(str(stage.scan))
    qtbot.waitUntil(lambda: is_idle(dock) and len(viewer.layers) == 1, timeout=60_000)
    dock.sentence_panel.submit("bright sphere")
    qtbot.waitUntil(lambda: is_idle(dock) and bool(dock.table.results()), timeout=60_000)
    qtbot.waitUntil(lambda: not dock.autosave._due.isActive() and is_idle(dock), timeout=60_000)
    assert read_work().sentences == ("bright sphere",), "on the disk while the program runs"
    viewer.close()
    viewer, dock = open_dock()
    qtbot.waitUntil(lambda: dock.notices.text_of("go on") is not None, timeout=60_000)
    dock.notices.press("go on", "Open")
    qtbot.waitUntil(lambda: is_idle(dock) and bool(dock.table.results()), timeout=60_000)
    assert [result.sentence for result in dock.table.results()] == ["bright sphere"]
    assert len(viewer.layers) == 3
