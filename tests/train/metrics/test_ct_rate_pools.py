from __future__ import annotations

import numpy as np
import pytest

from train.metrics.ct_rate_pools import pool_rows, scan_of

VOLUMES = ["valid_1_a_1.nii.gz", "valid_1_a_2.nii.gz", "valid_1_b_1.nii.gz", "valid_2_a_1.nii.gz", "valid_2_a_2.nii.gz"]
FINDINGS = ["clear lungs", "clear lungs", "clear lungs", "a nodule", "a nodule"]
SPACING = np.array([0.9, 0.7, 0.6, 0.8, 0.8])


def test_the_name_of_a_scan_is_that_of_its_volumes_without_the_reconstruction():
    assert scan_of("valid_12_b_3.nii.gz") == "valid_12_b"


def test_each_pool_holds_what_its_name_says():
    assert pool_rows(VOLUMES, "dup").tolist() == [0, 1, 2, 3, 4]
    assert pool_rows(VOLUMES, "first").tolist() == [0, 2, 3]
    rows = pool_rows(VOLUMES, "smallestdeduptext", findings=FINDINGS, spacing_mm=SPACING)
    assert rows.tolist() == [1, 3]


@pytest.mark.parametrize("listed", ["valid_1_b", "valid_1_b_1.nii.gz", "valid_1_b_1"])
def test_scans_without_a_chest_are_left_out_however_they_are_listed(listed):
    assert pool_rows(VOLUMES, "first", no_chest=[listed]).tolist() == [0, 3]


def test_what_a_pool_needs_is_asked_for():
    with pytest.raises(ValueError, match="findings"):
        pool_rows(VOLUMES, "smallestdeduptext")
    with pytest.raises(ValueError, match="smallestdeduptext"):
        pool_rows(VOLUMES, "all")
    assert pool_rows(["a_1"], "first", no_chest=["a"]).size == 0
