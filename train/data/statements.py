"""Sentences with what they state: the text-only lessons of the bundled model's text encoder, and its test.

A statement is a generated sentence and its facts. Facts come as questions with one answer each (`QUESTIONS`), so that
learning and measuring are classification: which target, which disease, where, which side, said or denied, how large.
These need sentences of every sort that users type (prompts, hurried typing, denials of a disease as a whole), many a second.
`phantom.statements` makes report sentences about one scan's truth and, from each, those that differ in one thing: the pairs
that `evaluate` asks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES, prompt_pairs
from napari_ct_grounding.phantom.catalogue import FINDINGS, LANDMARKS, finding_target, split_target
from napari_ct_grounding.phantom.lexicon import Family, Language, words_of
from napari_ct_grounding.phantom.sentences import (
    general_sentence,
    negated_sentence_for,
    normal_sentences,
    prompt_variants,
    sentence_for,
)
from napari_ct_grounding.phantom.statements import side_of
from train.data.text import add_noise, draw_language

__all__ = [
    "PAIR_KINDS",
    "POLARITIES",
    "QUESTIONS",
    "UNASKED",
    "Statement",
    "answers",
    "draw_pair",
    "draw_statement",
    "labels_of",
]

#: "stated" is true of the scan, "outside" says that an organ is not in it, "general" speaks of no place.
POLARITIES = ("stated", "denied", "outside", "general")
SIDES = ("", "right", "left", "both")
_SIZE_LIMITS_MM = (5.0, 10.0, 20.0, 40.0)
_SIZE = re.compile(r"(\d+(?:[.,]\d+)?)\s?(mm|cm)", re.IGNORECASE)

#: Marks a question that a sentence does not answer.
UNASKED = -1

#: What two sentences of a pair differ in.
PAIR_KINDS = ("side", "negation", "lobe")

_NO_PLACE = {"left_atrium", "right_atrium", "left_ventricle", "right_ventricle", "left_liver_lobe"}


@dataclass(frozen=True)
class Statement:
    """A sentence and its facts.

    Parameters
    ----------
    text : str
    name : str
        Landmark, ``kind@place``, kind, CT-RATE abnormality, or "" for a general sentence.
    polarity : str
        One of `POLARITIES`.
    language : "en" or "de"
    """

    text: str
    name: str
    polarity: str
    language: Language


@cache
def finding_targets() -> tuple[str, ...]:
    """Return every ``kind@place`` of the catalogue."""
    return tuple(finding_target(kind.name, place) for kind in FINDINGS.values() for place in kind.places)


@cache
def answers(question: str) -> tuple[str, ...]:
    """Return the possible answers to a question, in the order of their numbers."""
    if question == "target":
        return (*LANDMARKS, *finding_targets())
    if question == "subject":
        return ("", *dict.fromkeys(_base(name) for name in LANDMARKS), *FINDINGS)
    if question == "disease":
        return ("", *CT_RATE_DISEASES)
    if question == "place":
        return ("", *sorted({place for kind in FINDINGS.values() for place in kind.places} - {""}))
    if question == "side":
        return SIDES
    if question == "polarity":
        return POLARITIES
    return ("none", *(f"below {limit:g} mm" for limit in _SIZE_LIMITS_MM), "larger")


QUESTIONS = ("target", "subject", "disease", "place", "side", "polarity", "size")


@cache
def _numbers(question: str) -> dict[str, int]:
    return {answer: number for number, answer in enumerate(answers(question))}


def _base(landmark: str) -> str:
    if landmark in _NO_PLACE:
        return landmark
    return landmark.removesuffix("_right").removesuffix("_left")


def labels_of(statement: Statement) -> dict[str, int]:
    """Return the number of the right answer to every question, `UNASKED` where the sentence leaves it open."""
    name, polarity = statement.name, statement.polarity
    kind, place = split_target(name)
    is_disease, is_finding = name in CT_RATE_DISEASES, kind in FINDINGS
    disease = name if is_disease else (FINDINGS[kind].disease or "") if is_finding else ""
    size = _SIZE.search(statement.text)
    facts = {
        "target": name if polarity == "stated" and name in _numbers("target") else None,
        "subject": None if is_disease else kind if is_finding else _base(name),
        "disease": disease,
        "place": None if is_disease else place,
        "side": None if is_disease else side_of(name) or "",
        "polarity": polarity,
        "size": "none",
    }
    if size is not None and is_finding:
        size_mm = float(size[1].replace(",", ".")) * (10 if size[2].lower() == "cm" else 1)
        number = int(np.searchsorted(_SIZE_LIMITS_MM, size_mm, side="right"))
        facts["size"] = answers("size")[1 + number]
    return {q: UNASKED if answer is None else _numbers(q)[answer] for q, answer in facts.items()}


def draw_statement(rng: np.random.Generator, family: Family, german_share: float) -> Statement:
    """Return a statement of a family: targets mostly; denials, organs outside the scan, disease prompts, general sentences."""
    language = draw_language(german_share, rng)
    draw = rng.random()
    if draw < 0.66:
        names: Sequence[str] = finding_targets() if rng.random() < 0.6 else LANDMARKS
        name = names[int(rng.integers(len(names)))]
        return _noised(
            sentence_for(name, language=language, family=family, rng=rng), name, "stated", language, family, rng
        )
    if draw < 0.82:
        return _denial(finding_targets()[int(rng.integers(len(finding_targets())))], language, family, rng)
    if draw < 0.87:
        name = LANDMARKS[int(rng.integers(len(LANDMARKS)))]
        text = negated_sentence_for(name, language=language, family=family, rng=rng)
        return _noised(text, name, "outside", language, family, rng)
    if draw < 0.95:
        name = CT_RATE_DISEASES[int(rng.integers(len(CT_RATE_DISEASES)))]
        pairs = prompt_variants(name, language, family)
        if family == "train" and language == "en" and rng.random() < 0.3:
            pairs = prompt_pairs(name)  # the sentences that the session scores with
        is_denied = int(rng.random() < 0.5)
        text = pairs[int(rng.integers(len(pairs)))][is_denied]
        return _noised(text, name, POLARITIES[is_denied], language, family, rng)
    if rng.random() < 0.5:
        normals = normal_sentences(language, family)
        return Statement(normals[int(rng.integers(len(normals)))], "", "general", language)
    return Statement(general_sentence(language, family=family, rng=rng), "", "general", language)


def draw_pair(kind: str, rng: np.random.Generator, family: Family, german_share: float) -> tuple[Statement, Statement]:
    """Return two statements that differ in one thing, worded alike.

    Parameters
    ----------
    kind : str
        One of `PAIR_KINDS`: right and left; stated and denied; two lobes of one lung.
    rng, family, german_share
        As in `draw_statement`.
    """
    language = draw_language(german_share, rng)
    seed = int(rng.integers(2**31))
    names = _pairs(kind)
    first, second = names[int(rng.integers(len(names)))]
    if kind == "negation":
        same = np.random.default_rng(seed)
        text = sentence_for(first, language=language, family=family, rng=same)
        denial = _denial(second, language, family, np.random.default_rng(seed))
        return Statement(text, first, "stated", language), denial
    texts = [
        sentence_for(n, language=language, family=family, rng=np.random.default_rng(seed)) for n in (first, second)
    ]
    return Statement(texts[0], first, "stated", language), Statement(texts[1], second, "stated", language)


@cache
def _pairs(kind: str) -> tuple[tuple[str, str], ...]:
    targets = finding_targets()
    if kind == "negation":
        return tuple((name, name) for name in targets)
    known = set(targets)
    if kind == "side":
        swapped = (
            (name, name.replace("right", "left")) for name in targets if "right" in split_target(name)[1].split("_")
        )
        return tuple((a, b) for a, b in swapped if b in known and side_of(a) == "right")
    lungs = (("right_upper_lobe", "middle_lobe", "right_lower_lobe"), ("left_upper_lobe", "lingula", "left_lower_lobe"))
    pairs = []
    for name in targets:
        finding, place = split_target(name)
        for lobes in lungs:
            others = (finding_target(finding, other) for other in lobes if other != place)
            pairs += [(name, other) for other in others if place in lobes and other in known]
    return tuple(pairs)


def _denial(target: str, language: Language, family: Family, rng: np.random.Generator) -> Statement:
    text = negated_sentence_for(target, language=language, family=family, rng=rng)
    kind, place = split_target(target)
    spelled = text.lower()
    is_placed = bool(place) and any(p.lower() in spelled for p in words_of(target, language).place_in.all)
    return Statement(text, target if is_placed or not place else kind, "denied", language)


def _noised(
    text: str, name: str, polarity: str, language: Language, family: Family, rng: np.random.Generator
) -> Statement:
    if family == "train" and rng.random() < 0.3:
        text = add_noise(text, rng)
    return Statement(text, name, polarity, language)


def label_matrix(statements: Sequence[Statement]) -> NDArray[np.int64]:
    """Return the right answers (n, questions), `UNASKED` where open."""
    rows = [labels_of(statement) for statement in statements]
    return np.array([[row[question] for question in QUESTIONS] for row in rows], dtype=np.int64)
