"""`calibrate` on own cases: any model behind a session, any list of sentences with places."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.localization_results import LocalizationCase, Truth
from napari_ct_grounding.inference.case_list import CaseList
from tests.inference.oracle import body_with_sphere, oracle_session
from train.calibrate import read_disease_labels
from train.calibration.cases import own_cases, placeless_sentences


def listed(tmp_path) -> CaseList:
    volume = body_with_sphere()
    for name in ("a.nii", "b.nii"):
        nibabel.save(nibabel.Nifti1Image(volume.hu.transpose(2, 1, 0), volume.geometry.affine), tmp_path / name)
    cases = [
        LocalizationCase("1", "a.nii", "A bright ball.", truth=Truth(-430.0, -400.0)),
        LocalizationCase("2", "b.nii", "A bright ball.", truth=Truth(-430.0, -400.0)),
        LocalizationCase("3", "a.nii", "The left knee.", category="no location"),
        LocalizationCase("4", "b.nii", "Unknown place."),
    ]
    return CaseList(tmp_path, tuple(cases))


def test_own_cases_become_questions_of_all_three_kinds(tmp_path):
    told = []
    cases = own_cases(oracle_session(), listed(tmp_path), on_scan=lambda *progress: told.append(progress))
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert [q.z_mm for q in cases.of_kind("located")] == [-415.0, -415.0]
    outside = cases.of_kind("outside")
    assert outside[0].sentence == "The left knee."
    assert {q.sentence for q in cases.of_kind("placeless")} <= set(placeless_sentences())
    assert "Unknown place." not in {q.sentence for q in cases.questions}
    for question in outside[1:]:
        part = cases.scans[question.scan]
        seen = part.depths_mm[part.is_valid]
        assert np.abs(seen + 415.0).min() >= 40.0
        assert question.group in (0, 1)


def test_a_list_without_a_place_is_refused(tmp_path):
    without = CaseList(tmp_path, tuple(case for case in listed(tmp_path).cases if case.truth is None))
    with pytest.raises(InputError, match="has a place"):
        own_cases(oracle_session(), without)


def test_labels_are_read_by_scan_and_disease(tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text("scan,Emphysema,Cardiomegaly\na.nii,1,\nsub\\b.nii,0,-1\n")
    labels = read_disease_labels(file, ["sub/b.nii", "a.nii", "c.nii"])
    from napari_ct_grounding.core.diseases import CT_RATE_DISEASES as NAMES

    assert labels[:, NAMES.index("Emphysema")].tolist() == [0, 1, -1]
    assert (labels[:, NAMES.index("Cardiomegaly")] == -1).all()
    file.write_text("scan,Emphysema\na.nii,maybe\n")
    with pytest.raises(InputError, match=r"'maybe' for Emphysema of a\.nii"):
        read_disease_labels(file, ["a.nii"])
    file.write_text(json.dumps([]))
    with pytest.raises(InputError, match="no column 'scan'"):
        read_disease_labels(file, ["a.nii"])
