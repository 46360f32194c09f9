"""What kind of statement a sentence of a report is, by the words it uses (English and German).

Denial has a scope: "no" and "kein" deny what follows up to "but" or "aber", "not seen" and "nicht nachweisbar" what stands
before. A sentence is negated when something is denied and no finding stands outside the scopes: "small nodule without
calcification" is not, "right upper lobe without nodule" is.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_ct_grounding.core.report_words import (
    ANATOMY,
    COMPARISON_ONLY,
    CONTRAST,
    DENIES_AFTER,
    DENIES_BEFORE,
    EARLIER,
    EARLIER_ONLY,
    ELSEWHERE,
    FINDING,
    NO_DENIAL,
    NORMAL,
    PLACELESS,
    UNCERTAIN,
    WHOLE_BODY,
)

__all__ = ["StatementKinds", "kinds_of"]


@dataclass(frozen=True)
class StatementKinds:
    """What a sentence is; see `report.ReportSentence`."""

    is_negated: bool
    is_normal: bool
    is_uncertain: bool
    is_prior: bool
    is_localizable: bool


def kinds_of(sentence: str) -> StatementKinds:
    """Return what kind of statement a sentence is."""
    sentence = sentence.lower()
    denied = _denied_spans(sentence)
    affirmed = [found for found in FINDING.finditer(sentence) if not _inside(found.start(), denied)]
    normal = NORMAL.search(sentence)
    is_normal = normal is not None and not [
        found for found in affirmed if not normal.start() <= found.start() < normal.end()
    ]
    is_negated = bool(denied) and not affirmed
    is_prior = EARLIER.search(sentence) is not None
    has_anatomy = ANATOMY.search(sentence) is not None
    is_pointing = bool(affirmed) or has_anatomy
    placeless = PLACELESS.search(sentence)
    # "Nodule in the lingula, follow-up recommended" points; "follow-up of the nodule is recommended" does not.
    is_told_first = placeless is not None and has_anatomy and bool(affirmed) and affirmed[0].start() < placeless.start()
    is_placeless = (
        (placeless is not None and not is_told_first)
        or ELSEWHERE.search(sentence) is not None
        or EARLIER_ONLY.search(sentence) is not None
        or (COMPARISON_ONLY.search(sentence) is not None and not affirmed)
        or (is_normal and WHOLE_BODY.search(sentence) is not None)
    )
    return StatementKinds(
        is_negated=is_negated,
        is_normal=is_normal,
        is_uncertain=not is_negated and UNCERTAIN.search(sentence) is not None,
        is_prior=is_prior,
        is_localizable=is_pointing and not is_negated and not is_placeless,
    )


def _denied_spans(sentence: str) -> list[tuple[int, int]]:
    """Return the parts of a sentence that are denied."""
    spared = [found.span() for found in NO_DENIAL.finditer(sentence)]
    spans = []
    for cue in DENIES_AFTER.finditer(sentence):
        if not _inside(cue.start(), spared):
            stop = CONTRAST.search(sentence, cue.end())
            spans.append((cue.start(), stop.start() if stop else len(sentence)))
    for cue in DENIES_BEFORE.finditer(sentence):
        if not _inside(cue.start(), spared):
            starts = [stop.end() for stop in CONTRAST.finditer(sentence, 0, cue.start())]
            spans.append((starts[-1] if starts else 0, cue.end()))
    return spans


def _inside(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)
