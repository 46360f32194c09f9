"""Inflection of the phantom's noun phrases: what a template needs to name a thing in English or German.

A phrase is written once, with marks: ``"p|renal arteries"`` (plural), ``"x|SVC"`` (no article),
``"u|consolidation"`` (uncountable), ``"m|recht~ Oberlappen/s"`` (German gender;
``~`` stands for the ending of an adjective, ``/s`` is the ending of the genitive).
"""

from __future__ import annotations

import re

__all__ = ["english_forms", "german_forms", "indefinite_article"]

_STRONG_NOMINATIVE = {"m": "er", "f": "e", "n": "es", "p": "e", "x": "e"}
_STRONG_ACCUSATIVE = {"m": "en", "f": "e", "n": "es", "p": "e", "x": "e"}
_STRONG_DATIVE = {"m": "em", "f": "er", "n": "em", "p": "en", "x": "er"}
_WEAK_NOMINATIVE = {"m": "e", "f": "e", "n": "e", "p": "en", "x": "e"}
_DEFINITE = {
    "nominative": {"m": "der ", "f": "die ", "n": "das ", "p": "die ", "x": ""},
    "genitive": {"m": "des ", "f": "der ", "n": "des ", "p": "der ", "x": ""},
    "dative": {"m": "dem ", "f": "der ", "n": "dem ", "p": "den ", "x": ""},
    "accusative": {"m": "den ", "f": "die ", "n": "das ", "p": "die ", "x": ""},
    "in": {"m": "im ", "f": "in der ", "n": "im ", "p": "in den ", "x": "in "},
}
_STARTS_LIKE_A_VOWEL = re.compile(r"(?:8|11\b|18\b|11 |18 |[aeioAEIO]|u(?!ni)|(?:ETT|FDG|ICD|AAA|[LRFHMNSX]{1,3}\b))")


def _marked(phrase: str, default: str) -> tuple[str, str]:
    """Return (mark, text) of a phrase."""
    return (phrase[0], phrase[2:]) if len(phrase) > 1 and phrase[1] == "|" else (default, phrase)


def indefinite_article(text: str) -> str:
    """Return "a" or "an" as the sound of the text asks."""
    return "an" if _STARTS_LIKE_A_VOWEL.match(text) else "a"


def english_forms(phrase: str, before: str = "") -> dict[str, str]:
    """Return the forms of an English phrase, `before` put in front of the noun.

    Returns
    -------
    dict
        "n" and "F" (bare), "the" (definite), "aF" (indefinite), "is" (is or are).
    """
    mark, noun = _marked(phrase, "s")
    bare = f"{before} {noun}" if before else noun
    return {
        "n": bare,
        "F": bare,
        "the": bare if mark == "x" or bare.startswith(("both ", "the ")) else f"the {bare}",
        "aF": f"{indefinite_article(bare)} {bare}" if mark == "s" else bare,
        "is": "are" if mark == "p" else "is",
    }


def _dative_plural(noun: str) -> str:
    head, space, tail = noun.partition(" ") if "~" not in noun else ("", "", noun)
    if "~" in noun:
        return tail if tail[-1] in "ns" else tail + "n"
    return (head if head[-1] in "ns" else head + "n") + space + tail


def german_forms(phrase: str, before: str = "") -> dict[str, str]:
    """Return the forms of a German phrase, the adjectives `before` (with ``~``) put in front of the noun.

    Returns
    -------
    dict
        "n" and "F" (bare nominative), "der", "gen", "dat", "durch" (accusative), "im" (in + dative) with the definite article;
        "ein", "einen", "von" (genitive) with the indefinite one, "kein"; "keinen" (accusative);
        bare "akk" and "mitF" (dative); the verbs "ist", "zeigt", "findet" in the number of the noun.
    """
    gender, text = _marked(phrase, "x")
    text, _, ending = text.partition("/")
    if gender == "x":
        before = ""
    noun = f"{before} {text}" if before else text
    genitive = noun + ending
    dative = _dative_plural(noun) if gender == "p" else noun
    neuter_or_masculine = gender in "mn"
    bare = noun.replace("~", _STRONG_NOMINATIVE[gender])
    bare_accusative = noun.replace("~", _STRONG_ACCUSATIVE[gender])
    bare_dative = dative.replace("~", _STRONG_DATIVE[gender])
    weak_genitive, weak_dative = genitive.replace("~", "en"), dative.replace("~", "en")
    one = {"m": "ein ", "f": "eine ", "n": "ein "}.get(gender, "")
    if neuter_or_masculine:
        of_one = f"eines {weak_genitive}"
    else:
        of_one = f"einer {weak_genitive}" if gender == "f" else f"von {bare_dative}"
    none_of = noun.replace("~", "en") if gender == "p" else bare
    return {
        "n": bare,
        "F": bare,
        "der": _DEFINITE["nominative"][gender] + noun.replace("~", _WEAK_NOMINATIVE[gender]),
        "gen": _DEFINITE["genitive"][gender] + weak_genitive,
        "dat": _DEFINITE["dative"][gender] + weak_dative,
        "durch": _DEFINITE["accusative"][gender]
        + (noun.replace("~", "en") if gender in "mp" else noun.replace("~", "e")),
        "im": _DEFINITE["in"][gender] + weak_dative,
        "ein": one + bare,
        "einen": f"einen {bare_accusative}" if gender == "m" else one + bare_accusative,
        "von": of_one,
        "kein": ("keine " if gender in "fpx" else "kein ") + none_of,
        "akk": bare_accusative,
        "mitF": bare_dative,
        "keinen": "keinen " + noun.replace("~", "en")
        if gender == "m"
        else ("keine " if gender in "fpx" else "kein ") + none_of,
        "ist": "sind" if gender == "p" else "ist",
        "zeigt": "zeigen" if gender == "p" else "zeigt",
        "findet": "finden" if gender == "p" else "findet",
    }
