"""Sentences that differ from a given one in one thing: side, negation, organ, or a word left out. English and German.

The variants are probes, not good style: they need only be near enough to a report's language that a text encoder reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from napari_ct_grounding.core.results import GroundingResult

__all__ = ["KINDS", "MAX_DROPPED_WORDS", "Effect", "Variant", "effects_of", "variants_of"]

#: What a variant changes.
KINDS = ("side", "negation", "organ", "dropped word")

#: Of a long sentence only the first content words are left out, each once.
MAX_DROPPED_WORDS = 12


@dataclass(frozen=True)
class Variant:
    """A sentence changed in one thing.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    sentence : str
    change : str
        What was changed, in a few words ("left -> right").
    """

    kind: str
    sentence: str
    change: str


def variants_of(sentence: str) -> tuple[Variant, ...]:
    """Return the variants of a sentence in the order of `KINDS`; each wording once, never the sentence itself."""
    sentence = " ".join(sentence.split())
    found: dict[str, Variant] = {}
    for variant in (
        *_other_side(sentence),
        *_other_negation(sentence),
        *_other_organs(sentence),
        *_words_left_out(sentence),
    ):
        if variant.sentence and variant.sentence.casefold() != sentence.casefold():
            found.setdefault(variant.sentence.casefold(), variant)
    return tuple(found.values())


@dataclass(frozen=True, eq=False)
class Effect:
    """What became of the answer when the sentence was changed.

    Parameters
    ----------
    variant : Variant
    result : GroundingResult
        Of the variant.
    shift_mm : float
        How far the place moved, towards the head when positive. A place that is not clear moves, too, but means little.
    score_change : float
        Score (cosine) of the variant less that of the sentence.
    """

    variant: Variant
    result: GroundingResult
    shift_mm: float
    score_change: float


def effects_of(
    original: GroundingResult, variants: Sequence[Variant], results: Sequence[GroundingResult]
) -> list[Effect]:
    """Return what each variant did: those that gained or lost a clear place first, then by how far they moved it."""
    effects = [
        Effect(variant, result, result.z_mm - original.z_mm, result.score - original.score)
        for variant, result in zip(variants, results, strict=True)
    ]

    def rank(effect: Effect) -> tuple[bool, float, float]:
        is_same_kind = effect.result.has_location == original.has_location
        return is_same_kind, -abs(effect.shift_mm), -abs(effect.score_change)

    return sorted(effects, key=rank)


# -- side

_SIDES = {"left": "right", "right": "left", "links": "rechts", "rechts": "links", "link": "recht", "recht": "link"}
_SIDES |= {"lt": "rt", "rt": "lt", "li": "re", "re": "li"}
#: German "linker", "rechtes", "linksseitig", "rechtsbasal"; "lt."/"re." only with their full stop.
_SIDE = re.compile(
    r"\b(?:(left|right)(?=\b|-)|(links|rechts)(?=\w*)|(link|recht)(?=(?:e|er|es|en|em)\b)|(lt|rt|li|re)(?=\.))",
    re.IGNORECASE,
)


def _other_side(sentence: str) -> Iterator[Variant]:
    first = _SIDE.search(sentence)
    if first:
        changed = _SIDE.sub(lambda match: _with_case_of(match.group(), _SIDES[match.group().lower()]), sentence)
        stem = first.group()
        ending = re.split(r"[^\w-]", sentence[first.end() :], maxsplit=1)[0]
        other = _with_case_of(stem, _SIDES[stem.lower()])
        yield Variant("side", changed, f"{stem}{ending} \u2192 {other}{ending}")


# -- negation

#: Wordings of negation, longest first; what is left when they go is the affirmed sentence.
_NEGATIONS = re.compile(
    r"\b(?:there (?:is|are) no evidence (?:of|for)|there (?:is|are) no|no evidence (?:of|for)|no signs? of|no|without|"
    r"kein(?:e|en|er|es)? (?:hinweise?|nachweis) (?:auf|f\u00fcr|von|einer|eines)|kein(?:e|en|er|es|em)?|"
    r"ohne nachweis (?:von|einer|eines)|ohne)\s+|\s+\b(?:not|nicht)\b(?! mehr)",
    re.IGNORECASE,
)
_VERB = re.compile(r"\b(is|are|was|were|ist|sind|war|waren|zeigt sich|zeigen sich|stellt sich)\b", re.IGNORECASE)
_THERE_IS = re.compile(r"^there (is|are)(?: an?)? ", re.IGNORECASE)
_GERMAN = re.compile(
    r"[\u00e4\u00f6\u00fc\u00df]|\b(?:der|die|das|des|dem|den|im|am|und|mit|bei|rechts|links|recht\w{1,2}|link\w{1,2}|ist|sind|kein\w*|ohne|ein\w{0,2})\b"
    r"|\w+(?:herd|erguss|niere|lappen|blase|zyste|spitze|stein|bogen|knoten|kuppel|leber|milz|lunge)\b",
    re.IGNORECASE,
)


def _other_negation(sentence: str) -> Iterator[Variant]:
    match = _NEGATIONS.search(sentence)
    if match:
        word = match.group().strip().lower()
        instead = {"without": "with", "ohne": "mit"}.get(word, "") if match.start() else ""
        affirmed = _capital(f"{sentence[: match.start()]} {instead} {sentence[match.end() :]}".strip())
        yield Variant("negation", " ".join(affirmed.split()), f"without \u201c{word}\u201d")
        return
    is_german = bool(_GERMAN.search(sentence))
    denial = "nicht" if is_german else "not"
    if there_is := _THERE_IS.match(sentence):
        verb = there_is.group(1).lower()
        yield Variant("negation", f"There {verb} no {sentence[there_is.end() :]}", "with \u201cno\u201d")
    elif verb_match := _VERB.search(sentence):
        end = verb_match.end()
        yield Variant("negation", f"{sentence[:end]} {denial}{sentence[end:]}", f"with \u201c{denial}\u201d")
    else:
        start = "Kein Hinweis auf" if is_german else "No"
        rest = sentence if is_german or sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]
        yield Variant("negation", f"{start} {rest}", f"with \u201c{start.lower()}\u201d")


# -- organ

#: From each organ or region to one far from it, of the same gender in German, so that adjectives go on to fit.
_ORGANS = {
    "upper lobe": "lower lobe", "lower lobe": "upper lobe", "upper lobes": "lower lobes", "lower lobes": "upper lobes",
    "upper pole": "lower pole", "lower pole": "upper pole", "apex": "base", "base": "apex", "middle lobe": "upper lobe",
    "lung": "kidney", "lungs": "kidneys", "kidney": "lung", "kidneys": "lungs", "renal": "pulmonary", "pulmonary": "renal",
    "liver": "bladder", "hepatic": "renal", "gallbladder": "heart", "bladder": "liver", "spleen": "thyroid gland",
    "thyroid": "spleen", "heart": "bladder", "cardiac": "pelvic", "pericardial": "pelvic", "pleural": "pericardial",
    "pancreas": "trachea", "pancreatic": "tracheal", "adrenal": "hilar", "hilum": "kidney", "hilar": "renal",
    "stomach": "lung", "gastric": "pulmonary", "hiatal": "inguinal", "aortic arch": "aortic bifurcation",
    "ascending aorta": "abdominal aorta", "carina": "aortic bifurcation", "sternum": "sacrum", "mediastinal": "inguinal",
    "axillary": "inguinal", "femoral head": "humeral head", "humeral head": "femoral head", "hip": "shoulder",
    "shoulder": "hip", "thoracic": "lumbar", "lumbar": "thoracic", "rib": "hip", "prostate": "liver", "uterus": "liver",
    "oberlappen": "unterlappen", "unterlappen": "oberlappen", "mittellappen": "oberlappen", "oberpol": "unterpol",
    "unterpol": "oberpol", "lunge": "niere", "niere": "lunge", "nieren": "lungen", "lungen": "nieren", "leber": "harnblase",
    "lungenspitze": "lungenbasis", "lungenbasis": "lungenspitze", "gallenblase": "schilddr\u00fcse", "harnblase": "leber",
    "milz": "schilddr\u00fcse", "schilddr\u00fcse": "milz", "herz": "becken", "pankreas": "herz", "magen": "hals",
    "nebenniere": "schilddr\u00fcse", "hilus": "nierenpol", "perikarderguss": "pleuraerguss", "pleuraerguss": "perikarderguss",
    "hiatushernie": "leistenhernie", "leistenhernie": "hiatushernie", "aortenbogen": "beckenkamm",
    "aorta ascendens": "aorta abdominalis", "karina": "symphyse", "symphyse": "karina",
    "h\u00fcftkopf": "humeruskopf", "humeruskopf": "h\u00fcftkopf", "brustwirbels\u00e4ule": "lendenwirbels\u00e4ule",
    "lendenwirbels\u00e4ule": "brustwirbels\u00e4ule", "prostata": "leber",
    "mediastinale": "inguinale", "axill\u00e4re": "inguinale",
    "nierenstein": "gallenstein", "gallenstein": "nierenstein", "leberzyste": "nierenzyste", "nierenzyste": "leberzyste",
}  # fmt: skip
_ORGAN = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, _ORGANS), key=len, reverse=True))})\b", re.IGNORECASE)


def _other_organs(sentence: str) -> Iterator[Variant]:
    """One variant for each organ named; the others stay."""
    for match in _ORGAN.finditer(sentence):
        other = _ORGANS[match.group().lower()]
        is_noun = match.group()[0].isupper()  # German nouns keep their capital
        shown = _capital(other) if is_noun else other
        yield Variant(
            "organ", sentence[: match.start()] + shown + sentence[match.end() :], f"{match.group()} \u2192 {shown}"
        )


# -- words left out

#: Words without content of their own; negations and sides have variants of their own.
_STOPWORD_TEXT = """
a an the of in on at to and or with for from is are was were be there this that it its as by no not without evidence li re lt rt
der die das des dem den ein eine einer eines einem einen im in am an auf aus bei mit und oder von vom zu zum zur ist sind
war waren es sich kein keine keinen keiner nicht ohne hinweis nachweis
"""
_STOPWORDS = frozenset(_STOPWORD_TEXT.split())
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*\.?(?=\W|$)|\d+(?:[.,]\d+)?(?:\s*(?:mm|cm))?")


def _words_left_out(sentence: str) -> Iterator[Variant]:
    words = [match for match in _WORD.finditer(sentence) if match.group().strip(".").lower() not in _STOPWORDS]
    if len(words) < 2:  # the only one is all there is
        return
    for match in words[:MAX_DROPPED_WORDS]:
        word = match.group().rstrip(".")
        rest = sentence[: match.start()] + sentence[match.start() + len(word) :]
        rest = re.sub(r"[\s,;:]+([.,;:])", r"\1", " ".join(rest.split())).lstrip(" ,;")
        rest = re.sub(r"\.{2,}", ".", rest)
        yield Variant("dropped word", _capital(rest), f"without \u201c{word}\u201d")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _with_case_of(original: str, text: str) -> str:
    return _capital(text) if original[:1].isupper() else text
