"""Sentences of the phantom: variety, families, sides, grammar."""

from __future__ import annotations

import re

import numpy as np
import pytest

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.phantom.catalogue import FINDINGS, LANDMARKS, finding_target
from napari_ct_grounding.phantom.grammar import english_forms, german_forms, indefinite_article
from napari_ct_grounding.phantom.lexicon import LANGUAGES, templates, words_of
from napari_ct_grounding.phantom.sentences import (
    category_of,
    general_sentence,
    negated_sentence_for,
    normal_sentences,
    prompt_variants,
    sentence_for,
    size_phrase,
)

TARGETS = (*LANDMARKS, *(finding_target(kind.name, place) for kind in FINDINGS.values() for place in kind.places))
FAMILIES = ("train", "test")
LEFT = re.compile(r"\b(?:left|lt|l[ul]l|link\w*|li)\b")
RIGHT = re.compile(r"\b(?:right|rt|r[uml]l|recht(?!eck)\w*|re)\b")


@pytest.fixture(scope="module")
def drawn():
    """110 sentences of every target, language and family."""
    rng = np.random.default_rng(7)
    return {
        (target, language, family): [
            sentence_for(target, language=language, family=family, rng=rng) for _ in range(110)
        ]
        for target in TARGETS
        for language in LANGUAGES
        for family in FAMILIES
    }


def _plain(sentence: str) -> str:
    text = sentence.lower().rstrip(".")
    for letter, spelled in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.replace(letter, spelled)
    return text


def test_every_target_has_at_least_forty_different_sentences_in_110_draws(drawn):
    few = {key: len(set(sentences)) for key, sentences in drawn.items() if len(set(sentences)) < 40}
    assert not few


def test_no_sentence_keeps_a_slot_a_grammar_mark_or_a_double_space(drawn):
    broken = [
        s
        for sentences in drawn.values()
        for s in sentences
        if not s.strip() or re.search(r"[{}~|]|  |/s\b|\bNone\b", s)
    ]
    assert not broken


def test_no_sentence_of_the_test_family_is_a_sentence_of_the_train_family(drawn):
    for target in TARGETS:
        for language in LANGUAGES:
            train = {_plain(s) for s in drawn[target, language, "train"]}
            test = {_plain(s) for s in drawn[target, language, "test"]}
            assert not train & test, (target, language)


def test_families_share_no_noun_phrase_and_each_target_has_held_out_ones():
    for target in TARGETS:
        for language in LANGUAGES:
            nouns = words_of(target, language).nouns
            assert not set(nouns.train) & set(nouns.test), target
            assert len(nouns.all) >= 4, (target, language, nouns.all)
            assert nouns.test, target


@pytest.mark.parametrize("language", LANGUAGES)
def test_families_share_no_template(language):
    for bank in (
        "landmark",
        "placed",
        "placed_size",
        "unplaced",
        "unplaced_size",
        "negated",
        "affirmed",
        "solid",
        "bone",
    ):
        split = templates(language, bank)
        assert split.test
        assert not set(split.train) & set(split.test), bank


@pytest.mark.parametrize("language", LANGUAGES)
def test_landmarks_and_findings_have_at_least_thirty_templates(language):
    for bank in ("landmark", "placed", "unplaced"):
        assert len(set(templates(language, bank).all)) >= 28, bank


def test_right_and_left_are_never_swapped(drawn):
    for (target, language, _), sentences in drawn.items():
        side = re.search(r"(?:^|[_@])(right|left)(?:_|$)", target)
        if side is None:
            continue
        other = LEFT if side[1] == "right" else RIGHT
        wrong = [s for s in sentences if other.search(s.lower())]
        assert not wrong, (target, language, wrong[:3])


def test_every_sentence_about_one_of_two_sides_names_the_side(drawn):
    for (target, language, family), sentences in drawn.items():
        if target.removesuffix("_top").removesuffix("_bottom").endswith(("_right", "_left")):
            own = RIGHT if "_right" in target else LEFT
            silent = [s for s in sentences if not own.search(s.lower())]
            assert not silent, (target, language, family, silent[:3])


def test_a_vertebra_is_never_named_by_a_neighbours_number(drawn):
    for (target, _, _), sentences in drawn.items():
        match = re.fullmatch(r"(?:vertebra_|vertebral_fracture@)([ctl])(\d+)", target)
        if match is None:
            continue
        for sentence in sentences:
            named = re.findall(r"\b(?:[ctl]|th|d|hwk|bwk|lwk)\s?(\d+)\b", sentence.lower())
            assert all(number == match[2] for number in named), (target, sentence)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_random_state_gives_the_same_sentence(language):
    for target in TARGETS[::17]:
        first = sentence_for(target, language=language, rng=np.random.default_rng(3), size_mm=12.0)
        assert first == sentence_for(target, language=language, rng=np.random.default_rng(3), size_mm=12.0)


def test_a_known_size_is_the_only_size_named():
    rng = np.random.default_rng(5)
    sentences = [sentence_for("lung_nodule@lingula", rng=rng, size_mm=12.4) for _ in range(200)]
    sized = [s for s in sentences if re.search(r"\d\s?[cm]m", s, re.IGNORECASE)]
    assert 50 < len(sized) < 150
    assert all(re.search(r"\b(?:12\s?mm|12 x \d+ mm|1\.2 cm)", s, re.IGNORECASE) for s in sized)


