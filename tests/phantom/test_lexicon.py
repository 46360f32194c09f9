"""What widens the training family leaves the held-out family alone."""

from __future__ import annotations

import pytest

from napari_ct_grounding.phantom.catalogue import FINDINGS, LANDMARKS, finding_target
from napari_ct_grounding.phantom.grammar import english_forms, german_forms
from napari_ct_grounding.phantom.lexicon import LANGUAGES, Split, read_words, templates, words_of

TARGETS = [
    *LANDMARKS,
    *(finding_target(kind.name, place) for kind in FINDINGS.values() for place in kind.places),
]


def core(text: str) -> str:
    """A phrase without its grammatical marks."""
    return text.split("|")[-1].split("/")[0].lower().strip(" .")


def lists(language):
    """(table of more_*.toml, key, the list that it widens)."""
    landmarks, places = read_words(f"landmarks_{language}"), read_words(f"places_{language}")
    findings = {k: v for part in ("findings", "body", "devices") for k, v in read_words(f"{part}_{language}").items()}
    tables = {
        "landmarks": landmarks["terms"],
        "vertebrae": landmarks["vertebrae"],
        "landmark_says": landmarks["says"],
        "combined": read_words(f"combined_{language}")["terms"],
        "findings": {key: entry["nouns"] for key, entry in findings.items()},
        "finding_says": {key: entry["says"] for key, entry in findings.items()},
        "places": {key: entry["in"] for key, entry in places.items()},
        "templates": read_words(f"templates_{language}"),
    }
    return [(table, key, items) for table, of_table in tables.items() for key, items in of_table.items()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_more_words_belong_to_lists_that_exist(language):
    known = {(table, key) for table, key, _ in lists(language)} | {("landmark_says", key) for key in LANDMARKS}
    sides = {name.removesuffix("_right") for name in LANDMARKS}
    for table, of_table in read_words(f"more_{language}").items():
        for key, items in of_table.items():
            assert (table, key) in known or (table == "landmark_says" and key in sides), (table, key)
            assert len(items) == len(set(items)), f"{table}.{key} repeats itself"


@pytest.mark.parametrize("language", LANGUAGES)
def test_more_words_hold_nothing_that_is_held_out(language):
    held_out = set()
    for table, _, items in lists(language):
        short = table in ("landmark_says", "finding_says", "templates")
        held_out |= {core(text) for text in Split.of(items, 2 if short else 4).test}
    more = [text for table in read_words(f"more_{language}").values() for items in table.values() for text in items]
    assert len(more) > 1000
    assert not [text for text in more if core(text) in held_out]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_noun_of_every_target_can_be_inflected(language):
    forms = english_forms if language == "en" else german_forms
    for target in TARGETS:
        for noun in words_of(target, language).nouns.all:
            inflected = forms(noun)
            assert all("{" not in text and "~" not in text for text in inflected.values()), (target, noun)


@pytest.mark.parametrize("language", LANGUAGES)
def test_frames_have_the_slots_that_others_of_their_kind_have(language):
    banks = read_words(f"templates_{language}")
    of_findings = {bank: any("{F}" in frame or "{preF}" in frame for frame in frames) for bank, frames in banks.items()}
    for bank, is_of_findings in of_findings.items():
        alike = [frame for other, frames in banks.items() if of_findings[other] == is_of_findings for frame in frames]
        known = {slot for frame in alike for slot in _slots(frame)}
        for frame in templates(language, bank).all:
            assert _slots(frame) <= known, (bank, frame)


def _slots(frame: str) -> set[str]:
    return {part.split("}")[0] for part in frame.split("{")[1:]}
