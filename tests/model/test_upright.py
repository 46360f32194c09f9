from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from napari_ct_grounding.core.errors import Cancelled
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.model.radfinder.preprocessing import body_positions_mm
from napari_ct_grounding.model.upright import upright_volume

SPACING_MM = (3.0, 0.75, 0.75)
NO_BODY = np.zeros((0, 3))
KINDS = ["oblique", "sheared", "turned about two axes and skewed"]


def geometry_of(kind: str, shape: tuple[int, int, int] = (26, 36, 32)) -> VolumeGeometry:
    angle = np.radians(14)
    affine = np.eye(4)
    affine[:3, 0] = [1.1, 0, 0]
    affine[:3, 1] = 0.9 * np.array([0, np.cos(angle), np.sin(angle)])
    affine[:3, 2] = [0, 0, 2.2] if kind == "sheared" else 2.2 * np.array([0, -np.sin(angle), np.cos(angle)])
    if kind == KINDS[2]:
        affine[:3, 0] += 0.2, -0.1, 0.15
        affine[:3, 2] += 0.3, 0.1, 0.0
    affine[:3, 3] = 12, -30, -400
    return VolumeGeometry(affine, shape)


def noise(kind: str, dtype: str = "int16") -> CTVolume:
    geometry = geometry_of(kind)
    return CTVolume(np.random.default_rng(5).integers(-1500, 1600, geometry.shape).astype(dtype), geometry)


def interpolated(volume: CTVolume, points_mm: np.ndarray) -> np.ndarray:
    """HU at world points (n, 3) by another library, borders repeated for half a voxel, air beyond."""
    inverse = np.linalg.inv(volume.geometry.affine)
    index = (points_mm @ inverse[:3, :3].T + inverse[:3, 3])[:, ::-1]
    limit = np.array(volume.hu.shape) - 1
    is_scan = ((index >= -0.5) & (index <= limit + 0.5)).all(axis=1)
    grid = [np.arange(n, dtype=float) for n in volume.hu.shape]
    values = RegularGridInterpolator(grid, np.clip(volume.hu, -1000, 1000).astype(float))(np.clip(index, 0, limit))
    return np.where(is_scan, values, -1000)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("int16", 0.51), ("float32", 0.01)])
def test_values_agree_with_another_librarys_interpolation(kind, dtype, tolerance):
    volume = noise(kind, dtype)
    upright = upright_volume(volume, SPACING_MM, NO_BODY)
    assert upright.hu.dtype == dtype
    index = np.argwhere(np.ones(upright.hu.shape, dtype=bool))
    index = index[np.random.default_rng(0).permutation(len(index))[:20_000]]
    expected = interpolated(volume, upright.geometry.world_of_voxel(index))
    found = upright.hu[tuple(index.T)]
    # Where rounding decides on which side of the scan's border a voxel lies, either answer is right.
    assert np.mean(np.abs(found - expected) > tolerance) < 2e-4
    assert 0.2 < np.mean(expected != -1000) < 0.98


@pytest.mark.parametrize("kind", KINDS)
def test_a_plane_of_the_world_comes_back_as_a_slice(kind):
    geometry = geometry_of(kind)
    index = np.indices(geometry.shape).reshape(3, -1).T
    height_mm = geometry.world_of_voxel(index)[:, 2].reshape(geometry.shape)
    volume = CTVolume(np.float32(10 * (height_mm + 380)), geometry)
    upright = upright_volume(volume, SPACING_MM, NO_BODY)
    inside = np.zeros(upright.hu.shape, dtype=bool)
    inside[:, 8:-8, 10:-10] = upright.hu[:, 8:-8, 10:-10] != -1000
    z_mm = np.array([upright.geometry.z_of_slice(k) for k in range(len(upright.hu))])
    off = np.abs(upright.hu / 10 - 380 - z_mm[:, None, None])[inside]
    # Within half a voxel of the scan's border its outermost value is repeated.
    assert np.quantile(off, 0.85) < 1e-3
    assert off.max() < 2.0


def test_all_of_the_body_and_the_middle_of_every_slice_are_kept():
    geometry = geometry_of("oblique", (40, 120, 60))
    hu = np.full(geometry.shape, -1000, dtype=np.int16)
    hu[:, 20:100, 10:50] = 40
    volume = CTVolume(hu, geometry)
    body_mm = body_positions_mm(volume)
    lo, hi = upright_volume(volume, SPACING_MM, body_mm).geometry.z_extent_mm
    line_lo, line_hi = geometry.z_extent_mm
    assert lo == pytest.approx(body_mm[:, 2].min())
    assert lo < line_lo - 5
    assert hi >= line_hi + 5
    assert abs(hi - body_mm[:, 2].max()) <= 1.5
    lo, hi = upright_volume(volume, SPACING_MM, NO_BODY).geometry.z_extent_mm
    assert lo == pytest.approx(line_lo)
    assert abs(hi - line_hi) <= 1.5


def test_resampling_stops_when_asked_to():
    calls = []
    with pytest.raises(Cancelled):
        upright_volume(noise("oblique"), SPACING_MM, NO_BODY, cancel=lambda: len(calls) == 2 or calls.append(1))
    assert len(calls) == 2