def test_kinds_without_a_size_never_name_one():
    rng = np.random.default_rng(5)
    sentences = [sentence_for("cardiomegaly", rng=rng, size_mm=50.0) for _ in range(100)]
    assert not [s for s in sentences if re.search(r"\d", s)]


def test_german_sizes_have_a_decimal_comma():
    rng = np.random.default_rng(0)
    sizes = {size_phrase(12, "de", rng) for _ in range(200)}
    assert "1,2 cm" in sizes
    assert not [s for s in sizes if "." in s]


@pytest.mark.parametrize(
    ("phrase", "slot", "expected"),
    [
        ("m|recht~ Oberlappen/s", "n", "rechter Oberlappen"),
        ("m|recht~ Oberlappen/s", "der", "der rechte Oberlappen"),
        ("m|recht~ Oberlappen/s", "gen", "des rechten Oberlappens"),
        ("m|recht~ Oberlappen/s", "im", "im rechten Oberlappen"),
        ("m|recht~ Oberlappen/s", "durch", "den rechten Oberlappen"),
        ("f|link~ Niere", "gen", "der linken Niere"),
        ("f|link~ Niere", "einen", "eine linke Niere"),
        ("n|link~ Ventrikelchen/s", "n", "linkes Ventrikelchen"),
        ("p|supraaortal~ Äste", "dat", "den supraaortalen Ästen"),
        ("p|supraaortal~ Äste", "kein", "keine supraaortalen Äste"),
        ("m|solid~ Rundherd/s", "einen", "einen soliden Rundherd"),
        ("m|solid~ Rundherd/s", "von", "eines soliden Rundherds"),
        ("x|LWK 3", "im", "in LWK 3"),
    ],
)
def test_german_phrases_are_inflected(phrase, slot, expected):
    assert german_forms(phrase)[slot] == expected


def test_english_articles_follow_sound_and_number():
    assert english_forms("nodule", "indeterminate")["aF"] == "an indeterminate nodule"
    assert english_forms("p|gallstones")["is"] == "are"
    assert english_forms("x|SVC")["the"] == "SVC"
    assert english_forms("u|consolidation")["aF"] == "consolidation"
    assert [indefinite_article(f"{n} mm") for n in (8, 11, 12, 18, 80, 110)] == ["an", "an", "a", "an", "an", "a"]


def test_denials_deny_and_name_the_place_at_most():
    rng = np.random.default_rng(1)
    denying = re.compile(
        r"\b(?:no|not|none|without|absence|absent|negative|free|nothing|excluded|ruled out|outside|lacks?|unlikely|neither"
        r"|cannot|can't|disappeared|resolved|gone|cleared|vanished|nor|fails?"
        r"|devoid|cut off|beyond|missing|exclude\w*|dismissed|refuted"
        r"|kein\w*|nicht|ohne|nein|ausschluss|ausgeschlossen|außerhalb|ausserhalb)\b|\(-\)",
        re.IGNORECASE,
    )
    for name in (*CT_RATE_DISEASES, *FINDINGS, "pleural_effusion@left", "spleen", "kidney_right"):
        for language in LANGUAGES:
            for family in FAMILIES:
                sentences = {negated_sentence_for(name, language=language, family=family, rng=rng) for _ in range(40)}
                assert len(sentences) >= 8
                assert all(denying.search(s) for s in sentences), (
                    name,
                    [s for s in sentences if not denying.search(s)],
                )


@pytest.mark.parametrize("language", LANGUAGES)
def test_prompts_are_pairs_of_yes_and_no_that_differ_between_families(language):
    for disease in CT_RATE_DISEASES:
        train, test = (prompt_variants(disease, language, family) for family in FAMILIES)
        assert len(train) >= 3
        assert len(test) >= 3
        assert not set(train) & set(test)
        assert all(yes != no for yes, no in train + test)


def test_general_and_normal_sentences_name_no_side_and_come_in_both_families():
    rng = np.random.default_rng(2)
    for language in LANGUAGES:
        for family in FAMILIES:
            general = {general_sentence(language, family=family, rng=rng) for _ in range(200)}
            assert len(general) >= 15
            assert not [s for s in general if "{" in s or LEFT.search(s.lower()) or RIGHT.search(s.lower())]
        assert not set(normal_sentences(language, "train")) & set(normal_sentences(language, "test"))


def test_every_target_has_a_category_and_neighbours_share_it():
    categories = {category_of(target) for target in TARGETS}
    assert 12 <= len(categories) <= 24
    assert category_of("kidney_left") == category_of("kidney_stone@right") == "kidneys"
    assert category_of("aortic_calcification@abdominal_aorta") == category_of("abdominal_aorta")


@pytest.mark.parametrize("target", ["nonsense", "lung_nodule@spleen", "liver@dome"])
def test_unknown_targets_are_refused_with_their_name(target):
    with pytest.raises(ValueError, match=re.escape(target)):
        sentence_for(target, rng=np.random.default_rng(0))


def test_unknown_family_or_language_is_refused():
    with pytest.raises(ValueError, match="'dev'"):
        sentence_for("liver", family="dev", rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="'fr'"):
        sentence_for("liver", language="fr", rng=np.random.default_rng(0))
