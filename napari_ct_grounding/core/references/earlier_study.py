"""Whether a reference points into an earlier study."""

from __future__ import annotations

import re

__all__ = ["names_earlier_study_behind", "tense_before"]

_STUDY = (
    r"(?:stud(?:y|ies)|ct|cta|ctpa|mri|pet|scans?|exams?|examinations?|imaging|images?|series|radiographs?|investigations?|one|"
    r"untersuchung(?:en)?|aufnahmen?|bilder|bildgebung)"
)
_DATE = (
    r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}[./]\d{4}|(?:19|20)\d\d|\w+ (?:19|20)\d\d|\d{1,2}\.? \w+ (?:19|20)\d\d)"
)
_NAMED = (
    rf"(?:(?:prior|previous|earlier|preceding|former|old|older|outside|comparison|last|vorherigen?|früheren?|letzten?|alten?|"
    rf"vorangegangenen?|auswärtigen?)\s+(?:chest\s+|abdominal\s+|thoracic\s+|comparison\s+)?{_STUDY}(?:\s+(?:of|from|dated|vom|von)\s+{_DATE})?"
    rf"|{_STUDY}\s+(?:of|from|dated|vom|von|aus)\s+{_DATE}"
    rf"|(?:voruntersuchung(?:en)?|vor-?ct|voraufnahmen?|vorbefund(?:e|es)?|vu|vergleichsuntersuchung|vor-?bilder(?:n)?)(?:\s+vom\s+{_DATE})?"
    rf"|{_DATE}\s+(?:study|ct|exam(?:ination)?|scan))"
)
#: "the study of March 2021 (" : the name of an earlier study with nothing but a bracket behind it.
_NAME_LAST = re.compile(rf"(?<!\w){_NAMED}(?:\s+(?:on|at|in|auf))?\s*[,:]?\s*[(\[]?\s*$", re.IGNORECASE)
_NAME_BEHIND = re.compile(
    rf"\s*[)\]]?\s*,?\s*(?:[(\[]\s*)?(?:of|in|on|from|auf|aus|von|in|im|der|des|at)\s+(?:the\s+|der\s+|den\s+|dem\s+)?(?:\w+\s+)?{_NAMED}"
    rf"|\s*[,(\[]?\s*(?:prior|previous|old|vu|voruntersuchung|vor-?ct|{_NAMED})\s*[)\]]",
    re.IGNORECASE,
)
#: Told of an earlier study from here on; not "previously described", which is how present findings are called.
_EARLIER = re.compile(
    rf"(?<!\w)(?:(?:previously|formerly|earlier|zuvor|ehemals|vormals|vorher|damals|früher|initially|initial)(?!\w)"
    rf"(?!\s+(?:described|seen|noted|known|identified|reported|mentioned|demonstrated|documented|biopsied|treated|visuali[sz]ed|"
    rf"shown|observed|characteri[sz]ed|measured|beschrieben\w*|bekannt\w*|genannt\w*)(?!\s+(?:on|at|in|auf)\b))"
    rf"|(?:prior|previous|vor)\s*:?\s*[(\[]?\s*$"
    rf"|(?:vu|voruntersuchung|vor-?ct|prior|previous)\s*:?\s*(?=\d+(?:[.,]\d+)?\s*[mc]m\b)"
    rf"|(?:on|in|at|auf|im|in\s+der|in\s+den|on\s+the|in\s+the|at\s+the|auf\s+den|auf\s+der)\s+{_NAMED})",
    re.IGNORECASE,
)
_PRESENT = re.compile(
    r"(?<!\w)(?:now|currently|today|presently|current|present (?:study|ct|scan|exam\w*)|new|newly|aktuell\w*|jetzt|heute|"
    r"nun|nunmehr|derzeit|gegenwärtig|neu\w*|heutigen?)(?!\w)",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r";|\bbut\b|\baber\b|\bwhile\b|\bwhereas\b|\bwährend\b|\bjedoch\b", re.IGNORECASE)


def tense_before(text: str, low: int, start: int) -> bool | None:
    """Return whether the words ``text[low:start]`` before a reference are of an earlier study; None where they do not say."""
    words = text[low:start]
    if _NAME_LAST.search(words):
        return True
    clause = 0
    for stop in _CLAUSE_END.finditer(words):
        clause = stop.end()
    told: bool | None = None
    place = -1
    for pattern, is_earlier in ((_EARLIER, True), (_PRESENT, False)):
        for cue in pattern.finditer(words, clause):
            if cue.start() > place:
                place, told = cue.start(), is_earlier
    return told


def names_earlier_study_behind(text: str, end: int, high: int) -> bool:
    """Whether the name of an earlier study follows a reference that ends at `end`: "... of the prior study"."""
    return _NAME_BEHIND.match(text, end, high) is not None
