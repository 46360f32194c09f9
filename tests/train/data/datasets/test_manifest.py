from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from napari_ct_grounding.core.errors import InputError
from tests.train.data.datasets.layouts import torso_hu, write_nifti
from train.data.datasets.manifest import Manifest, split_of_patient
from train.data.datasets.scans import InExtent, OnImage, OnPlane

PLANE = np.diag([-0.8, -0.8, -1.0, 1.0])


@pytest.fixture
def rows(tmp_path):
    for name in ("a", "b"):
        write_nifti(tmp_path / f"{name}.nii.gz", torso_hu())
    (tmp_path / "b.txt").write_text("Befund: Erguss.\nBeurteilung: Erguss rechts.", encoding="utf-8")
    (tmp_path / "b.json").write_text(
        json.dumps(
            {
                "s2": {"shape": [20, 24], "dcmaffine": PLANE.tolist(), "en_cleanhist": ["A."], "de_cleanhist": ["B."]},
                "s1": {},
            }
        )
    )
    placed = [{"sentences": ["Rundherd."], "image": 7}, {"sentences": ["Erguss."], "z_mm": [12, 3]}]
    return [
        {
            "scan": "a.nii.gz",
            "patient_id": "p1",
            "report": "Findings: Nodule.\nImpression: Nodule.",
            "split": "valid",
            "label:Lung nodule": "1",
            "label:Cyst": "",
            "snippets": json.dumps(placed),
        },
        {
            "scan": "b.nii.gz",
            "patient_id": "p2",
            "report_file": "b.txt",
            "label:Lung nodule": "0",
            "snippets": "b.json",
        },
    ]


def write(folder, rows, ending):
    path = folder / f"clinic.{ending}"
    table = pd.DataFrame(rows).fillna("")
    table.to_csv(path, index=False) if ending == "csv" else table.to_parquet(path)
    return path


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_of_scans_gives_reports_labels_and_placed_sentences(tmp_path, rows, ending):
    dataset = Manifest(write(tmp_path, rows, ending))
    first, second = dataset.scans()
    assert dataset.name == "clinic"
    assert (first.split, first.texts.findings, first.labels) == ("valid", "Nodule.", {"Lung nodule": 1})
    assert [p.where for p in first.placed] == [OnImage(7), InExtent(3, 12)]
    assert (second.texts.findings, second.texts.impressions) == ("Erguss.", "Erguss rechts.")
    assert second.split == split_of_patient("p2")
    assert second.placed[0].sentences == ("A.", "B.")
    assert isinstance(second.placed[0].where, OnPlane)
    np.testing.assert_array_equal(second.placed[0].where.affine, PLANE)
    assert dataset.read(first).volume.geometry.shape == (12, 20, 24)


def test_all_wrong_lines_are_told_at_once(tmp_path, rows):
    rows += [
        {"scan": "c.nii.gz", "patient_id": "p3"},
        {"scan": "a.nii.gz", "patient_id": "p2", "split": "trainn"},
        {"scan": "a.nii.gz", "patient_id": "p4", "scan_id": "x", "label:Cyst": "maybe"},
        {"scan": "a.nii.gz", "patient_id": "", "scan_id": "y"},
        {"scan": "b.nii.gz", "patient_id": "p1", "split": "train"},
        {"scan": "a.nii.gz", "patient_id": "p5", "scan_id": "z", "snippets": '[{"sentences": ["A."]}]'},
    ]
    with pytest.raises(InputError) as caught:
        Manifest(write(tmp_path, rows, "csv")).scans()
    for part in (
        "line 4: the scan is not there",
        "'trainn'",
        "label:Cyst is 'maybe'",
        "line 7: patient_id is empty",
        "'b.nii.gz' stands there 2 times",
        "a patient of train, valid lies in several splits",
        "line 9: A placed sentence needs",
    ):
        assert part in str(caught.value)


def test_patients_without_a_split_are_spread_ninety_to_five_to_five():
    splits = [split_of_patient(f"patient {i}") for i in range(2000)]
    assert splits == [split_of_patient(f"patient {i}") for i in range(2000)]
    assert splits.count("train") / 2000 == pytest.approx(0.9, abs=0.03)
    assert min(splits.count("valid"), splits.count("test")) > 60
