"""Statements: structured truth, minimal contrasts, sentences without a place."""

from __future__ import annotations

import re

import numpy as np
import pytest

from napari_ct_grounding.phantom.catalogue import FINDINGS, LANDMARKS, finding_target
from napari_ct_grounding.phantom.lexicon import LANGUAGES, fitting_adjectives, templates, words_of
from napari_ct_grounding.phantom.statements import contrasts, denial_of, side_of, statement_for, unlocatable_statement

TARGETS = (*LANDMARKS, *(finding_target(kind.name, place) for kind in FINDINGS.values() for place in kind.places))
DENYING = re.compile(
    r"\b(?:no|not|none|without|resolved|resolution|kein\w*|nicht|ohne|vollständig regredient|rückbildung|außerhalb|outside"
    r"|absent|absence|lacks?|disappeared|gone|unlikely|neither|nor|excluded|negative|nothing|cleared|vanished|cannot"
    r"|fails?|devoid|exclude\w*|free of|ruled out|regressed|regression|healed|subsided|disappearance|settled"
    r"|absorbed|removed|clear of|cut off|beyond|missing|dismissed|refuted)\b|\(-\)",
    re.IGNORECASE,
)
#: Phrases with a word of denial in them that deny nothing.
IN_A_NAME = re.compile(
    r"without (?:walls|tapering)|not excluded|nicht (?:disloziert|obstruierend)\w*|non-\w+", re.IGNORECASE
)
LEFT = re.compile(r"\b(?:left|lt|l[ul]l|link\w*|li|lingul\w*)\b", re.IGNORECASE)
RIGHT = re.compile(
    r"\b(?:right|rt|r[uml]l|recht\w*|re|4r|middle[ -]lobe|mittellappen\w*|mittler\w* lungenlappens?|lobus medius|ml)\b",
    re.IGNORECASE,
)


def _drawn(family, language, count=700, seed=0, **options):
    rng = np.random.default_rng([seed, len(family), len(language)])
    return [
        statement_for(
            TARGETS[int(rng.integers(len(TARGETS)))], language=language, family=family, rng=rng, size_mm=17.0,
            is_negated=bool(rng.random() < 0.3), **options,
        )
        for _ in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_denied_says_so_and_what_is_there_does_not(language):
    for statement in _drawn("all", language):
        assert not re.search(r"[{}~|]|  | \.", statement.text), statement.text
        if statement.topic == "finding":
            said = bool(DENYING.search(IN_A_NAME.sub("", statement.text)))
            doubt = re.search(r"cannot|auszuschließen", statement.text)
            assert said == statement.is_negated or doubt, (statement.text, statement.is_negated)
            assert statement.is_localizable != statement.is_negated


@pytest.mark.parametrize("language", LANGUAGES)
def test_contrasts_differ_in_what_they_are_named_for(language):
    seen = set()
    for statement in _drawn("all", language, seed=1):
        for name, other in contrasts(statement).items():
            seen.add(name)
            assert other.text.lower() != statement.text.lower()
            if name == "side":
                assert {statement.side, other.side} == {"right", "left"}
                own, wrong = (RIGHT, LEFT) if other.side == "right" else (LEFT, RIGHT)
                assert own.search(other.text), (statement.text, other.text)
                assert not wrong.search(other.text), (statement.text, other.text)
            elif name == "negation":
                assert other.is_negated != statement.is_negated
                assert other.target == statement.target
            elif name == "lobe":
                assert other.target != statement.target
                assert other.is_negated == statement.is_negated
            else:
                assert other.size_mm != statement.size_mm
                assert other.target == statement.target
    assert seen == {"side", "negation", "lobe", "size"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_statement_or_contrast_of_the_test_family_is_one_of_the_train_family(language):
    texts = {}
    for family in ("train", "test"):
        statements = _drawn(family, language, 1500, seed=2)
        statements += [other for one in statements for other in contrasts(one).values()]
        statements += [unlocatable_statement(language, family=family, rng=np.random.default_rng(k)) for k in range(300)]
        texts[family] = {statement.text.lower().rstrip(".") for statement in statements}
    assert not texts["train"] & texts["test"]


def test_twin_of_a_side_says_the_same_with_the_other_side():
    rng = np.random.default_rng(4)
    statement = statement_for("pleural_effusion@left", rng=rng)
    twin = contrasts(statement)["side"]
    assert twin.target == "pleural_effusion@right"
    assert contrasts(twin)["side"].text == statement.text


@pytest.mark.parametrize(
    ("target", "side"),
    [("kidney_left", "left"), ("lung_nodule@lingula", "left"), ("lung_mass@middle_lobe", "right"), ("liver_cyst@left_lobe", None),
     ("pleural_effusion@both", "both"), ("left_atrium", None), ("lymphadenopathy@right_paratracheal", "right"), ("heart", None),
     ("kidney_stone@left_lower_pole", "left")],
)  # fmt: skip
def test_sides_are_those_of_the_patient_not_of_the_name(target, side):
    assert side_of(target) == side


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_statement_frame_has_a_denial_that_differs(language):
    for bank in ("placed", "unplaced", "placed_size", "unplaced_size"):
        for frame in templates(language, bank).all:
            denied = denial_of(frame, language)
            assert denied != frame
            assert re.search(r"\bno\b|without|kein|ohne", denied), (frame, denied)


def test_no_adjective_contradicts_what_is_known():
    words = words_of("pleural_effusion@left", "en").adjectives
    assert "large" not in fitting_adjectives(words, "en", "mild", ("free",))
    assert "small" in fitting_adjectives(words, "en", "mild", ("free",))
    assert "loculated" not in fitting_adjectives(words, "en", "mild", ("free",))
    assert fitting_adjectives(words, "en", None, None) == words


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_without_a_place_come_in_ten_kinds_and_both_families(language):
    for family in ("train", "test"):
        rng = np.random.default_rng(3)
        drawn = [unlocatable_statement(language, family=family, rng=rng) for _ in range(400)]
        assert len({one.topic for one in drawn}) == 10
        assert not any(one.is_localizable or one.target for one in drawn)
        assert not [one.text for one in drawn if "{" in one.text]


def test_prior_and_doubt_are_told_from_plain_statements():
    rng = np.random.default_rng(0)
    drawn = [
        statement_for("lung_nodule@lingula", language=language, rng=rng) for language in LANGUAGES for _ in range(200)
    ]
    assert 0.1 < np.mean([one.is_prior for one in drawn]) < 0.6
    assert 0.05 < np.mean([one.is_uncertain for one in drawn]) < 0.5
    assert all(one.is_uncertain for one in drawn if "suspected" in one.text.lower() or "V. a." in one.text)
