from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.evaluation_results import EvaluationResults, Figure, read_evaluation_results


def results(**changes) -> EvaluationResults:
    fields = {
        "task": "disease",
        "dataset": "ct-rate, valid",
        "weights_name": "bundled",
        "weights_fingerprint": "ab" * 16,
        "figures": (
            Figure("auroc", 0.81, 0.7, 0.9),
            Figure("auroc", float("nan"), group="Emphysema"),
            Figure("mean_mm", 12.5, answer="random"),
        ),
        "counts": {"scans": 12},
        "left_out": ("Emphysema",),
    }
    return EvaluationResults(**{**fields, **changes})


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    written = results()
    path = written.write(tmp_path)
    assert path.name == "disease_ct-rate--valid.json"
    read = read_evaluation_results(path)
    assert read.figures[0] == written.figures[0]
    assert read.figure("auroc", "Emphysema").value is None
    assert read.figure("mean_mm", answer="random").value == 12.5
    assert read.figure("mean_mm") is None
    assert (read.counts, read.left_out, read.program) == (written.counts, written.left_out, written.program)
    assert read.to_json() == written.to_json()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "something"}, "not a file of evaluation figures"),
        ({"schema_version": 2}, "schema_version 2"),
        ({"task": "guessing"}, "task of the file is 'guessing'"),
        ({"figures": [{"name": "auroc", "value": "high", "group": "all"}]}, r"value of figure 1 .*; .*has no answer"),
        ({"figures": [{"name": "a", "value": 1, "low": 0, "group": "all", "answer": "model"}]}, "one end"),
        ({"counts": {"scans": 1.5}}, "whole numbers"),
        ({"left_out": "none"}, "list of texts"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_words(tmp_path: Path, change: dict, reason: str) -> None:
    path = tmp_path / "figures.json"
    path.write_text(json.dumps({**json.loads(results().to_json()), **change}))
    with pytest.raises(InputError, match=reason):
        read_evaluation_results(path)


def test_fields_of_later_versions_are_left_aside(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_text(json.dumps({**json.loads(results().to_json()), "colour": "blue"}))
    assert read_evaluation_results(path).dataset == "ct-rate, valid"


def test_what_is_no_json_or_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.json").write_text("no")
    with pytest.raises(InputError, match="not valid JSON"):
        read_evaluation_results(tmp_path / "text.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_evaluation_results(tmp_path / "none.json")
    with pytest.raises(InputError, match="cannot be written"):
        results().write(tmp_path / "no folder")
