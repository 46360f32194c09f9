from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_ct_grounding.core.geometry import VolumeGeometry, canonicalise
from napari_ct_grounding.core.resampling import is_upright, spaced_grid, upright_grid

FACTS = json.loads((Path(__file__).resolve().parents[1] / "data" / "radfinder" / "preprocess.json").read_text())
SPACING_MM = (3.0, 0.75, 0.75)


@pytest.mark.parametrize("name", FACTS)
def test_the_grid_of_each_reference_volume_is_the_released_one(name):
    facts = FACTS[name]
    source = canonicalise(facts["affine_loaded"], tuple(facts["shape"])).geometry
    spaced = spaced_grid(source, SPACING_MM)
    assert list(spaced.geometry.shape[::-1]) == facts["spaced_shape"]
    np.testing.assert_allclose(spaced.geometry.affine, facts["spaced_affine"], atol=1e-12, rtol=0)


def test_a_grid_that_already_fits_is_left_as_it_is():
    source = VolumeGeometry.from_spacing((40, 50, 60), (3.0004, 0.7502, 0.75), (5.0, 6.0, 7.0))
    spaced = spaced_grid(source, SPACING_MM)
    assert spaced.is_unchanged
    assert spaced.geometry == source
    np.testing.assert_array_equal(spaced.source_index_matrix, np.eye(4))


def test_an_axis_with_nearly_the_wanted_spacing_keeps_its_own():
    source = VolumeGeometry.from_spacing((40, 50, 60), (2.0, 0.7504, 0.9))
    assert spaced_grid(source, SPACING_MM).geometry.spacing_mm == pytest.approx((3.0, 0.7504, 0.75), abs=1e-9)


def test_half_a_voxel_is_rounded_to_even():
    # (n - 1) * spacing / 3 + 1 = 2.5 and 3.5
    assert spaced_grid(VolumeGeometry.from_spacing((4, 9, 9), (1.5, 1, 1)), SPACING_MM).geometry.shape[0] == 2
    assert spaced_grid(VolumeGeometry.from_spacing((6, 9, 9), (1.5, 1, 1)), SPACING_MM).geometry.shape[0] == 4


