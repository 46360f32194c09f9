"""Every shared real scan gives its right volume or a plain refusal."""

from __future__ import annotations

import nibabel
import numpy as np
import pydicom
import pytest

from napari_ct_grounding import list_series, read_volume
from napari_ct_grounding.core.errors import GeometryError, NotHounsfieldError, VolumeError

pytestmark = pytest.mark.real


def assert_slices_hold_their_images(volume, folder, every=1) -> None:
    """Compare with the files: the slice named by an image's InstanceNumber holds its pixels, its corners its positions."""
    slice_of = {record.image_number: index for index, record in enumerate(volume.slice_table)}
    assert len(slice_of) == volume.hu.shape[0]
    for path in sorted(folder.iterdir())[::every]:
        image = pydicom.dcmread(path)
        index = slice_of[image.InstanceNumber]
        hu = image.pixel_array.astype(float) * float(image.RescaleSlope) + float(image.RescaleIntercept)
        hu[hu < -1500] = -1000
        # Axial, rows to the left and columns to the back: turned by half a circle in canonical order.
        np.testing.assert_array_equal(volume.hu[index, ::-1, ::-1], hu)
        corner = volume.geometry.world_of_voxel((index, volume.hu.shape[1] - 1, volume.hu.shape[2] - 1)) * (-1, -1, 1)
        np.testing.assert_allclose(corner, [float(value) for value in image.ImagePositionPatient], atol=1e-3)


def test_the_development_case_opens_with_its_image_numbers(real_ct):
    volume = read_volume(real_ct / "lung1-001")
    assert volume.hu.shape == (134, 512, 512)
    assert volume.hu.dtype == np.int16
    assert volume.geometry.spacing_mm == pytest.approx((3.0, 0.9765625, 0.9765625))
    assert volume.geometry.z_extent_mm == pytest.approx((-681.5, -282.5))
    assert volume.notes == ()
    assert volume.slice_table[-1].image_number == 1
    assert_slices_hold_their_images(volume, real_ct / "lung1-001", every=19)


def test_the_feet_first_case_opens_with_padding_as_air(real_ct):
    volume = read_volume(real_ct / "crlm-ct-1006")
    assert volume.hu.shape == (51, 512, 512)
    assert volume.hu.min() > -1500
    assert volume.hu[:, 0, 0].tolist() == [-1000] * 51
    assert "-3024" in volume.modality_facts["padding"]
    assert {record.image_number for record in volume.slice_table} == set(range(29, 80))
    assert_slices_hold_their_images(volume, real_ct / "crlm-ct-1006", every=10)


def test_the_nifti_case_equals_nibabel(real_ct):
    path = real_ct / "example-ct" / "example_ct.nii.gz"
    volume = read_volume(path)
    reference = nibabel.as_closest_canonical(nibabel.load(path))
    np.testing.assert_array_equal(volume.hu, np.asarray(reference.dataobj).transpose(2, 1, 0))
    np.testing.assert_allclose(volume.geometry.affine, reference.affine)


def test_overlapping_jpeg2000_slices_stand_two_millimetres_apart(real_ct):
    folder = real_ct / "hard" / "overlapping-jpeg2000"
    volume = read_volume(folder)
    assert volume.hu.shape == (20, 512, 512)
    assert volume.geometry.spacing_mm[0] == 2.0
    assert_slices_hold_their_images(volume, folder, every=5)


def test_uneven_slices_are_refused_with_the_gap_named(real_ct):
    with pytest.raises(GeometryError, match=r"1 between images 9 and 10 \(10 mm instead of 5 mm\)"):
        read_volume(real_ct / "hard" / "uneven-increment")
    volume = read_volume(real_ct / "hard" / "uneven-increment", uneven="resample", assume_hu=True)
    assert volume.hu.shape[0] == 5
    assert volume.geometry.spacing_mm[0] == pytest.approx(5)
    assert "Resampled" in volume.notes[0]


def test_uneven_and_tilted_slices_are_refused_with_both_named(real_ct):
    with pytest.raises(GeometryError, match=r"1 between images 3 and 5 .* tilted by 15\.5 degrees"):
        read_volume(real_ct / "hard" / "uneven-increment-tilted")


def test_a_head_with_three_steps_is_refused_with_its_tilt(real_ct):
    folder = real_ct / "hard" / "head-tilt-variable-spacing"
    with pytest.raises(GeometryError, match=r"from 1\.081 to 6\.999 mm.*tilted by 18\.5 degrees"):
        read_volume(folder)
    volume = read_volume(folder, uneven="resample")
    assert volume.geometry.shear_deg == pytest.approx(18.5, abs=0.05)
    assert any("Gantry tilt" in note for note in volume.notes)
    assert any("Resampled" in note for note in volume.notes)


def test_a_tilted_gantry_opens_as_a_sheared_volume(real_ct):
    # The pixels of this public file were replaced by a grey ramp: it is no CT to the eye, but its geometry is real.
    folder = real_ct / "hard" / "gantry-tilt"
    with pytest.raises(NotHounsfieldError):
        read_volume(folder)
    volume = read_volume(folder, assume_hu=True)
    assert volume.hu.shape == (4, 512, 512)
    assert volume.geometry.shear_deg == pytest.approx(14.0, abs=0.01)
    assert any("Gantry tilt" in note and "14.0" in note for note in volume.notes)
    assert_slices_hold_their_images(volume, folder)


def test_images_at_one_position_are_refused(real_ct):
    with pytest.raises(GeometryError, match="All 4 images lie at one position"):
        read_volume(real_ct / "hard" / "same-position")


def test_a_multiframe_object_equals_the_classic_images(real_ct):
    folder = real_ct / "hard" / "enhanced-multiframe"
    assert len(list_series(folder)) == 2
    frames = read_volume(folder / "mf.dcm", assume_hu=True)
    classic = read_volume(folder / "classic", assume_hu=True)
    np.testing.assert_array_equal(frames.hu, classic.hu)
    assert frames.hu.std() > 0
    np.testing.assert_allclose(frames.geometry.affine, classic.geometry.affine)


def test_a_structure_set_is_no_image(real_ct):
    with pytest.raises(VolumeError, match="no images"):
        read_volume(real_ct / "lung1-001-rtstruct")


def test_no_message_or_note_names_a_folder(real_ct):
    for path in [real_ct / "lung1-001-rtstruct", *sorted((real_ct / "hard").iterdir())]:
        try:
            text = repr(read_volume(path))
        except VolumeError as error:
            text = str(error)
        assert str(real_ct) not in text
        assert text
