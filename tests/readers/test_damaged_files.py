"""Random damage gives a volume or an `InputError` in words: never another exception, never a warning."""

from __future__ import annotations

import gzip

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_ct_grounding import read_volume
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.volume import CTVolume

damage = st.lists(
    st.tuples(st.integers(0, 10_000), st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255)),
    min_size=1,
    max_size=4,
)
many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def opened_or_refused(path) -> None:
    try:
        result = read_volume(path, assume_hu=True)
    except InputError as error:
        result = error
    if isinstance(result, CTVolume):
        assert np.isfinite(result.geometry.affine).all()
    else:
        assert len(str(result)) > 20
        assert str(path.parent) not in str(result)


@pytest.fixture(scope="module")
def sound_nifti(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "scan.nii"
    array = (np.arange(5 * 6 * 7).reshape(5, 6, 7) - 100).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(array, np.diag([1.0, 2.0, 3.0, 1.0])), path)
    return path.read_bytes()


@many
@given(changes=damage)
def test_a_nifti_header_with_wrong_bytes_never_crashes_the_reader(sound_nifti, tmp_path, changes):
    raw = bytearray(sound_nifti)
    for place, value in changes:
        raw[place % 352] = value
    (tmp_path / "scan.nii").write_bytes(raw)
    opened_or_refused(tmp_path / "scan.nii")


@many
@given(changes=damage)
def test_a_compressed_file_with_wrong_bytes_never_crashes_the_reader(sound_nifti, tmp_path, changes):
    raw = bytearray(gzip.compress(sound_nifti, mtime=0))
    for place, value in changes:
        raw[place % len(raw)] = value
    (tmp_path / "scan.nii.gz").write_bytes(raw)
    opened_or_refused(tmp_path / "scan.nii.gz")


@many
@given(changes=damage, keep=st.floats(0, 1))
def test_a_dicom_file_with_wrong_bytes_or_cut_short_never_crashes_the_reader(new_series, changes, keep):
    series = new_series("damaged")
    series.stack((0.0, 4.0, 8.0, 12.0))
    path = sorted(series.folder.iterdir())[0]
    raw = bytearray(path.read_bytes())
    for place, value in changes:
        raw[132 + place % (len(raw) - 132)] = value
    path.write_bytes(raw[: max(140, int(len(raw) * min(1.0, keep * 1.5)))])
    opened_or_refused(series.folder)
    for item in series.folder.iterdir():
        item.unlink()


def test_voxels_of_a_kilometre_are_refused(tmp_path):
    array = (np.arange(5 * 6 * 7).reshape(5, 6, 7) - 100).astype(np.int16)
    path = tmp_path / "scan.nii"
    nibabel.save(nibabel.Nifti1Image(array, np.diag([1.0, 2.0, 1e6, 1.0])), path)
    with pytest.raises(InputError, match=r"voxels measure 1e\+06 x 2 x 1 mm"):
        read_volume(path)


def test_axes_that_almost_coincide_are_refused(tmp_path):
    array = (np.arange(5 * 6 * 7).reshape(5, 6, 7) - 100).astype(np.int16)
    affine = np.eye(4)
    affine[1, 2] = 5.0  # slices run sideways five times as far as upwards
    nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / "scan.nii")
    with pytest.raises(InputError, match="79 degrees between slices"):
        read_volume(tmp_path / "scan.nii")
