from __future__ import annotations

import numpy as np
import pytest

from napari_ct_grounding.core.errors import InputError, VolumeError
from tests.train.data.datasets.layouts import (
    torso_hu,
    write_csv,
    write_ct_rate,
    write_inspect,
    write_merlin,
    write_nifti,
    write_rad_chest,
    write_rex_grounding,
)
from train.data.datasets.inspect_ctpa import Inspect
from train.data.datasets.merlin import Merlin
from train.data.datasets.rad_chest import RadChestCT
from train.data.datasets.rad_genome import RadGenome
from train.data.datasets.registry import open_dataset
from train.data.datasets.rex_grounding import ReXGroundingCT
from train.data.datasets.scans import InExtent


def test_merlin_gives_each_study_its_split_and_both_parts_of_its_report(tmp_path):
    write_merlin(
        tmp_path,
        {
            "AC421": ("Liver: Cyst.\n\nIMPRESSION:\n1. Benign cyst.", "train"),
            "007": ("Spleen normal.\n1. No acute disease.\n2. None else.", "val"),
            "absent": ("Nothing.", "test"),
        },
    )
    first, second = Merlin(tmp_path).scans()
    assert (first.split, second.split, second.scan_id) == ("train", "valid", "007")
    assert (first.texts.findings, first.texts.impressions) == ("Liver: Cyst.", "1. Benign cyst.")
    assert (second.texts.findings, second.texts.impressions) == (
        "Spleen normal.",
        "1. No acute disease.\n2. None else.",
    )
    assert Merlin(tmp_path).read(first).volume.geometry.shape == (12, 20, 24)


def test_inspect_leads_from_the_impression_to_image_person_and_split(tmp_path):
    write_inspect(tmp_path)
    scans = Inspect(tmp_path).scans()
    assert [(s.scan_id, s.report_id, s.patient_id, s.split) for s in scans] == [
        ("PE4a", "1", "10", "train"),
        ("PE4b", "2", "11", "valid"),
        ("PE4c", "3", "11", "test"),
    ]
    assert scans[0].texts.impressions == '1. Embolus, "large".\n2. Study 1.'
    assert scans[0].texts.findings == ""
    assert [s.labels for s in scans] == [{"Pulmonary embolism": 1}, {"Pulmonary embolism": 0}, {}]


def test_the_newest_of_dated_tables_is_read(tmp_path):
    write_inspect(tmp_path)
    old = tmp_path / "impressions_20240101.tsv"
    old.write_text("impression_id\timpressions\n1\tOutdated.\n")
    assert Inspect(tmp_path).scans()[0].texts.impressions.startswith("1. Embolus")


def test_rad_chest_volumes_are_turned_and_centred_and_their_labels_mapped(tmp_path):
    hu = write_rad_chest(tmp_path)
    dataset = RadChestCT(tmp_path)
    train, valid = dataset.scans()
    volume = dataset.read(train).volume
    np.testing.assert_array_equal(volume.hu, np.clip(hu, -1000, 1000).transpose())
    assert volume.geometry.spacing_mm == pytest.approx((0.8, 0.8, 0.8))
    np.testing.assert_allclose(volume.geometry.world_of_voxel([5.5, 9.5, 11.5]), 0, atol=1e-12)
    assert (volume.hu[-1] == 1000).all()  # what is superior in the file is superior here
    assert (train.split, valid.split) == ("train", "valid")
    assert (train.labels["Lung nodule"], train.labels["Pleural effusion"]) == (1, 0)
    assert valid.labels["Arterial wall calcification"] == 1
    assert "Mosaic attenuation pattern" not in train.labels


