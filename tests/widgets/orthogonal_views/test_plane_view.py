"""One painted plane: proportions, what is cut anew and what is not, mouse and keys."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent

from napari_ct_grounding.widgets.orthogonal_views.plane_view import Display, Marks, PlaneView, ShownVolume
from napari_ct_grounding.widgets.orthogonal_views.planes import AXIAL, CORONAL
from napari_ct_grounding.widgets.panels.colors import colors_of_theme

GREY = Display((0.0, 255.0), tuple(0xFF000000 | value * 0x010101 for value in range(256)))
RED = Display((0.0, 255.0), tuple(0xFF000000 | value << 16 for value in range(256)))


@pytest.fixture
def view(qtbot):
    view = PlaneView(CORONAL, colors_of_theme("dark"))
    qtbot.addWidget(view)
    view.resize(400, 300)
    data = np.zeros((20, 10, 10), dtype=np.int16)
    data[15:, :, :] = 200  # a bright head
    view.set_volume(ShownVolume(data, (10.0, 10.0, 20.0)))
    view.set_display(GREY)
    view.set_voxel((10, 5, 5), 12.34)
    return view


@pytest.fixture
def asked(view):
    asked = []
    view.voxel_requested.connect(asked.append)
    return asked


def _color(view, x, y):
    return view.grab().toImage().pixelColor(int(x), int(y)).getRgb()[:3]


def test_the_picture_has_the_proportions_of_the_patient_and_stands_in_the_middle(view):
    rect = view.picture_rect()
    assert (rect.width(), rect.height()) == (300, 300), "200 mm by 200 mm"
    assert (rect.left(), rect.top()) == (50, 0)
    view.resize(150, 300)
    assert (view.picture_rect().width(), view.picture_rect().height()) == (150, 150)


def test_the_head_is_at_the_top_in_the_layers_colours(view):
    assert _color(view, 120, 40) == (200, 200, 200)
    assert _color(view, 120, 250) == (0, 0, 0)
    view.set_display(RED)
    assert _color(view, 120, 40) == (200, 0, 0)


def test_only_another_plane_is_cut_anew(view):
    view.grab()
    view.set_voxel((3, 5, 8), 12.34)
    view.set_marks(Marks(3, (1, 6)))
    assert view.has_picture, "the cross and the marks are painted above the picture"
    view.set_voxel((3, 6, 8), 13.0)
    assert not view.has_picture


def test_the_picture_of_the_same_array_stays_and_goes_with_another(view):
    view.grab()
    shown = view._volume
    view.set_volume(ShownVolume(shown.data, shown.spacing_mm))
    assert view.has_picture
    view.set_volume(ShownVolume(shown.data.copy(), shown.spacing_mm))
    assert not view.has_picture
    view.grab()
    view.set_volume(None)
    assert not view.has_picture


def test_what_the_model_says_is_drawn_as_a_line_and_a_shade(view):
    dark = _color(view, 120, 250)
    view.set_marks(Marks(2, (1, 5)))
    red, green, blue = _color(view, 120, 225)  # slice 4 of 20
    assert (red, green, blue) != dark
    assert red > blue
    assert _color(view, 120, 170) == dark, "slice 8 lies outside"


def test_the_plane_across_the_axis_bears_a_frame_on_the_predicted_slice_only(qtbot):
    view = PlaneView(AXIAL, colors_of_theme("dark"))
    qtbot.addWidget(view)
    view.resize(200, 200)
    view.set_volume(ShownVolume(np.zeros((20, 10, 10), dtype=np.int16), (10.0, 10.0, 10.0)))
    view.set_display(GREY)
    view.set_marks(Marks(7, (5, 9)))
    view.set_voxel((6, 0, 0), 0.0)
    assert _color(view, 1, 60) == (0, 0, 0)
    view.set_voxel((7, 0, 0), 0.0)
    assert _color(view, 1, 60) != (0, 0, 0)


def test_the_title_names_the_plane_and_its_place(view):
    assert view.title() == "Coronal  y 12.3 mm"
    view.set_voxel((10, 4, 5), -7.0)
    assert view.title() == "Coronal  y \u22127.0 mm"


def test_a_click_and_a_drag_ask_for_the_voxel_under_the_mouse(view, asked, qtbot):
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(50, 0))
    assert asked == [(19, 5, 9)], "top left: the head, the patient's right"
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(340, 290))
    assert asked[-1] == (0, 5, 0)
    qtbot.mousePress(view, Qt.MouseButton.RightButton, pos=QPoint(60, 10))
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("key", "voxel"),
    [
        (Qt.Key.Key_Up, (11, 5, 5)),
        (Qt.Key.Key_Down, (9, 5, 5)),
        (Qt.Key.Key_Left, (10, 5, 6)),
        (Qt.Key.Key_Right, (10, 5, 4)),
        (Qt.Key.Key_PageUp, (10, 6, 5)),
        (Qt.Key.Key_PageDown, (10, 4, 5)),
    ],
)
def test_keys_go_where_they_point(view, asked, qtbot, key, voxel):
    qtbot.keyClick(view, key)
    assert asked == [voxel]


def test_keys_stop_at_the_end_of_the_scan(view, asked, qtbot):
    view.set_voxel((19, 5, 5), 0.0)
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert asked == []


def test_a_flipped_axis_runs_the_other_way(view, asked, qtbot):
    view.set_volume(ShownVolume(np.zeros((20, 10, 10), dtype=np.int16), (1.0, 1.0, 1.0), (True, False, False)))
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert asked == [(9, 5, 5)]


def test_small_turns_of_a_touchpad_add_up_to_a_step(view, asked):
    for turn in (50, 50, 50, -150):
        event = QWheelEvent(
            QPointF(10, 10), QPointF(10, 10), QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        view.wheelEvent(event)
    assert asked == [(10, 6, 5), (10, 4, 5)]


def test_a_view_without_a_volume_is_black_and_asks_for_nothing(view, asked, qtbot):
    view.set_volume(None)
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(50, 0))
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert asked == []
    assert _color(view, 120, 40) == (0, 0, 0)
