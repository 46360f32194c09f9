"""Pictures of slices: the radiological view, millimetres that stay square, the display window."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from napari_ct_grounding.core.display import DISPLAY_WINDOWS
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.export.pictures import axial_picture, coronal_picture, jpeg_bytes
from tests.export.walks import a_volume

WINDOWS = {window.name: window for window in DISPLAY_WINDOWS}


def centre_of_bright(picture: Image.Image) -> tuple[float, float]:
    """Where the bright ball lies: (x, y) as shares of the picture, from its left upper corner."""
    y, x = np.nonzero(np.asarray(picture) > 200)
    return x.mean() / picture.width, y.mean() / picture.height


def test_what_lies_right_and_in_front_is_shown_on_the_left_and_above() -> None:
    x, y = centre_of_bright(axial_picture(a_volume(), 12, WINDOWS["Mediastinum"], 320, is_lettered=False))
    assert x == pytest.approx((31 - 23.5 + 0.5) / 32, abs=0.02)
    assert y == pytest.approx((23 - 16.5 + 0.5) / 24, abs=0.02)


def test_what_lies_right_and_high_is_shown_on_the_left_and_above_in_the_overview() -> None:
    hu = np.array(a_volume().hu)
    hu[11:14, 4:20, 22:26] = 2500
    x, y = centre_of_bright(coronal_picture(a_volume(hu=hu), WINDOWS["Bone"], 400))
    assert x == pytest.approx((31 - 23.5 + 0.5) / 32, abs=0.02)
    assert y == pytest.approx((19 - 12 + 0.5) / 20, abs=0.03)


def test_pixels_are_square_in_millimetres_and_the_longer_side_is_as_asked() -> None:
    geometry = VolumeGeometry.from_spacing((20, 24, 32), (5.0, 20.0, 5.0))  # 480 mm high, 160 mm wide
    assert axial_picture(a_volume(geometry=geometry), 0, WINDOWS["Lung"], 300).size == (100, 300)


@pytest.mark.parametrize(("name", "grey"), [("Mediastinum", 127.5), ("Lung", 235.5), ("Bone", 82.5)])
def test_grey_levels_are_those_of_the_display_window(name: str, grey: float) -> None:
    picture = np.asarray(axial_picture(a_volume(), 3, WINDOWS[name], 320, is_lettered=False))
    water = picture[120, 160]  # 40 HU
    assert water == pytest.approx((40 - WINDOWS[name].limits_hu[0]) / WINDOWS[name].window_width_hu * 255, abs=1)
    assert water == pytest.approx(grey, abs=2)
    assert picture[0, 0] == (59 if name == "Lung" else 0)  # air


def test_letters_are_drawn_at_all_four_sides_unless_unwanted() -> None:
    plain = np.asarray(axial_picture(a_volume(), 3, WINDOWS["Mediastinum"], 320, is_lettered=False)).astype(int)
    lettered = np.asarray(axial_picture(a_volume(), 3, WINDOWS["Mediastinum"], 320)).astype(int)
    height, width = plain.shape
    changed = np.abs(lettered - plain) > 60
    rows, columns = slice(height // 2 - 12, height // 2 + 12), slice(width // 2 - 12, width // 2 + 12)
    strips = {
        "A": changed[:24, columns],
        "P": changed[-24:, columns],
        "R": changed[rows, :24],
        "L": changed[rows, -24:],
    }
    assert {letter for letter, strip in strips.items() if strip.any()} == set("APRL")


def test_a_volume_of_air_has_an_overview_too() -> None:
    assert coronal_picture(a_volume(hu=np.full((20, 24, 32), -1000, np.int16)), WINDOWS["Bone"], 200).height == 200


def test_a_jpeg_holds_no_metadata() -> None:
    data = jpeg_bytes(axial_picture(a_volume(), 3, WINDOWS["Lung"], 64))
    read = Image.open(io.BytesIO(data))
    assert (read.format, read.size) == ("JPEG", (64, 48))
    assert set(read.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not read.getexif()
