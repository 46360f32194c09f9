"""A whole synthetic patient: volume and words agree."""

from __future__ import annotations

import numpy as np
import pytest

import napari_ct_grounding.phantom as phantom
from napari_ct_grounding.phantom.catalogue import LANDMARKS

COARSE = {"spacing_mm": (10.0, 8.0, 8.0), "z_range": (-200.0, 100.0)}


@pytest.fixture(scope="module")
def patient():
    return phantom.generate(5, findings=["kidney_cyst@left", "pleural_effusion@right"], **COARSE)


def test_wished_findings_are_told_with_side_and_extent(patient):
    effusion = next(f for f in patient.findings if f.label == "pleural_effusion@right")
    assert effusion.side == "right"
    assert effusion.organ == "pleura"
    assert effusion.z_lo_mm < effusion.z_mm < effusion.z_hi_mm
    assert "Pleural effusion" in patient.diseases


def test_every_extent_lies_inside_the_volume(patient):
    half_slice = patient.volume.geometry.spacing_mm[0] / 2
    low, high = patient.volume.geometry.z_extent_mm  # of slice centres
    low, high = low - half_slice, high + half_slice
    for record in (*patient.findings, *patient.landmarks):
        assert low - 1e-6 <= record.z_lo_mm <= record.z_mm <= record.z_hi_mm <= high + 1e-6, record


def test_landmarks_are_names_of_the_catalogue(patient):
    assert {record.label for record in patient.landmarks} <= set(LANDMARKS)
    assert len(patient.landmarks) > 30


def test_the_same_seed_gives_the_same_patient_and_another_language_the_same_voxels(patient):
    wished = ["kidney_cyst@left", "pleural_effusion@right"]
    again = phantom.generate(5, findings=wished, **COARSE)
    german = phantom.generate(5, findings=wished, language="de", **COARSE)
    assert again.report == patient.report
    assert np.array_equal(again.volume.hu, patient.volume.hu)
    assert np.array_equal(german.volume.hu, patient.volume.hu)
    assert german.report != patient.report


def test_public_names_load_on_demand_and_others_do_not_exist():
    assert phantom.Phantom.__name__ == "Phantom"
    with pytest.raises(AttributeError, match="nothing"):
        phantom.nothing  # noqa: B018
