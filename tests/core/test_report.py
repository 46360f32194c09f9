"""Reports cut into sentences, and what each sentence is."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from napari_ct_grounding import split_report
from napari_ct_grounding.phantom.catalogue import FINDINGS
from napari_ct_grounding.phantom.lexicon import Language
from napari_ct_grounding.phantom.statements import statement_for, unlocatable_statement

GOLD = Path(__file__).parents[1] / "data" / "report_sentences_gold.toml"
MARKS = {"n": "is_negated", "o": "is_normal", "u": "is_uncertain", "p": "is_prior", "l": "is_localizable"}
REPORTS = tomllib.loads(GOLD.read_text(encoding="utf-8"))["report"]


@pytest.mark.parametrize("number", range(len(REPORTS)))
def test_hand_written_report_is_cut_as_a_reader_would(number: int) -> None:
    report = REPORTS[number]
    wanted = {
        (name, text) for name, sentences in report.items() if name not in ("language", "text") for text, _ in sentences
    }
    assert {(sentence.section, sentence.text) for sentence in split_report(report["text"])} == wanted


@pytest.mark.parametrize("mark", MARKS)
def test_marks_of_hand_written_sentences(mark: str) -> None:
    wrong = []
    for report in REPORTS:
        wanted = {
            text: marks for name, lines in report.items() if name not in ("language", "text") for text, marks in lines
        }
        wrong += [
            sentence.text
            for sentence in split_report(report["text"])
            if getattr(sentence, MARKS[mark]) != (mark in wanted[sentence.text])
        ]
    assert wrong == []


def test_sentences_stand_where_they_say() -> None:
    for report in REPORTS:
        for sentence in split_report(report["text"]):
            assert " ".join(report["text"][sentence.start : sentence.end].split()) == sentence.text


@pytest.mark.parametrize(
    "text",
    [
        "V. a. Metastase im 4. Segment, ca. 1,5 cm, z. B. Abb. 2.",
        "Dr. Miller saw a node of 1.5 cm, cf. Fig. 2.",
        "Fraktur von Th. 12 und BWK 8.",
        "Siehe Ser. 4 / Im. 38 vom 12.03.2021.",
        "Z. n. Lobektomie re. Oberlappen.",
        "Die A. pulmonalis und die V. cava sind regelrecht.",
        "Am 3. Lendenwirbelkörper ein Hämangiom.",
    ],
)
def test_no_sentence_ends_at_an_abbreviation_an_ordinal_or_a_decimal(text: str) -> None:
    assert [sentence.text for sentence in split_report(text)] == [text]


@pytest.mark.parametrize(
    ("text", "num"),
    [
        ("KM i. v. Die Leber ist homogen.", 2),
        ("Leber o. B. Milz regelrecht.", 2),
        ("Zyste in Segment 4. Kein Erguss.", 2),
        ("Degenerative change at T12. No fracture.", 2),
        ("1. Nodule.\n2. Cyst.", 2),
        ("- Nodule\n- Cyst", 2),
        ("Small nodule in the right upper lobe which has not changed in\nsize since 2019.", 1),
    ],
)
def test_sentences_end_where_they_do(text: str, num: int) -> None:
    assert len(split_report(text)) == num


@pytest.mark.parametrize(
    ("text", "is_negated"),
    [
        ("Small nodule without calcification.", False),
        ("Right upper lobe without nodule.", True),
        ("No effusion, but a nodule in the lingula.", False),
        ("Metastasis cannot be excluded.", False),
        ("No significant change of the nodule.", False),
        ("Rundherd nicht mehr nachweisbar.", True),
        ("Kein Erguss, jedoch Atelektase links.", False),
        ("Metastase nicht auszuschließen.", False),
        ("Peribronchial thickening: none.", True),
        ("Pneumothorax: no.", True),
        ("Pleuraerguss: keiner.", True),
        ("Fraktur: nein.", True),
    ],
)
def test_denial_has_a_scope(text: str, is_negated: bool) -> None:
    assert split_report(text)[0].is_negated is is_negated


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("family", ["train", "test"])
def test_denials_doubts_and_placeless_sentences_of_phantoms_are_known(language: Language, family: str) -> None:
    """The test family was not looked at while words were collected."""
    rng = np.random.default_rng(11)
    targets = [
        f"{kind}@{place}" if place else kind for kind, own in FINDINGS.items() for place in (own.places or ("",))
    ]
    right: Counter[str] = Counter()
    num = 150
    for number in range(num):
        target = targets[int(rng.integers(len(targets)))]
        said = statement_for(
            target, language=language, family=family, rng=rng, size_mm=12.0, is_negated=number % 2 == 0
        )  # type: ignore[arg-type]
        placeless = unlocatable_statement(language, family=family, rng=rng)  # type: ignore[arg-type]
        found = split_report(f"{said.text.rstrip('.')}.")[0]
        right["negated"] += found.is_negated == said.is_negated
        # The phantoms mark fewer words of doubt than reports have ("likely", "DD"): none may be missed.
        right["uncertain"] += found.is_uncertain or not said.is_uncertain
        right["place"] += found.is_localizable == said.is_localizable
        right["no place"] += not any(sentence.is_localizable for sentence in split_report(placeless.text))
    assert {name: count / num >= 0.95 for name, count in right.items()} == dict.fromkeys(right, True)


def test_an_empty_report_has_no_sentences() -> None:
    assert split_report("") == []
    assert split_report("Findings:\n\n---\n") == []
