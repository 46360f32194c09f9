from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_ct_grounding.readers import read_volume
from tests.benchmarks import big_scan


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("NUM_SLICES", 40),
        ("NUM_ROWS", 24),
        ("NUM_COLUMNS", 32),
        ("SPACING_MM_XYZ", (12.0, 12.0, 5.0)),
    ):
        monkeypatch.setattr(big_scan, name, value)


def test_both_files_hold_the_same_scan(tmp_path: Path) -> None:
    big_scan.write_nifti(tmp_path / "scan.nii.gz")
    big_scan.write_dicom(tmp_path / "scan")
    nifti, dicom = read_volume(tmp_path / "scan.nii.gz"), read_volume(tmp_path / "scan")
    assert nifti.hu.shape == dicom.hu.shape == (40, 24, 32)
    assert nifti.hu.dtype == dicom.hu.dtype == np.int16
    np.testing.assert_array_equal(nifti.hu, dicom.hu)
    assert nifti.geometry.spacing_mm == pytest.approx(dicom.geometry.spacing_mm) == (5.0, 12.0, 12.0)


@pytest.mark.parametrize("task", ["ground", "windows"])
def test_every_step_is_measured(tmp_path: Path, task: str) -> None:
    big_scan.write_nifti(tmp_path / "scan.nii.gz")
    figures = big_scan.measure(tmp_path / "scan.nii.gz", task)
    assert figures["shape"] == (40, 24, 32)
    assert figures["imported_mb"] <= figures["read_mb"] <= figures["encoded_mb"] <= figures["peak_mb"]
    assert min(value for name, value in figures.items() if name.endswith("_s")) >= 0
    assert len(figures["z_mm"]) == 2 if task == "ground" else figures["num_windows"] > 0
