"""The dock "Orthogonal views" follows viewer and layers, moves the viewer, and leaves nothing behind."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from napari_ct_grounding.widgets.layers import HighlightLayers
from napari_ct_grounding.widgets.orthogonal_views.dock import OrthogonalViews, marks_of, open_orthogonal_views
from napari_ct_grounding.widgets.view import current_voxel, go_to_voxel

NUM_ROUNDS = 20


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def open_views(qtbot):
    def open_in(viewer):
        dock = OrthogonalViews(viewer)
        qtbot.addWidget(dock)
        return dock

    return open_in


def _settled(qtbot, dock):
    qtbot.waitUntil(lambda: not dock._due.isActive())
    return dock


def _is_shown(dock, name):
    return not dock.views[name].isHidden()


def test_the_planes_that_the_canvas_does_not_show_are_shown(viewer, add_ct, open_views):
    add_ct(viewer)
    dock = open_views(viewer)
    assert [name for name in dock.views if _is_shown(dock, name)] == ["Coronal", "Sagittal"]
    viewer.dims.order = (1, 0, 2)
    assert [name for name in dock.views if _is_shown(dock, name)] == ["Axial", "Sagittal"]
    viewer.dims.ndisplay = 3
    assert all(_is_shown(dock, name) for name in dock.views)


def test_the_cross_follows_the_viewer_and_the_viewer_follows_the_cross(viewer, add_ct, open_views):
    layer = add_ct(viewer)
    dock = open_views(viewer)
    go_to_voxel(viewer, layer, (40, 3, 7))
    assert dock.views["Coronal"].voxel == (40, 3, 7)
    assert dock.views["Coronal"].title() == "Coronal  y \u2212130.0 mm"
    assert dock.views["Sagittal"].title() == "Sagittal  x \u221290.0 mm"
    dock.views["Sagittal"].voxel_requested.emit((5, 20, 7))
    assert current_voxel(viewer, layer) == (5, 20, 7)
    assert viewer.dims.point[0] == pytest.approx(-400 + 3 * 5)


def test_units_of_the_viewer_may_differ_from_the_layers(viewer, add_ct, open_views):
    layer = add_ct(viewer)
    viewer.add_image(np.zeros((4, 4, 4)), scale=(0.1,) * 3, units=("um",) * 3, visible=False)
    go_to_voxel(viewer, layer, (40, 3, 7))
    assert current_voxel(viewer, layer) == (40, 3, 7)


def test_the_limits_of_the_layer_are_followed(viewer, add_ct, open_views):
    layer = add_ct(viewer)
    dock = open_views(viewer)
    layer.contrast_limits = (-1350, 150)
    layer.gamma = 2.0
    assert dock.views["Coronal"]._display.limits == (-1350.0, 150.0)
    assert dock.views["Coronal"]._display.colors[128] & 0xFF == pytest.approx(64, abs=2)


def test_what_the_model_says_is_read_off_the_drawn_layers(qtbot, viewer, add_ct, open_views):
    layer = add_ct(viewer)
    dock = open_views(viewer)
    highlight = HighlightLayers(viewer)
    highlight.show(layer, 30, (26, 33))
    assert marks_of(viewer).slice_index == 30
    assert marks_of(viewer).interval == (26, 33)
    assert _settled(qtbot, dock).views["Coronal"]._marks == marks_of(viewer)
    highlight.show(layer, 12, (10, 14))
    assert _settled(qtbot, dock).views["Coronal"]._marks.interval == (10, 14)
    highlight.clear()
    assert _settled(qtbot, dock).views["Coronal"]._marks.slice_index is None


def test_the_selected_ct_is_shown_else_the_topmost_visible_one(qtbot, viewer, add_ct, open_views, volume_maker):
    dock = open_views(viewer)
    assert dock.source is None
    assert "Open a CT" in dock.hint.text()
    first, second = add_ct(viewer), add_ct(viewer, volume_maker(name="other"))
    viewer.layers.selection.active = first
    assert _settled(qtbot, dock).source.layer_id == first.unique_id
    viewer.layers.selection.active = None
    assert _settled(qtbot, dock).source.layer_id == second.unique_id
    second.visible = False
    assert _settled(qtbot, dock).source.layer_id == first.unique_id
    viewer.layers.remove(first)
    assert _settled(qtbot, dock).source is None


def test_a_layer_of_unknown_orientation_is_not_guessed(qtbot, viewer, open_views):
    viewer.add_image(np.zeros((10, 8, 8)))
    dock = open_views(viewer)
    assert dock.source is None
    assert "axes of this layer" in dock.hint.text()


def test_a_removed_layer_is_let_go_and_a_hidden_dock_holds_none(qtbot, viewer, add_ct, open_views):
    # napari's own list of layers keeps the last one alive, so what the dock holds is looked at.
    layer = add_ct(viewer)
    dock = open_views(viewer)
    assert all(view._volume.data is layer.data for view in dock.views.values())
    dock._rest()
    assert dock.source is None
    assert all(view._volume is None for view in dock.views.values())
    dock._return()
    viewer.layers.remove(layer)
    assert _settled(qtbot, dock).source is None
    assert all(view._volume is None for view in dock.views.values())


def test_shift_and_drag_on_the_canvas_moves_the_cross(viewer, add_ct, open_views):
    layer = add_ct(viewer)
    dock = open_views(viewer)
    event = SimpleNamespace(type="mouse_press", modifiers=("Shift",), position=(-400.0, -160.0 + 50, -160.0 + 70))
    drag = dock._on_canvas_drag(viewer, event)
    next(drag)
    assert current_voxel(viewer, layer)[1:] == (5, 7)
    assert event.handled
    event.type = "mouse_release"
    assert list(drag) == []
    plain = SimpleNamespace(type="mouse_press", modifiers=(), position=(0.0, 0.0, 0.0))
    assert list(dock._on_canvas_drag(viewer, plain)) == []


@pytest.mark.gui
def test_opened_and_closed_twenty_times_it_leaves_no_trace(make_napari_viewer, qtbot, add_ct):
    viewer = make_napari_viewer()
    layer = add_ct(viewer)

    def counts():
        numbers = {}
        for place, group in (
            ("dims", viewer.dims.events),
            ("viewer", viewer.events),
            ("layer", layer.events),
            ("layers", viewer.layers.events),
            ("selection", viewer.layers.selection.events),
        ):
            for name, emitter in getattr(group, "emitters", {}).items():
                numbers[f"{place}.{name}"] = len(emitter.callbacks)
            if not hasattr(group, "emitters"):  # psygnal
                numbers.update({f"{place}.{name}": len(signal) for name, signal in group.signals.items()})
        numbers["timers"] = len(viewer.window._qt_window.findChildren(QTimer))
        numbers["drags"] = len(viewer.mouse_drag_callbacks)
        numbers["widgets"] = len(QApplication.allWidgets())
        return numbers

    def open_and_close():
        dock = open_orthogonal_views(viewer)
        assert open_orthogonal_views(viewer) is dock
        go_to_voxel(viewer, layer, (10, 4, 4))
        dock.views["Coronal"].grab()
        gone = []
        dock.destroyed.connect(lambda: gone.append(True))
        viewer.window.remove_dock_widget(dock)
        qtbot.waitUntil(lambda: bool(gone), timeout=20_000)
        return weakref.ref(dock)

    open_and_close()
    gc.collect()
    before = counts()
    docks = [open_and_close() for _ in range(NUM_ROUNDS)]
    qtbot.wait(10)
    gc.collect()
    assert [dock for dock in docks if dock() is not None] == []
    assert counts() == before
