from __future__ import annotations

import json

import numpy as np
import pytest

from napari_ct_grounding.phantom.scan import generate_scan
from train.data.datasets.ct_rate import CTRate, is_fixed
from train.data.datasets.manifest import Manifest
from train.data.datasets.scans import InExtent, OnImage
from train.phantom_datasets import write_clinic, write_ct_rate

SPACING_MM = (8.0, 8.0, 8.0)


@pytest.fixture(scope="module")
def scans():
    return {seed: generate_scan(seed, spacing_mm=SPACING_MM) for seed in range(5)}


@pytest.fixture(scope="module")
def ct_rate(tmp_path_factory):
    return CTRate(write_ct_rate(tmp_path_factory.mktemp("ct-rate"), range(5), SPACING_MM))


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    return Manifest(write_clinic(tmp_path_factory.mktemp("clinic"), range(2), SPACING_MM))


def test_phantoms_in_the_layout_of_ct_rate_are_read_as_they_were(ct_rate, scans):
    read = ct_rate.scans()
    assert [s.scan_id for s in read] == [
        "train_1_a_1",
        "train_1_a_2",
        "train_2_a_1",
        "train_3_a_1",
        "train_5_a_1",
        "valid_4_a_1",
        "valid_4_a_2",
    ]
    assert [is_fixed(s.path) for s in read].count(False) == 1
    for scan in (s for s in read if s.scan_id.endswith("_1")):
        want = scans[int(scan.patient_id.partition("_")[2]) - 1]
        volume = ct_rate.read(scan).volume
        np.testing.assert_array_equal(volume.hu, want.volume.hu)
        np.testing.assert_allclose(volume.geometry.affine, want.volume.geometry.affine, atol=1e-3)
        assert {name for name, label in scan.labels.items() if label} == want.diseases
        assert len(scan.texts.findings) > 20
        assert scan.texts.impressions


def test_phantoms_as_studies_are_read_as_they_were(clinic, scans):
    for seed, scan in enumerate(clinic.scans()):
        volume = clinic.read(scan).volume
        want = scans[seed].volume
        # A CT holds nothing below -1024 HU.
        np.testing.assert_array_equal(volume.hu, np.maximum(want.hu, -1024))
        np.testing.assert_allclose(volume.geometry.affine, want.geometry.affine, atol=1e-3)
        assert scan.texts.findings
        assert scan.texts.impressions


def test_findings_are_placed_on_the_image_that_shows_them(clinic, scans):
    for seed, scan in enumerate(clinic.scans()):
        volume = clinic.read(scan).volume
        z_of_image = {record.image_number: volume.geometry.z_of_slice(i) for i, record in enumerate(volume.slice_table)}
        known = scans[seed].targets
        assert {type(item.where) for item in scan.placed} <= {OnImage, InExtent}
        for item in scan.placed:
            if isinstance(item.where, OnImage):
                z_mm = z_of_image[item.where.number]
                assert any(abs(target.z_mm - z_mm) <= SPACING_MM[0] / 2 + 1e-6 for target in known)


def test_studies_that_are_there_are_not_generated_again(tmp_path, monkeypatch):
    table = write_clinic(tmp_path, [1], SPACING_MM)
    before = table.read_bytes()
    monkeypatch.setattr("train.phantom_datasets.generate_scan", None)
    assert write_clinic(tmp_path, [1], SPACING_MM).read_bytes() == before
    assert json.loads((tmp_path / "study1.json").read_text(encoding="utf-8"))
