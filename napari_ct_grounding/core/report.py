"""A report cut into sentences, each with what it is: denied, normal, uncertain, about an earlier study, worth grounding."""

from __future__ import annotations

import re
from dataclasses import dataclass

from napari_ct_grounding.core.report_sections import sections
from napari_ct_grounding.core.sentence_bounds import sentence_bounds
from napari_ct_grounding.core.statement_kinds import kinds_of

__all__ = ["ReportSentence", "split_report"]

#: Sections whose sentences may be about what the images show.
_SHOWING = ("", "findings", "impression")
#: A line at least as long may have been wrapped by a program; a shorter one was ended by a person.
_WRAPPED_FROM = 60
_MARKER = re.compile(r"[ \t]*(?:[-–—•*·>+]+|\(?\d{1,2}[.)]|[a-h]\))(?=\s)[ \t]*")  # noqa: RUF001


@dataclass(frozen=True)
class ReportSentence:
    """One sentence of a report.

    Parameters
    ----------
    text : str
        White space folded, marks of lists left out.
    section : str
        "findings", "impression", "technique", "history", "comparison", "recommendation"; "" where no heading says.
    is_negated : bool
        Whether it denies what it speaks of ("No pleural effusion.") and affirms no finding beside it.
    is_prior : bool
        Whether it speaks of an earlier study, or compares with one ("unchanged"); the finding may well be on the present images.
    is_localizable : bool
        Whether it speaks of something that can be pointed at on some slices of this scan: a finding or an organ, not denied.
    start, end : int
        Where it stands in the report: ``report[start:end]``.
    is_normal : bool
        Whether it calls something normal ("The spleen is unremarkable.") and affirms no finding beside it.
    is_uncertain : bool
        Whether it says so carefully ("possible", "V. a.", "cannot be excluded").
    """

    text: str
    section: str
    is_negated: bool
    is_prior: bool
    is_localizable: bool
    start: int
    end: int
    is_normal: bool = False
    is_uncertain: bool = False


def split_report(text: str) -> list[ReportSentence]:
    """Return the sentences of a report in English or German, in order; headings are no sentences.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of ReportSentence
    """
    out = []
    for section in sections(text):
        for low, high in _blocks(text, section.start, section.end):
            for start, end in sentence_bounds(text, low, high):
                sentence = " ".join(text[start:end].split())
                if not any(character.isalpha() for character in sentence):
                    continue
                kinds = kinds_of(sentence)
                is_shown = section.name in _SHOWING
                out.append(
                    ReportSentence(
                        text=sentence,
                        section=section.name,
                        is_negated=kinds.is_negated,
                        is_prior=kinds.is_prior or section.name == "comparison",
                        is_localizable=kinds.is_localizable and is_shown,
                        start=start,
                        end=end,
                        is_normal=kinds.is_normal,
                        is_uncertain=kinds.is_uncertain,
                    )
                )
    return out


def _blocks(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return runs of lines that a sentence may run across: items of a list and paragraphs, marks of lists left out."""
    blocks: list[tuple[int, int]] = []
    is_open, previous = False, ""
    place = start
    for line in text[start:end].splitlines(keepends=True):
        low, high = place, place + len(line)
        place = high
        marker = _MARKER.match(line)
        low += marker.end() if marker else 0
        words = text[low:high].strip()
        if not words:
            is_open = False
            continue
        if is_open and not marker and (len(previous) >= _WRAPPED_FROM or words[0].islower() or previous[-1] in ",(-/&"):
            blocks[-1] = (blocks[-1][0], high)
        else:
            blocks.append((low, high))
        previous = line.strip()
        is_open = True
    return blocks
