"""The sections of a report: headings in English and German, on lines of their own or in front of a line."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["SECTION_NAMES", "Section", "section_bounds", "sections"]

#: Canonical name to what reports call it.
_HEADINGS: dict[str, tuple[str, ...]] = {
    "findings": (
        "findings?", "report", "description", "observations?", "befunde?", "befundbeschreibung", "beschreibung",
        "befundtext", "ct[- ]?befund", "findings? and impressions?", "befunde? und beurteilung",
    ),
    "impression": (
        "impressions?", "conclusions?", "summary", "assessment", "opinion", "diagnosis", "beurteilung", "zusammenfassung",
        "zusammenfassende beurteilung", "fazit", "diagnose", "bewertung", "gesamtbeurteilung", "einschätzung",
        "zusammenschau",
    ),
    "technique": (
        "techniques?", "procedure", "protocol", "examination", "exam", "contrast", "technik", "methode", "methodik",
        "methodik und technik", "untersuchungstechnik", "untersuchung", "ct-technik", "durchführung",
        "art der untersuchung", "kontrastmittel", "protokoll", "dose", "dosis", "radiation dose",
    ),
    "history": (
        "clinical information", "clinical history", "clinical data", "clinical details", "clinical question", "history",
        "indications?", "reason for (?:exam|examination|study)", "clinical indication", "question", "klinische angaben?",
        "klinische information(?:en)?", "klinik", "anamnese", "indikation", "rechtfertigende indikation", "fragestellung",
        "klinik und fragestellung", "klinische fragestellung", "klinische angaben/fragestellung", "angaben",
        "vorgeschichte",
    ),
    "comparison": (
        "comparisons?", "comparison studies", "prior studies", "previous examinations?", "vergleich",
        "voruntersuchung(?:en)?", "voraufnahmen?", "vergleichsuntersuchung(?:en)?", "vergleichsaufnahmen", "vu",
    ),
    "recommendation": (
        "recommendations?", "advice", "empfehlung(?:en)?", "procedere", "prozedere", "weiteres vorgehen",
    ),
}  # fmt: skip
SECTION_NAMES = tuple(_HEADINGS)
#: Sections that go on until the next heading; the others end at a blank line, too.
_LONG = ("findings", "impression")
_ANY = "|".join(f"(?P<{name}>{'|'.join(sorted(forms, key=len, reverse=True))})" for name, forms in _HEADINGS.items())
#: At the start of a line: with a colon, or alone on it; in the middle of one: behind a full stop, with colon and capital.
_HEADING = re.compile(
    rf"(?:^|(?P<inline>(?<=[.!?:]\s)))[ \t]*(?:[#*_>]{{0,3}}[ \t]*)(?:\d{{1,2}}[.)][ \t]*)?(?:{_ANY})"
    r"[*_]{0,2}[ \t]*(?P<end>:[*_]{0,2}|$)",
    re.IGNORECASE | re.MULTILINE,
)
_BLANK = re.compile(r"\n[ \t]*\n")


@dataclass(frozen=True)
class Section:
    """``text[start:end]`` is what stands under a heading; `name` one of `SECTION_NAMES`, "" where there is none."""

    name: str
    start: int
    end: int


def section_bounds(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of the sections of a text, headings left out."""
    return [(section.start, section.end) for section in sections(text)]


def sections(text: str) -> list[Section]:
    """Return the sections of a text in order; empty ones are left out.

    A heading in the middle of a line ("Comparison: none.") covers its sentence only, unless it is that of findings or impression.
    """
    out: list[Section] = []
    name, start = "", 0
    for found in _HEADING.finditer(text):
        heading = str(found.lastgroup if found.lastgroup in _HEADINGS else next(n for n in SECTION_NAMES if found[n]))
        is_inline = found["inline"] is not None
        if is_inline and (not found["end"] or not found[0].lstrip()[:1].isupper()):
            continue
        _close(out, text, name, start, found.start())
        if is_inline and heading not in _LONG:
            stop = re.compile(r"[.!?](?=\s|$)|\n").search(text, found.end())
            end = stop.end() if stop else len(text)
            _close(out, text, heading, found.end(), end)
            start = end
        else:
            name, start = heading, found.end()
    _close(out, text, name, start, len(text))
    return out


def _close(out: list[Section], text: str, name: str, start: int, end: int) -> None:
    """Append what a section holds; the short kinds give way to no section at a blank line."""
    if (
        name
        and name not in _LONG
        and (blank := _BLANK.search(text, start, end))
        and text[start : blank.start()].strip()
    ):
        _append(out, text, name, start, blank.start())
        name, start = "", blank.end()
    _append(out, text, name, start, end)


def _append(out: list[Section], text: str, name: str, start: int, end: int) -> None:
    if text[start:end].strip():
        out.append(Section(name, start, end))
