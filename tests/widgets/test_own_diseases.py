"""The user's own disease prompts."""

from __future__ import annotations

import pytest

from napari_ct_grounding.core.errors import SentenceError
from napari_ct_grounding.readers.napari_reader import layer_of_volume
from napari_ct_grounding.widgets import own_lists
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.own_diseases import OwnDiseases
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.disease_panel import DiseasePanel
from napari_ct_grounding.widgets.sources import source_of_layer
from napari_ct_grounding.widgets.work import SessionStore


@pytest.fixture(autouse=True)
def path(tmp_path, monkeypatch):
    path = tmp_path / "own_lists.json"
    monkeypatch.setattr(own_lists, "own_lists_path", lambda: path)
    return path


@pytest.fixture
def panel(qtbot):
    panel = DiseasePanel(colors_of_theme("dark"))
    qtbot.addWidget(panel)
    return panel


@pytest.fixture
def controller(inline_jobs, session, volume):
    from napari.components import ViewerModel

    controller = GroundingController(inline_jobs, SessionStore(lambda *_: session))
    viewer = ViewerModel()
    data, meta, _ = layer_of_volume(volume)
    controller.choose_source(source_of_layer(viewer.add_image(data, **meta)))
    return controller


@pytest.fixture
def session(session):
    """One that scores names beyond the 18."""
    listed = session.score_diseases
    session.score_diseases = lambda names=None, encoded=None: (
        [own_lists_score(names[0])] if names and names[0] in ("Rib fracture", "Gallstones") else listed(names, encoded)
    )
    return session


def own_lists_score(name):
    from napari_ct_grounding.core.results import DiseaseScore

    return DiseaseScore(name, 0.55)


def _scored(controller):
    return {entry.name for entry in controller.answers.diseases}


def test_prompts_are_scored_after_the_18_and_kept_for_the_next_start(controller, panel, inline_jobs):
    own = OwnDiseases(controller, panel)
    controller.encode()
    inline_jobs.run_all()
    panel.prompt_added.emit("Rib  fracture.")
    panel.prompt_added.emit("Gallstones")
    inline_jobs.run_all()
    assert own.prompts == ("Gallstones", "Rib fracture")
    assert len(controller.answers.diseases) == 20
    assert {"Gallstones", "Rib fracture"} < _scored(controller)
    assert OwnDiseases(controller, panel).prompts == own.prompts


def test_a_removed_prompt_leaves_the_scores(controller, panel, inline_jobs):
    own = OwnDiseases(controller, panel)  # held: signals hold it weakly
    controller.encode()
    panel.prompt_added.emit("Rib fracture")
    inline_jobs.run_all()
    assert "Rib fracture" in _scored(controller)
    panel.prompt_removed.emit("Rib fracture")
    assert "Rib fracture" not in _scored(controller)
    assert own.prompts == ()
    assert own_lists.read_own_lists().diseases == ()


def test_a_prompt_that_is_listed_already_is_refused_in_words(controller, panel, monkeypatch):
    told = []
    monkeypatch.setattr("napari_ct_grounding.widgets.own_diseases.show_warning", told.append)
    own = OwnDiseases(controller, panel)
    panel.prompt_added.emit("emphysema")
    panel.prompt_added.emit("...")
    assert own.prompts == ()
    assert "in the list already" in told[0]
    assert "empty" in told[1]


def test_a_prompt_that_the_weights_cannot_read_is_told_once_and_the_next_is_scored(
    controller, panel, inline_jobs, session
):
    scored = session.score_diseases

    def score(names=None, encoded=None):
        if names and names[0] == "\u80ba":
            raise SentenceError("100% of the sentence is unknown")
        return scored(names, encoded)

    session.score_diseases = score
    told = []
    controller.failed.connect(told.append)
    own = OwnDiseases(controller, panel)  # held: signals hold it weakly
    panel.prompt_added.emit("Gallstones")
    panel.prompt_added.emit("\u80ba")
    controller.encode()
    inline_jobs.run_all()
    controller.diseases_changed.emit()
    inline_jobs.run_all()
    assert len(told) == 1
    assert own.prompts == ("\u80ba", "Gallstones")
    assert "Gallstones" in _scored(controller)


def test_a_full_disk_is_told_and_the_prompt_holds(controller, panel, monkeypatch):
    told = []
    monkeypatch.setattr("napari_ct_grounding.widgets.own_diseases.show_warning", told.append)

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(own_lists, "write_whole", full_disk)
    own = OwnDiseases(controller, panel)
    panel.prompt_added.emit("Rib fracture")
    assert own.prompts == ("Rib fracture",)
    assert "No space left on device" in told[0]
