"""What a dock leaves behind when it is hidden, closed or deleted, and what it survives: nothing, and everything."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QWidget

from napari_ct_grounding.core.errors import Cancelled, LicenceNeededError
from napari_ct_grounding.widgets.dock import GroundingDock
from napari_ct_grounding.widgets.jobs import DOWNLOAD_THREAD_NAME, FILES_THREAD_NAME, THREAD_NAME
from napari_ct_grounding.widgets.view import current_slice

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("no_threads_left")]

#: Docks opened and closed before something that grows would show.
NUM_ROUNDS = 20


@pytest.fixture
def open_dock(session):
    def open_in(viewer, session=session, **options):
        dock = GroundingDock(viewer, lambda *_: session, **options)
        viewer.window.add_dock_widget(dock, name="CT Grounding", area="right")
        return dock

    return open_in


def _is_idle(dock):
    return dock.jobs.is_idle and not dock.volume_switch.is_due


def _ask(qtbot, dock, text):
    dock.sentence_panel.submit(text)
    qtbot.waitUntil(lambda: _is_idle(dock), timeout=20_000)


def _deleted(qtbot, dock):
    """Wait until Qt has deleted a dock that was taken out of its window."""
    gone = []
    dock.destroyed.connect(lambda: gone.append(True))
    qtbot.waitUntil(lambda: bool(gone), timeout=20_000)


def _counts(viewer):
    """Everything in a viewer and in the program that a dock could leave behind."""
    counts = {}
    for place, group in (
        ("layers", viewer.layers.events),
        ("selection", viewer.layers.selection.events),
        ("dims", viewer.dims.events),
        ("camera", viewer.scene.camera.events),
        ("viewer", viewer.events),
        *((f"layer {layer.name}", layer.events) for layer in viewer.layers),
    ):
        for name, emitter in getattr(group, "emitters", {}).items():
            counts[f"{place}.{name}"] = len(emitter.callbacks)
        if not hasattr(group, "emitters"):  # psygnal
            counts.update({f"{place}.{name}": len(signal) for name, signal in group.signals.items()})
    counts["overlays"] = len(viewer.canvas.overlays)
    counts["number of layers"] = len(viewer.layers)
    counts["widgets"] = sum(isinstance(widget, QWidget) for widget in QApplication.allWidgets())
    counts["timers"] = len(viewer.window._qt_window.findChildren(QTimer))
    names = (THREAD_NAME, FILES_THREAD_NAME, DOWNLOAD_THREAD_NAME)
    counts["threads"] = sum(thread.name in names for thread in threading.enumerate())
    return counts


def test_a_dock_opened_and_closed_twenty_times_leaves_no_trace(make_napari_viewer, qtbot, open_dock, add_ct):
    viewer = make_napari_viewer()
    add_ct(viewer)

    def open_and_close(*, is_used):
        dock = open_dock(viewer)
        if is_used:
            _ask(qtbot, dock, "bright sphere")
            assert len(viewer.layers) == 3
        viewer.window.remove_dock_widget(dock)
        _deleted(qtbot, dock)
        for jobs in (dock.jobs, dock.file_jobs):
            if jobs._line.previous is not None:
                jobs._line.previous.join(20)
        return weakref.ref(dock)

    open_and_close(is_used=True)  # napari itself connects a few things at the first layer of a kind
    gc.collect()
    before = _counts(viewer)
    docks = [open_and_close(is_used=number % 5 == 0) for number in range(NUM_ROUNDS)]
    qtbot.wait(10)  # Qt lets go of the last timer's slot
    gc.collect()
    assert [dock for dock in docks if dock() is not None] == []
    assert _counts(viewer) == before


def test_voxels_go_with_their_layer_and_with_the_dock(make_napari_viewer, qtbot, open_dock, add_ct, volume_maker):
    viewer = make_napari_viewer()
    dock = open_dock(viewer)

    def open_and_use():
        volume = volume_maker()
        layer = add_ct(viewer, volume)
        qtbot.waitUntil(lambda: _is_idle(dock), timeout=20_000)
        _ask(qtbot, dock, "bright sphere")
        assert dock.table.results()
        return weakref.ref(volume), weakref.ref(volume.hu), layer.unique_id

    def remove(layer_id):
        viewer.layers.remove(next(layer for layer in viewer.layers if layer.unique_id == layer_id))
        qtbot.waitUntil(lambda: _is_idle(dock), timeout=20_000)
        qtbot.wait(1)
        gc.collect()

    volume, voxels, layer_id = open_and_use()
    remove(layer_id)
    assert volume() is None
    assert voxels() is None
    # A hidden dock lets them go as well.
    volume, voxels, layer_id = open_and_use()
    dock._rest()
    remove(layer_id)
    assert volume() is None
    assert voxels() is None
    # A dock that was closed holds nothing while the layer goes on living, and after it.
    dock._go_live()
    volume, voxels, layer_id = open_and_use()
    viewer.window.remove_dock_widget(dock)
    assert dock.controller.layer_ids() == set()
    assert dock._store._session is None
    viewer.layers.clear()
    gc.collect()
    assert volume() is None
    assert voxels() is None


def test_a_cancelled_encoding_and_a_reopened_dock_work_one_after_the_other(
    make_napari_viewer, qtbot, open_dock, add_ct, session
):
    viewer = make_napari_viewer(show=True)
    add_ct(viewer)
    dock = open_dock(viewer)
    in_window, may_go = threading.Event(), threading.Event()
    running, most = [0], [0]

    def between_windows():
        running[0] += 1
        most[0] = max(most[0], running[0])
        in_window.set()
        may_go.wait(20)
        running[0] -= 1

    session.between_windows = between_windows
    qtbot.waitUntil(dock.isVisible)
    dock.sentence_panel.submit("bright sphere")
    assert in_window.wait(20)
    old = dock.jobs._line.thread
    dock.volume_panel.cancel.click()
    dock.parent().close()
    qtbot.waitUntil(lambda: not dock.isVisible())
    dock.parent().show()
    qtbot.waitUntil(dock.isVisible)
    dock.sentence_panel.submit("bright sphere")
    assert dock.jobs._line.thread is not old
    assert old.is_alive()
    may_go.set()
    qtbot.waitUntil(lambda: _is_idle(dock), timeout=20_000)
    assert not old.is_alive()
    assert most == [1], "two threads in one session"
    assert [result.sentence for result in dock.table.results()] == ["bright sphere"]


def test_a_long_sentence_shows_cancel_and_cancel_brings_the_button_back(
    make_napari_viewer, qtbot, open_dock, add_ct, session
):
    viewer = make_napari_viewer()
    add_ct(viewer)
    dock = open_dock(viewer)
    _ask(qtbot, dock, "bright sphere")
    is_asked, may_go = threading.Event(), threading.Event()
    session.before_sentence = lambda sentence: (is_asked.set(), may_go.wait(20))
    dock.sentence_panel.submit("another sphere")
    assert is_asked.wait(20)
    qtbot.waitUntil(lambda: dock.volume_panel._stack.currentIndex() == 1, timeout=20_000)
    dock.volume_panel.cancel.click()
    assert dock.volume_panel._stack.currentIndex() == 0
    session.before_sentence = lambda sentence: None
    may_go.set()
    _ask(qtbot, dock, "a third sphere")
    assert {result.sentence for result in dock.table.results()} == {"bright sphere", "a third sphere"}


def test_voxels_replaced_while_they_are_encoded_end_the_job_and_the_new_ones_are_answered(
    make_napari_viewer, qtbot, open_dock, add_ct, session, volume_maker
):
    viewer = make_napari_viewer()
    layer = add_ct(viewer)
    dock = open_dock(viewer)
    in_window, may_go = threading.Event(), threading.Event()
    session.between_windows = lambda: (in_window.set(), may_go.wait(20))
    dock.sentence_panel.submit("bright sphere")
    assert in_window.wait(20)
    layer.name = "renamed"
    layer.data = np.ascontiguousarray(volume_maker(10).hu)
    qtbot.waitUntil(lambda: not dock.controller.is_encoding, timeout=20_000)
    session.between_windows = lambda: None
    may_go.set()
    qtbot.waitUntil(lambda: _is_idle(dock), timeout=20_000)
    assert dock.table.results() == [], "an answer of the old voxels"
    _ask(qtbot, dock, "bright sphere")
    assert current_slice(viewer, layer) == 10


def test_a_download_is_stopped_when_its_dock_is_closed_and_stands_in_nobodys_way(
    make_napari_viewer, qtbot, open_dock, add_ct
):
    is_fetching, was_cancelled, may_go = threading.Event(), threading.Event(), threading.Event()

    def pull(name, *, accept_licence, on_progress=None, cancel=None):
        if not accept_licence:
            raise LicenceNeededError("", "CC BY-NC-SA 4.0", 4_000_000_000, name)
        is_fetching.set()
        while not cancel():
            on_progress(1_000_000_000, 4_000_000_000)
            may_go.wait(0.005)
        was_cancelled.set()
        raise Cancelled("cancelled")

    viewer = make_napari_viewer()
    add_ct(viewer)
    dock = open_dock(viewer, pull=pull)
    dock.volume_panel.weights.weights_chosen.emit("radfinder")
    qtbot.waitUntil(lambda: dock.notices.text_of("licence") is not None, timeout=20_000)
    dock.notices.press("licence", "Accept and download 4.0 GB")
    assert is_fetching.wait(20)
    qtbot.waitUntil(lambda: "1.0 GB of 4.0 GB" in dock.download_panel.facts.text(), timeout=20_000)
    _ask(qtbot, dock, "bright sphere")
    assert len(dock.table.results()) == 1, "the other weights work meanwhile"
    thread = dock.download_jobs._line.previous
    viewer.window.remove_dock_widget(dock)
    assert was_cancelled.wait(20)
    thread.join(20)
    assert not thread.is_alive()


def test_two_viewers_work_and_close_apart(make_napari_viewer, qtbot, open_dock, add_ct, volume_maker, session):
    one, two = make_napari_viewer(), make_napari_viewer()
    add_ct(one)
    layer = add_ct(two, volume_maker(10))
    docks = [open_dock(one), open_dock(two, type(session)())]
    in_window, may_go = threading.Event(), threading.Event()
    session.between_windows = lambda: (in_window.set(), may_go.wait(20))
    docks[0].sentence_panel.submit("bright sphere")
    assert in_window.wait(20)
    one.window.remove_dock_widget(docks[0])
    _ask(qtbot, docks[1], "bright sphere")
    assert current_slice(two, layer) == 10
    may_go.set()
    assert len(one.layers) == 1


def test_real_weights_keep_no_voxels(volume_maker):
    """The session's own caches, with the bundled weights."""
    from napari_ct_grounding.widgets.jobs import JobContext
    from napari_ct_grounding.widgets.requests import ScanRequest, WeightsChoice
    from napari_ct_grounding.widgets.sources import LayerSource
    from napari_ct_grounding.widgets.work import EncodedScan, SessionStore, encode_scan, ground_sentence

    volume = volume_maker()
    gone = weakref.ref(volume.hu)
    source = LayerSource("a", volume.name, volume.geometry, volume=volume)
    request = ScanRequest(source, WeightsChoice(), "cpu", is_hu_assumed=True)
    store, context = SessionStore(), JobContext(1, lambda *_: None)
    scan = encode_scan(store, request, False, context)
    assert isinstance(scan, EncodedScan), "a short scan and a small model start at once"
    result = ground_sentence(store, request, scan.encoded, "Arch of the aorta.", context)
    assert result.sentence == "Arch of the aorta."
    del volume, source, request
    gc.collect()
    assert gone() is None
