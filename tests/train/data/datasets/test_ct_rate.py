from __future__ import annotations

import numpy as np
import pytest

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.errors import InputError, NotHounsfieldError
from tests.train.data.datasets.layouts import ct_rate_path, torso_hu, write_ct_rate, write_nifti
from train.data.datasets.ct_rate import CTRate, volume_id

NAMES = ("train_1_a_1", "train_1_a_2", "train_10_a_1", "train_2_b_1", "valid_1_a_1")


def test_volumes_come_in_order_with_report_labels_patient_and_split(tmp_path):
    write_ct_rate(tmp_path, NAMES)
    scans = CTRate(tmp_path).scans()
    assert [scan.scan_id for scan in scans] == [
        "train_1_a_1",
        "train_1_a_2",
        "train_2_b_1",
        "train_10_a_1",
        "valid_1_a_1",
    ]
    first, twin, *_, last = scans
    assert first.report_id == twin.report_id == "train_1_a"
    assert first.texts.findings == 'Findings of train_1_a, with "quotes",\nand a line.'
    assert first.texts.impressions == "Impression train_1_a."
    assert first.labels == dict.fromkeys(CT_RATE_DISEASES, 1)
    assert twin.labels == dict.fromkeys(CT_RATE_DISEASES, 0)
    assert (last.split, last.patient_id, last.report_id) == ("valid", "valid_1", "valid_1_a")
    assert last.facts["xy_spacing_mm"] == 0.68359375
    assert CTRate(tmp_path / "dataset").scans()[0].path == first.path


def test_patients_of_the_two_splits_are_never_the_same(tmp_path):
    write_ct_rate(tmp_path, NAMES)
    patients = {
        scan.split: {s.patient_id for s in CTRate(tmp_path).scans() if s.split == scan.split}
        for scan in CTRate(tmp_path).scans()
    }
    assert not patients["train"] & patients["valid"]


def test_broken_volumes_are_left_out(tmp_path):
    write_ct_rate(
        tmp_path, ("train_1267_a_4", "train_1267_a_3", "train_9792_a_1", "train_11755_a_2", "train_11755_a_1")
    )
    assert [scan.scan_id for scan in CTRate(tmp_path).scans()] == ["train_1267_a_3", "train_11755_a_1"]


def test_scans_without_a_chest_leave_training_and_are_marked_elsewhere(tmp_path):
    write_ct_rate(tmp_path, NAMES, no_chest=("train_2_b_1", "valid_1_a_1"))
    scans = {scan.scan_id: scan for scan in CTRate(tmp_path).scans()}
    assert "train_2_b_1" not in scans
    assert scans["valid_1_a_1"].facts["no_chest"]
    assert "no_chest" not in scans["train_1_a_1"].facts
    assert "train_2_b_1" in {scan.scan_id for scan in CTRate(tmp_path, keeps_no_chest=True).scans()}


@pytest.mark.parametrize(
    "written",
    ["valid_1_a_2.nii.gz", "validation_1_a_2.nii.gz", "valid_1_a_2", "valid/valid_1/valid_1_a/valid_1_a_2.nii.gz"],
)
def test_a_volume_has_one_name_however_it_is_written(written):
    assert volume_id(written) == "valid_1_a_2"


@pytest.mark.parametrize("intercept", [-1024, -8192])
def test_stored_values_become_hu_and_get_their_spacing_from_the_metadata(tmp_path, intercept):
    write_ct_rate(tmp_path, (), raw=("train_1_a_1",), intercept=intercept)
    dataset = CTRate(tmp_path)
    volume = dataset.read(dataset.scans()[0]).volume
    assert volume.hu.dtype == np.int16
    np.testing.assert_array_equal(volume.hu, torso_hu().transpose())
    assert volume.geometry.spacing_mm == pytest.approx((1.5, 0.68359375, 0.68359375))


def test_fixed_files_are_hu_and_the_metadata_is_not_applied_to_them(tmp_path):
    write_ct_rate(tmp_path, ("train_1_a_1",))
    dataset = CTRate(tmp_path)
    volume = dataset.read(dataset.scans()[0]).volume
    np.testing.assert_array_equal(volume.hu, torso_hu().transpose())
    assert volume.geometry.spacing_mm == pytest.approx((1.5, 0.8, 0.8))


def test_hu_among_stored_values_are_refused_rather_than_rescaled_twice(tmp_path):
    write_ct_rate(tmp_path, (), raw=("train_1_a_1",))
    write_nifti(ct_rate_path(tmp_path / "dataset", "train", "train_1_a_1"), torso_hu())
    dataset = CTRate(tmp_path)
    with pytest.raises(NotHounsfieldError, match="applied twice"):
        dataset.read(dataset.scans()[0])


def test_a_volume_in_both_forms_is_taken_from_the_fixed_one(tmp_path):
    write_ct_rate(tmp_path, ("train_1_a_1",), raw=("train_1_a_1",))
    scans = CTRate(tmp_path).scans()
    assert len(scans) == 1
    assert "train_fixed" in scans[0].path.parts


def test_a_folder_without_volumes_is_told(tmp_path):
    with pytest.raises(InputError, match="no volume"):
        CTRate(tmp_path).scans()
