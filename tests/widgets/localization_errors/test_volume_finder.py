from __future__ import annotations

import pytest

from napari_ct_grounding.core.errors import Cancelled
from napari_ct_grounding.widgets.localization_errors.volume_finder import MAX_CANDIDATES, find_scans


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_a_scan_at_its_relative_path_is_the_one(tmp_path):
    touch(tmp_path / "a" / "ct.nii.gz", tmp_path / "b" / "ct.nii.gz")
    found = find_scans(tmp_path, ["a/ct.nii.gz", "c/ct.mha"])
    assert found.paths == {
        "a/ct.nii.gz": (tmp_path / "a/ct.nii.gz",),
        "c/ct.mha": (tmp_path / "b/ct.nii.gz",),
    }, "a file that is one scan of the results is no other one"
    assert "c/ct.mha" not in find_scans(tmp_path, ["a/ct.nii.gz", "b/ct.nii.gz", "c/ct.mha"]).paths


def test_a_scan_elsewhere_is_found_by_its_name_and_the_folders_above_it(tmp_path):
    touch(tmp_path / "disk" / "a" / "ct.nii.gz", tmp_path / "disk" / "b" / "CT.nii.gz")
    assert find_scans(tmp_path, ["old/B/ct.nii.gz"]).paths == {"old/B/ct.nii.gz": (tmp_path / "disk/b/CT.nii.gz",)}


def test_a_name_without_its_ending_finds_the_file_and_a_folder_of_dicom_is_a_scan(tmp_path):
    touch(
        tmp_path / "x" / "train_1_a_1.nii.gz",
        tmp_path / "y" / "patient" / "1.dcm",
        tmp_path / "y" / ".hidden" / "z.nii",
    )
    found = find_scans(tmp_path, ["train_1_a_1", "patient", "z.nii", "nothing", ""])
    assert found.paths == {
        "train_1_a_1": (tmp_path / "x/train_1_a_1.nii.gz",),
        "patient": (tmp_path / "y/patient",),
    }


def test_a_folder_that_is_gone_finds_nothing_and_a_huge_one_is_searched_in_part(tmp_path):
    assert find_scans(tmp_path / "gone", ["a.nii"]).paths == {}
    touch(*(tmp_path / f"{i:02d}" / "ct.nii" for i in range(20)))
    found = find_scans(tmp_path, ["x/ct.nii", "other.nii"], max_entries=30)
    assert found.is_cut
    assert len(find_scans(tmp_path, ["x/ct.nii"]).paths["x/ct.nii"]) == MAX_CANDIDATES


def test_names_that_no_file_can_have_are_not_found(tmp_path):
    assert find_scans(tmp_path, ["a\0b", "x" * 5000]).paths == {}


def test_the_search_ends_when_it_is_cancelled(tmp_path):
    with pytest.raises(Cancelled):
        find_scans(tmp_path, ["a.nii"], lambda: True)
