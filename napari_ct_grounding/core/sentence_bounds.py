"""Where the sentences of a text end, in English and German reports.

A full stop ends a sentence unless it belongs to an abbreviation ("V. a.", "Abb."), an ordinal ("im 4. Segment"), a date or a
decimal. Abbreviations that may stand last ("o. B.", "i. v.") end it where a word follows that begins sentences.
"""

# Lists of words stand in long rows.
# ruff: noqa: SIM905

from __future__ import annotations

import re

__all__ = ["sentence_bounds"]

#: Never last in a sentence.
_BOUND = frozenset(
    """dr drs prof mr mrs ms med dipl z ca bzw vgl s v a aa vv n nn mm lig art fig figs abb tab nr no nos max min mind insb
    insbes sog st th zn ggf evtl ggü gg dd pat geb inkl einschl exkl ser se im img imgs ima vs approx cf e i.e e.g i z.b
    z.n v.a u.a     d.h st.n st.p zzt zz resp ant post lat prox dist sup inf kran kaud susp chron max. path klin radiol
    anamn frgl unauff bek     vorbek vorbeschr nachw li re bds o p d u etwa abd thor lk lwk bwk hwk""".split()
)
#: May stand last: "KM i. v.", "Leber o. B.", "Zysten bds.", "etc.".
_MAYBE_LAST = frozenset("b v bds etc usw re li p al m a o jr sr i.v o.b p.o a.m p.m u.a s lk".split())
#: What a sentence begins with far more often than it goes on with.
_STARTERS = frozenset(
    """der die das ein eine kein keine keinerlei im in am an auf es zeichen nach kein nachweis unauffällig unauffällige
    regelrecht     regelrechte zustand z mit ohne bei beide links rechts leber milz pankreas nieren lunge lungen herz
    weiterhin sonst übrige kleine     kleiner kleines große mehrere multiple einzelne neu neue bekannte vorbestehende
    soweit stationär unverändert     the a an no there in on at this these both left right mild small large multiple few
    new stable unchanged lungs liver spleen     heart bones normal unremarkable within with without otherwise status
    also of""".split()
)
#: Abbreviations ("Mm.", "min.") that behind a figure are units, and may stand last.
_UNITS = frozenset(("mm", "min", "ms", "s"))
_FIGURE_LAST = re.compile(r"\d\s*$")
_ORDINAL_BEFORE = re.compile(
    r"\b(?:im|am|der|die|das|des|dem|den|vom|zum|zur|beim|ab|bis|und|oder|jeder|jede)\s+$", re.IGNORECASE
)
_ORDINAL_AFTER = re.compile(
    r"(?:Segment|Rippe|ICR|Interkostal|Zwischenrippen|Lenden|Brust|Hals|Sakral|BWK|LWK|HWK|Lebensj|Tag|Woche|Monat|Jahr|Grad|"
    r"Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Zyklus|Quartal|postop|Strahl|Zehe|Finger)"
)
#: Two letters that stand last more often than not.
_LAST_PAIR = re.compile(r"(?<!\w)(?:i\.\s?[vm]|p\.\s?o|s\.\s?c|o\.\s?B)\.$")
_STOP = re.compile(r"[.!?]+[\"'”»)\]]*(?=\s|$)|(?<=[a-zäöüß]{3})\.(?=[A-ZÄÖÜ][a-zäöüß]{2})")
_WORD_BEFORE = re.compile(r"([^\s(\[,;:/]*)$")
_WORD_AFTER = re.compile(r"\s*[(\[\"„]?([^\s.,;:)\]]*)")


def sentence_bounds(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Return (start, end) of the sentences in ``text[start:end]``, without white space at either end.

    Lines are not looked at: a line break counts as a space.
    """
    stop = len(text) if end is None else end
    bounds = []
    begin = start
    for mark in _STOP.finditer(text, start, stop):
        if (
            "." in mark[0]
            and len(mark[0].rstrip("\"'”»)]")) == 1
            and not _ends(text, begin, mark.start(), mark.end(), stop)
        ):
            continue
        bounds.append((begin, mark.end()))
        begin = mark.end()
    bounds.append((begin, stop))
    return [trimmed for low, high in bounds if (trimmed := _trimmed(text, low, high)) is not None]


def _trimmed(text: str, low: int, high: int) -> tuple[int, int] | None:
    part = text[low:high]
    kept = part.strip()
    if not kept:
        return None
    low += len(part) - len(part.lstrip())
    return low, low + len(kept)


def _ends(text: str, begin: int, dot: int, after: int, stop: int) -> bool:
    """Whether the full stop at `dot` ends a sentence that began at `begin`."""
    if not text[after:stop].strip():
        return True
    before = _WORD_BEFORE.search(text, begin, dot)
    word = before[1] if before else ""
    follower = _WORD_AFTER.match(text, after, stop)
    next_word = follower[1] if follower else ""
    key = word.casefold()
    if word.isdigit():
        return _number_ends(text, begin, dot - len(word), next_word)
    if key in _UNITS and _FIGURE_LAST.search(text, begin, dot - len(word)):
        return not next_word[:1].islower()
    if _LAST_PAIR.search(text, begin, dot + 1):
        return next_word[:1].isupper()
    if (len(word) == 1 and word.isalpha()) or key in _BOUND or key in _MAYBE_LAST:
        # "T. p." and initials, and the known ones.
        return key in _MAYBE_LAST and next_word.casefold() in _STARTERS and next_word[:1].isupper()
    return not next_word[:1].islower()


def _number_ends(text: str, begin: int, number: int, next_word: str) -> bool:
    if not text[begin:number].strip():
        return False  # "2. Nodule ...": the number of a list
    if next_word[:1].islower() or _ORDINAL_AFTER.match(next_word):
        return False
    is_ordinal = _ORDINAL_BEFORE.search(text, begin, number) is not None
    return not (is_ordinal and next_word[:1].isupper())
