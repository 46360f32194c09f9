from __future__ import annotations

import nibabel
import pytest

from napari_ct_grounding.core.evaluation_results import read_evaluation_results
from napari_ct_grounding.core.localization_results import LocalizationCase, Truth
from napari_ct_grounding.inference.batch import run_batch
from napari_ct_grounding.inference.case_list import CaseList
from tests.inference.oracle import body_with_sphere, oracle_session
from train.__main__ import main


def test_the_answers_of_a_batch_are_measured_without_weights(tmp_path, capsys):
    volume = body_with_sphere()
    nibabel.save(nibabel.Nifti1Image(volume.hu.transpose(2, 1, 0), volume.geometry.affine), tmp_path / "a.nii")
    case = LocalizationCase("1", "a.nii", "A bright ball.", category="ball", truth=Truth(-430.0, -400.0))
    run_batch(CaseList(tmp_path, (case,)), tmp_path / "mine.json", oracle_session())
    main(f"evaluate --answers {tmp_path / 'mine.json'} --out {tmp_path / 'out'} --resamples 20".split())
    found = read_evaluation_results(tmp_path / "out" / "localization_mine.json")
    assert found.weights_name == "oracle"
    assert found.figure("mean_mm", "ball").value == 0.0
    assert "### localization, mine" in capsys.readouterr().out


@pytest.mark.parametrize(("options", "reason"), [("--answers x.json", "--out"), ("--phantoms 3", "--weights")])
def test_what_is_missing_is_asked_for(options, reason, capsys):
    with pytest.raises(SystemExit):
        main(f"evaluate {options}".split())
    assert reason in capsys.readouterr().err
