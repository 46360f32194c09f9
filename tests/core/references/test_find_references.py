"""References to images, against sentences written by hand before the parser was."""

from __future__ import annotations

import pytest

from napari_ct_grounding import find_references
from napari_ct_grounding.core.references import ImageReference
from tests.core.references.gold import counted, gold, written


@pytest.mark.parametrize("part", ["development", "unseen"])
def test_precision_and_recall_on_the_gold_set(part: str) -> None:
    counts = counted(part)
    # Only figures: what was missed in the unseen part stays unseen.
    precision = counts["right"] / (counts["right"] + counts["wrong"])
    recall = counts["right"] / (counts["right"] + counts["missed"])
    assert precision >= 0.995
    assert recall >= 0.95


def test_gold_set_is_large_and_half_of_it_are_traps() -> None:
    sentences = gold()
    traps = sum(not sentence.references for sentence in sentences)
    assert len(sentences) >= 300
    assert traps >= len(sentences) / 2


def test_every_reference_names_its_rule_and_its_place() -> None:
    for sentence in gold():
        for reference in find_references(sentence.text, sentence.known):
            words = sentence.text[reference.start : reference.end]
            assert str(reference.images[0]) in words
            assert reference.rule in (ImageReference.__doc__ or "")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("(series 4, image 38)", "series then image"),
        ("(Bild 38 der Serie 4)", "image then series"),
        ("Series 4: cyst on image 38.", "series before"),
        ("on image 38", "image alone"),
        ("series 4/38", "pair behind series word"),
        ("image 4:38", "pair behind image word"),
        ("see 4:38", "pair behind pointing word"),
        ("Notation (series/image). Nodule (4/38).", "pair under legend"),
        ("nodule (4:38)", "pair in brackets"),
    ],
)
def test_rule_tells_why_it_is_a_reference(text: str, rule: str) -> None:
    assert [reference.rule for reference in find_references(text)] == [rule]


def test_a_slash_pair_counts_only_where_the_series_has_such_an_image() -> None:
    text = "Nodule in the left apex (4/38)."
    assert find_references(text) == []
    assert [r.rule for r in find_references(text, {4: 60})] == ["pair of known series"]
    assert find_references(text, {4: 37}) == []
    assert find_references(text, {3: 60}) == []


def test_a_series_is_carried_within_its_section_and_no_further() -> None:
    text = "Findings:\nNodule (series 4, image 38). Another one on image 61.\n\nImpression:\nCyst on image 12.\n"
    assert [written(reference) for reference in find_references(text)] == ["4:38", "4:61", "-:12"]


def test_a_series_of_an_earlier_study_is_not_carried_to_the_present_one() -> None:
    text = "Previously on series 3, image 22. Now on image 38."
    assert [written(reference) for reference in find_references(text)] == ["prior 3:22", "-:38"]


def test_references_run_over_the_ends_of_lines() -> None:
    assert [written(r) for r in find_references("Rundherd (Serie 4,\nBild 38) und Zyste (Bild 12\nder Serie 2).")] == [
        "4:38",
        "2:12",
    ]


def test_text_without_references_gives_none() -> None:
    assert find_references("") == []
    assert find_references("No pleural effusion.") == []
