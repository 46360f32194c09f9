"""Whatever the order, the direction and the slant of a file's axes, every voxel stands where the file says."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_ct_grounding import read_volume
from tests.readers.oracles import Opinion, disagreement
from tests.readers.volume_writing import body, metaimage, nifti, nrrd, save

_WRITERS = {
    "NIfTI": lambda array, affine: nifti(array, affine, "scan.nii.gz"),
    "NIfTI-2": lambda array, affine: nifti(array, affine, version=2, order=">"),
    "NIfTI pair": lambda array, affine: nifti(array, affine, "scan.hdr"),
    "NRRD": lambda array, affine: nrrd(array, affine, encoding="gzip"),
    "NRRD in RAS": lambda array, affine: nrrd(array, affine, space="right-anterior-superior", order=">"),
    "MetaImage": lambda array, affine: metaimage(array, affine, packing="zlib"),
    "MetaImage beside its data": lambda array, affine: metaimage(array, affine, "scan.mhd", data_file="scan.raw"),
}
_ORDERS = list(itertools.permutations(range(3)))
_SIGNS = list(itertools.product((1, -1), repeat=3))


def _affine(order, signs) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis in range(3):
        affine[order[axis], axis] = signs[axis] * (axis + 1.5)
    affine[:3, 3] = (-10, 20, -300)
    return affine


@pytest.mark.parametrize("format_name", _WRITERS)
def test_all_48_orders_and_directions_of_axes_are_put_upright(format_name, tmp_path):
    array = body((3, 4, 5))
    for order, signs in itertools.product(_ORDERS, _SIGNS):
        affine = _affine(order, signs)
        volume = read_volume(save(tmp_path, _WRITERS[format_name](array, affine)), assume_hu=True)
        assert disagreement(volume, Opinion("as written", array, affine)) == ""
        columns = volume.geometry.affine[:3, :3]
        assert np.array_equal(columns, np.diag(np.diag(columns)))
        assert (np.diag(columns) > 0).all()
        assert volume.notes == ()
        slice_axis = order.index(2)
        for record, plane in zip(volume.slice_table, volume.hu, strict=True):
            assert set(array.take(record.file_index, axis=slice_axis).ravel()) == set(plane.ravel())


@pytest.mark.parametrize("name", ["scan.nrrd", "scan.nhdr", "scan.mha", "scan.mhd", "scan.nii.gz"])
def test_what_simpleitk_writes_in_48_orientations_is_read_as_it_meant(name, tmp_path):
    array = body((3, 4, 5))
    for order, signs in itertools.product(_ORDERS, _SIGNS):
        affine = _affine(order, signs)
        lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
        image = SimpleITK.GetImageFromArray(array.transpose(2, 1, 0))
        spacing = np.linalg.norm(lps[:3, :3], axis=0)
        image.SetSpacing(spacing.tolist())
        image.SetOrigin(lps[:3, 3].tolist())
        image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
        SimpleITK.WriteImage(image, str(tmp_path / name), useCompression=signs[0] > 0)
        volume = read_volume(tmp_path / name, assume_hu=True)
        assert disagreement(volume, Opinion("as written", array, affine)) == ""
        assert volume.notes == ()


@pytest.mark.parametrize("reverse", [False, True], ids=["numbered upwards", "numbered downwards"])
def test_dicom_images_in_every_direction_stand_where_their_headers_say(new_series, assert_voxels_in_place, reverse):
    count = 0
    for order, signs in itertools.product(_ORDERS, _SIGNS[:4]):  # the third direction follows from the other two
        row, column = (sign * np.eye(3)[axis] for sign, axis in zip(signs[1:], order[:2], strict=True))
        normal = np.cross(row, column)
        series = new_series(f"scan {count}")
        for place in range(3):
            position = np.array((5.0, -7.0, 11.0)) + 4 * place * normal
            number = 3 - place if reverse else place + 1
            series.image(f"im{(place * 2) % 3}", position, number, (*row, *column))
        volume = read_volume(series.folder, assume_hu=True)
        assert_voxels_in_place(volume)
        assert (np.diag(volume.geometry.affine)[:3] > 0).all()
        count += 1
    assert count == 24


def _oblique() -> st.SearchStrategy[np.ndarray]:
    """Affines with any rotation, voxel sizes from 0.2 to 9 mm, origins within two metres, and up to 15 degrees of shear."""
    small = st.floats(-0.25, 0.25, allow_nan=False)

    def build(angles, spacing, origin, shear, flip):
        affine = np.eye(4)
        sheared = np.eye(3)
        sheared[1, 2] = shear
        affine[:3, :3] = (
            Rotation.from_euler("xyz", angles).as_matrix() @ sheared @ np.diag([*spacing[:2], spacing[2] * flip])
        )
        affine[:3, 3] = origin
        return affine

    return st.builds(
        build,
        st.tuples(*[st.floats(-np.pi, np.pi)] * 3),
        st.tuples(*[st.floats(0.2, 9.0)] * 3),
        st.tuples(*[st.floats(-2000, 2000)] * 3),
        small,
        st.sampled_from((1.0, -1.0)),
    )


@pytest.mark.parametrize("format_name", ["NIfTI-2", "NRRD", "MetaImage"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(affine=_oblique())
def test_oblique_and_sheared_grids_keep_every_voxel_in_its_place(format_name, tmp_path, affine):
    array = body((3, 4, 5))
    volume = read_volume(save(tmp_path, _WRITERS[format_name](array, affine)), assume_hu=True)
    assert disagreement(volume, Opinion("as written", array, affine)) == ""
    np.testing.assert_allclose(volume.stored_affine, affine, atol=1e-9)


def test_every_format_gives_the_same_volume(tmp_path: Path):
    array, affine = body((3, 4, 5)), _affine((2, 0, 1), (-1, 1, -1))
    volumes = [read_volume(save(tmp_path, write(array, affine)), assume_hu=True) for write in _WRITERS.values()]
    for volume in volumes:
        np.testing.assert_array_equal(volume.hu, volumes[0].hu)
        np.testing.assert_allclose(volume.geometry.affine, volumes[0].geometry.affine)
        assert volume.hu.dtype == np.int16
        assert volume.name == "scan"
