"""Overlays, marks, clicks and files of the profile strip."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QImage

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.profile_painting import MAX_OVERLAYS, overlay_pen
from napari_ct_grounding.widgets.panels.profile_strip import ProfileStrip
from napari_ct_grounding.widgets.panels.strip_export import COLUMNS, profile_table

EXTENT_MM = (-400.0, -259.0)


@pytest.fixture
def strip(qtbot, result):
    strip = ProfileStrip(colors_of_theme("dark"))
    qtbot.addWidget(strip)
    strip.resize(86, 500)
    strip.set_extent(EXTENT_MM, EXTENT_MM)
    strip.set_result(result)
    return strip


@pytest.fixture
def others(result):
    """Further answers, their peaks elsewhere."""
    return [
        replace(result, sentence=f"other {i}", z_mm=-380.0 + 15 * i, profile=np.roll(result.profile, i + 2))
        for i in range(MAX_OVERLAYS + 2)
    ]


def _picture(widget):
    image = QImage(widget.size(), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.black)
    widget.render(image)
    return image


def _colors_of(image, xs, ys):
    return {image.pixelColor(x, y).name() for x in xs for y in ys}


def test_overlays_are_drawn_up_to_a_number_each_with_color_and_stroke_of_its_own(strip, others):
    before = _picture(strip)
    strip.set_overlays(others)
    assert len(strip.overlays) == MAX_OVERLAYS
    assert _picture(strip) != before
    pens = [pen for pen, _ in strip.legend()]
    assert len({pen.color().name() for pen in pens}) == len({tuple(pen.dashPattern()) for pen in pens}) == len(pens)


def test_the_profile_that_is_shown_is_no_overlay_of_itself(strip, result, others):
    strip.set_overlays([result, others[0]])
    assert strip.overlays == (others[0],)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_overlays_stand_out_from_the_ground_and_from_the_accent(theme):
    colors = colors_of_theme(theme)
    for index in range(MAX_OVERLAYS):
        color = overlay_pen(index, colors).color()
        assert abs(color.lightness() - colors.field.lightness()) > 40
        assert color != colors.accent


def test_overlays_and_marks_go_with_another_result_and_stay_with_the_same(strip, result, others):
    strip.set_overlays(others[:1])
    strip.set_marks([(-300.0, -300.0, "4:38", "reference")])
    strip.set_extent(EXTENT_MM, EXTENT_MM)
    strip.set_result(result)
    assert strip.overlays
    assert strip.marks
    strip.set_result(others[1])
    assert not strip.overlays
    assert not strip.marks
    strip.set_marks([(-300.0, -300.0, "4:38", "reference")])
    strip.set_extent((0.0, 100.0))
    assert strip.result is None
    assert not strip.marks


@pytest.mark.parametrize("kind", ["finding", "reference", "truth", "peak"])
def test_every_kind_of_mark_is_painted_at_its_place_only(strip, kind):
    strip.set_result(None)
    bare = _picture(strip)
    strip.set_marks([(-306.0, -300.0, "here", kind)])
    marked = _picture(strip)
    changed = [y for y in range(500) if any(bare.pixel(x, y) != marked.pixel(x, y) for x in range(30, 80))]
    assert changed
    assert strip.y_of_z(-285.0) < min(changed)
    assert max(changed) < strip.y_of_z(-321.0)


def test_an_unknown_kind_of_mark_is_refused(strip):
    with pytest.raises(ValueError, match="banana"):
        strip.set_marks([(-300.0, -300.0, "here", "banana")])


def test_a_click_on_a_mark_tells_which_one_and_goes_to_its_middle(qtbot, strip):
    told, asked = [], []
    strip.mark_clicked.connect(told.append)
    strip.z_requested.connect(asked.append)
    strip.set_marks([(-390.0, -390.0, "a", "finding"), (-310.0, -304.0, "b", "reference")])
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(74, round(strip.y_of_z(-305.5))))
    assert told == [1]
    assert asked == [-307.0]


def test_a_click_on_a_curve_tells_whose_it_is_and_one_beside_them_does_not(qtbot, strip, others):
    told = []
    strip.profile_clicked.connect(told.append)
    strip.set_overlays(others[:1])
    z_mm = float(others[0].depths_mm[int(np.argmax(others[0].profile))])
    x = strip._layout().scale().x_at(others[0], z_mm)
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(x), round(strip.y_of_z(z_mm))))
    assert told == [others[0]]
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(x) - 15, round(strip.y_of_z(z_mm))))
    assert told == [others[0]]


def test_the_table_of_profiles_holds_every_position_that_was_seen(result):
    partly = replace(result, profile=np.where(np.arange(len(result.profile)) < 2, np.nan, result.profile))
    head, *rows = csv.reader(StringIO(profile_table([partly, replace(result, sentence='with "quotes", and commas')])))
    assert tuple(head) == COLUMNS
    assert len(rows) == 2 * len(result.profile) - 2
    assert rows[-1][0] == 'with "quotes", and commas'
    inside = [float(row[1]) for row in rows if row[3] == "1"]
    low, high = result.interval_mm
    assert inside
    assert low <= min(inside)
    assert max(inside) <= high


def test_the_strip_is_saved_as_picture_with_legend_and_as_table(strip, others, tmp_path):
    strip.set_overlays(others[:1])
    strip.save(tmp_path / "strip.png")
    strip.save(tmp_path / "strip.csv")
    picture = QImage(str(tmp_path / "strip.png"))
    assert picture.height() == 3 * 500
    assert picture.width() > 3 * 86
    assert "other 0" in (tmp_path / "strip.csv").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("name", ["strip.png", "strip.csv"])
def test_a_folder_that_is_not_there_is_told(strip, tmp_path, name):
    with pytest.raises(InputError, match="cannot be written"):
        strip.save(tmp_path / "missing" / name)
