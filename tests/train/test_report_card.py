"""The command `evaluate` and the file of answers that it shares with the shell's `batch`."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel

from napari_ct_grounding.core.localization_results import Truth, read_localization_results
from tests.inference.oracle import body_with_sphere, oracle_session
from train import report_card
from train.evaluation.real_sentences import real_cases

RECORDS = [
    {"kind": "finding", "language": "en", "sentence": "A bright ball.", "z_lo_mm": -430, "z_hi_mm": -400},
    {"kind": "anatomy", "language": "de", "sentence": "Something else.", "z_lo_mm": -500, "z_hi_mm": -490},
]


def sentences_about(folder: Path) -> Path:
    volume = body_with_sphere()
    nibabel.save(nibabel.Nifti1Image(volume.hu.transpose(2, 1, 0), volume.geometry.affine), folder / "a.nii")
    path = folder / "sentences.json"
    path.write_text(json.dumps({"sentences": [{"volume": "a.nii", **record} for record in RECORDS]}))
    return path


def test_real_sentences_become_cases_with_their_extent(tmp_path: Path) -> None:
    cases = real_cases(sentences_about(tmp_path), tmp_path)
    assert cases.folder == tmp_path
    assert [case.case for case in cases.cases] == ["a.nii 1", "a.nii 2"]
    assert [case.category for case in cases.cases] == ["finding, en", "anatomy, de"]
    assert cases.cases[0].truth == Truth(-430.0, -400.0)


def test_evaluate_writes_the_answers_one_by_one_in_the_form_of_a_batch(
    tmp_path: Path, repository: Path, monkeypatch
) -> None:
    sentences = sentences_about(tmp_path)
    monkeypatch.setattr(report_card.GroundingSession, "from_pretrained", lambda weights: oracle_session())
    report_card.evaluate_command(
        repository / "napari_ct_grounding" / "weights" / "bundled",
        num_phantoms=0,
        seed0=0,
        cache=tmp_path / "cache",
        num_workers=1,
        real=sentences,
        data=tmp_path,
        results=tmp_path / "results.json",
    )
    found = read_localization_results(tmp_path / "results.json")
    assert [row.status for row in found.rows] == ["done", "done"]
    assert found.rows[0].error_mm == 0
    assert found.weights_name == "oracle"
