"""Sentences about the phantom's targets, as a radiologist writes and as a user types, in English and German.

Every draw is ``template x noun phrase (x adjective x place phrase x size)``, then small changes of case and full stop.
A sentence of the test family has a template, noun phrase or whole sentence that no sentence of the train family has;
"all" draws from both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from napari_ct_grounding.phantom.catalogue import FINDINGS, LANDMARKS, split_target
from napari_ct_grounding.phantom.grammar import english_forms, german_forms, indefinite_article
from napari_ct_grounding.phantom.lexicon import (
    Family,
    Language,
    Split,
    Words,
    category_of,
    finding_words,
    fitting_adjectives,
    read_words,
    templates,
    words_of,
)

if TYPE_CHECKING:
    from napari_ct_grounding.phantom.truth import Target

__all__ = [
    "FORMS",
    "capitalized",
    "category_of",
    "filled",
    "frames_of",
    "general_sentence",
    "goes_with",
    "negated_sentence_for",
    "normal_sentences",
    "pair_of_family",
    "pick",
    "place_slots",
    "prompt_variants",
    "sentence_about",
    "sentence_for",
    "size_phrase",
]

FORMS = {"en": english_forms, "de": german_forms}
_SAYS_SHARE = 0.15
_BANK_SHARE = 0.25
_ADJECTIVE_SHARE = 0.35
_SIZE_SHARE_KNOWN = 0.5
_SIZE_SHARE_DRAWN = 0.25
#: Place phrases that lean on a noun before them, so that no sentence may begin with them.
_AFTER_A_NOUN = ("of ", "des ", "der ", "von ")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})


def pick(items: Sequence[str], rng: np.random.Generator) -> str:
    """Return one of the items by chance."""
    return items[int(rng.random() * len(items))]


def pair_of_family(first: Split, second: Split, family: Family, rng: np.random.Generator) -> tuple[str, str]:
    """Draw one entry of each; in the test family at least one of the two is held out."""
    if family == "train":
        return pick(first.train, rng), pick(second.train, rng)
    if family == "all":
        return pick(first.all, rng), pick(second.all, rng)
    if first.test and (not second.test or rng.random() < 0.5):
        return pick(first.test, rng), pick(second.all, rng)
    return pick(first.all, rng), pick(second.test, rng)


def _of_family(items: Split, family: Family) -> tuple[str, ...]:
    return items.train if family == "train" else items.test if family == "test" else items.all


def capitalized(text: str) -> str:
    """Return the text with a capital first letter; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def _typed(text: str, language: Language, rng: np.random.Generator) -> str:
    """Return the sentence in the way people type: now and then without capital, full stop or umlaut."""
    draw = rng.random()
    if draw < 0.72:
        text = capitalized(text)
    elif draw > 0.88:
        text = text.upper() if draw > 0.985 else text.lower()
    draw = rng.random()
    if draw < 0.2:
        text = text.removesuffix(".")
    elif draw > 0.9 and text[-1] not in ".?":
        text += "."
    if language == "de" and rng.random() < 0.05:
        text = text.translate(_UMLAUTS)
    return text


def size_phrase(size_mm: float, language: Language, rng: np.random.Generator) -> str:
    """Return a size in words: "12 mm", "12mm", "1.2 cm" or "12 x 9 mm"; German with a decimal comma."""
    size = max(1, round(size_mm))
    draw = rng.random()
    if draw < 0.55:
        return f"{size} mm"
    if draw < 0.65:
        return f"{size}mm"
    if draw < 0.75 and size >= 6:
        return f"{size} x {max(2, round(size * (0.6 + 0.35 * rng.random())))} mm"
    if size < 8:
        return f"{size} mm"
    text = f"{size / 10:.1f} cm"
    return text.replace(".", ",") if language == "de" else text


def sentence_about(
    target: Target,
    *,
    language: Language = "en",
    family: Family = "train",
    rng: np.random.Generator,
    is_query: bool = True,
) -> str:
    """Return a sentence about a target of a scan that says of size and looks only what was drawn; see `sentence_for`."""
    return sentence_for(
        target.name,
        language=language,
        family=family,
        rng=rng,
        size_mm=target.size_mm,
        severity=target.severity,
        traits=target.traits or None,
        is_query=is_query,
    )


