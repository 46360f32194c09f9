from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_ct_grounding.core.geometry import VolumeGeometry, canonicalise
from napari_ct_grounding.core.resampling import spaced_grid
from napari_ct_grounding.core.window_grid import WindowGrid, centred_window_grid, depth_of_plane

DATA = Path(__file__).resolve().parents[1] / "data" / "radfinder"
FACTS = json.loads((DATA / "preprocess.json").read_text())
TARGETS = json.loads((DATA / "localization_targets.json").read_text())
SPACING_MM = (3.0, 0.75, 0.75)
WINDOW = (32, 128, 128)


def grid_of(source: VolumeGeometry) -> WindowGrid:
    return centred_window_grid(spaced_grid(source, SPACING_MM), WINDOW)


def grid_of_reference(name: str) -> WindowGrid:
    return grid_of(canonicalise(FACTS[name]["affine_loaded"], tuple(FACTS[name]["shape"])).geometry)


@pytest.mark.parametrize("name", FACTS)
def test_each_reference_volume_is_cut_into_the_released_number_of_windows(name):
    assert list(grid_of_reference(name).num_windows[::-1]) == FACTS[name]["grid"]


@pytest.mark.parametrize("name", [name for name in TARGETS if "cropped_affine" in TARGETS[name]])
def test_the_cropped_affine_is_the_released_one_but_for_the_padding_that_the_release_forgets(name):
    grid = grid_of_reference(name)
    padding = np.minimum(grid.start[::-1], 0)
    affine = grid.geometry.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ padding
    np.testing.assert_allclose(affine, TARGETS[name]["cropped_affine"], atol=1e-10, rtol=0)
    assert padding.any() == name.startswith("tiny")


def released_block(name: str) -> VolumeGeometry:
    """The block of windows as the release places it (without the shift of the padding)."""
    base = "ras_mid" if name.startswith("ras_mid") else name
    shape = tuple(int(n) * size for n, size in zip(FACTS[base]["grid"][::-1], WINDOW, strict=True))
    return VolumeGeometry(np.array(TARGETS[base]["cropped_affine"]), shape)


def planes_of(name: str) -> list[tuple[np.ndarray, tuple[int, int]]]:
    if name == "ras_mid_oblique":
        return [(np.array(plane["dcmaffine"]), tuple(plane["shape"])) for plane in TARGETS[name]["slices"]]
    pixels = 16 if name == "ras_mid_edges" else 64
    x, y, _ = FACTS["ras_mid" if name == "ras_mid_edges" else name]["center"]
    planes = []
    for z in TARGETS[name]["z"]:
        affine = np.diag([-4.0, -4.0, -1.0, 1.0])
        affine[:3, 3] = x + 2 * (pixels - 1), y + 2 * (pixels - 1), z
        planes.append((affine, (pixels, pixels)))
    return planes


@pytest.mark.parametrize("name", TARGETS)
def test_image_planes_lie_on_the_released_depth_positions(name):
    block = released_block(name)
    found = [depth_of_plane(block, WINDOW, affine, shape) for affine, shape in planes_of(name)]
    assert found == TARGETS[name]["target"]


def test_a_plane_at_the_centre_of_a_depth_position_lies_on_it():
    grid = grid_of(VolumeGeometry.from_spacing((130, 270, 260), (1.5, 0.85, 0.9), (30.0, -100.0, -110.0)))
    for position, z_mm in enumerate(grid.depths_mm):
        plane = np.diag([4.0, 4.0, 1.0, 1.0])
        plane[:3, 3] = -60, -60, z_mm
        assert depth_of_plane(grid.geometry, WINDOW, plane, (32, 32)) == position


def test_a_short_scan_stands_in_the_middle_of_its_padding():
    # 20 slices of 3 mm from z = 100: six slices of air below, six above.
    grid = grid_of(VolumeGeometry.from_spacing((20, 200, 200), (3.0, 0.75, 0.75), (100.0, 0.0, 0.0)))
    assert grid.start == (-6, 36, 36)
    assert grid.kept == (slice(0, 20), slice(36, 164), slice(36, 164))
    np.testing.assert_allclose(grid.depths_mm, 100 + 3 * (4 * np.arange(8) + 1.5 - 6))
    # Position 0 covers block slices 0 to 3, all of them air; position 1 covers 4 to 7, of which two are scan.
    assert grid.is_inside.tolist() == [False, True, True, True, True, True, True, False]
    assert grid.covered_mm == (100.0, 157.0)


def test_an_odd_number_of_slices_is_cropped_and_padded_as_released():
    assert centred_window_grid(
        spaced_grid(VolumeGeometry.from_spacing((33, 131, 127), SPACING_MM), SPACING_MM), WINDOW
    ).start == (0, 1, 0)
    assert centred_window_grid(
        spaced_grid(VolumeGeometry.from_spacing((31, 255, 125), SPACING_MM), SPACING_MM), WINDOW
    ).start == (0, 63, -1)


def test_the_covered_range_leaves_out_what_the_crop_drops():
    # 50 slices of 3 mm: the middle 32 are kept, nine below are not.
    grid = grid_of(VolumeGeometry.from_spacing((50, 140, 140), (3.0, 0.75, 0.75), (-20.0, 0.0, 0.0)))
    assert grid.covered_mm == pytest.approx((-20 + 3 * 8.5, -20 + 3 * 40.5))
    assert grid.is_inside.all()


@pytest.mark.parametrize("angle_deg", [-20, 8, 30])
@pytest.mark.parametrize("is_sheared", [False, True])
def test_depths_of_a_tilted_scan_are_read_on_the_line_through_its_slice_centres(angle_deg, is_sheared):
    angle = np.radians(angle_deg)
    affine = np.eye(4)
    affine[:3, 1] = 0.8 * np.array([0, np.cos(angle), np.sin(angle)])
    affine[:3, 2] = [0, 0, 2.0] if is_sheared else 2.0 * np.array([0, -np.sin(angle), np.cos(angle)])
    affine[:3, 3] = 10, 20, 30
    source = VolumeGeometry(affine, (90, 240, 200))
    grid = grid_of(source)
    to_block = np.linalg.inv(grid.geometry.affine)
    for position, z_mm in enumerate(grid.depths_mm):
        slice_index = (z_mm - source.z_of_slice(0)) / affine[2, 2]
        point_mm = source.world_of_voxel([slice_index, 119.5, 99.5])
        assert to_block[2] @ np.append(point_mm, 1) == pytest.approx(4 * position + 1.5, abs=1e-9)
    assert np.diff(grid.depths_mm).min() > 0
