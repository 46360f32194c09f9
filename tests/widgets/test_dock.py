"""The dock in a real viewer; each trap of napari that could bite has its test."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

from napari_ct_grounding.core.errors import LicenceNeededError
from napari_ct_grounding.widgets.dock import GroundingDock
from napari_ct_grounding.widgets.jobs import THREAD_NAME
from napari_ct_grounding.widgets.view import current_slice, orientation_letters

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("no_threads_left")]


@pytest.fixture
def open_dock(session):
    def open_in(viewer, session=session):
        dock = GroundingDock(viewer, lambda *_: session)
        viewer.window.add_dock_widget(dock, name="CT Grounding", area="right")
        return dock

    return open_in


def _wait_idle(qtbot, dock):
    qtbot.waitUntil(
        lambda: dock.jobs.is_idle and dock.reading_jobs.is_idle and not dock.volume_switch.is_due, timeout=20_000
    )


def _ask(qtbot, dock, text):
    dock.sentence_panel.submit(text)
    _wait_idle(qtbot, dock)


def _notifications():
    from napari.utils.notifications import notification_manager

    return [record.message for record in notification_manager.records]


@pytest.fixture(autouse=True)
def _no_old_notifications():
    from napari.utils.notifications import notification_manager

    notification_manager.records.clear()


def test_a_sentence_typed_first_encodes_jumps_highlights_and_lists(
    make_napari_viewer_proxy, qtbot, open_dock, add_ct, session
):
    # The proxy makes every touch of the viewer from another thread fail.
    viewer = make_napari_viewer_proxy()
    layer = add_ct(viewer)
    dock = open_dock(viewer)
    _ask(qtbot, dock, "bright sphere above")
    assert current_slice(viewer, layer) == 30
    assert viewer.layers["predicted slice"].data[0][0, 0] == 30
    assert dock.table.results()[0].image_number == 18
    assert dock.strip.position_mm == pytest.approx(-310.0)
    assert dock.strip.result.sentence == "bright sphere above"
    assert dock.disease_panel.list.count() == 18
    assert dock.presenter.canvas_text.text() == "Series 4   Image 18\nz \u2212310.0 mm   predicted slice"
    assert dock.presenter.canvas_text.letters() == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    assert "fake (sees spheres)" in dock.status_line.facts.text()
    assert "no GPU found" in dock.status_line.facts.toolTip()
    assert "interval not calibrated" in dock.volume_panel.badges.texts()
    assert session.threads == {THREAD_NAME}
    assert viewer.layers.selection.active.unique_id == layer.unique_id
    # The strip and the slider move each other.
    dock.strip.z_requested.emit(-370.0)
    assert current_slice(viewer, layer) == 10
    viewer.dims.set_point(0, -340.0)
    assert dock.strip.position_mm == pytest.approx(-340.0)
    # A row of the table jumps; a disease is a sentence like any other.
    dock.table.setCurrentItem(dock.table.topLevelItem(0).child(1))
    assert current_slice(viewer, layer) > 40
    dock.disease_panel.disease_requested.emit("Emphysema")
    _wait_idle(qtbot, dock)
    assert dock.table.results()[0].sentence == "Emphysema"
    # Display windows.
    dock.presets.buttons["Lung"].click()
    assert tuple(layer.contrast_limits) == (-1350.0, 150.0)
    # Rolled axes: the jump is done, and axial slices are offered.
    viewer.dims.order = (1, 0, 2)
    assert viewer.layers["interval"].visible
    assert dock.presenter.canvas_text.letters()["top"] == "S"
    assert dock.presenter.canvas_text.text() == "", "a coronal picture bears no image number"
    _ask(qtbot, dock, "bright sphere above")
    dock.notices.press("axial", "Show axial slices")
    assert orientation_letters(viewer)["top"] == "A"
    assert dock.notices.text_of("axial") is None
    # A flat profile names no place.
    before = current_slice(viewer, layer)
    _ask(qtbot, dock, "flat sentence")
    assert current_slice(viewer, layer) == before
    assert "predicted slice" not in viewer.layers
    assert "No clear location" in dock.notices.text_of("no location")
    # Nonsense is refused in plain words, and nothing is lost.
    dock.sentence_panel.submit("...")
    assert any("The sentence is empty" in message for message in _notifications())
    assert len(dock.table.results()) == 3


def test_cancel_ends_the_encoding_within_one_window(make_napari_viewer, qtbot, open_dock, add_ct, session):
    viewer = make_napari_viewer()
    add_ct(viewer)
    dock = open_dock(viewer)
    in_window, may_go = threading.Event(), threading.Event()
    num_windows = []

    def between_windows():
        num_windows.append(1)
        in_window.set()
        may_go.wait(5)

    session.between_windows = between_windows
    dock.sentence_panel.submit("bright sphere")
    assert in_window.wait(5)
    assert dock.volume_panel._stack.currentIndex() == 1
    dock.volume_panel.cancel.click()
    assert dock.volume_panel._stack.currentIndex() == 0
    may_go.set()
    dock.jobs.stop(wait=True)
    assert len(num_windows) == 1
    assert session.num_encoded == 0
    assert dock.sentence_panel.edit.text() == "bright sphere", "what was typed is kept"


def test_a_layer_removed_while_it_is_encoded_ends_the_job_with_a_notice(
    make_napari_viewer, qtbot, open_dock, add_ct, session
):
    viewer = make_napari_viewer()
    layer = add_ct(viewer)
    dock = open_dock(viewer)
    in_window, may_go = threading.Event(), threading.Event()
    session.between_windows = lambda: (in_window.set(), may_go.wait(5))
    dock.sentence_panel.submit("bright sphere")
    assert in_window.wait(5)
    viewer.layers.remove(layer)
    may_go.set()
    _wait_idle(qtbot, dock)
    assert any("was removed while it was being encoded" in message for message in _notifications())
    assert len(viewer.layers) == 0
    assert dock.table.results() == []
    assert "Drop a CT here" in dock.notices.text_of("empty")
    dock.sentence_panel.submit("bright sphere")
    assert any("No CT is open" in message for message in _notifications())
    # Another volume, and life goes on; a name changes nothing.
    session.between_windows = lambda: None
    layer = add_ct(viewer)
    _wait_idle(qtbot, dock)
    layer.name = "renamed"
    _ask(qtbot, dock, "bright sphere")
    assert current_slice(viewer, layer) == 30
    assert dock.volume_panel.volume.currentText() == "renamed"
    # Removed after the answer: the highlight goes with it.
    viewer.layers.remove(layer)
    _wait_idle(qtbot, dock)
    assert len(viewer.layers) == 0


def test_a_dock_opened_and_closed_often_leaves_neither_thread_nor_callback(
    make_napari_viewer, qtbot, open_dock, add_ct
):
    viewer = make_napari_viewer()
    add_ct(viewer)

    def callbacks():
        emitters = [viewer.dims.events.point, viewer.dims.events.order, viewer.events.theme]
        emitters += [viewer.layers.events.inserted, viewer.layers.events.removed, viewer.layers.events.renamed]
        overlays = [key for key in viewer.canvas.overlays if "ct_grounding" in key]
        return [len(emitter.callbacks) for emitter in emitters], overlays

    for is_visible in (True, False):  # napari's own scale bar listens from its first appearance on
        viewer.canvas.overlays.scale_bar.visible = is_visible
    before = callbacks()
    for _ in range(3):
        dock = open_dock(viewer)
        _ask(qtbot, dock, "bright sphere")
        assert callbacks() != before
        viewer.window.remove_dock_widget(dock)
        assert callbacks() == before
        assert len(viewer.layers) == 1
        dock.deleteLater()
    assert sum(thread.name == THREAD_NAME for thread in threading.enumerate() if not thread.is_alive()) == 0


def test_a_hidden_dock_rests_and_a_shown_one_goes_on_where_it_was(make_napari_viewer, qtbot, open_dock, add_ct):
    viewer = make_napari_viewer(show=True)
    layer = add_ct(viewer)
    dock = open_dock(viewer)
    _ask(qtbot, dock, "bright sphere")
    area = dock.parent()
    num_callbacks = len(viewer.dims.events.point.callbacks)
    for _ in range(3):
        area.close()  # what the close button of napari does
        qtbot.waitUntil(lambda: not dock.isVisible())
        assert len(viewer.dims.events.point.callbacks) == num_callbacks - 1
        assert not dock.jobs.is_alive
        assert dock.presenter.canvas_text.text() == ""
        viewer.dims.set_point(0, -370.0)
        area.show()
        qtbot.waitUntil(dock.isVisible)
        assert len(viewer.dims.events.point.callbacks) == num_callbacks
        assert dock.strip.position_mm == pytest.approx(-370.0)
        assert [result.sentence for result in dock.table.results()] == ["bright sphere"]
    viewer.theme = "light"
    _ask(qtbot, dock, "another sphere")
    assert current_slice(viewer, layer) == 30
    # Keys of the display windows work wherever the focus is.
    from qtpy.QtCore import Qt

    window = viewer.window._qt_window
    window.raise_()
    window.activateWindow()
    dock.sentence_panel.edit.setFocus()
    qtbot.waitUntil(window.isActiveWindow, timeout=2000)
    qtbot.keyClick(dock.sentence_panel.edit, Qt.Key.Key_F7)
    assert tuple(layer.contrast_limits) == (-770.0, 1730.0)
    assert dock.width() <= 392


def test_a_layer_removed_while_the_dock_was_hidden_is_forgotten_when_it_is_shown(
    make_napari_viewer, qtbot, open_dock, add_ct
):
    viewer = make_napari_viewer(show=True)
    layer = add_ct(viewer)
    dock = open_dock(viewer)
    _ask(qtbot, dock, "bright sphere")
    dock.parent().close()
    qtbot.waitUntil(lambda: not dock.isVisible())
    viewer.layers.remove(layer)
    dock.parent().show()
    qtbot.waitUntil(dock.isVisible)
    assert dock.controller.layer_ids() == set()
    assert dock.table.results() == []
    assert len(viewer.layers) == 0


def test_closing_the_viewer_stops_a_running_encoding(make_napari_viewer, qtbot, open_dock, add_ct, session):
    viewer = make_napari_viewer(show=True)
    add_ct(viewer)
    dock = open_dock(viewer)
    in_window, may_go = threading.Event(), threading.Event()
    session.between_windows = lambda: (in_window.set(), may_go.wait(5))
    dock.sentence_panel.submit("bright sphere")
    assert in_window.wait(5)
    thread = next(thread for thread in threading.enumerate() if thread.name == THREAD_NAME)
    viewer.close()
    may_go.set()
    thread.join(5)
    assert not thread.is_alive()
    assert session.num_encoded == 0


def test_what_is_no_ct_is_refused_in_plain_words_on_the_notice_board(make_napari_viewer, qtbot, open_dock, tmp_path):
    viewer = make_napari_viewer()
    dock = open_dock(viewer)
    for name in ("photo.png", "broken.nii"):
        (tmp_path / name).write_bytes(b"\x89PNG" + bytes(400))
        dock.volume_panel.open_menu.path_chosen.emit(str(tmp_path / name))
        _wait_idle(qtbot, dock)
        assert dock.notices.text_of("refused").startswith(f"{name} was not opened.")
    assert _notifications() == []
    assert len(viewer.layers) == 0


def test_two_viewers_do_not_know_of_each_other(make_napari_viewer, qtbot, open_dock, add_ct, volume_maker, session):
    one, two = make_napari_viewer(), make_napari_viewer()
    first, second = add_ct(one), add_ct(two, volume_maker(10))
    docks = [open_dock(one), open_dock(two, type(session)())]
    _ask(qtbot, docks[0], "bright sphere")
    assert current_slice(one, first) == 30
    assert docks[1].table.results() == []
    assert len(two.layers) == 1
    _ask(qtbot, docks[1], "bright sphere")
    assert current_slice(two, second) == 10
    assert current_slice(one, first) == 30
    assert docks[0].strip.position_mm == pytest.approx(-310.0)


def test_an_unforeseen_error_is_told_once_in_plain_words_and_the_viewer_lives(
    make_napari_viewer, qtbot, open_dock, add_ct, session
):
    viewer = make_napari_viewer()
    add_ct(viewer)
    dock = open_dock(viewer)
    session.error = ZeroDivisionError("bright sphere")
    # napari's error notices would raise in a test; here the message matters.
    _ask(qtbot, dock, "bright sphere")
    assert [message for message in _notifications() if "Something went wrong" in message] == [
        "Something went wrong in the model (ZeroDivisionError). The log holds the details; the viewer goes on."
    ]
    session.error = None
    _ask(qtbot, dock, "bright sphere")
    assert len(dock.table.results()) == 1


def test_a_plain_layer_is_asked_for_its_orientation_and_for_hu(make_napari_viewer, qtbot, open_dock, volume, session):
    viewer = make_napari_viewer()
    # Head first, as shown by other readers; grey values 0..255.
    grey = np.clip(volume.hu[::-1, ::-1, ::-1] / 8, 0, 255).astype(np.uint8)
    layer = viewer.add_image(grey, scale=(3, 10, 10))
    viewer.add_image(np.zeros((5, 5)), name="flat picture")
    dock = open_dock(viewer)
    assert not dock.orientation_question.isHidden()
    assert [entry.reason is None for entry in dock.volumes.entries] == [True, False]
    dock.sentence_panel.submit("bright sphere")
    assert any("Which way the axes of this layer run is unknown" in message for message in _notifications())
    dock.orientation_question._boxes[0].setCurrentIndex(1)  # first slice at the head
    dock.orientation_question.button.click()
    assert dock.orientation_question.isHidden()
    assert {"orientation as stated", "voxel size as stated"} <= set(dock.volume_panel.badges.texts())
    _ask(qtbot, dock, "bright sphere")
    assert "Hounsfield units of a body" in dock.notices.text_of("hounsfield")
    assert session.num_encoded == 0
    dock.notices.press("hounsfield", "The values are HU")
    _wait_idle(qtbot, dock)
    assert session.num_encoded == 1
    assert "HU assumed" in dock.volume_panel.badges.texts()
    assert layer.unique_id == dock.controller.intent.source.layer_id


def test_released_weights_ask_for_their_licence_first_and_no_server(
    make_napari_viewer, qtbot, open_dock, tmp_path, monkeypatch
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    dock = open_dock(make_napari_viewer())
    dock.volume_panel.weights.weights_chosen.emit("radfinder")
    qtbot.waitUntil(lambda: dock.notices.text_of("licence") is not None, timeout=20_000)
    assert dock.controller.intent.weights.weights == "bundled"
    assert "not for commercial use" in dock.notices.text_of("licence")
    dock.notices.press("licence", "Not now")
    assert dock.fetcher.downloading is None
    qtbot.waitUntil(lambda: dock.volume_panel.weights.row_of("radfinder") == 1, timeout=20_000)
    # Weights that went from the cache meanwhile: asked is for the licence of those, and of no others.
    dock.controller.failed.emit(LicenceNeededError("", "MIT", 1_035_000_000, "colipri"))
    assert "COLIPRI" in dock.notices.text_of("licence")
    dock.notices.press("licence", "Not now")
    dock.controller.failed.emit(LicenceNeededError("Accept it where it is sold.", "own", 7))
    assert dock.notices.text_of("licence") is None
    assert "Accept it where it is sold." in _notifications()


def test_badges_and_facts_say_what_the_model_did_not_see(make_napari_viewer, qtbot, open_dock, add_ct, session):
    session.covered_body_fraction, session.holds_chest = 0.93, False
    viewer = make_napari_viewer()
    add_ct(viewer)
    dock = open_dock(viewer)
    _ask(qtbot, dock, "bright sphere")
    assert "only 93% of the body seen" in dock.volume_panel.badges.texts()
    assert any("hatched" in text for text in dock.volume_panel.badges.full_texts())
    assert "Research use only" in dock.status_line.facts.text()
    from qtpy.QtCore import Qt

    last = dock.disease_panel.list.item(dock.disease_panel.list.count() - 1)
    assert not last.flags() & Qt.ItemFlag.ItemIsEnabled


def test_opening_the_dock_loads_no_torch():
    code = (
        "import sys, napari_ct_grounding.widgets.dock, napari_ct_grounding.widgets.demo, napari_ct_grounding.widgets.sample;"
        "bad = {'torch', 'transformers', 'monai'} & set(sys.modules); sys.exit(f'loaded: {bad}' if bad else 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
