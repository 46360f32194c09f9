from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.model.slab.preprocessing import (
    AIR_HU,
    SlabFrame,
    prepare_slabs,
    resampling_matrix,
    window_channels,
)

FRAME = SlabFrame()


def body_volume(shape=(20, 60, 70), spacing_mm=(5.0, 4.0, 4.0), centre_yx=(30, 35), origin_mm=(0.0, 0.0, 0.0)):
    """An elliptic body of water in air; the ellipse is 120 x 180 mm."""
    y = (np.arange(shape[1]) - centre_yx[0])[:, None] * spacing_mm[1]
    x = (np.arange(shape[2]) - centre_yx[1])[None] * spacing_mm[2]
    plane = np.where((y / 60) ** 2 + (x / 90) ** 2 < 1, 0, -1000)
    hu = np.broadcast_to(plane, shape).astype(np.int16)
    return CTVolume(hu.copy(), VolumeGeometry.from_spacing(shape, spacing_mm, origin_mm))


def test_a_scan_on_the_grid_is_only_moved_never_changed():
    volume = body_volume()
    slabs = prepare_slabs(volume, FRAME)
    assert slabs.hu.shape == (20, 96, 112)
    assert slabs.hu.dtype == np.int16
    assert np.count_nonzero(slabs.hu == 0) == np.count_nonzero(volume.hu == 0)
    np.testing.assert_allclose(slabs.z_mm, np.arange(20) * 5.0)
    assert slabs.covered_mm == pytest.approx((-2.5, 97.5))


@pytest.mark.parametrize("centre", [(30, 35), (20, 30), (40, 28)])
def test_the_body_comes_to_lie_in_the_middle_wherever_it_was(centre):
    rows, columns = np.nonzero(prepare_slabs(body_volume(centre_yx=centre), FRAME).hu[10] == 0)
    assert abs(rows.mean() - 47.5) <= 1
    assert abs(columns.mean() - 55.5) <= 1


def test_the_table_does_not_move_the_body():
    volume = body_volume()
    hu = volume.hu.copy()
    hu[:, 1:3] = 100
    with_table = prepare_slabs(CTVolume(hu, volume.geometry), FRAME)
    rows, _ = np.nonzero(with_table.hu[10] == 0)
    assert abs(rows.mean() - 47.5) <= 1


@pytest.mark.parametrize("spacing", [(1.0, 0.8, 0.8), (2.5, 1.0, 1.0), (8.0, 4.0, 4.0), (3.0, 6.0, 6.0)])
def test_a_slope_along_z_keeps_its_world_position_at_any_spacing(spacing):
    shape = (round(160 / spacing[0]), round(80 / spacing[1]), round(80 / spacing[2]))
    geometry = VolumeGeometry.from_spacing(shape, spacing, (-700.0, 10.0, 20.0))
    z = np.array([geometry.z_of_slice(i) for i in range(shape[0])])
    hu = np.broadcast_to((z[:, None, None] + 700) * 4 - 200, shape)
    slabs = prepare_slabs(CTVolume(np.rint(hu).astype(np.int16), geometry), FRAME)
    inner = slice(2, -2)
    middle = slabs.hu[inner, 48, 56].astype(float)
    np.testing.assert_allclose(middle, (slabs.z_mm[inner] + 700) * 4 - 200, atol=1.5)


def test_averaging_takes_noise_down_and_interpolation_keeps_values_in_range():
    rng = np.random.default_rng(0)
    fine = resampling_matrix(100, 1.0, 20, 5.0) @ rng.standard_normal(100)
    assert fine.std() < 0.6
    coarse = resampling_matrix(10, 8.0, 16, 5.0)
    np.testing.assert_allclose(coarse.sum(axis=1), 1.0, rtol=1e-6)
    assert (coarse >= 0).all()
    assert (np.count_nonzero(coarse, axis=1) <= 2).all()


def test_padding_of_a_scanner_becomes_air():
    volume = body_volume()
    hu = np.where(volume.hu < -500, -3024, volume.hu).astype(np.int16)
    assert prepare_slabs(CTVolume(hu, volume.geometry), FRAME).hu.min() == AIR_HU


def test_a_body_wider_than_the_frame_is_covered_in_part_and_says_so():
    hu = np.zeros((4, 120, 160), dtype=np.int16)
    slabs = prepare_slabs(CTVolume(hu, VolumeGeometry.from_spacing(hu.shape, (5.0, 4.0, 4.0))), FRAME)
    assert slabs.covered_body_fraction == pytest.approx(96 * 112 / (120 * 160))
    assert prepare_slabs(body_volume(), FRAME).covered_body_fraction == 1.0


def test_tilted_oblique_tiny_and_blank_scans_are_taken_too():
    tilt = np.tan(np.radians(20))
    sheared = np.array([[1, 0, 0, 0], [0, 1, 3 * tilt, 0], [0, 0, 3, 5], [0, 0, 0, 1]], dtype=float)
    angle = np.radians(15)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    for affine, shape in (
        (sheared, (20, 30, 30)),
        (turn @ np.diag([1.0, 1, 3, 1]), (20, 30, 30)),
        (np.diag([0.5, 0.5, 0.5, 1]), (2, 2, 2)),
    ):
        geometry = VolumeGeometry(affine, shape)
        slabs = prepare_slabs(CTVolume(np.full(shape, -1000, dtype=np.int16), geometry), FRAME)
        assert np.isfinite(slabs.z_mm).all()
        assert (np.diff(slabs.z_mm) > 0).all()
        assert abs(slabs.z_mm.mean() - geometry.z_of_slice((shape[0] - 1) / 2)) < 1e-6


def test_windows_stretch_to_minus_one_and_one():
    frame = SlabFrame(windows_hu=((-1000.0, -200.0), (-160.0, 240.0)))
    channels = window_channels(torch.tensor([[[-1024, -600, 40, 3000]]], dtype=torch.int16), frame)
    assert channels.shape == (1, 2, 1, 4)
    np.testing.assert_allclose(channels[0, 0, 0], [-1, 0, 1, 1])
    np.testing.assert_allclose(channels[0, 1, 0], [-1, -1, 0, 1])


def test_a_frame_survives_its_description_and_a_wrong_one_is_refused():
    assert SlabFrame.from_dict(FRAME.to_dict()) == FRAME
    with pytest.raises(WeightsError, match="at least 16 pixels"):
        SlabFrame.from_dict({**FRAME.to_dict(), "shape": [8, 112]})
    with pytest.raises(WeightsError, match="lower to a higher"):
        SlabFrame.from_dict({**FRAME.to_dict(), "windows_hu": [[100, -100]]})
