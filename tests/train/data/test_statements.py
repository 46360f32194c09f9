from __future__ import annotations

import numpy as np
import pytest

from train.data.statements import (
    PAIR_KINDS,
    QUESTIONS,
    UNASKED,
    Statement,
    answers,
    draw_pair,
    draw_statement,
    label_matrix,
    labels_of,
)


def told(statement: Statement) -> dict[str, str | None]:
    return {q: None if n == UNASKED else answers(q)[n] for q, n in labels_of(statement).items()}


def test_a_sentence_with_a_place_and_a_size_answers_everything():
    facts = told(Statement("12 mm nodule in the right upper lobe.", "lung_nodule@right_upper_lobe", "stated", "en"))
    assert facts == {
        "target": "lung_nodule@right_upper_lobe", "subject": "lung_nodule", "disease": "Lung nodule",
        "place": "right_upper_lobe", "side": "right", "polarity": "stated", "size": "below 20 mm",
    }  # fmt: skip


def test_a_denied_disease_leaves_place_and_kind_open():
    facts = told(Statement("No pleural effusion.", "Pleural effusion", "denied", "en"))
    assert facts["disease"] == "Pleural effusion"
    assert facts["polarity"] == "denied"
    assert facts["target"] is facts["subject"] is facts["place"] is facts["side"] is None


def test_all_statements_of_both_families_have_answers():
    rng = np.random.default_rng(0)
    for family in ("train", "test"):
        drawn = [draw_statement(rng, family, 0.5) for _ in range(300)]
        labels = label_matrix(drawn)
        assert labels.shape == (300, len(QUESTIONS))
        assert all((labels[:, i] < len(answers(q))).all() for i, q in enumerate(QUESTIONS))
        assert {s.polarity for s in drawn} == {"stated", "denied", "outside", "general"}


@pytest.mark.parametrize("kind", PAIR_KINDS)
def test_the_sentences_of_a_pair_differ_in_one_answer(kind):
    rng = np.random.default_rng(1)
    question = {"side": "side", "negation": "polarity", "lobe": "place"}[kind]
    for _ in range(50):
        first, second = (told(s) for s in draw_pair(kind, rng, "train", 0.5))
        assert first[question] != second[question]
        assert first["subject"] == second["subject"]
