from __future__ import annotations

import pytest

from napari_ct_grounding.core.errors import InputError
from tests.train.data.datasets.layouts import write_csv, write_merlin
from train.data.datasets.merlin import Merlin
from train.data.datasets.rate import WithRate


@pytest.fixture
def merlin(tmp_path):
    write_merlin(tmp_path / "merlin", {"a": ("Cyst, smaller than before.", "train"), "b": ("Normal.", "train")})
    return Merlin(tmp_path / "merlin")


def write_tables(folder):
    write_csv(
        folder / "no_comparisons_findings_abdomen_train.csv", ["report_id", "no_comparison_findings"], [["a", "Cyst."]]
    )
    write_csv(
        folder / "category_findings_abdomen_train.csv",
        ["report_id", "category", "findings"],
        [["a", "Liver", "Cyst."], ["a", "Spleen", "No relevant findings."], ["a", "Kidney", "Stone."]],
    )
    questions = [
        ["a", "Liver", "Is there a cyst?", "Yes."],
        ["a", "Liver", "Is there a mass?", "no"],
        ["a", "Bone", "Fracture?", "Unclear"],
    ]
    write_csv(folder / "questions_abdomen_train.csv", ["report_id", "category", "question", "answer"], questions)


def test_scans_carry_what_the_tables_say_of_their_reports(tmp_path, merlin):
    write_tables(tmp_path / "rate")
    first, second = WithRate(merlin, tmp_path / "rate").scans()
    assert first.texts.findings == "Cyst, smaller than before."
    assert first.texts.findings_without_comparison == "Cyst."
    assert first.texts.findings_by_organ == (("Liver", "Cyst."), ("Kidney", "Stone."))
    assert first.labels == {"Is there a cyst?": 1, "Is there a mass?": 0}
    assert (second.labels, second.texts.findings_by_organ) == ({}, ())


def test_unclear_answers_are_unknown_or_no_as_released(tmp_path, merlin):
    write_tables(tmp_path / "rate")
    first, _ = WithRate(merlin, tmp_path / "rate", counts_unclear_as_no=True).scans()
    assert first.labels["Fracture?"] == 0


def test_a_folder_without_tables_is_told(tmp_path, merlin):
    with pytest.raises(InputError, match="no RATE tables"):
        WithRate(merlin, tmp_path).scans()