def sentence_for(
    target: str,
    *,
    language: Language = "en",
    family: Family = "train",
    rng: np.random.Generator,
    size_mm: float | None = None,
    severity: str | None = None,
    traits: tuple[str, ...] | None = None,
    is_query: bool = True,
) -> str:
    """Return a sentence that speaks of one target.

    Parameters
    ----------
    target : str
        Landmark or ``kind@place`` of the catalogue.
    language : "en" or "de"
    family : "train", "test" or "all"
    rng : numpy.random.Generator
        The same state gives the same sentence.
    size_mm : float, optional
        True size; about half of the sentences then name it. Without it some sentences name a plausible one.
    severity : {"mild", "moderate", "severe"}, optional
    traits : tuple of str, optional
        What the finding looks like (`catalogue.TRAITS`). No adjective contradicts what is known.
    is_query : bool
        Whether short queries ("show the spleen", "level of L3") and hurried typing may come, or only report statements.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the catalogue has no such target, or there is no such language or family.
    """
    _check_family(family)
    words = words_of(target, language)
    says = _of_family(words.says, family)
    is_landmark = words.bank is not None or target.partition("@")[0] not in FINDINGS
    if says and rng.random() < _SAYS_SHARE:
        text = pick(says, rng)
        if "{in}" in text:
            text = text.replace("{in}", pick(_place_family(words.place_in, family), rng))
    elif is_landmark:
        text = _landmark_text(words, language, family, rng, is_query)
    else:
        text = _finding_text(words, language, family, rng, size_mm, is_query, severity, traits)
    return _typed(text, language, rng) if is_query else capitalized(text)


def _check_family(family: str) -> None:
    if family not in ("train", "test", "all"):
        raise ValueError(f"Family {family!r} does not exist: use train, test or all.")


def _place_family(items: Split, family: Family) -> tuple[str, ...]:
    """Places alone never tell the families apart: train keeps to its own, test may use any."""
    return items.train if family == "train" else items.all


@cache
def frames_of(language: Language, bank: str, is_query: bool) -> Split:
    """Return the frames of a bank; for reports only full statements, which end in a full stop."""
    frames = templates(language, bank)
    if is_query:
        return frames
    return Split(
        *(tuple(f for f in family if f.endswith(".") and len(f) > 4) for family in (frames.train, frames.test))
    )


@cache
def _landmark_forms(phrase: str, language: Language) -> dict[str, str]:
    return FORMS[language](phrase)


def _landmark_text(words: Words, language: Language, family: Family, rng: np.random.Generator, is_query: bool) -> str:
    bank = words.bank if words.bank is not None and rng.random() < _BANK_SHARE else "landmark"
    noun, frame = pair_of_family(words.nouns, frames_of(language, bank, is_query), family, rng)
    return frame.format_map(_landmark_forms(noun, language))


def goes_with(adjective: str, noun: str, words: Words) -> bool:
    """Return whether an adjective says something new before a noun, and does not make a held-out noun phrase of it."""

    def plain(phrase: str) -> str:
        return phrase.split("|")[-1].split("/")[0]

    whole = f"{adjective} {plain(noun)}"
    return bool(adjective) and adjective.rstrip("~") not in noun and whole not in map(plain, words.nouns.test)


def place_slots(
    words: Words,
    noun: str,
    adjective: str,
    draws: tuple[float, float, float],
    forms: dict[str, str],
    frame: str,
    language: Language,
    family: Family,
) -> dict[str, str]:
    """Return the slots of a frame that name the place.

    Parameters
    ----------
    words : Words
        Of a target that has a place.
    noun, adjective : str
        With their marks.
    draws : (float, float, float)
        Numbers in [0, 1) that choose the locative, the heading and the words before the noun: equal numbers choose equal
        wordings for the other side.
    forms : dict
        Forms of the noun phrase.
    frame, language, family
        What is to be filled.
    """

    def chosen(items: Sequence[str], draw: float) -> str:
        return items[int(draw * len(items))] if items else ""

    places = _place_family(words.place_in, family)
    if frame.startswith("{in}"):
        places = tuple(p for p in places if not p.startswith(_AFTER_A_NOUN))
    before = chosen(_place_family(words.place_before, family), draws[2])
    slots = {
        "in": chosen(places, draws[0]),
        "top": chosen(_place_family(words.place_top, family), draws[1]),
        "pre": before,
    }
    if language == "de":
        has_form = before and not noun.startswith("x|")
        placed = german_forms(noun, f"{before} {adjective}".strip())
        slots["preF"] = placed["F"] if has_form else f"{forms['F']} {slots['in']}"
        slots["keinPre"] = placed["kein"] if has_form else f"{forms['kein']} {slots['in']}"
    return slots


def filled(frame: str, slots: dict[str, str]) -> str:
    """Return the frame with its slots filled."""
    return frame.format_map(slots)


