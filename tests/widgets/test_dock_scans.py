"""From a refused, dropped or altered scan to an answer, in a real viewer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent

import napari_ct_grounding
from napari_ct_grounding.core.errors import UnevenSpacingError
from napari_ct_grounding.readers.refusals import refusals
from napari_ct_grounding.widgets.commands import open_ct_file, open_ct_folder
from napari_ct_grounding.widgets.dock import GroundingDock
from napari_ct_grounding.widgets.view import current_slice

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("no_threads_left")]


@pytest.fixture
def dock_of(session, qtbot):
    def open_in(viewer):
        dock = GroundingDock(viewer, lambda *_: session)
        viewer.window.add_dock_widget(dock, name="CT Grounding", area="right")
        return dock

    return open_in


@pytest.fixture(autouse=True)
def _reader(monkeypatch, volume_maker, npe2pm):
    """Our manifest, and a reader that refuses what is called uneven."""
    from npe2 import PluginManifest

    from napari_ct_grounding.readers.napari_reader import layer_of_volume

    npe2pm.register(PluginManifest.from_file(Path(napari_ct_grounding.__file__).parent / "napari.yaml"))

    def scan_layer(path, series=None, uneven="refuse", frame=None):
        if "uneven" in str(path) and uneven == "refuse":
            raise UnevenSpacingError("words for a shell", "The series has gaps, 1 slice missing.")
        notes = ("Resampled to an even grid of 3 mm; slices in between are interpolated.",) * (uneven == "resample")
        volume = volume_maker(name=Path(path).stem)
        object.__setattr__(volume, "notes", notes)
        return layer_of_volume(volume, ct_source=path), ()

    monkeypatch.setattr("napari_ct_grounding.readers.napari_reader.scan_layer", scan_layer)
    yield
    refusals.take_last()


@pytest.fixture
def uneven(tmp_path):
    path = tmp_path / "uneven.nii"
    path.touch()
    return str(path)


def _wait_idle(qtbot, dock):
    qtbot.waitUntil(
        lambda: dock.jobs.is_idle and dock.reading_jobs.is_idle and not dock.volume_switch.is_due, timeout=20_000
    )


def test_a_refused_scan_is_resampled_by_a_button_and_answers_go_when_its_voxels_are_replaced(
    make_napari_viewer_proxy, qtbot, dock_of, uneven
):
    viewer = make_napari_viewer_proxy()
    dock = dock_of(viewer)
    assert viewer.open(uneven, plugin="napari-ct-grounding") == []
    assert "1 slice missing" in dock.notices.text_of("uneven")
    dock.notices.press("uneven", "Resample to an even grid")
    _wait_idle(qtbot, dock)
    assert dock.volume_panel.volume.currentText() == "uneven"
    assert dock.volume_panel.badges.texts() == ["resampled to 3 mm"]
    dock.sentence_panel.submit("bright sphere")
    _wait_idle(qtbot, dock)
    layer = viewer.layers["uneven"]
    assert current_slice(viewer, layer) == 30
    layer.data = np.roll(layer.data, -20, axis=0)
    _wait_idle(qtbot, dock)
    assert dock.table.results() == []
    assert "predicted slice" not in viewer.layers
    assert "values changed" in dock.volume_panel.badges.texts()
    dock.sentence_panel.submit("bright sphere")
    _wait_idle(qtbot, dock)
    assert current_slice(viewer, layer) == 10


def test_a_scan_refused_while_no_dock_was_open_is_offered_by_the_dock_that_opens(make_napari_viewer, dock_of, uneven):
    viewer = make_napari_viewer()
    with pytest.raises(UnevenSpacingError, match="Open the dock CT Grounding"):
        viewer.open(uneven, plugin="napari-ct-grounding")
    dock = dock_of(viewer)
    assert "1 slice missing" in dock.notices.text_of("uneven")


def test_files_dropped_on_the_dock_and_menu_commands_open_without_a_question(
    make_napari_viewer, qtbot, dock_of, tmp_path, monkeypatch
):
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    assert dock.acceptDrops()
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "dropped.nii"))])
    none = Qt.KeyboardModifier.NoModifier
    dock.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, none))
    _wait_idle(qtbot, dock)
    dialogs = "napari_ct_grounding.widgets.panels.open_menu.QFileDialog"
    monkeypatch.setattr(f"{dialogs}.getExistingDirectory", lambda *_, **__: str(tmp_path / "folder"))
    monkeypatch.setattr(f"{dialogs}.getOpenFileName", lambda *_, **__: (str(tmp_path / "file.nii"), ""))
    open_ct_folder(viewer)
    open_ct_file(viewer)
    _wait_idle(qtbot, dock)
    assert {layer.name for layer in viewer.layers} == {"dropped", "folder", "file"}
    assert len(viewer.window.dock_widgets) == 1
    # A layer below others is seen again when it is chosen.
    dock.volume_panel.volume_chosen.emit(viewer.layers["dropped"].unique_id)
    assert [layer.name for layer in viewer.layers if layer.visible] == ["dropped"]
