"""A CT volume keeps its voxels exact and its names in step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_ct_grounding.core.errors import NotHounsfieldError, VolumeError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume, SliceRecord, check_hounsfield, compact_hu


def volume_of(hu, **more) -> CTVolume:
    return CTVolume(hu, VolumeGeometry.from_spacing(hu.shape, (3.0, 1.0, 1.0)), **more)


@pytest.fixture
def hu() -> np.ndarray:
    return np.random.default_rng(0).integers(-1000, 1000, (4, 5, 6)).astype(np.int16)


def test_voxels_are_read_only_and_the_callers_array_is_not(hu):
    volume = volume_of(hu)
    with pytest.raises(ValueError, match="read-only"):
        volume.hu[0, 0, 0] = 1
    hu[0, 0, 0] = 1


def test_without_a_table_the_files_index_is_ours(hu):
    assert [record.file_index for record in volume_of(hu).slice_table] == [0, 1, 2, 3]


@pytest.mark.parametrize("shape", [(4, 5), (1, 5, 6), (4, 1, 6), (4, 5, 6, 2)])
def test_what_is_not_three_dimensional_is_refused(shape):
    with pytest.raises(VolumeError):
        CTVolume(np.zeros(shape, np.int16), VolumeGeometry.from_spacing((*shape, 1)[:3], (1.0, 1.0, 1.0)))


def test_a_table_of_another_length_is_refused(hu):
    with pytest.raises(VolumeError, match="1 records for 4 slices"):
        volume_of(hu, slice_table=(SliceRecord(0),))


def test_the_fingerprint_sees_voxels_place_and_type_but_not_memory_order(hu):
    fingerprint = volume_of(hu).fingerprint
    assert volume_of(np.asfortranarray(hu)).fingerprint == fingerprint
    assert volume_of(hu, name="another name").fingerprint == fingerprint
    assert volume_of(hu[:, :, ::-1].copy()[:, :, ::-1]).fingerprint == fingerprint
    changed = hu.copy()
    changed[3, 4, 5] += 1
    moved = VolumeGeometry.from_spacing(hu.shape, (3.0, 1.0, 1.0), (0.5, 0.0, 0.0))
    others = [volume_of(changed), volume_of(hu.astype(np.float32)), CTVolume(hu, moved)]
    assert len({fingerprint, *(volume.fingerprint for volume in others)}) == 4


@given(
    st.lists(st.integers(-40_000, 70_000), min_size=1, max_size=5), st.sampled_from([np.int32, np.float64, np.int64])
)
@settings(max_examples=60, deadline=None)
def test_whole_numbers_become_int16_exactly_when_they_fit(values, dtype):
    compact = compact_hu(np.array(values, dtype))
    np.testing.assert_array_equal(compact, values)
    assert (compact.dtype == np.int16) == (min(values) >= -32768 and max(values) <= 32767)


def test_fractions_and_nan_stay_float():
    assert compact_hu(np.array([0.5, 1.0])).dtype == np.float32
    assert np.isnan(compact_hu(np.array([np.nan, 1.0]))[0])


def test_a_body_in_air_passes_as_hounsfield(hu):
    check_hounsfield(hu)


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [(0, 255, "windowed export"), (-1024, -500, "no soft tissue"), (-1000, 90_000, "beyond what a CT scanner writes")],
)
def test_other_ranges_are_questioned_with_the_range_named(low, high, message):
    values = np.linspace(low, high, 4 * 5 * 6).reshape(4, 5, 6)
    with pytest.raises(NotHounsfieldError, match=message) as caught:
        check_hounsfield(values)
    assert f"{low:g} to {high:g}" in str(caught.value)


def test_nan_is_not_a_hounsfield_unit(hu):
    values = hu.astype(np.float32)
    values[2, 2, 2] = np.nan
    with pytest.raises(NotHounsfieldError, match="NaN"):
        check_hounsfield(values)