def _random_affine(seed: int, shear: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    directions = np.eye(3) + 0.2 * rng.standard_normal((3, 3))
    if not shear:
        directions = np.linalg.qr(directions)[0]
        directions *= np.sign(np.diag(directions))
    affine = np.eye(4)
    affine[:3, :3] = directions * rng.uniform(0.5, 4, 3)
    affine[:3, 3] = rng.uniform(-300, 300, 3)
    return affine


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shear", [0, 1])
def test_an_oblique_scan_keeps_its_directions_but_loses_its_shear(seed, shear):
    source = VolumeGeometry(_random_affine(seed, shear), (31, 40, 52))
    spaced = spaced_grid(source, SPACING_MM)
    new = spaced.geometry.affine[:3, :3]
    directions = new / np.linalg.norm(new, axis=0)
    np.testing.assert_allclose(directions.T @ directions, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(spaced.geometry.spacing_mm, SPACING_MM)
    np.testing.assert_allclose(directions[:, 0], source.affine[:3, 0] / source.spacing_mm[2], atol=1e-12)
    if not shear:
        np.testing.assert_allclose(spaced.geometry.slice_normal, source.slice_normal, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shear", [0, 1])
def test_the_index_matrix_leads_to_the_same_place_in_the_world(seed, shear):
    source = VolumeGeometry(_random_affine(seed, shear), (31, 40, 52))
    spaced = spaced_grid(source, SPACING_MM)
    index = np.append(np.random.default_rng(seed).uniform(0, 40, (20, 3)), np.ones((20, 1)), axis=1)
    through_source = index @ spaced.source_index_matrix.T @ source.affine.T
    np.testing.assert_allclose(through_source, index @ spaced.geometry.affine.T, atol=1e-9)
    np.testing.assert_array_equal(np.tril(spaced.source_index_matrix[:3, :3], -1), 0)


def tilted(
    angle_deg: float,
    *,
    is_sheared: bool = False,
    shape: tuple[int, int, int] = (60, 90, 80),
    spacing_mm: tuple[float, float, float] = (2.0, 0.9, 0.8),
) -> VolumeGeometry:
    """Slices turned about the left-right axis, stacked along their normal or (as a tilted gantry does) along the patient."""
    angle, (step_z, step_y, step_x) = np.radians(angle_deg), spacing_mm
    affine = np.eye(4)
    affine[0, 0] = step_x
    affine[:3, 1] = step_y * np.array([0, np.cos(angle), np.sin(angle)])
    affine[:3, 2] = [0, 0, step_z] if is_sheared else step_z * np.array([0, -np.sin(angle), np.cos(angle)])
    affine[:3, 3] = -30, 40, -500
    return VolumeGeometry(affine, shape)


@pytest.mark.parametrize("is_sheared", [False, True])
@pytest.mark.parametrize(("angle_deg", "expected"), [(0, True), (0.4, True), (-0.4, True), (0.6, False), (-20, False)])
def test_half_a_degree_of_tilt_or_shear_is_a_scanners_rounding(angle_deg, is_sheared, expected):
    assert is_upright(tilted(angle_deg, is_sheared=is_sheared)) == expected


def test_a_stack_sheared_along_the_normal_of_axial_slices_is_not_upright():
    affine = np.diag([0.8, 0.8, 2.0, 1.0])
    affine[1, 2] = 2.0 * np.tan(np.radians(3))
    assert not is_upright(VolumeGeometry(affine, (9, 9, 9)))


def test_rows_that_lean_against_their_columns_are_not_upright():
    affine = np.diag([0.8, 0.8, 2.0, 1.0])
    affine[0, 1] = 0.8 * np.tan(np.radians(2))
    assert not is_upright(VolumeGeometry(affine, (9, 9, 9)))


def test_a_patient_turned_about_the_long_axis_is_upright():
    c, s = np.cos(0.3), np.sin(0.3)
    affine = np.diag([0.8, 0.8, 2.0, 1.0])
    affine[:2, :2] = 0.8 * np.array([[c, -s], [s, c]])
    assert is_upright(VolumeGeometry(affine, (9, 9, 9)))


@pytest.mark.parametrize("is_sheared", [False, True])
@pytest.mark.parametrize("angle_deg", [-25, 7])
def test_the_upright_grid_holds_the_scan_in_plane_and_the_range_wanted_along_z(angle_deg, is_sheared):
    source = tilted(angle_deg, is_sheared=is_sheared)
    lo, hi = source.z_extent_mm
    grid = upright_grid(source, SPACING_MM, (lo - 4, hi + 5))
    np.testing.assert_array_equal(grid.affine[:3, :3], np.diag(SPACING_MM[::-1]))
    corners = source.world_of_voxel([(k, j, i) for k in (0, 59) for j in (0, 89) for i in (0, 79)])
    first, last = grid.world_of_voxel((0, 0, 0)), grid.world_of_voxel(np.array(grid.shape) - 1)
    half = np.array(SPACING_MM[::-1]) / 2
    np.testing.assert_allclose(first[:2], corners.min(axis=0)[:2], atol=1e-9)
    assert (np.abs(last - corners.max(axis=0))[:2] <= half[:2] + 1e-9).all()
    assert first[2] == pytest.approx(lo - 4)
    assert abs(last[2] - (hi + 5)) <= half[2] + 1e-9
    assert spaced_grid(grid, SPACING_MM).is_unchanged


def test_the_upright_grid_ends_where_the_scan_ends():
    source = tilted(10)
    corners = source.world_of_voxel([(k, j, i) for k in (0, 59) for j in (0, 89) for i in (0, 79)])
    lo, hi = upright_grid(source, SPACING_MM, (-1e4, 1e4)).z_extent_mm
    assert lo == pytest.approx(corners[:, 2].min())
    assert abs(hi - corners[:, 2].max()) <= 1.5
