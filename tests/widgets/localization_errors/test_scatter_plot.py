from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPointF, Qt

from napari_ct_grounding.core.localization_error import GroupError
from napari_ct_grounding.widgets.localization_errors.scatter_plot import Scatter, ScatterPlot
from napari_ct_grounding.widgets.panels.colors import colors_of_theme


@pytest.fixture
def plot(qtbot):
    plot = ScatterPlot(colors_of_theme("dark"))
    qtbot.addWidget(plot)
    plot.resize(400, 260)
    x, y = np.array([0.0, 50.0, 100.0]), np.array([10.0, 40.0, 300.0])
    groups = (GroupError("", 3, 116.0, 40.0, 0.0, 100.0),)
    plot.set_scatter(Scatter(x, y, np.array([4, 7, 9]), "truth, mm", "answer, mm", groups, has_diagonal=True))
    plot.show()
    return plot


def test_a_click_on_a_point_chooses_its_row_and_one_beside_it_nothing(plot, qtbot):
    chosen = []
    plot.row_chosen.connect(chosen.append)
    for number in (4, 7, 9):
        qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=plot.place_of(number).toPoint())
    assert chosen == [4, 7, 9]
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=(plot.place_of(4) + QPointF(40, -60)).toPoint())
    assert chosen == [4, 7, 9]
    assert plot.place_of(5) is None


def test_both_axes_of_equal_quantities_have_one_scale(plot):
    (x, y) = plot._ranges
    assert x == y
    assert x[0] < 0
    assert x[1] > 300


def test_points_ring_and_an_empty_plot_are_painted(plot):
    def ink(color):
        picture = plot.grab().toImage()
        return sum(
            picture.pixelColor(column, row).name() == color.name()
            for column in range(0, picture.width())
            for row in range(0, picture.height())
        )

    colors = colors_of_theme("dark")
    assert ink(colors.position) == 0
    plot.set_current(7)
    assert ink(colors.position) > 20
    plot.set_scatter(None)
    assert ink(colors.position) == 0
    assert ink(colors.field) > 1000


def test_a_single_point_and_equal_values_have_room(qtbot):
    plot = ScatterPlot(colors_of_theme("light"))
    qtbot.addWidget(plot)
    plot.set_scatter(Scatter(np.array([5.0]), np.array([5.0]), np.array([0]), "x", "y"))
    assert plot.row_at(plot.place_of(0)) == 0
    plot.grab()
