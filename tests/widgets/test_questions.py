"""The questions of the dock, with panels but without a viewer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_ct_grounding.core.errors import DeviceMemoryError
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.housekeeping import Housekeeping
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.session_menu import MenuFacts, SessionMenu
from napari_ct_grounding.widgets.panels.volume_panel import VolumePanel
from napari_ct_grounding.widgets.questions import Questions
from napari_ct_grounding.widgets.settings import read_settings
from napari_ct_grounding.widgets.sources import LayerSource
from napari_ct_grounding.widgets.work import SessionStore


class Desk:
    """A dock without a viewer."""

    def __init__(self, qtbot, jobs, session):
        colors = colors_of_theme("dark")
        self.jobs = jobs
        self.store = SessionStore(lambda *_: session)
        self.controller = GroundingController(jobs, self.store)
        self.notices, self.volume_panel = NoticeBoard(colors), VolumePanel(colors)
        for widget in (self.notices, self.volume_panel):
            qtbot.addWidget(widget)
        self.questions = Questions(self.controller, self.notices, self.volume_panel)

    def choose(self, volume, layer_id="a"):
        self.controller.choose_source(LayerSource(layer_id, volume.name, volume.geometry, volume=volume))


@pytest.fixture
def desk(qtbot, inline_jobs, session):
    return Desk(qtbot, inline_jobs, session)


def test_a_long_encoding_is_asked_about_in_place_with_three_ways_on(desk, session, volume):
    session.seconds = {"full": 74.0, "paper": 41.0}
    desk.choose(volume)
    desk.controller.ground("bright sphere")
    desk.jobs.run_all()
    assert desk.notices.text_of("slow") == (
        "Encoding this scan takes about 75 s on this CPU; about 40 s in paper mode, which leaves out 48 mm at the ends of "
        "the scan."
    )
    desk.notices.press("slow", "Not now")
    assert desk.notices.text_of("slow") is None
    desk.controller.ground("bright sphere")
    desk.notices.press("slow", "Paper mode")
    assert desk.notices.text_of("slow") is None
    desk.jobs.run_all()
    assert list(desk.controller.answers.results) == ["bright sphere"]
    assert session.coverages_encoded == ["paper"]


def test_the_question_goes_with_its_volume(desk, session, volume, volume_maker):
    session.seconds = {"full": 74.0, "paper": 74.0}
    desk.choose(volume)
    desk.controller.encode()
    desk.jobs.run_all()
    assert desk.notices.text_of("slow") == "Encoding this scan takes about 75 s on this CPU."
    desk.choose(volume_maker(10), "b")
    assert desk.notices.text_of("slow") is None


def test_values_that_are_no_hu_are_asked_about_and_the_answer_goes_on(desk, volume):
    grey = replace(volume, hu=np.clip(volume.hu, 0, 255))
    desk.choose(grey)
    desk.controller.ground("bright sphere")
    desk.jobs.run_all()
    assert "Hounsfield units of a body" in desk.notices.text_of("hounsfield")
    assert "--assume-hu" not in desk.notices.text_of("hounsfield")
    desk.notices.press("hounsfield", "The values are HU")
    desk.jobs.run_all()
    assert list(desk.controller.answers.results) == ["bright sphere"]


def test_a_small_gpu_offers_the_cpu(desk, session, volume):
    session.error = DeviceMemoryError("The GPU has too little memory.", "cuda:0")
    desk.choose(volume)
    desk.controller.ground("bright sphere")
    desk.jobs.run_all()
    assert desk.notices.text_of("memory") == "The GPU has too little memory."
    session.error = None
    desk.notices.press("memory", "Use the CPU")
    assert desk.volume_panel.device.currentData() == "cpu"
    desk.jobs.run_all()
    assert list(desk.controller.answers.results) == ["bright sphere"]
    assert desk.notices.text_of("memory") is None


# -- the menu


def _texts(menu):
    menu.fill()
    return {action.text(): action for action in menu.menu().actions() if action.text()}


def test_the_menu_offers_what_the_weights_offer_once_they_are_known(desk, qtbot, volume):
    housekeeping = Housekeeping(desk.controller, desk.store, desk.jobs)
    menu = SessionMenu(housekeeping.menu_facts)
    qtbot.addWidget(menu)
    menu.coverage_chosen.connect(desk.controller.choose_coverage)
    menu.precision_chosen.connect(desk.controller.choose_precision)
    assert not _texts(menu)["Known once the weights are loaded"].isEnabled()
    desk.choose(volume)
    desk.controller.encode()
    desk.jobs.run_all()
    texts = _texts(menu)
    assert texts["Whole scan"].isChecked()
    assert texts["Automatic (float32)"].isChecked()
    texts["As in the paper (outer slices left out, faster)"].trigger()
    assert desk.controller.intent.coverage == "paper"
    texts = _texts(menu)
    assert not texts["Whole scan"].isChecked()
    texts["bfloat16"].trigger()
    assert desk.controller.intent.precision == "bfloat16"
    assert _texts(menu)["bfloat16"].isChecked()


def test_embeddings_on_disk_are_counted_cleared_and_switched_off(
    desk, qtbot, tmp_path, settings_path, monkeypatch, session, volume
):
    from napari_ct_grounding.widgets import housekeeping as module

    folder = tmp_path / "embeddings"
    folder.mkdir()
    monkeypatch.setenv("CT_GROUNDING_CACHE", str(folder))
    told = []
    monkeypatch.setattr(module, "show_info", told.append)
    housekeeping = Housekeeping(desk.controller, desk.store, desk.jobs)
    menu = SessionMenu(housekeeping.menu_facts)
    qtbot.addWidget(menu)
    menu.keeping_chosen.connect(housekeeping.set_keeping)
    menu.clearing_requested.connect(housekeeping.clear_cache)
    assert not _texts(menu)["Remove from disk"].isEnabled()
    (folder / f"{'0' * 32}.embeddings").write_bytes(bytes(2_000_000))
    assert "Encoded scans: 2 MB of 512 MB on disk" in _texts(menu)
    _texts(menu)["Remove from disk"].trigger()
    desk.jobs.run_all()
    assert told == ["Encoded scans removed from disk: 2 MB set free."]
    assert list(folder.iterdir()) == []
    desk.choose(volume)
    desk.controller.encode()
    desk.jobs.run_all()
    assert session.cache.folder == folder
    _texts(menu)["Keep on disk"].trigger()
    assert not read_settings().keeps_embeddings
    desk.controller.ground("bright sphere")
    desk.jobs.run_all()
    assert session.cache is None
    at_the_next_start = SessionStore()
    Housekeeping(desk.controller, at_the_next_start, desk.jobs)
    assert not at_the_next_start.keeps_embeddings
    _texts(menu)["Keep on disk"].trigger()
    assert read_settings().keeps_embeddings


def test_a_cache_switched_off_by_the_environment_is_said_so(desk, monkeypatch):
    monkeypatch.setenv("CT_GROUNDING_CACHE", "off")
    facts = Housekeeping(desk.controller, desk.store, desk.jobs).menu_facts()
    assert facts.cache_text == "switched off by CT_GROUNDING_CACHE"
    assert facts.is_kept is None


def test_the_log_folder_is_made_and_opened(desk, monkeypatch, tmp_path):
    from napari_ct_grounding.widgets import housekeeping as module

    opened = []
    monkeypatch.setattr(module, "log_folder", lambda: tmp_path / "log")
    monkeypatch.setattr(module.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or True)
    Housekeeping(desk.controller, desk.store, desk.jobs).open_log_folder()
    assert opened == [str(tmp_path / "log")]
    assert (tmp_path / "log").is_dir()


def test_a_menu_opened_often_keeps_no_old_entries(qtbot):
    menu = SessionMenu(lambda: MenuFacts((("full", "Whole scan"), ("paper", "Paper")), "full"))
    qtbot.addWidget(menu)
    for _ in range(3):
        menu.fill()
        qtbot.wait(1)
    assert len(menu.menu().actions()) == len(menu.menu().children()) - 2  # its own action, and one group
