"""Planes of a volume stand on the screen as on a workstation, whichever way the array runs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from napari_ct_grounding.widgets.orthogonal_views.planes import (
    AXIAL,
    CORONAL,
    PLANES,
    SAGITTAL,
    grey_of,
    picture_of,
    place_in_picture,
    voxel_of_place,
)

SHAPE = (5, 6, 7)
ALL_FLIPS = list(itertools.product((False, True), repeat=3))


def stored(canonical, flipped):
    """The array of a layer whose flipped axes run against the canonical ones."""
    return canonical[tuple(slice(None, None, -1) if flip else slice(None) for flip in flipped)]


@pytest.fixture
def canonical():
    return np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)


@pytest.mark.parametrize(
    ("plane", "letters"),
    [
        (AXIAL, {"top": "A", "bottom": "P", "left": "R", "right": "L"}),
        (CORONAL, {"top": "S", "bottom": "I", "left": "R", "right": "L"}),
        (SAGITTAL, {"top": "S", "bottom": "I", "left": "A", "right": "P"}),
    ],
)
def test_letters_are_those_of_a_workstation(plane, letters):
    assert plane.letters == letters


@pytest.mark.parametrize("flipped", ALL_FLIPS)
def test_the_top_left_corner_is_head_or_front_and_right_or_front(canonical, flipped):
    data = stored(canonical, flipped)
    top, front, right = SHAPE[0] - 1, SHAPE[1] - 1, SHAPE[2] - 1
    at = [size - 1 - 2 if flip else 2 for size, flip in zip(SHAPE, flipped, strict=True)]
    assert picture_of(data, AXIAL, at[0], flipped)[0, 0] == canonical[2, front, right]
    assert picture_of(data, CORONAL, at[1], flipped)[0, 0] == canonical[top, 2, right]
    assert picture_of(data, SAGITTAL, at[2], flipped)[0, 0] == canonical[top, front, 2]


@pytest.mark.parametrize("flipped", ALL_FLIPS)
@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
def test_every_voxel_is_found_at_its_place_in_the_picture(canonical, plane, flipped):
    data = stored(canonical, flipped)
    for voxel in itertools.product(*(range(size) for size in SHAPE)):
        picture = picture_of(data, plane, voxel[plane.axis], flipped)
        down, along = place_in_picture(plane, voxel, SHAPE, flipped)
        row, column = int(down * picture.shape[0]), int(along * picture.shape[1])
        assert picture[row, column] == data[voxel]
        assert voxel_of_place(plane, (down, along), voxel, SHAPE, flipped) == voxel


@pytest.mark.parametrize("place", [(-3.0, 9.0), (1.0, 0.0), (0.0, 1.0)])
def test_a_place_outside_the_picture_means_its_edge(place):
    voxel = voxel_of_place(CORONAL, place, (0, 3, 0), SHAPE, (False,) * 3)
    assert voxel[1] == 3
    assert all(0 <= at < size for at, size in zip(voxel, SHAPE, strict=True))


def test_a_plane_of_a_large_scan_is_a_view_and_copies_no_volume():
    data = np.zeros((1500, 64, 64), dtype=np.int16)
    for plane in PLANES:
        assert np.shares_memory(picture_of(data, plane, 10, (False,) * 3), data)


def test_grey_follows_the_limits_and_survives_odd_values():
    picture = np.array([[-2000, -160, 40, 240, 3000]], dtype=np.int16)
    assert grey_of(picture, (-160, 240)).tolist() == [[0, 0, 127, 255, 255]]
    assert grey_of(np.array([[np.nan, np.inf, -np.inf]], dtype=np.float32), (0, 1)).tolist() == [[0, 255, 0]]
    assert grey_of(picture, (5, 5)).max() == 255, "no division by zero"
