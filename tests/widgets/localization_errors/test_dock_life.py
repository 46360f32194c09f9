"""What the browser leaves behind when it is hidden, closed or deleted: nothing."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QApplication, QWidget

from napari_ct_grounding.widgets.jobs import FILES_THREAD_NAME, READING_THREAD_NAME, THREAD_NAME
from napari_ct_grounding.widgets.localization_errors.dock import LocalizationErrorsDock
from napari_ct_grounding.widgets.localization_errors.notes import notes_path, read_notes
from tests.widgets.localization_errors.conftest import is_idle

pytestmark = pytest.mark.usefixtures("no_threads_left")

NUM_ROUNDS = 20


def open_and_use(qtbot, dock, study):
    dock.session.open(study.path)
    qtbot.waitUntil(lambda: is_idle(dock), timeout=20_000)
    dock.step(1)
    qtbot.waitUntil(lambda: is_idle(dock), timeout=20_000)


def counts(viewer):
    """Everything in a viewer and in the program that a dock could leave behind."""
    found = {}
    for place, group in (
        ("layers", viewer.layers.events),
        ("dims", viewer.dims.events),
        ("camera", viewer.scene.camera.events),
        ("viewer", viewer.events),
    ):
        for name, emitter in getattr(group, "emitters", {}).items():
            found[f"{place}.{name}"] = len(emitter.callbacks)
        if not hasattr(group, "emitters"):  # psygnal
            found.update({f"{place}.{name}": len(signal) for name, signal in group.signals.items()})
    found["keys"] = len(viewer.keymap)
    found["widgets"] = sum(isinstance(widget, QWidget) for widget in QApplication.allWidgets())
    names = (THREAD_NAME, FILES_THREAD_NAME, READING_THREAD_NAME)
    found["threads"] = sum(thread.name in names for thread in threading.enumerate())
    return found


@pytest.mark.gui
def test_a_browser_opened_and_closed_twenty_times_leaves_no_trace(make_napari_viewer, qtbot, study):
    viewer = make_napari_viewer()

    def open_and_close(*, is_used):
        dock = LocalizationErrorsDock(viewer)
        viewer.window.add_dock_widget(dock, name="Localization errors", area="right")
        if is_used:
            open_and_use(qtbot, dock, study)
            assert "ct" in [layer.name for layer in viewer.layers]
        gone = []
        dock.destroyed.connect(lambda: gone.append(True))
        viewer.window.remove_dock_widget(dock)
        qtbot.waitUntil(lambda: bool(gone), timeout=20_000)
        for jobs in (dock.file_jobs, dock.reading_jobs):
            if jobs._line.previous is not None:
                jobs._line.previous.join(20)
        assert [layer.name for layer in viewer.layers if layer.name != "ct"] == [], "scans stay, what we drew goes"
        viewer.layers.clear()
        return weakref.ref(dock)

    def settle():
        for _ in range(2):
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
            qtbot.wait(10)
            gc.collect()

    open_and_close(is_used=True)  # napari itself connects a few things at the first layer of a kind
    settle()
    window = viewer.window._qt_window
    before, num_timers = counts(viewer), len(window.findChildren(QTimer))
    docks = [open_and_close(is_used=number % 10 == 0) for number in range(NUM_ROUNDS)]
    settle()
    assert [dock for dock in docks if dock() is not None] == []
    assert counts(viewer) == before
    assert len(window.findChildren(QTimer)) == num_timers


def test_voxels_go_with_their_layer_while_the_browser_is_hidden_too(browser, viewer, row_named, settled, qtbot):
    row_named(1)
    settled()
    voxels = weakref.ref(viewer.layers["ct"].metadata["ct_volume"].hu)
    browser._rest()
    viewer.layers.remove("ct")
    browser.reading_jobs._line.previous.join(20)
    qtbot.wait(1)
    gc.collect()
    assert voxels() is None
    assert [layer.name for layer in viewer.layers] == []


def test_a_hidden_browser_saves_its_notes_and_answers_again_when_it_is_shown(
    browser, viewer, study, row_named, settled
):
    row_named(1)
    settled()
    browser.detail.note.setText("typed a moment ago")
    browser.hide()
    assert [note.text for note in read_notes(notes_path(study.path)).values()] == ["typed a moment ago"]
    assert len(viewer.keymap) == 0
    browser.show()
    row_named(3)
    settled()
    assert viewer.dims.point[0] == -200.0


def test_two_viewers_work_apart(qtbot, browser, viewer, study, row_named, settled):
    other = ViewerModel()
    dock = LocalizationErrorsDock(other)
    qtbot.addWidget(dock)
    open_and_use(qtbot, dock, study)
    assert next(layer.name for layer in other.layers) == "ct"
    assert [layer.name for layer in viewer.layers] == []
    dock.table.tag_requested.emit("fine")
    row_named(1)
    browser.table.tag_requested.emit("poor scan")
    dock.session.flush()
    browser.session.flush()
    assert sorted(note.tag for note in read_notes(notes_path(study.path)).values()) == ["fine", "poor scan"]
    dock._leave()
    settled()
    assert next(layer.name for layer in viewer.layers) == "ct"


def test_a_dock_that_leaves_while_a_scan_is_read_hears_nothing_of_it(browser, viewer, row_named, qtbot):
    row_named(1)
    browser.open_current()
    browser._leave()
    thread = browser.reading_jobs._line.previous
    thread.join(20)
    qtbot.wait(1)
    assert list(viewer.layers) == []
