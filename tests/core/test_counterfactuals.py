from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_ct_grounding.core.counterfactuals import KINDS, MAX_DROPPED_WORDS, Variant, effects_of, variants_of


def _of_kind(sentence: str, kind: str) -> list[str]:
    return [variant.sentence for variant in variants_of(sentence) if variant.kind == kind]


@pytest.mark.parametrize(
    ("sentence", "other"),
    [
        ("Mass in the left hilum.", "Mass in the right hilum."),
        ("Right pleural effusion.", "Left pleural effusion."),
        ("Rundherd im linken Oberlappen.", "Rundherd im rechten Oberlappen."),
        ("Rechtsseitiger Pleuraerguss.", "Linksseitiger Pleuraerguss."),
        ("Erguss re. basal", "Erguss li. basal"),
    ],
)
def test_the_side_is_exchanged_in_both_languages(sentence, other):
    assert _of_kind(sentence, "side") == [other]


def test_a_sentence_without_a_side_has_no_variant_of_it():
    assert _of_kind("Hiatal hernia.", "side") == []
    assert _of_kind("Bright spot", "side") == [], "'right' within a word is no side"


@pytest.mark.parametrize(
    ("sentence", "other"),
    [
        ("No pleural effusion.", "Pleural effusion."),
        ("There is no evidence of fracture.", "Fracture."),
        ("Pleural effusion.", "No pleural effusion."),
        ("There is a cyst in the liver.", "There is no cyst in the liver."),
        ("The aorta is dilated.", "The aorta is not dilated."),
        ("Kein Pleuraerguss.", "Pleuraerguss."),
        ("Leber ohne Zyste.", "Leber mit Zyste."),
    ],
)
def test_what_is_said_is_denied_and_what_is_denied_is_said(sentence, other):
    assert _of_kind(sentence, "negation") == [other]


def test_each_organ_is_exchanged_alone():
    assert _of_kind("Cyst in the liver, nodule in the lung.", "organ") == [
        "Cyst in the bladder, nodule in the lung.",
        "Cyst in the liver, nodule in the kidney.",
    ]


def test_each_word_with_a_content_is_left_out_once():
    assert _of_kind("Mass in the left hilum.", "dropped word") == [
        "In the left hilum.",
        "Mass in the hilum.",
        "Mass in the left.",
    ]
    assert _of_kind("Mass.", "dropped word") == [], "the only word is all there is"
    assert len(_of_kind(" ".join(f"word{chr(97 + i)}" for i in range(20)), "dropped word")) == MAX_DROPPED_WORDS


@pytest.mark.parametrize("sentence", ["Left left mass.", "No  no effusion", "Zyste.", "12 mm nodule, left upper lobe"])
def test_no_variant_is_the_sentence_itself_or_stands_twice(sentence):
    variants = variants_of(sentence)
    words = [variant.sentence.casefold() for variant in variants]
    assert len(set(words)) == len(words)
    assert " ".join(sentence.split()).casefold() not in words
    assert [variant.kind for variant in variants] == sorted((v.kind for v in variants), key=KINDS.index)


def test_a_lost_place_comes_first_then_what_moved_it_farthest():
    def answer(z_mm: float, has_location: bool = True, score: float = 0.5) -> SimpleNamespace:
        return SimpleNamespace(z_mm=z_mm, has_location=has_location, score=score)

    variants = [Variant("side", name, name) for name in ("near", "far", "lost", "same")]
    results = [answer(-95.0), answer(-160.0), answer(-100.0, has_location=False), answer(-100.0, score=0.4)]
    effects = effects_of(answer(-100.0), variants, results)  # type: ignore[arg-type]
    assert [effect.variant.sentence for effect in effects] == ["lost", "far", "near", "same"]
    assert [effect.shift_mm for effect in effects] == [0.0, -60.0, 5.0, 0.0]
    assert effects[-1].score_change == pytest.approx(-0.1)
