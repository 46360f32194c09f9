from __future__ import annotations

import numpy as np
import pytest

from napari_ct_grounding.core.coverage import CoveragePlan, frame_note, full_plan, paper_plan
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.resampling import spaced_grid

SPACING_MM = (3.0, 0.75, 0.75)
WINDOW = (32, 128, 128)
NO_BODY = np.zeros((0, 3))


def plan_of(geometry: VolumeGeometry, body_mm: np.ndarray = NO_BODY) -> CoveragePlan:
    return full_plan(spaced_grid(geometry, SPACING_MM), WINDOW, body_mm)


def plan_of_slices(num_slices: int) -> CoveragePlan:
    return plan_of(VolumeGeometry.from_spacing((num_slices, 140, 140), SPACING_MM, (-40.0, 0.0, 0.0)))


@pytest.mark.parametrize(
    ("num_slices", "starts_z"),
    [
        (20, [-6]), (31, [0]), (32, [0]), (35, [1]), (36, [0, 4]), (63, [0, 31]), (64, [0]), (67, [1]), (68, [0, 4]),
        (95, [0, 31]), (100, [0, 4]), (127, [0, 31]), (131, [1]), (132, [0, 4]), (234, [0, 10]),
    ],
)  # fmt: skip
def test_a_second_pass_is_made_when_the_crop_would_leave_out_a_position_or_more(num_slices, starts_z):
    plan = plan_of_slices(num_slices)
    assert [grid.start[0] for grid in plan.passes] == starts_z
    assert {grid.num_windows[0] for grid in plan.passes} == {max(1, num_slices // 32)}
    assert plan.num_windows == len(starts_z) * max(1, num_slices // 32)


@pytest.mark.parametrize("num_slices", [7, 20, 31, 32, 33, 35, 64, 66])
def test_a_single_pass_of_full_coverage_is_that_of_paper(num_slices):
    plan = plan_of_slices(num_slices)
    paper = paper_plan(plan.passes[0].spaced, WINDOW)
    (full,), (released,) = plan.passes, paper.passes
    assert (full.start, full.num_windows) == (released.start, released.num_windows)
    for name in ("knots", "depths_mm"):
        np.testing.assert_array_equal(getattr(plan, name), getattr(paper, name))
    assert plan.covered_mm == paper.covered_mm
    # The release counts what lies in the padding; full coverage does not.
    assert paper.is_inside.all()
    assert plan.is_inside.all() == (num_slices >= 31)


#: Length between outer slice centres, mm; voxels of 3 mm; passes; depth positions; of them valid.
LENGTHS = [
    (21, 8, 1, 8, 2), (30, 11, 1, 8, 4), (60, 21, 1, 8, 6), (90, 31, 1, 8, 8), (93, 32, 1, 8, 8), (102, 35, 1, 8, 8),
    (105, 36, 2, 9, 9), (150, 51, 2, 13, 13), (186, 63, 2, 16, 16), (189, 64, 1, 16, 16), (198, 67, 1, 16, 16),
    (300, 101, 2, 26, 26), (381, 128, 1, 32, 32), (450, 151, 2, 38, 38), (570, 191, 2, 48, 48), (573, 192, 1, 48, 48),
    (699, 234, 2, 59, 59),
]  # fmt: skip


@pytest.mark.parametrize(("length_mm", "num_slices", "num_passes", "num_positions", "num_valid"), LENGTHS)
def test_the_table_of_lengths(length_mm, num_slices, num_passes, num_positions, num_valid):
    plan = plan_of(VolumeGeometry.from_spacing((length_mm + 1, 140, 140), (1.0, 0.75, 0.75), (-40.0, 0.0, 0.0)))
    assert plan.passes[0].spaced.geometry.shape[0] == num_slices
    assert len(plan.passes) == num_passes
    assert len(plan.depths_mm) == num_positions
    assert plan.is_inside.sum() == num_valid
    outside_mm = np.maximum(-40 - plan.depths_mm, plan.depths_mm - (length_mm - 40))
    assert plan.is_inside.tolist() == (outside_mm <= 6).tolist()


def test_a_position_centred_just_6_mm_outside_a_short_scan_is_valid():
    # 16 slices of 1.5 mm are 8.5 voxels of 3 mm, hence 8: their top, at 21 mm, lies below the last slice, at 22.5 mm.
    plan = plan_of(VolumeGeometry.from_spacing((16, 140, 140), (1.5, 0.75, 0.75)))
    outside_mm = np.maximum(-plan.depths_mm, plan.depths_mm - 22.5)
    assert 6.0 in np.round(outside_mm, 9)
    assert plan.is_inside[np.round(outside_mm, 9) == 6.0].all()


def test_the_note_about_the_frame_names_the_angle_and_what_was_done():
    upright = VolumeGeometry.from_spacing((9, 9, 9), SPACING_MM)
    assert frame_note(upright, False) is None
    angle = np.radians(12)
    affine = np.eye(4)
    affine[:3, 1] = [0, np.cos(angle), np.sin(angle)]
    sheared = VolumeGeometry(affine, (9, 9, 9))
    assert "tilted by 12.0 degrees and sheared by 12.0 degrees" in frame_note(sheared, True)
    assert "resampled upright" in frame_note(sheared, True)
    assert "without resampling" in frame_note(sheared, False)
    affine[:3, 2] = [0, -np.sin(angle), np.cos(angle)]
    assert "tilted by 12.0 degrees:" in frame_note(VolumeGeometry(affine, (9, 9, 9)), False)
    affine = np.eye(4)
    affine[0, 1] = 0.1
    assert "not rectangular" in frame_note(VolumeGeometry(affine, (9, 9, 9)), False)


def test_positions_more_than_half_their_thickness_outside_a_short_scan_are_not_valid():
    plan = plan_of_slices(20)
    lo, hi = -40.0, -40.0 + 19 * 3
    assert plan.is_inside.tolist() == ((plan.depths_mm >= lo - 6) & (plan.depths_mm <= hi + 6)).tolist()
    assert not plan.is_inside.all()


@pytest.mark.parametrize("thickness_mm", [0.625, 1.0, 1.25, 1.5, 2.5, 3.0, 5.0])
def test_scans_of_any_length_are_seen_from_end_to_end(thickness_mm):
    for length_mm in range(20, 701, 1):
        num_slices = max(2, round(length_mm / thickness_mm))
        plan = plan_of(VolumeGeometry.from_spacing((num_slices, 140, 140), (thickness_mm, 0.75, 0.75)))
        total = plan.passes[0].spaced.geometry.shape[0]
        assert len(plan.passes) == (2 if total > 32 and total % 32 >= 4 else 1)
        steps = np.diff(plan.depths_mm)
        assert steps.min() > 0
        assert steps.max() < 12 + 1e-9
        slices_mm = np.arange(num_slices) * thickness_mm
        knots_mm = plan.depths_mm[plan.is_inside]
        distance = np.abs(slices_mm[:, None] - knots_mm).min(axis=1)
        assert distance.max() <= 12 + 1e-9, length_mm
        if len(plan.passes) == 2 or total < 32:
            assert plan.covered_mm == pytest.approx((0.0, slices_mm[-1]), abs=1e-9)
        else:
            assert plan.covered_mm[0] <= 2 * 3 + 1e-9
            assert plan.covered_mm[1] >= slices_mm[-1] - 2 * 3 - 1e-9


def test_knots_are_the_lower_positions_every_12_mm_and_end_at_the_upper_ones_highest():
    for num_slices in range(36, 64):
        plan = plan_of_slices(num_slices)
        lower, upper = plan.passes
        np.testing.assert_array_equal(plan.knots[:8], lower.position_slices)
        assert plan.knots[-1] == upper.position_slices[-1] == num_slices - 2.5
        np.testing.assert_array_equal(np.diff(plan.knots)[:-1], 4)
        np.testing.assert_allclose(plan.depths_mm, -40 + 3 * plan.knots, atol=1e-9)


def test_the_shares_fall_linearly_from_one_to_nothing_across_the_voxels_that_both_passes_hold():
    plan = plan_of_slices(45)  # voxels 0 to 31 and 13 to 44: both hold 13 to 31
    lower, upper = plan.shares([0.0, 12.5, 22.0, 17.25, 31.5, 44.0])
    np.testing.assert_allclose(lower, [1, 1, 0.5, 0.75, 0, 0])
    np.testing.assert_allclose(lower + upper, 1)


def some_embeddings(plan: CoveragePlan, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    depth = [rng.standard_normal((grid.num_positions, 6)).astype(np.float32) for grid in plan.passes]
    return [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in depth]


@pytest.mark.parametrize("num_slices", [36, 45, 60, 63, 100, 127])
def test_outside_the_overlap_knots_say_what_their_own_pass_says(num_slices):
    plan = plan_of_slices(num_slices)
    lower, upper = some_embeddings(plan)
    mixed = plan.mixed([lower, upper])
    share = plan.shares(plan.knots)[0]
    alone = np.flatnonzero(share[: len(lower)] == 1)
    assert len(alone) > 0
    np.testing.assert_array_equal(mixed[alone], lower[alone])
    np.testing.assert_array_equal(mixed[-1], upper[-1])
    assert share[-1] == 0


@pytest.mark.parametrize("num_slices", [36, 45, 60, 61, 63, 100])
def test_the_mixed_profile_is_continuous_at_the_borders_of_the_overlap(num_slices):
    plan = plan_of_slices(num_slices)
    depth = some_embeddings(plan)
    sentence = some_embeddings(plan, 1)[0][0]
    lower, upper = plan.passes
    step = 1e-6
    for border in (upper.start[0] - 0.5, lower.shape[0] - 0.5):
        before, after = plan.mixed_at(depth, [border - step, border + step]) @ sentence
        assert before == pytest.approx(after, abs=1e-4)
    # And nowhere else does it jump: neighbours a hundredth of a voxel apart differ by little.
    profile = plan.mixed_at(depth, np.arange(0, num_slices, 0.01)) @ sentence
    overlap = lower.shape[0] - upper.start[0]
    assert np.abs(np.diff(profile)).max() <= 0.01 * (2 / 4 + 2 / overlap) + 1e-5


def test_the_profile_is_the_same_mix_of_the_passes_own_cosines():
    plan = plan_of_slices(52)
    depth = some_embeddings(plan)
    sentence = some_embeddings(plan, 1)[1][3]
    expected = np.zeros(len(plan.knots))
    for grid, vectors, share in zip(plan.passes, depth, plan.shares(plan.knots), strict=True):
        expected += share * np.interp(plan.knots, grid.position_slices, vectors @ sentence)
    mixed = plan.mixed(depth)
    np.testing.assert_allclose(mixed @ sentence, expected, atol=1e-6)
    assert np.linalg.norm(mixed, axis=1).min() < 0.99


def body_box(x_mm: tuple[float, float], y_mm: tuple[float, float]) -> np.ndarray:
    return np.array([[x, y, z] for x in x_mm for y in y_mm for z in (0.0, 90.0)])


def in_plane(x_mm: tuple[float, float], y_mm: tuple[float, float], num_slices: int = 45):
    # 300 x 200 voxels of 0.75 mm: the crop keeps 256 of 300 (x 16.5 to 207.75 mm) and 128 of 200 (y 27 to 122.25 mm).
    geometry = VolumeGeometry.from_spacing((num_slices, 200, 300), SPACING_MM)
    grids = plan_of(geometry, body_box(x_mm, y_mm)).passes
    assert len({(grid.start[1:], grid.num_windows[1:]) for grid in grids}) == 1
    return grids[0].start[1:], grids[0].num_windows[1:]


def test_an_axis_is_padded_when_the_body_leaves_its_crop_by_more_than_6_mm():
    cropped = ((36, 22), (1, 2))
    assert in_plane((20.0, 200.0), (30.0, 120.0)) == cropped
    assert in_plane((16.5 - 6.3, 207.75 + 6.3), (30.0, 120.0)) == cropped
    # 84 voxels are missing to three windows along x, 56 to two along y.
    assert in_plane((16.5 - 6.45, 200.0), (30.0, 120.0)) == ((36, -42), (1, 3))
    assert in_plane((20.0, 207.75 + 6.45), (30.0, 120.0)) == ((36, -42), (1, 3))
    assert in_plane((20.0, 200.0), (30.0, 140.0)) == ((-28, 22), (2, 2))
    assert in_plane((0.0, 224.0), (0.0, 149.0), num_slices=20) == ((-28, -42), (2, 3))


def test_a_scan_without_a_body_keeps_the_released_crop():
    geometry = VolumeGeometry.from_spacing((45, 200, 300), SPACING_MM)
    assert plan_of(geometry).passes[0].start == (0, 36, 22)


@pytest.mark.parametrize("angle_deg", [-20, 8, 30])
@pytest.mark.parametrize("is_sheared", [False, True])
def test_the_knots_of_a_tilted_scan_lie_on_the_line_through_its_slice_centres(angle_deg, is_sheared):
    angle = np.radians(angle_deg)
    affine = np.eye(4)
    affine[:3, 1] = 0.8 * np.array([0, np.cos(angle), np.sin(angle)])
    affine[:3, 2] = [0, 0, 2.0] if is_sheared else 2.0 * np.array([0, -np.sin(angle), np.cos(angle)])
    source = VolumeGeometry(affine, (90, 240, 200))
    plan = plan_of(source)
    assert len(plan.passes) == 2
    to_spaced = np.linalg.inv(plan.passes[0].spaced.geometry.affine)
    for knot, z_mm in zip(plan.knots, plan.depths_mm, strict=True):
        slice_index = (z_mm - source.z_of_slice(0)) / affine[2, 2]
        point_mm = source.world_of_voxel([slice_index, 119.5, 99.5])
        assert to_spaced[2] @ np.append(point_mm, 1) == pytest.approx(knot, abs=1e-9)
