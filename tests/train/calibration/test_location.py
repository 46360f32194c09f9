from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from napari_ct_grounding.core.location import LocationRule
from tests.train.calibration.oracle_cases import level_cases
from train.calibration.location import fit_location_rule, location_errors, question_figures


@pytest.fixture(scope="module")
def fitted():
    cases, vectors = level_cases()
    return fit_location_rule(cases, vectors, temperature=0.1)


def test_places_outside_the_scan_and_sentences_about_nothing_are_told_apart(fitted):
    _, errors = fitted
    assert errors.located_lost <= 0.1
    assert errors.outside_told >= 0.9
    assert errors.placeless_told >= 0.9


def test_the_errors_that_are_reported_hold_for_scans_never_seen(fitted):
    rule = LocationRule.from_dict(json.loads(json.dumps(fitted[0].to_dict())))
    cases, vectors = level_cases(20, seed=1)
    has_location = rule.logit(question_figures(rule, cases, vectors)) >= rule.threshold
    errors = location_errors(has_location, np.array([question.kind for question in cases.questions]))
    assert errors.located_lost <= 0.15
    assert min(errors.outside_told, errors.placeless_told) >= 0.85


def test_sentences_of_which_nothing_can_be_learned_are_not_told_apart():
    cases, vectors = level_cases(20)
    rng = np.random.default_rng(0)
    noise = {s: v / np.linalg.norm(v) for s, v in ((s, rng.standard_normal(20)) for s in vectors)}
    _, errors = fit_location_rule(cases, noise, temperature=0.1)
    assert errors.located_lost <= 0.1
    assert max(errors.outside_told, errors.placeless_told) < 0.5  # figures from unseen scans do not flatter


def test_all_three_kinds_are_needed():
    cases, vectors = level_cases(4)
    only = replace(cases, questions=cases.of_kind("located"))
    with pytest.raises(ValueError, match="outside or placeless"):
        fit_location_rule(only, vectors, 0.1)
