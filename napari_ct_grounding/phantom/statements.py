"""Sentences with their structured truth, and the sentences that differ from them in one thing only.

A `Statement` keeps the choices it was made of (frame, noun phrase, place phrase, size), so that `contrasts` can say the same
with the other side, another lobe, another size, or denied.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np

from napari_ct_grounding.phantom.catalogue import FINDINGS, LANDMARKS, split_target
from napari_ct_grounding.phantom.grammar import indefinite_article
from napari_ct_grounding.phantom.lexicon import (
    Family,
    Language,
    Split,
    fitting_adjectives,
    read_words,
    templates,
    words_of,
)
from napari_ct_grounding.phantom.sentences import (
    FORMS,
    capitalized,
    filled,
    frames_of,
    general_sentence,
    goes_with,
    pair_of_family,
    pick,
    place_slots,
    size_phrase,
)

__all__ = ["Contrast", "Statement", "contrasts", "denial_of", "side_of", "statement_for", "unlocatable_statement"]

Contrast = Literal["side", "negation", "lobe", "size"]

_PRIOR = re.compile(
    r"unchanged|stable|again|known|persistent|as before|as described|since|previous|prior|larger|smaller|increased|less than"
    r"|now \{d|\bnew\b|neu:|bekannt|stationär|konstant|unverändert|wie vorb|vorbeschrieben|progredient|regredient|zunehmend"
    r"|rückläufig|aktuell|no longer|resol|residual|nicht mehr|\bmehr\b|rückbildung",
    re.IGNORECASE,
)
_UNCERTAIN = re.compile(
    r"possibl|suspected|compatible|questionable|probabl|cannot be|may be|most likely|v\. a\.|verdacht|hinweis|dd offen"
    r"|fraglich|möglich|auszuschließen|am ehesten|wahrscheinlich|vereinbar|vermuten",
    re.IGNORECASE,
)
#: Pairs of the catalogue's places that lie one above the other on one side.
_NEIGHBOURS = {
    "right_upper_lobe": "right_lower_lobe", "right_lower_lobe": "right_upper_lobe", "middle_lobe": "right_upper_lobe",
    "left_upper_lobe": "left_lower_lobe", "left_lower_lobe": "left_upper_lobe", "lingula": "left_lower_lobe",
    "both_upper_lobes": "both_lower_lobes", "both_lower_lobes": "both_upper_lobes", "right_apex": "right_lower_lobe",
    "left_apex": "left_lower_lobe", "right_base": "right_upper_lobe", "left_base": "left_upper_lobe",
    "right_upper_pole": "right_lower_pole", "right_lower_pole": "right_upper_pole", "left_upper_pole": "left_lower_pole",
    "left_lower_pole": "left_upper_pole", "right_lobe": "left_lobe", "left_lobe": "right_lobe",
}  # fmt: skip
_OTHER_SIDE = {"middle_lobe": "lingula", "lingula": "middle_lobe"}
#: How a frame is denied: the first rule that fits it is applied once.
_DENIALS: dict[str, tuple[tuple[str, str], ...]] = {
    "en": (
        (r"\{aF\}", "no {F}"),
        (r"shows \{F\}", "shows no {F}"),
        (r"\bwith \{F\}", "without {F}"),
        (r"((?:evidence|demonstration|findings|signs|presence) (?:of|compatible with) )\{F\}", r"no \1{F}"),
        (r"\{pre\} \{F\}", "no {pre} {F}"),
        (r"\{F\}", "no {F}"),
    ),
    "de": (
        (r"Nachweis \{von\}", "kein Nachweis {von}"),
        (r"Darstellung \{von\}", "keine Darstellung {von}"),
        (r"Vorliegen \{von\}", "kein Vorliegen {von}"),
        (r"Zeichen \{von\}", "keine Zeichen {von}"),
        (r"mit \{mitF\}", "ohne {akk}"),
        (r"\{einen\}", "{keinen}"),
        (r"\{ein\}", "{kein}"),
        (r"\{preF\}", "{keinPre}"),
        (r"\{F\}", "{kein}"),
    ),
}
#: What denies a frame that names a size, doubts, or speaks of the course: these have no plain opposite.
_PLAIN_DENIALS = {
    ("en", "train"): "no {F} {in}.",
    ("en", "test"): "no {F} detected {in}.",
    ("de", "train"): "{kein} {in}.",
    ("de", "test"): "{kein} {in} abzugrenzen.",
}
_RESOLVED_SHARE, _SIZE_SHARE, _ADJECTIVE_SHARE = 0.2, 0.4, 0.35


@dataclass(frozen=True)
class _Plan:
    """The choices behind a sentence about a target: marked noun phrase or its place in the list, frame, place phrase, size."""

    noun: int
    frame: str
    adjective: str = ""
    places: tuple[float, float, float] = (0.0, 0.0, 0.0)
    size: str = ""
    denied_frame: str = ""


@dataclass(frozen=True)
class Statement:
    """A sentence and what it says.

    Parameters
    ----------
    text : str
    language : {"en", "de"}
    family : {"train", "test", "all"}
    target : str or None
        Landmark or ``kind@place``; None where the sentence speaks of no place in the scan.
    side : {"right", "left", "both"} or None
    is_negated : bool
        Whether it says that the target is not there.
    is_prior : bool
        Whether it compares with an earlier examination.
    is_uncertain : bool
    is_localizable : bool
        Whether it speaks of something that is there to be seen at some height.
    size_mm : float or None
        The size it names.
    topic : str
        "landmark", "finding", or the kind of sentence that has no place ("technique", "elsewhere", ...).
    """

    text: str
    language: Language
    family: Family
    target: str | None
    side: str | None = None
    is_negated: bool = False
    is_prior: bool = False
    is_uncertain: bool = False
    is_localizable: bool = True
    size_mm: float | None = None
    topic: str = "finding"
    plan: _Plan | None = None


def side_of(target: str) -> str | None:
    """Return "right", "left" or "both" of a target, None where it has no side."""
    kind, place = split_target(target)
    if "liver" in kind:
        return None
    name = place or kind.removesuffix("_top").removesuffix("_bottom")
    if name in ("lingula", "middle_lobe"):
        return "left" if name == "lingula" else "right"
    if kind in LANDMARKS and not name.endswith(("_right", "_left", "_both", "_lobe")):
        return None
    return next((part for part in name.split("_") if part in ("right", "left", "both")), None)


def _is_known(target: str) -> bool:
    kind, place = split_target(target)
    return place in FINDINGS[kind].places if kind in FINDINGS else kind in LANDMARKS and not place


def _mirrored(target: str) -> str | None:
    """Return the target of the other side, None where there is none."""
    kind, place = split_target(target)
    name = place or kind
    if side_of(target) not in ("right", "left"):
        return None
    swap = {"right": "left", "left": "right"}
    other = _OTHER_SIDE.get(name) or "_".join(swap.get(part, part) for part in name.split("_"))
    mirrored = f"{kind}@{other}" if place else other
    return mirrored if mirrored != target and _is_known(mirrored) else None


def _neighbour(target: str) -> str | None:
    """Return the target of another lobe, pole or vertebra, None where there is none."""
    kind, place = split_target(target)
    name = place or kind
    other = _NEIGHBOURS.get(name)
    match = re.fullmatch(r"(vertebra_)?([tl])(\d+)", name)
    if match:
        number = int(match[3]) + (3 if int(match[3]) <= 6 and match[2] == "t" else -2 if int(match[3]) > 2 else 2)
        other = f"{match[1] or ''}{match[2]}{number}"
    if other is None:
        return None
    found = f"{kind}@{other}" if place else other
    return found if _is_known(found) else None


@cache
def denial_of(frame: str, language: Language, family: Family = "train") -> str:
    """Return the frame that denies what a frame says."""
    has_no_opposite = "{d}" in frame or "{ad}" in frame or not frame.endswith(".")
    if not has_no_opposite and not _PRIOR.search(frame) and not _UNCERTAIN.search(frame):
        for pattern, denied in _DENIALS[language]:
            text, count = re.subn(pattern, denied, frame, count=1)
            if count:
                return text
    plain = _PLAIN_DENIALS[language, "test" if family == "test" else "train"]
    return plain if _names_place(frame) else _without_place(plain)


def _names_place(frame: str) -> bool:
    return any(slot in frame for slot in ("{in}", "{pre", "{top}"))


def _without_place(frame: str) -> str:
    return " ".join(frame.replace("{in}", "").split()).replace(" .", ".")


def _text(plan: _Plan, target: str, language: Language, family: Family, *, denied: bool) -> str:
    words = words_of(target, language)
    noun = words.nouns.all[plan.noun % len(words.nouns.all)]
    frame = plan.denied_frame if denied else plan.frame
    slots = FORMS[language](noun, plan.adjective if goes_with(plan.adjective, noun, words) else "")
    if plan.size:
        slots |= {"d": plan.size, "ad": f"{indefinite_article(plan.size)} {plan.size}"}
    if words.place_in.train:
        slots |= place_slots(words, noun, plan.adjective, plan.places, slots, frame, language, family)
    return capitalized(filled(frame, slots))


def statement_for(
    target: str, *, language: Language = "en", family: Family = "train", rng: np.random.Generator,
    size_mm: float | None = None, severity: str | None = None, traits: tuple[str, ...] | None = None, is_query: bool = False,
    is_negated: bool = False,
) -> Statement:  # fmt: skip
    """Return a sentence about a landmark or finding with its structured truth.

    Parameters
    ----------
    target : str
    language, family, rng, size_mm, is_query
        As in `sentences.sentence_for`.
    severity, traits
        Truth of the finding; no adjective contradicts them. None: not known.
    is_negated : bool
        Whether to deny the finding (a fifth of the denials say that it is gone), or to say that the landmark is not in the scan.
    """
    words = words_of(target, language)
    is_finding = split_target(target)[0] in FINDINGS
    has_place = bool(words.place_in.train)
    can_size = is_finding and size_mm is not None and words.size_mm is not None and not is_negated
    with_size = can_size and bool(rng.random() < _SIZE_SHARE)
    bank = "landmark"
    if is_finding:
        bank = ("placed" if has_place else "unplaced") + ("_size" if with_size else "")
    elif is_negated:
        bank = "outside"
    noun, frame = pair_of_family(words.nouns, frames_of(language, bank, is_query), family, rng)
    adjectives = fitting_adjectives(words.adjectives, language, severity, traits)
    adjective = pick(adjectives, rng) if is_finding and adjectives and rng.random() < _ADJECTIVE_SHARE else ""
    denied_frame = denial_of(frame, language, family) if is_finding else frame
    if is_negated and is_finding and rng.random() < _RESOLVED_SHARE:
        denied_frame = pick(_of(templates(language, "resolved"), family), rng)
        denied_frame = denied_frame if has_place else _without_place(denied_frame)
    size = size_phrase(float(size_mm), language, rng) if with_size and size_mm is not None else ""
    places = (float(rng.random()), float(rng.random()), float(rng.random()))
    plan = _Plan(words.nouns.all.index(noun), frame, adjective, places, size, denied_frame)
    return _stated(plan, target, language, family, is_negated, size_mm if with_size else None)


def _stated(
    plan: _Plan, target: str, language: Language, family: Family, is_negated: bool, size_mm: float | None
) -> Statement:
    is_finding = split_target(target)[0] in FINDINGS
    said = plan.denied_frame if is_negated else plan.frame
    return Statement(
        text=_text(plan, target, language, family, denied=is_negated),
        language=language,
        family=family,
        target=target,
        side=side_of(target),
        is_negated=is_negated,
        is_prior=is_finding and bool(_PRIOR.search(said)),
        is_uncertain=is_finding and not is_negated and bool(_UNCERTAIN.search(said)),
        is_localizable=not is_negated,
        size_mm=size_mm,
        topic="finding" if is_finding else "landmark",
        plan=plan,
    )


def _of(items: Split, family: Family) -> tuple[str, ...]:
    return items.train if family == "train" else items.test if family == "test" else items.all


def contrasts(statement: Statement) -> dict[Contrast, Statement]:
    """Return the sentences that say the same but for one thing: "side", "negation", "lobe" (or vertebra, pole), "size".

    Only those that make sense for the sentence are there; one that would read the same is left out.
    """
    plan, target = statement.plan, statement.target
    if plan is None or target is None:
        return {}
    language, family = statement.language, statement.family
    out: dict[Contrast, Statement] = {}
    mirrored, neighbour = _mirrored(target), _neighbour(target)
    if mirrored is not None:
        out["side"] = _stated(plan, mirrored, language, family, statement.is_negated, statement.size_mm)
    if neighbour is not None:
        out["lobe"] = _stated(plan, neighbour, language, family, statement.is_negated, statement.size_mm)
    if split_target(target)[0] in FINDINGS:
        out["negation"] = _stated(plan, target, language, family, not statement.is_negated, statement.size_mm)
    if statement.size_mm is not None:
        other = statement.size_mm * (2.5 if statement.size_mm < 25 else 0.4)
        rng = np.random.default_rng(round(statement.size_mm * 10))
        other_plan = replace(plan, size=size_phrase(other, language, rng))
        out["size"] = _stated(other_plan, target, language, family, statement.is_negated, other)
    return {name: other for name, other in out.items() if other.text.lower() != statement.text.lower()}


def unlocatable_statement(
    language: Language = "en", *, family: Family = "train", rng: np.random.Generator
) -> Statement:
    """Return a sentence that points at no slice of any chest or abdomen scan, with its kind in `topic`.

    Kinds: technique, comparison, history, recommendation, quality, administration, summary, elsewhere (organs that no such scan
    holds), off_topic, general.
    """
    banks = read_words(f"nonlocal_{language}")
    topic = pick((*banks, "general"), rng)
    if topic == "general":
        text = general_sentence(language, family=family, rng=rng)
    else:
        text = general_sentence(language, family=family, rng=rng, bank=_of(Split.of(banks[topic]), family))
    return Statement(text, language, family, None, is_localizable=False, topic=topic, is_prior=topic == "comparison")
