"""The grid of a volume: every axis order and flip, checked against nibabel's own orientation code."""

from __future__ import annotations

import itertools

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_ct_grounding.core.errors import GeometryError
from napari_ct_grounding.core.geometry import VolumeGeometry, canonicalise

ORIENTATIONS = [
    (order, signs) for order in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)
]
spacings = st.tuples(*[st.floats(0.05, 20)] * 3)
origins = st.tuples(*[st.floats(-2000, 2000)] * 3)


def rotation(degrees_xyz) -> np.ndarray:
    """Return a rotation about x, then y, then z."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees_xyz)):
        turn = np.eye(3)
        i, j = [other for other in range(3) if other != axis]
        turn[[i, i, j, j], [i, j, i, j]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        matrix = turn @ matrix
    return matrix


def stored_affine(order, signs, spacing, origin, degrees=(0, 0, 0), shear=0.0) -> np.ndarray:
    """Return the affine of a file whose axis `i` runs along world axis ``order[i]`` in direction ``signs[i]``."""
    directions = np.zeros((3, 3))
    for axis in range(3):
        directions[order[axis], axis] = signs[axis] * spacing[axis]
    affine = np.eye(4)
    skew = np.eye(3)
    skew[1, 2] = shear  # y drifts along z, as with a tilted gantry
    affine[:3, :3] = rotation(degrees) @ skew @ directions
    affine[:3, 3] = origin
    return affine


def test_there_are_48_orientations():
    assert len(ORIENTATIONS) == 48


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
@settings(max_examples=4, deadline=None)
@given(spacing=spacings, origin=origins)
def test_upright_files_of_every_orientation_become_canonical_as_nibabel_does(order, signs, spacing, origin):
    affine = stored_affine(order, signs, spacing, origin)
    stored = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    how = canonicalise(affine, stored.shape)
    reference = nibabel.as_closest_canonical(nibabel.Nifti1Image(stored.astype(np.int32), affine))
    np.testing.assert_array_equal(how.apply(stored), np.asarray(reference.dataobj).transpose(2, 1, 0))
    np.testing.assert_allclose(how.geometry.affine, reference.affine, atol=1e-4)
    assert how.geometry.shape == how.apply(stored).shape
    assert (np.diag(how.geometry.affine)[:3] > 0).all()
    assert sorted(how.geometry.spacing_mm) == pytest.approx(sorted(spacing))


@settings(max_examples=60, deadline=None)
@given(
    orientation=st.sampled_from(ORIENTATIONS),
    spacing=spacings,
    origin=origins,
    degrees=st.tuples(*[st.floats(-20, 20)] * 3),
    shear=st.floats(-0.4, 0.4),
)
def test_tilted_and_sheared_files_keep_every_voxel_at_its_world_place(orientation, spacing, origin, degrees, shear):
    affine = stored_affine(*orientation, spacing, origin, degrees, shear)
    stored = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    how = canonicalise(affine, stored.shape)
    canonical = how.apply(stored)
    for index in ((0, 0, 0), tuple(n - 1 for n in canonical.shape), (1, 2, 1)):
        place = np.argwhere(stored == canonical[index])[0]
        expected = (affine @ (*place, 1))[:3]
        np.testing.assert_allclose(how.geometry.world_of_voxel(index), expected, atol=1e-8)
    assert (np.diag(how.geometry.affine)[:3] > 0).all()


@settings(max_examples=60, deadline=None)
@given(orientation=st.sampled_from(ORIENTATIONS), spacing=spacings, degrees=st.tuples(*[st.floats(-44, 44)] * 3))
def test_oblique_files_take_the_axes_that_nibabel_takes(orientation, spacing, degrees):
    affine = stored_affine(*orientation, spacing, (0, 0, 0), degrees)
    strength = np.sort(np.abs(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)), axis=None)
    if (np.diff(strength) < 1e-6).any() and any(degrees):
        return  # a tie: either answer is right
    how = canonicalise(affine, (3, 4, 5))
    reference = nibabel.io_orientation(affine)
    for stored_axis, (world_axis, sign) in enumerate(reference):
        array_axis = 2 - int(world_axis)
        assert how.axes[array_axis] == stored_axis
        assert how.flipped[array_axis] == (sign < 0)


@given(orientation=st.sampled_from(ORIENTATIONS))
@settings(max_examples=48, deadline=None)
def test_the_stored_slice_of_a_canonical_slice_holds_the_same_voxels(orientation):
    affine = stored_affine(*orientation, (1, 2, 3), (0, 0, 0))
    stored = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    how = canonicalise(affine, stored.shape)
    for index, plane in enumerate(how.apply(stored)):
        assert set(plane.ravel()) == set(stored.take(how.stored_slice_of(index), axis=how.axes[0]).ravel())


@given(spacing=spacings, origin=origins, degrees=st.tuples(*[st.floats(-30, 30)] * 3), num=st.integers(2, 900))
@settings(max_examples=60, deadline=None)
def test_slice_and_depth_are_inverse_to_each_other(spacing, origin, degrees, num):
    geometry = VolumeGeometry(stored_affine((0, 1, 2), (1, 1, 1), spacing, origin, degrees), (num, 7, 9))
    for index in {0, 1, num // 2, num - 1}:
        assert geometry.slice_of_z(geometry.z_of_slice(index)) == index
    low, high = geometry.z_extent_mm
    assert geometry.slice_of_z(low - 1e4) == 0
    assert geometry.slice_of_z(high + 1e4) == num - 1


def test_depth_is_read_in_the_middle_of_the_field_of_view():
    affine = np.eye(4)
    affine[2, 1] = 0.5  # z rises with y
    geometry = VolumeGeometry(affine, (5, 11, 11))
    assert geometry.z_of_slice(0) == 2.5
    assert geometry.world_of_voxel((0, 5, 5))[2] == 2.5


def test_half_way_between_two_slices_the_upper_one_is_taken():
    geometry = VolumeGeometry.from_spacing((4, 2, 2), (3.0, 1.0, 1.0))
    assert [geometry.slice_of_z(z) for z in (1.4, 1.5, 1.6)] == [0, 1, 1]


@pytest.mark.parametrize("degrees", [0.0, 1.0, 12.5, 30.0])
def test_a_turned_stack_is_oblique_but_not_sheared(degrees):
    geometry = VolumeGeometry(stored_affine((0, 1, 2), (1, 1, 1), (1, 2, 3), (0, 0, 0), (degrees, 0, 0)), (4, 4, 4))
    assert geometry.obliquity_deg == pytest.approx(degrees, abs=1e-5)
    assert geometry.shear_deg == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_tilted_gantry_is_sheared_by_its_angle_in_either_direction(sign):
    # Slices tilted about x by the gantry, table moving along z.
    angle = np.radians(18.5) * sign
    affine = np.eye(4)
    affine[:3, 1] = (0, np.cos(angle), np.sin(angle))
    affine[:3, 2] = (0, 0, 5)
    geometry = VolumeGeometry(affine, (4, 4, 4))
    assert geometry.shear_deg == pytest.approx(18.5)
    assert geometry.obliquity_deg == pytest.approx(18.5)
    assert geometry.slice_normal @ (0, 0, 1) > 0


def test_an_upright_grid_reads_back_what_it_was_made_of():
    geometry = VolumeGeometry.from_spacing((4, 5, 6), (3.0, 0.7, 0.8), (-100.0, 20.0, 30.0))
    assert geometry.spacing_mm == (3.0, 0.7, 0.8)
    assert geometry.origin_mm == (-100.0, 20.0, 30.0)
    assert geometry.z_extent_mm == (-100.0, -91.0)
    assert "4 slices of 5 x 6" in repr(geometry)
    assert geometry == VolumeGeometry.from_spacing((4, 5, 6), (3.0, 0.7, 0.8), (-100.0, 20.0, 30.0))
    assert len({geometry, VolumeGeometry(geometry.affine, geometry.shape)}) == 1


@given(start=st.tuples(*[st.integers(-5, 5)] * 3), degrees=st.tuples(*[st.floats(-30, 30)] * 3))
@settings(max_examples=30, deadline=None)
def test_a_crop_keeps_voxels_at_their_place(start, degrees):
    geometry = VolumeGeometry(stored_affine((0, 1, 2), (1, 1, 1), (1, 2, 3), (4, 5, 6), degrees), (9, 9, 9))
    crop = geometry.cropped(start, (2, 3, 4))
    assert crop.shape == (2, 3, 4)
    np.testing.assert_allclose(crop.world_of_voxel((1, 1, 1)), geometry.world_of_voxel(np.add(start, 1)), atol=1e-9)


@pytest.mark.parametrize(
    ("affine", "shape", "message"),
    [
        (np.diag([1, 1, np.nan, 1]), (2, 2, 2), "NaN"),
        (np.diag([1, 1, 0, 1.0]), (2, 2, 2), "no length"),
        (np.eye(3), (2, 2, 2), "4 x 4"),
        (np.diag([1, 1, 1, 2.0]), (2, 2, 2), "last row"),
        (np.eye(4), (2, 0, 2), "at least one voxel"),
    ],
)
def test_a_matrix_that_is_no_grid_is_refused_in_words(affine, shape, message):
    with pytest.raises(GeometryError, match=message):
        VolumeGeometry(affine, shape)


def test_the_affine_cannot_be_changed_afterwards():
    geometry = VolumeGeometry(np.eye(4), (2, 2, 2))
    with pytest.raises(ValueError, match="read-only"):
        geometry.affine[0, 0] = 2
