"""Taking other weights, with panels but without a viewer, and with a hub that does as it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_ct_grounding.core.errors import LicenceNeededError, WeightsError
from napari_ct_grounding.model.weights.hub_names import HUB_WEIGHTS
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.download_panel import DownloadPanel
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.weights_chooser import WeightsChooser
from napari_ct_grounding.widgets.sources import LayerSource
from napari_ct_grounding.widgets.weights_fetcher import WeightsFetcher
from napari_ct_grounding.widgets.weights_switch import WeightsSwitch
from napari_ct_grounding.widgets.work import SessionStore


class Desk:
    """The part of a dock that deals with weights."""

    def __init__(self, qtbot, jobs, session):
        self.jobs = jobs
        self.is_here = False
        self.error = None
        self.controller = GroundingController(jobs, SessionStore(lambda *_: session))
        self.fetcher = WeightsFetcher(jobs, jobs, self.pull)
        self.notices, self.download = NoticeBoard(colors_of_theme("dark")), DownloadPanel()
        self.chooser = WeightsChooser()
        for widget in (self.notices, self.download, self.chooser):
            qtbot.addWidget(widget)
        self.switch = WeightsSwitch(self.controller, self.fetcher, jobs, self.chooser, self.download, self.notices)

    def pull(self, name, *, accept_licence, on_progress=None, cancel=None):
        weights = HUB_WEIGHTS[name]
        if self.error is not None:
            raise self.error
        if not accept_licence and not self.is_here:
            raise LicenceNeededError("", weights.licence, weights.num_bytes, name)
        if accept_licence:
            on_progress(weights.num_bytes // 2, weights.num_bytes)
        return Path("weights")

    @property
    def chosen(self):
        return self.controller.intent.weights.weights


@pytest.fixture
def desk(qtbot, inline_jobs, session):
    return Desk(qtbot, inline_jobs, session)


@pytest.mark.parametrize(
    ("name", "words", "button"),
    [
        ("radfinder", ("RadFinder", "CC BY-NC-SA 4.0", "not for commercial use"), "Accept and download 4.1 GB"),
        ("colipri", ("COLIPRI", "MIT", "keep the authors' notice"), "Accept and download 1.0 GB"),
    ],
)
def test_weights_of_the_hub_ask_for_their_own_licence_and_are_chosen_once_they_are_here(desk, name, words, button):
    desk.switch.choose(name)
    assert desk.chosen == "bundled"
    desk.jobs.run_all()
    for part in words:
        assert part in desk.notices.text_of("licence")
    desk.notices.press("licence", button)
    assert desk.download.title.text() == f"Downloading {HUB_WEIGHTS[name].title}"
    assert not desk.download.isHidden()
    assert desk.notices.text_of("licence") is None
    desk.jobs.run_all()
    assert (desk.download.bar.value(), desk.download.bar.maximum()) == (500, 1000), "a few GB overflow 32 bits"
    assert desk.download.isHidden()
    assert desk.chooser.currentData() == desk.chosen == name


def test_declining_a_licence_changes_nothing(desk):
    desk.switch.choose("radfinder")
    desk.jobs.run_all()
    desk.notices.press("licence", "Not now")
    assert desk.jobs.queued == {}
    assert desk.chooser.currentData() == desk.chosen == "bundled"


def test_weights_that_are_here_are_taken_without_a_question(desk):
    desk.is_here = True
    desk.switch.choose("colipri")
    desk.jobs.run_all()
    assert desk.notices.text_of("licence") is None
    assert desk.chosen == "colipri"


def test_what_the_hub_does_not_hold_is_taken_at_once(desk, tmp_path):
    for weights in ("densest-level", tmp_path, "bundled"):
        desk.switch.choose(weights)
        assert desk.jobs.queued == {}
        assert desk.chosen == weights


def test_weights_that_arrive_while_somebody_reads_answers_are_offered_and_not_put_in_place(desk, volume):
    desk.controller.choose_source(LayerSource("a", volume.name, volume.geometry, volume=volume))
    desk.controller.ground("bright sphere")
    desk.jobs.run_all()
    desk.fetcher.accept("radfinder")
    desk.jobs.run_all()
    assert desk.controller.answers.results
    assert desk.notices.text_of("fetched") == "RadFinder is downloaded and ready."
    desk.notices.press("fetched", "Use RadFinder")
    assert desk.chosen == "radfinder"


def test_cancel_of_a_download_brings_the_panel_back_at_once(desk):
    desk.fetcher.accept("radfinder")
    desk.download.cancel.click()
    assert desk.download.isHidden()
    assert desk.jobs.queued == {}
    assert desk.chosen == "bundled"


def test_a_failed_download_says_why_and_offers_another_try_and_a_folder(desk, tmp_path, monkeypatch):
    from qtpy.QtWidgets import QFileDialog

    desk.error = WeightsError("The hub cannot be reached. Check the connection.")
    desk.fetcher.accept("radfinder")
    desk.jobs.run_all()
    assert desk.notices.text_of("licence") == "The hub cannot be reached. Check the connection."
    desk.notices.press("licence", "Try again")
    desk.jobs.run_all()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    desk.notices.press("licence", "Use a folder\u2026")
    assert desk.chosen == tmp_path
    assert desk.chooser.currentText() == tmp_path.name


def test_the_list_is_filled_once_it_is_known_and_again_after_a_download(desk):
    assert [desk.chooser.itemText(row) for row in range(desk.chooser.count())] == ["bundled", "Folder\u2026"]
    desk.switch.look()
    desk.jobs.run_all()
    labels = [desk.chooser.itemText(row) for row in range(desk.chooser.count())]
    assert labels[:3] == ["Bundled", "RadFinder", "COLIPRI"]
    assert labels[-1] == "Folder\u2026"
    assert desk.chooser.currentText() == "Bundled"
    desk.fetcher.accept("radfinder")
    desk.jobs.run_next()
    assert len(desk.jobs.queued) == 1, "the list is looked up again"
