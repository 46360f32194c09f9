"""What a dock takes over from the settings: some of it when it opens, the rest at once."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from napari.components import ViewerModel

from napari_ct_grounding.core.display import DISPLAY_WINDOWS
from napari_ct_grounding.widgets import preferences as module
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.session_menu import SessionMenu
from napari_ct_grounding.widgets.panels.volume_panel import VolumePanel
from napari_ct_grounding.widgets.preferences import Preferences, show_preferred_window
from napari_ct_grounding.widgets.requests import WeightsChoice
from napari_ct_grounding.widgets.scale_bar import ScaleBar
from napari_ct_grounding.widgets.settings import Settings
from napari_ct_grounding.widgets.sources import source_of_layer
from napari_ct_grounding.widgets.work import SessionStore

LUNG = next(window.limits_hu for window in DISPLAY_WINDOWS if window.name == "Lung")


@pytest.fixture
def stage(qtbot, inline_jobs, session, monkeypatch):
    stage = SimpleNamespace(settings=Settings(), callbacks=[], viewer=ViewerModel())
    monkeypatch.setattr(module, "read_settings", lambda: stage.settings)

    def listen(callback):
        stage.callbacks.append(callback)
        return lambda: stage.callbacks.remove(callback)

    monkeypatch.setattr(module, "listen_to_settings", listen)
    stage.store = SessionStore(lambda *_: session)
    stage.controller = GroundingController(inline_jobs, stage.store)
    stage.panel = VolumePanel(colors_of_theme("dark"))
    qtbot.addWidget(stage.panel)

    def choose(weights):
        stage.controller.choose_weights(WeightsChoice(weights))

    stage.panel.weights.weights_chosen.connect(choose)

    def make(**changes):
        stage.settings = replace(Settings(), **changes)
        switch = SimpleNamespace(choose=choose)
        return Preferences(stage.viewer, stage.controller, stage.store, switch, stage.panel)

    stage.make = make
    stage.bar = stage.viewer.canvas.overlays.scale_bar
    return stage


def _change(stage, **changes):
    stage.settings = replace(stage.settings, **changes)
    for callback in stage.callbacks:
        callback()


def test_the_defaults_choose_nothing(stage):
    before = stage.controller.intent
    stage.make()
    assert stage.controller.intent == before


def test_a_dock_opens_with_the_preferred_weights_device_and_coverage(stage, tmp_path):
    stage.make(weights="radfinder", device="cpu", coverage="paper")
    intent = stage.controller.intent
    assert (intent.weights, intent.device, intent.coverage) == (WeightsChoice("radfinder"), "cpu", "paper")
    assert stage.panel.device.currentText() == "cpu"
    assert stage.panel.weights.currentData() == "radfinder"
    stage.make(weights=str(tmp_path))
    assert stage.controller.intent.weights == WeightsChoice(tmp_path)


@pytest.mark.parametrize("changes", [{"weights": ""}, {"weights": "  "}, {"device": "mps"}])
def test_what_is_no_choice_here_leaves_the_default(stage, changes):
    if stage.panel.device.row_of("mps") >= 0 and "device" in changes:
        pytest.skip("mps is a choice on this system")
    before = stage.controller.intent
    stage.make(**changes)
    assert stage.controller.intent == before


def test_weights_that_do_not_offer_the_preferred_coverage_use_their_own(stage, inline_jobs, session, volume):
    from napari_ct_grounding.widgets.sources import LayerSource

    session.model.coverages = ("masked",)
    session.seconds = {"masked": 1.0}
    stage.make(coverage="paper")
    stage.controller.choose_source(LayerSource("a", volume.name, volume.geometry, volume=volume))
    stage.controller.encode()
    inline_jobs.run_all()
    assert session.coverages_encoded == ["masked"]


def test_keeping_embeddings_follows_at_once_until_the_dock_rests(stage):
    preferences = stage.make(keeps_embeddings=False)
    preferences.go_live()
    assert not stage.store.keeps_embeddings
    _change(stage, keeps_embeddings=True)
    assert stage.store.keeps_embeddings
    preferences.rest()
    assert stage.callbacks == []
    preferences.rest()


def test_the_scale_bar_stands_there_while_a_ct_is_chosen(stage, add_ct):
    preferences = stage.make()
    preferences.go_live()
    assert not stage.bar.visible
    stage.controller.choose_source(source_of_layer(add_ct(stage.viewer)))
    assert stage.bar.visible
    _change(stage, shows_scale_bar=False)
    assert not stage.bar.visible
    _change(stage, shows_scale_bar=True)
    stage.controller.choose_source(None)
    assert not stage.bar.visible
    stage.controller.choose_source(source_of_layer(stage.viewer.layers[0]))
    preferences.rest()
    assert not stage.bar.visible


def test_a_scale_bar_that_was_there_before_stays(stage):
    stage.bar.visible = True
    bar = ScaleBar(stage.viewer)
    bar.show()
    bar.restore()
    assert stage.bar.visible


def test_a_user_who_switches_the_scale_bar_off_is_not_contradicted(stage):
    bar = ScaleBar(stage.viewer)
    bar.show()
    stage.bar.visible = False
    bar.show()
    assert not stage.bar.visible


def test_a_ct_opens_in_the_preferred_window(stage, add_ct):
    stage.settings = replace(Settings(), window="Lung")
    layer = add_ct(stage.viewer)
    show_preferred_window(layer)
    assert tuple(layer.contrast_limits) == LUNG


def test_limits_that_were_chosen_or_doubtful_values_keep_theirs(stage, add_ct):
    stage.settings = replace(Settings(), window="Lung")
    chosen, doubtful = add_ct(stage.viewer), add_ct(stage.viewer, ct_question="no HU?")
    chosen.contrast_limits = (0, 100)
    for layer in (chosen, doubtful):
        before = tuple(layer.contrast_limits)
        show_preferred_window(layer)
        assert tuple(layer.contrast_limits) == before


def test_the_menu_offers_views_preferences_and_diagnostics(qtbot):
    from napari_ct_grounding.widgets.panels.session_menu import MenuFacts

    menu = SessionMenu(MenuFacts)
    qtbot.addWidget(menu)
    menu.fill()
    entries = {action.text(): action for action in menu.menu().actions()}
    for text, signal in (
        ("Orthogonal views", menu.views_requested),
        ("Preferences\u2026", menu.preferences_requested),
        ("Copy diagnostics", menu.diagnostics_requested),
    ):
        assert entries[text].toolTip() != text, "a tooltip says what it is"
        with qtbot.waitSignal(signal):
            entries[text].trigger()


@pytest.mark.gui
@pytest.mark.filterwarnings("ignore:Could not resolve type hint:UserWarning")  # napari's own, without a window
def test_naparis_preferences_show_our_page_and_change_our_settings(qtbot, npe2pm, tmp_path, monkeypatch):
    import napari.settings
    from napari._qt.dialogs.preferences_dialog import PreferencesDialog
    from npe2 import PluginManifest
    from qtpy.QtWidgets import QCheckBox, QComboBox

    import napari_ct_grounding
    from napari_ct_grounding.widgets.settings import read_settings

    monkeypatch.setattr(napari.settings, "_CFG_PATH", str(tmp_path / "napari.yaml"))
    napari.settings._clear_plugin_settings_cache()
    npe2pm.register(PluginManifest.from_file(f"{napari_ct_grounding.__path__[0]}/napari.yaml"))
    try:
        dialog = PreferencesDialog()
        qtbot.addWidget(dialog)
        names = [dialog._list.item(row).text() for row in range(dialog._list.count())]
        assert names[-1] == "CT Grounding"
        page = dialog._stack.widget(names.index("CT Grounding"))
        assert len(page.findChildren(QCheckBox)) == 4
        box = next(box for box in page.findChildren(QComboBox) if box.findText("Lung") >= 0)
        box.setCurrentText("Lung")
        assert read_settings().window == "Lung"
    finally:
        napari.settings._clear_plugin_settings_cache()
