"""Reports written over a phantom's targets."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pytest

from napari_ct_grounding.phantom.report import write_report


@dataclass(frozen=True)
class Truth:
    name: str
    visible_fraction: float = 1.0
    size_mm: float | None = None


LANDMARKS = (
    Truth("liver"),
    Truth("spleen"),
    Truth("carina"),
    Truth("left_lower_lobe"),
    Truth("heart"),
    Truth("vertebra_t7"),
)


def _report(*findings, diseases=(), seed=0, language="en", family="train"):
    return write_report((*LANDMARKS, *findings), diseases, np.random.default_rng(seed), language, family)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("family", ["train", "test", "all"])
def test_a_report_has_findings_and_impressions_of_whole_sentences(language, family):
    text = _report(Truth("gallstones"), language=language, family=family)
    match = re.fullmatch(r"Findings: (.+)\nImpressions: (.+)\n", text)
    assert match
    assert all(part[-1] in ".?" for part in match.groups())
    assert "{" not in text


def test_a_finding_stands_in_findings_and_impressions():
    for seed in range(20):
        text = _report(Truth("kidney_cyst@left", size_mm=31.0), seed=seed)
        for part in text.strip().split("\n"):
            assert re.search(r"cyst|lesion|bubble|fluid|water", part, re.IGNORECASE), text
            assert "left" in part.lower() or "lt" in part.lower()


def test_a_finding_that_is_mostly_outside_is_not_mentioned():
    for seed in range(20):
        assert "bladder" not in _report(Truth("bladder_stone", visible_fraction=0.2), seed=seed).lower()


def test_a_present_disease_is_never_denied():
    for seed in range(60):
        text = _report(Truth("cardiomegaly"), diseases=("Cardiomegaly",), seed=seed).lower()
        assert not re.search(r"no (evidence of |sign of )?(cardiomegaly|cardiac enlargement)", text)
        assert "heart size is normal" not in text


def test_absent_diseases_are_denied_in_about_six_of_ten_reports():
    denied = sum(
        "hernia" in _report(seed=seed).lower() or "herniation" in _report(seed=seed).lower() for seed in range(100)
    )
    assert 40 <= denied <= 80


def test_organs_come_from_the_chest_downwards():
    sentences = _report(Truth("lung_mass@left_hilum"), Truth("bladder_stone"), seed=4)
    body = sentences.split("\n")[0].lower()
    assert re.search(r"hil|lung root", body).start() < re.search(r"bladder|vesical|cystolith", body).start()


def test_the_same_seed_writes_the_same_report():
    assert _report(Truth("goitre"), seed=9) == _report(Truth("goitre"), seed=9)
    assert _report(Truth("goitre"), seed=9) != _report(Truth("goitre"), seed=10)
