"""The words of the phantom, read once from ``wordings/*.toml`` and cut into a train and a test family.

The last quarter of every list of noun phrases, whole sentences and templates is held out: sentences of the test family carry at
least one of these, sentences of the train family none. ``more_*.toml`` widens the train family alone.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from napari_ct_grounding.phantom.catalogue import BORDERS, FINDINGS, LANDMARKS, split_target
from napari_ct_grounding.phantom.grammar import english_forms, german_forms

__all__ = [
    "LANGUAGES",
    "Family",
    "Language",
    "Split",
    "Words",
    "category_of",
    "finding_words",
    "read_words",
    "templates",
    "words_of",
]

Language = Literal["en", "de"]
Family = Literal["train", "test", "all"]
LANGUAGES: tuple[Language, ...] = ("en", "de")

_SIDE_WORDS = {
    ("en", "right"): {"{s}": "right", "{S}": "R", "{rt}": "rt"},
    ("en", "left"): {"{s}": "left", "{S}": "L", "{rt}": "lt"},
    ("de", "right"): {"{s}": "recht", "{re}": "re."},
    ("de", "left"): {"{s}": "link", "{re}": "li."},
}
_ORDINALS = {
    "en": (
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
    ),
    "de": ("erst", "zweit", "dritt", "viert", "fünft", "sechst", "siebt", "acht", "neunt", "zehnt", "elft", "zwölft"),
}
_REGIONS = {
    ("en", "c"): {"{r}": "C", "{region}": "cervical"},
    ("en", "t"): {"{r}": "T", "{region}": "thoracic"},
    ("en", "l"): {"{r}": "L", "{region}": "lumbar"},
    ("de", "c"): {"{r}": "C", "{wk}": "HWK", "{region}": "Hals"},
    ("de", "t"): {"{r}": "Th", "{wk}": "BWK", "{region}": "Brust"},
    ("de", "l"): {"{r}": "L", "{wk}": "LWK", "{region}": "Lenden"},
}


@dataclass(frozen=True)
class Split:
    """A list cut into its families: `train`, the held-out `test`, and both in `all`."""

    train: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Both families, train first."""
        return self.train + self.test

    @classmethod
    def of(cls, items: Sequence[str], min_length: int = 4) -> Split:
        """Hold out the last quarter (rounded up) of lists that have at least `min_length` entries."""
        held_out = math.ceil(len(items) / 4) if len(items) >= min_length else 0
        cut = len(items) - held_out
        return cls(tuple(items[:cut]), tuple(items[cut:]))

    def __add__(self, other: Split) -> Split:
        return Split(self.train + other.train, self.test + other.test)


@dataclass(frozen=True)
class Words:
    """Everything that a sentence about one target is made of.

    Parameters
    ----------
    nouns, says : Split
        Noun phrases (with the marks of `grammar`) and whole sentences.
    adjectives : tuple of str
    place_in, place_before, place_top : Split
        The place as locative, before the noun, and as heading; empty for a landmark and a finding without a place.
    size_mm : (float, float) or None
        Range in which a size is worth naming; None where reports give none.
    bank : str or None
        Bank of normal statements that fits (landmarks).
    """

    nouns: Split
    says: Split
    adjectives: tuple[str, ...] = ()
    place_in: Split = Split((), ())
    place_before: Split = Split((), ())
    place_top: Split = Split((), ())
    size_mm: tuple[float, float] | None = None
    bank: str | None = None


