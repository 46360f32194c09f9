from __future__ import annotations

import pytest
from qtpy.QtGui import QImage

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.readers.napari_reader import layer_of_volume
from napari_ct_grounding.widgets import demo
from napari_ct_grounding.widgets.view import current_slice

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("no_threads_left")]


@pytest.fixture
def demo_layers(volume):
    return [layer_of_volume(volume, ct_examples=("bright sphere", "flat"))]


def test_the_demo_opens_the_case_answers_and_saves_a_picture(make_napari_viewer, qtbot, session, demo_layers, tmp_path):
    viewer = make_napari_viewer(show=True)
    dock = demo.open_demo(viewer, layers=demo_layers, session_factory=lambda *_: session)
    problems, path = [], tmp_path / "new folder" / "shot.png"
    closed = []
    demo.take_picture(viewer, dock, path, problems, close=lambda: closed.append(True))
    qtbot.waitUntil(lambda: bool(closed), timeout=10000)
    picture = QImage(str(path))
    assert picture.width() >= 1000
    assert problems == []
    assert current_slice(viewer, viewer.layers[0]) == 30
    assert [result.sentence for result in dock.table.results()] == ["bright sphere"]
    assert [action.text() for action in dock.sentence_panel.examples.menu().actions()] == ["bright sphere", "flat"]


def test_a_demo_that_fails_still_ends_and_says_why(make_napari_viewer, qtbot, session, demo_layers, tmp_path):
    viewer = make_napari_viewer()
    session.error = InputError("The weights are not there.")
    dock = demo.open_demo(viewer, layers=demo_layers, session_factory=lambda *_: session)
    problems, closed = [], []
    demo.take_picture(viewer, dock, tmp_path / "shot.png", problems, close=lambda: closed.append(True))
    qtbot.waitUntil(lambda: bool(closed), timeout=10000)
    assert problems == ["The weights are not there."]
