"""Moving and reading the viewer, on napari's model without a window."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_ct_grounding.widgets.layers import HighlightLayers
from napari_ct_grounding.widgets.navigation import SliceFollower
from napari_ct_grounding.widgets.sources import LayerSource, Orientation, source_of_layer
from napari_ct_grounding.widgets.view import (
    current_slice,
    go_to_slice,
    is_axial,
    orientation_letters,
    radiological_view,
)


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def ct(viewer, volume, add_ct):
    return add_ct(viewer, volume)


def _follower(viewer, layer):
    follower = SliceFollower(viewer)
    follower.set_source(source_of_layer(layer))
    follower.follow()
    return follower


def test_every_slice_is_reached_and_read_back(viewer, ct):
    for index in (0, 1, 17, 30, 47):
        go_to_slice(viewer, ct, index)
        assert current_slice(viewer, ct) == index
        assert viewer.dims.point[0] == pytest.approx(-400.0 + 3.0 * index)


def test_slices_are_right_beside_a_layer_with_another_origin_and_step(viewer, ct):
    viewer.add_image(np.zeros((200, 8, 8)), scale=(1, 40, 40), translate=(-500, -160, -160), units=("mm",) * 3)
    go_to_slice(viewer, ct, 30)
    assert current_slice(viewer, ct) == 30
    assert viewer.dims.current_step[0] != 30, "the trap is real: the step counts in the union of the layers"


def test_slices_are_right_when_another_layer_brings_finer_units(viewer, ct):
    viewer.add_image(np.zeros((4, 4, 4)), scale=(1e3, 1e4, 1e4), units=("um",) * 3)
    go_to_slice(viewer, ct, 30)
    assert current_slice(viewer, ct) == 30
    assert viewer.dims.point[0] == pytest.approx(-310_000.0)


def test_slices_are_right_in_a_viewer_of_four_axes(viewer, ct):
    viewer.add_image(np.zeros((2, 48, 32, 32)), scale=(1, 3, 10, 10), translate=(0, -400, -160, -160))
    go_to_slice(viewer, ct, 12)
    assert current_slice(viewer, ct) == 12


def test_outside_the_volume_there_is_no_slice(viewer, ct):
    viewer.add_image(np.zeros((200, 8, 8)), scale=(3, 40, 40), translate=(-900, -160, -160), units=("mm",) * 3)
    viewer.dims.set_point(0, -900)
    assert current_slice(viewer, ct) is None


def test_a_jump_is_heard_once_although_set_point_speaks_twice(viewer, ct):
    follower = _follower(viewer, ct)
    follower.go_to(3)
    heard, raw = [], []
    follower.position_changed.connect(heard.append)
    viewer.dims.events.point.connect(raw.append)
    follower.go_to(30)
    assert heard == [30]
    assert raw, "napari itself must have spoken"


def test_a_listener_that_moves_the_slider_again_does_not_loop(viewer, ct):
    follower = _follower(viewer, ct)
    heard = []

    def move_on(index):
        heard.append(index)
        if index == 10:
            follower.go_to(20)

    follower.position_changed.connect(move_on)
    follower.go_to(10)
    assert heard == [10, 20]
    assert current_slice(viewer, ct) == 20


def test_the_slider_moved_by_hand_is_followed_and_steps_stop_at_the_ends(viewer, ct):
    follower = _follower(viewer, ct)
    viewer.dims.set_point(0, -400 + 3 * 46)
    assert follower.slice_index == 46
    follower.step(5)
    assert follower.slice_index == 47


def test_a_resting_follower_leaves_no_callback_in_the_viewer(viewer, ct):
    def num_callbacks():
        emitters = (
            viewer.dims.events.point,
            viewer.dims.events.order,
            viewer.dims.events.ndisplay,
            viewer.scene.camera.events.orientation,
        )
        return [len(emitter.callbacks) if hasattr(emitter, "callbacks") else len(emitter) for emitter in emitters]

    before = num_callbacks()
    follower = SliceFollower(viewer)
    follower.set_source(source_of_layer(ct))
    for _ in range(3):
        follower.follow()
        follower.follow()
        assert num_callbacks() == [count + 1 for count in before]
        follower.rest()
        assert num_callbacks() == before


def test_a_layer_stored_head_first_is_read_and_reached_upside_down(viewer):
    layer = viewer.add_layer(Image(np.zeros((10, 4, 4), np.int16), scale=(2, 1, 1)))
    source = source_of_layer(layer, Orientation(is_first_slice_head=True))
    follower = SliceFollower(viewer)
    follower.set_source(source)
    follower.go_to(0)
    assert current_slice(viewer, layer) == 9
    assert follower.slice_index == 0


def test_rolled_axes_are_noticed_and_a_jump_still_moves_z(viewer, ct):
    follower = _follower(viewer, ct)
    seen = []
    follower.view_changed.connect(lambda: seen.append(is_axial(viewer)))
    viewer.dims.order = (1, 0, 2)
    assert seen == [False]
    follower.go_to(7)
    assert current_slice(viewer, ct) == 7
    radiological_view(viewer)
    assert is_axial(viewer)


def test_the_radiological_view_has_anterior_up_and_the_patients_right_on_screen_left(viewer, ct):
    radiological_view(viewer)
    assert orientation_letters(viewer) == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    viewer.dims.order = (1, 0, 2)
    assert orientation_letters(viewer) == {"left": "R", "right": "L", "top": "S", "bottom": "I"}
    viewer.dims.order = (2, 0, 1)
    assert orientation_letters(viewer) == {"left": "A", "right": "P", "top": "S", "bottom": "I"}
    viewer.dims.ndisplay = 3
    assert orientation_letters(viewer) == {}


def test_the_highlight_lies_on_the_volume_and_keeps_units_and_selection(viewer, ct):
    other = viewer.add_points(np.zeros((1, 3)), name="mine", units=("mm",) * 3)
    viewer.layers.selection.active = other
    units = viewer.dims.units
    HighlightLayers(viewer).show(ct, 30, (28, 32))
    assert viewer.layers.selection.active is other
    assert viewer.dims.units == units
    frame, band = viewer.layers["predicted slice"], viewer.layers["interval"]
    assert frame.units == band.units == ct.units
    assert set(frame.data[0][:, 0]) == {30.0}
    assert np.flatnonzero(band.data.ravel()).tolist() == [28, 29, 30, 31, 32]
    assert band.data.size == 48, "one voxel a slice"
    edges = 0.5 * band.scale
    np.testing.assert_allclose(band.translate - edges, ct.translate - 0.5 * ct.scale)
    np.testing.assert_allclose(
        band.translate[1:] + edges[1:], (ct.translate + ct.scale * (np.array(ct.data.shape) - 0.5))[1:]
    )


def test_grey_values_of_axial_slices_are_not_tinted_by_the_band(viewer, ct):
    highlight = HighlightLayers(viewer)
    highlight.show(ct, 30, (28, 32))
    assert not viewer.layers["interval"].visible
    viewer.dims.order = (1, 0, 2)
    highlight.follow_view()
    assert viewer.layers["interval"].visible


def test_the_frame_is_switched_off_where_it_cannot_be_seen_and_stays_off_when_the_user_hides_it(viewer, ct):
    highlight = HighlightLayers(viewer)
    highlight.show(ct, 30, (28, 32))
    frame = viewer.layers["predicted slice"]
    assert frame.visible
    for slice_index, is_visible in ((31, False), (12, False), (30, True)):
        highlight.follow_slice(slice_index)
        assert frame.visible is is_visible
    frame.visible = False  # by its eye in the layer list
    for slice_index in (31, 30):
        highlight.follow_slice(slice_index)
        assert not frame.visible
    highlight.show(ct, 12, (10, 14))
    highlight.follow_slice(12)
    assert not frame.visible
    frame.visible = True
    highlight.follow_slice(13)
    assert not frame.visible
    viewer.dims.order = (1, 0, 2)
    highlight.follow_slice(13)
    assert frame.visible, "in a coronal picture z runs within it"


def test_a_second_answer_moves_the_layers_and_deleted_ones_come_back(viewer, ct):
    highlight = HighlightLayers(viewer)
    highlight.show(ct, 30, (28, 32))
    highlight.show(ct, 5, (4, 6))
    assert len(viewer.layers) == 3
    assert viewer.layers["predicted slice"].data[0][0, 0] == 5
    viewer.layers.remove("interval")
    highlight.show(ct, 9, (9, 9))
    assert len(viewer.layers) == 3
    highlight.clear()
    assert list(viewer.layers) == [ct]


def test_a_renamed_highlight_is_still_ours(viewer, ct):
    highlight = HighlightLayers(viewer)
    highlight.show(ct, 30, (28, 32))
    viewer.layers["predicted slice"].name = "renamed"
    highlight.show(ct, 5, (4, 6))
    assert len(viewer.layers) == 3


def test_sources_name_layers_by_id(viewer, ct, volume):
    source = source_of_layer(ct)
    ct.name = "renamed"
    assert source == source_of_layer(ct)
    assert isinstance(source, LayerSource)
    assert source.load() is volume