@cache
def read_words(name: str) -> dict[str, Any]:
    """Return one word list, for example ``"findings_de"``."""
    text = (files("napari_ct_grounding.phantom") / "wordings" / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _more(language: Language, table: str, key: str) -> Split:
    """Return what ``more_*.toml`` adds to the train family of a list."""
    return Split(tuple(read_words(f"more_{language}")[table].get(key, ())), ())


@cache
def finding_words(language: Language) -> dict[str, Any]:
    """Return the words of every kind of finding."""
    return {k: v for part in ("findings", "body", "devices") for k, v in read_words(f"{part}_{language}").items()}


@cache
def _claims(language: Language) -> dict[str, str]:
    return {word: claim for claim, words in read_words("adjectives")[language].items() for word in words}


def fitting_adjectives(
    adjectives: Sequence[str], language: Language, severity: str | None, traits: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Return the adjectives that do not contradict a severity and traits; what is None may be anything."""
    claims = _claims(language)
    grades = ("mild", "moderate", "severe")

    def fits(adjective: str) -> bool:
        claim = claims.get(adjective)
        if claim is None:
            return True
        return severity in (None, claim) if claim in grades else traits is None or claim in traits

    return tuple(adjective for adjective in adjectives if fits(adjective))


@cache
def templates(language: Language, bank: str) -> Split:
    """Return the frames of a bank ("landmark", "placed", "negated", ...)."""
    return Split.of(read_words(f"templates_{language}")[bank], min_length=2) + _more(language, "templates", bank)


def _fill(items: Sequence[str], values: dict[str, str]) -> list[str]:
    filled = []
    for item in items:
        for slot, value in values.items():
            item = item.replace(slot, value)
        filled.append(item)
    return filled


def _base_and_side(name: str) -> tuple[str, str | None]:
    """Return the unsided key of a paired landmark or of a place ("hilum", "right"); None where the name has no side."""
    for side in ("right", "left"):
        if name.endswith(f"_{side}"):
            return name.removesuffix(f"_{side}"), side
    return name, None


def _vertebra_values(language: Language, region: str, number: int) -> dict[str, str]:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number, "th")
    return {
        **_REGIONS[language, region],
        "{n}": str(number),
        "{ord}": f"{number}{suffix}",
        "{word}": _ORDINALS[language][number - 1],
    }


def _vertebra_nouns(language: Language, region: str, number: int) -> Split:
    terms = read_words(f"landmarks_{language}")["vertebrae"]
    values = _vertebra_values(language, region, number)

    def nouns_of(key: str) -> Split:
        more = _more(language, "vertebrae", key)
        return Split.of(_fill(terms[key], values)) + Split(tuple(_fill(more.train, values)), ())

    return nouns_of("all") + nouns_of("thoracic") if region == "t" else nouns_of("all")


def _place(language: Language, kind: str, place: str) -> tuple[Split, Split, Split]:
    """Return the three forms of a place; a kind's own words come before the general ones."""
    own: dict[str, Any] = finding_words(language)[kind].get("places", {})
    general = read_words(f"places_{language}")
    values: dict[str, str] = {}
    where: str = finding_words(language)[kind].get("where", "")
    key = place
    if place[0] in "tl" and place[1:].isdigit():
        entry = general[key := "vertebra"]
        values = _vertebra_values(language, place[0], int(place[1:]))
        values["{v}"] = f"{values['{r}']}{values['{n}']}"
    elif place in own or (place in general and not where):
        entry = own.get(place) or general[place]
    elif f"{where}_{place}" in general:
        entry = general[key := f"{where}_{place}"]
    else:
        side, _, rest = place.partition("_")
        key = f"side_{rest}" if rest else "side"
        if key not in own and f"{where}_{key}" in general:
            key = f"{where}_{key}"
        entry = own.get(key) or general[key]
        values = _SIDE_WORDS[language, side]
    locative, before, heading = (Split.of(_fill(entry[form], values)) for form in ("in", "pre", "top"))
    more = Split((), ()) if entry is own.get(key) else _more(language, "places", key)
    return locative + Split(tuple(_fill(more.train, values)), ()), before, heading


@cache
def words_of(target: str, language: Language) -> Words:
    """Return the words for a landmark or ``kind@place`` of the catalogue.

    Raises
    ------
    ValueError
        If the catalogue has no such target or the language has no words.
    """
    if language not in LANGUAGES:
        raise ValueError(f"Language {language!r} has no wordings. Use one of {', '.join(LANGUAGES)}.")
    name, place = split_target(target)
    if name in FINDINGS:
        if place not in FINDINGS[name].places:
            raise ValueError(
                f"Target {target!r} is not in the catalogue: {name} occurs at {', '.join(FINDINGS[name].places)}."
            )
        entry = finding_words(language)[name]
        where = _place(language, name, place) if place else (Split((), ()),) * 3
        size = tuple(entry["size"]) if "size" in entry else None
        # A whole sentence that names no place serves the kind that has none.
        says = Split.of(_placed(entry["says"], place), min_length=2)
        says += Split(tuple(_placed(_more(language, "finding_says", name).train, place)), ())
        nouns = Split.of(entry["nouns"]) + _more(language, "findings", name)
        return Words(nouns, says, tuple(entry["adjectives"]), *where, size_mm=size)
    if name not in LANDMARKS or place:
        raise ValueError(f"Target {target!r} is not in the catalogue: use a landmark or kind@place listed there.")
    if name.startswith("vertebra_"):
        nouns = _vertebra_nouns(language, name[9], int(name[10:]))
        return Words(nouns, Split((), ()), bank="bone")
    stem, _, border = name.rpartition("_")
    if border in BORDERS:
        return _border_words(stem, border, language)
    combined = read_words(f"combined_{language}")["terms"]
    if name in combined:
        nouns = Split.of(combined[name]) + _more(language, "combined", name)
        return Words(nouns, Split((), ()), bank=_keyed("banks").get(name.removesuffix("_both")))
    terms = read_words(f"landmarks_{language}")
    base, side = _base_and_side(name)
    key, values = (base, _SIDE_WORDS[language, side]) if side else (name, {})

    def filled(items: Sequence[str], more: Split, min_length: int = 4) -> Split:
        return Split.of(_fill(items, values), min_length) + Split(tuple(_fill(more.train, values)), ())

    says = filled(terms["says"].get(key, []), _more(language, "landmark_says", key), min_length=2)
    nouns = filled(terms["terms"][key], _more(language, "landmarks", key))
    return Words(nouns, says, bank=_keyed("banks").get(key))


def _placed(texts: Sequence[str], place: str) -> list[str]:
    """Return the whole sentences that name a place, or where there is none, those that name none."""
    return [text for text in texts if ("{in}" in text) == bool(place)]


def _border_words(landmark: str, border: str, language: Language) -> Words:
    """Return the words for the upper or lower border of a landmark: those of the border with those of the landmark."""
    forms = english_forms if language == "en" else german_forms
    nouns = words_of(landmark, language).nouns
    borders = Split.of(read_words(f"combined_{language}")["borders"][border], min_length=2)
    # The word for the border parts the families; the landmark's held-out words stay held out.
    train = tuple(text.format_map(forms(noun)) for text in borders.train for noun in nouns.train)
    test = tuple(text.format_map(forms(noun)) for text in borders.test for noun in nouns.all)
    return Words(Split(train, test), Split((), ()))


@cache
def _keyed(table: str) -> dict[str, str]:
    return {name: key for key, names in read_words("systems")[table].items() for name in names}


def category_of(target: str) -> str:
    """Return the organ or system of a target, for example "lung": all that the category-prior baseline may know.

    Raises
    ------
    ValueError
        If the target is not in the catalogue.
    """
    name, _ = split_target(target)
    for border in BORDERS:
        name = name.removesuffix(f"_{border}") if name in LANDMARKS else name
    key = "vertebra" if name.startswith("vertebra_") else _base_and_side(name.removesuffix("_both"))[0]
    try:
        # A kind that occurs in several systems has its odd places named in full.
        return _keyed("categories").get(target) or _keyed("categories")[key]
    except KeyError:
        raise ValueError(f"Target {target!r} has no category: use a landmark or kind@place of the catalogue.") from None
