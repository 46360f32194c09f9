from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.evaluation_results import EvaluationResults, Figure, read_evaluation_results
from train.evaluation.compare import compare_folders
from train.evaluation.files import write_measured
from train.evaluation.tables import PUBLISHED_TABLE, markdown_report
from train.evaluation.tasks import Measured

ERRORS = np.array([2.0, 8.0, 30.0, 4.0])


def measured(errors=ERRORS, scans=(0, 0, 1, 2), name="one") -> list[Measured]:
    figures = (
        Figure("mean_mm", float(np.mean(errors)), 3.0, 20.0),
        Figure("mean_mm", 60.0, answer="middle"),
        Figure("mean_mm", None, group="findings"),
    )
    pool = (Figure("recall_at_10", 0.4, 0.3, 0.5, group="text to image, first_all"),)
    return [
        Measured(
            EvaluationResults("localization", "phantoms", name, "0" * 32, figures, {"scans": 3, "sentences": 4}),
            {"error_mm": np.asarray(errors), "scan": np.array(scans)},
        ),
        Measured(EvaluationResults("report_retrieval", "ct-rate valid", name, "0" * 32, pool, {"scans": 9})),
    ]


def test_a_folder_holds_a_file_a_plot_and_rows_for_each_task_and_one_page(tmp_path: Path):
    page = write_measured(measured(), tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "figures.md",
        "localization_phantoms.json",
        "localization_phantoms.npz",
        "localization_phantoms.png",
        "localization_phantoms_errors.png",
        "report_retrieval_ct-rate-valid.json",
        "report_retrieval_ct-rate-valid.png",
    }
    assert (tmp_path / "out" / "figures.md").read_text() == page
    assert (tmp_path / "out" / "localization_phantoms.png").read_bytes().startswith(b"\x89PNG")


def test_published_figures_stand_beside_ours(tmp_path: Path):
    page = markdown_report([item.results for item in measured()])
    assert "| RadFinder | 31.5 | 83.8 | 77.0 | 69.0 | 36.3 mm (best baseline 67.0) |" in PUBLISHED_TABLE
    assert "| ours | 40.0 (ct-rate valid) | - | - | - | 11.0 (phantoms) |" in page
    assert "| all | model | 11 (3 to 20) |" in page
    assert "| findings | model | - |" in page


def test_a_second_run_leaves_the_same_figures(tmp_path: Path):
    write_measured(measured(), tmp_path)
    first = read_evaluation_results(tmp_path / "localization_phantoms.json").figures
    (tmp_path / ".localization_phantoms.json.1.partial").write_text("{")  # of a run that was killed
    write_measured(measured(), tmp_path)
    assert read_evaluation_results(tmp_path / "localization_phantoms.json").figures == first


def test_two_models_are_compared_on_the_same_questions(tmp_path: Path):
    write_measured(measured(ERRORS + 10, name="worse"), tmp_path / "worse")
    page = write_measured(measured(), tmp_path / "better", against=tmp_path / "worse")
    assert "Compared with worse" in page
    found = compare_folders(tmp_path / "worse", tmp_path / "better", num_resamples=100)
    gain = found["localization_phantoms: mean error, mm"]
    assert gain.difference.value == pytest.approx(-10)
    assert gain.difference.high < 0


def test_models_that_were_asked_different_questions_are_not_compared(tmp_path: Path):
    write_measured(measured(), tmp_path / "a")
    write_measured(measured(scans=(0, 1, 1, 2)), tmp_path / "b")
    with pytest.raises(InputError, match="different questions"):
        compare_folders(tmp_path / "a", tmp_path / "b")
    with pytest.raises(InputError, match="share no task"):
        compare_folders(tmp_path / "a", tmp_path)