def _finding_text(
    words: Words,
    language: Language,
    family: Family,
    rng: np.random.Generator,
    size_mm: float | None,
    is_query: bool,
    severity: str | None,
    traits: tuple[str, ...] | None,
) -> str:
    has_place = bool(words.place_in.train)
    bank = "placed" if has_place else "unplaced"
    if size_mm is None and words.size_mm is not None and rng.random() < _SIZE_SHARE_DRAWN:
        low, high = words.size_mm
        # Small lesions are commoner than large ones.
        size_mm = low + (high - low) * float(rng.random()) ** 2
        with_size = True
    else:
        with_size = size_mm is not None and words.size_mm is not None and rng.random() < _SIZE_SHARE_KNOWN
    noun, frame = pair_of_family(
        words.nouns, frames_of(language, f"{bank}_size" if with_size else bank, is_query), family, rng
    )
    adjectives = fitting_adjectives(words.adjectives, language, severity, traits)
    adjective = pick(adjectives, rng) if adjectives and rng.random() < _ADJECTIVE_SHARE else ""
    adjective = adjective if goes_with(adjective, noun, words) else ""
    slots = FORMS[language](noun, adjective)
    if with_size and size_mm is not None:
        slots["d"] = size_phrase(size_mm, language, rng)
        slots["ad"] = f"{indefinite_article(slots['d'])} {slots['d']}"
    if has_place:
        draws = (float(rng.random()), float(rng.random()), float(rng.random()))
        slots |= place_slots(words, noun, adjective, draws, slots, frame, language, family)
    return frame.format_map(slots)


@cache
def _absent_nouns(disease_or_kind: str, language: Language) -> Split:
    """Return what a report calls a disease as a whole, or the noun phrases of a kind of finding."""
    general = read_words(f"statements_{language}")["diseases"]
    if disease_or_kind in general:
        return Split.of(general[disease_or_kind])
    if disease_or_kind not in FINDINGS:
        raise ValueError(
            f"{disease_or_kind!r} is neither one of the 18 CT-RATE abnormalities nor a target of the catalogue."
        )
    return Split.of(finding_words(language)[disease_or_kind]["nouns"])


def negated_sentence_for(
    name: str, *, language: Language = "en", family: Family = "train", rng: np.random.Generator
) -> str:
    """Return a sentence that denies something, for example "No pleural effusion on the left."

    Parameters
    ----------
    name : str
        CT-RATE abnormality, kind of finding, ``kind@place`` (half of the sentences then name the place), or a landmark
        (denied to lie in the scan).
    language, family, rng
        As in `sentence_for`.

    Raises
    ------
    ValueError
        If there is no such name, language or family.
    """
    _check_family(family)
    kind, place = split_target(name)
    if kind in LANDMARKS:
        noun, frame = pair_of_family(words_of(name, language).nouns, templates(language, "outside"), family, rng)
        return _typed(frame.format_map(_landmark_forms(noun, language)), language, rng)
    noun, frame = pair_of_family(_absent_nouns(kind, language), templates(language, "negated"), family, rng)
    text = frame.format_map(FORMS[language](noun))
    if place:
        places = _place_family(words_of(name, language).place_in, family)
        if rng.random() < 0.5:
            text = f"{text.removesuffix('.')} {pick(places, rng)}."
    return _typed(text, language, rng)


@cache
def prompt_variants(disease: str, language: Language = "en", family: Family = "train") -> tuple[tuple[str, str], ...]:
    """Return (positive, negative) sentences for a disease; a pair shares its noun phrase, frames change fastest over pairs.

    Complements `core.diseases.prompt_pairs`, the prompts of the evaluation.
    """
    _check_family(family)
    frames = list(
        zip(
            _of_family(templates(language, "affirmed"), family),
            _of_family(templates(language, "negated"), family),
            strict=False,
        )
    )
    nouns = [FORMS[language](noun) for noun in _of_family(_absent_nouns(disease, language), family)]
    return tuple(
        (capitalized(yes.format_map(noun)), capitalized(no.format_map(noun))) for yes, no in frames for noun in nouns
    )


@cache
def normal_sentences(language: Language = "en", family: Family = "train") -> tuple[str, ...]:
    """Return statements of normality that speak of no single place ("The lungs are clear.")."""
    _check_family(family)
    return _of_family(Split.of(read_words(f"statements_{language}")["normal"]), family)


_SLOT = re.compile(r"\{(\w+)\}")


def general_sentence(
    language: Language = "en", *, family: Family = "train", rng: np.random.Generator, bank: Sequence[str] | None = None
) -> str:
    """Return a sentence without a place in the body: technique, comparison, history, recommendation; or one of `bank`."""
    _check_family(family)
    if bank is None:
        bank = _of_family(Split.of(read_words(f"statements_{language}")["general"]), family)
    text = pick(bank, rng)
    year, month, day = 2005 + int(rng.random() * 21), 1 + int(rng.random() * 12), 1 + int(rng.random() * 28)
    slots = {
        "date": f"{day:02d}.{month:02d}.{year}"
        if language == "de" or rng.random() < 0.3
        else f"{year}-{month:02d}-{day:02d}",
        "number": str(2 + int(rng.random() * 11)),
        "ml": str(60 + 10 * int(rng.random() * 9)),
        "thickness": pick(("1", "1.5", "2", "3", "5"), rng),
        "age": str(18 + int(rng.random() * 75)),
    }
    return _typed(_SLOT.sub(lambda match: slots[match[1]], text), language, rng)