def test_radgenome_gives_findings_by_region(tmp_path):
    for name in ("train_1_a_1", "train_1_a_2"):
        write_nifti(tmp_path / "train_preprocessed" / "train_1" / "train_1a" / f"{name}.nii.gz", torso_hu())
    rows = [
        ["train_1_a_1.nii.gz", "lung", "Nodule."],
        ["train_1_a_1.nii.gz", "heart", "Large."],
        ["train_1_a_1.nii.gz", "lung", "Scar."],
        ["train_1_a_1.nii.gz", "", "Other."],
    ]
    write_csv(tmp_path / "train_region_report.csv", ["Volumename", "Anatomy", "Sentence"], rows)
    first, second = RadGenome(tmp_path).scans()
    assert first.texts.findings_by_organ == (("lung", "Nodule. Scar."), ("heart", "Large."))
    assert first.texts.findings == "Nodule. Scar. Large. Other."
    assert (first.report_id, first.patient_id, second.report_id) == ("train_1_a", "train_1", "train_1_a")
    assert second.texts.findings == ""


def rex(tmp_path, entries):
    write_ct_rate(tmp_path / "ct", ("train_1_a_1", "train_5_a_1", "train_1841_a_1", "train_7_a_1"))
    write_rex_grounding(tmp_path / "rex", entries)
    return ReXGroundingCT(tmp_path / "rex", tmp_path / "ct")


def test_rex_grounding_gives_each_sentence_its_extent_in_the_world(tmp_path):
    findings = {0: ("A nodule in the left upper lobe.", (3, 4, 5)), 1: ("An effusion.", (8,)), 2: ("Not drawn.", ())}
    dataset = rex(tmp_path, {"train": {"train_1_a_1": findings}, "val": {"train_5_a_1": {0: ("Cyst.", (2,))}}})
    train, valid = dataset.scans()
    assert (train.split, valid.split) == ("train", "valid")
    assert (train.facts["is_partial"], valid.facts["is_partial"]) == (True, False)
    placed = dataset.read(train).placed
    assert [p.sentences for p in placed] == [("A nodule in the left upper lobe.",), ("An effusion.",)]
    assert placed[0].where == InExtent(3 * 1.5 - 0.75, 5 * 1.5 + 0.75)  # slices of 1.5 mm from z = 0
    assert placed[1].where == InExtent(8 * 1.5 - 0.75, 8 * 1.5 + 0.75)


def test_patients_in_two_splits_of_rex_grounding_are_left_out(tmp_path):
    one = {0: ("Cyst.", (2,))}
    dataset = rex(
        tmp_path,
        {
            "train": {"train_1_a_1": one, "train_1841_a_1": one, "train_7_a_1": one},
            "val": {"train_7_a_1": one, "train_5_a_1": one},
        },
    )
    assert [scan.scan_id for scan in dataset.scans()] == ["train_1_a_1", "train_5_a_1"]


def test_masks_of_another_number_of_slices_are_refused(tmp_path):
    dataset = rex(tmp_path, {"train": {"train_1_a_1": {0: ("Cyst.", (2,))}}})
    write_nifti(tmp_path / "rex" / "segmentations" / "train_1_a_1.nii.gz", np.zeros((1, 24, 20, 11), np.uint8))
    with pytest.raises(VolumeError, match="must agree along z"):
        dataset.read(dataset.scans()[0])


def test_missing_places_and_names_are_told(tmp_path):
    with pytest.raises(InputError, match="no data set 'mnist'"):
        open_dataset("mnist", tmp_path)
    with pytest.raises(InputError, match="nothing at 'absent'"):
        open_dataset("merlin", tmp_path / "absent")
    with pytest.raises(InputError, match=r"no table study_mapping\*.tsv"):
        open_dataset("inspect", tmp_path).scans()
    with pytest.raises(InputError, match="--ct-rate"):
        open_dataset("rexgroundingct", tmp_path)


def test_a_table_without_a_needed_column_is_told(tmp_path):
    write_merlin(tmp_path, {"a": ("Text.", "train")})
    import pandas as pd

    pd.DataFrame([{"study id": "a", "Findings": "Text."}]).to_excel(tmp_path / "reports_final.xlsx", index=False)
    with pytest.raises(InputError, match="has no column Split"):
        Merlin(tmp_path).scans()


def test_fixtures_hold_what_a_ct_holds():
    assert torso_hu().min() < -990 < 40 < torso_hu().max()
