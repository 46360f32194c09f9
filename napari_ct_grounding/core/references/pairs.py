"""Bare pairs, "4:38" and "4/38": references when something around them says so, and otherwise times, ratios, scores."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from napari_ct_grounding.core.references.items import Numbers, is_measured, numbers_at

__all__ = ["Pair", "has_pair", "pairs"]

_PAIR = re.compile(r"(?<![\w.,:/#°%-])(\d{1,4})(\s?)([:/])\s?(?=(\d{1,4})(?![\w%])(?!\s?[:/]\s?\d)(?![.,]\d))")
_SERIES_WORD = r"(?:series|serien?|ser\b\.?|se\b\.?)"
_IMAGE_WORD = r"(?:images?|imgs?\b\.?|im\b\.?|ima\b\.?|slices?|bild(?:er|ern)?|schicht(?:en)?)"
_LEGEND = re.compile(rf"(?<!\w){_SERIES_WORD}\s*([/:])\s*{_IMAGE_WORD}(?!\s*\d)", re.IGNORECASE)
_BEHIND_LEGEND = re.compile(rf"(?<!\w){_SERIES_WORD}\s*[/:]\s*{_IMAGE_WORD}\s*[:=]?\s*#?\s*[(\[]?\s*$", re.IGNORECASE)
_BEHIND_SERIES = re.compile(rf"(?<!\w){_SERIES_WORD}(?:\s*(?:no|nr)\.?)?\s*[:#]?\s*$", re.IGNORECASE)
_BEHIND_IMAGE = re.compile(rf"(?<!\w){_IMAGE_WORD}(?:\s*(?:no|nr)\.?)?\s*[:#]?\s*$", re.IGNORECASE)
_SHOWN = (
    r"(?:seen|shown|visible|appreciated|displayed|depicted|demonstrated|visuali[sz]ed|identified|noted|measured|"
    r"sichtbar|abgrenzbar|erkennbar|dargestellt)(?:\s+\w+)?\s+(?:on|at|in|auf)"
)
_POINTING = re.compile(
    rf"(?<!\w)(?:see|siehe|s\.|vgl\.|cf\.|compare|e\.\s?g\.,?|z\.\s?b\.|{_SHOWN})\s*[(\[]?\s*$", re.IGNORECASE
)
_ON = re.compile(r"(?<!\w)(?:on|auf)\s*$", re.IGNORECASE)
_LISTED = re.compile(r"\s*(?:[,;&+]|and|und|sowie)\s*(?:(?:and|und)\s+)?$", re.IGNORECASE)
_TERMINATED = re.compile(r"\s*(?:[.,;:)\]]|$|and\b|und\b|of\b|der\b|in\b)", re.IGNORECASE)
_CLOCK_BEFORE = re.compile(r"(?:\bat|\bum|\bgegen|\baround|\bsince|\bseit|\bab|\buntil|\bbis|\bby)\s*$", re.IGNORECASE)
_CLOCK_AFTER = re.compile(r"\s*(?:[ap]\.?m\b|uhr\b|h\b|hrs?\b|o'clock)", re.IGNORECASE)
_CLOCK_WORDS = re.compile(
    r"\b(?:inform|notif|call|phon|telefon|telephon|discuss|besproch|mitgeteilt|mitteilung|communicat|übermitt|befundüberm|paged|"
    r"uhr\b|o'clock|finali[sz]|freigabe|freigegeben|signed|signiert|transfer|verlegung|anruf|angerufen|arriv|started|begonnen|"
    r"injection|injektion|dictat|diktat|acquired at|aufnahmezeit|eingang|termin|appointment)",
    re.IGNORECASE,
)
_RATIO_WORDS = re.compile(
    r"\b(?:ratio|verhältnis|quotient|aspect|dilut|verdünn|pitch\b|odds|scale|maßstab|mixed|matrix|randomi)",
    re.IGNORECASE,
)
_GRADE_WORDS = re.compile(
    r"(?:\b(?:grade|grad|stage|stadium|score|gleason|segment|segmente|segments|category|kategorie|disc|level|bandscheibe|page|seite|"
    r"quality|ecog|nyha|spondylodes\w*|pressure|blutdruck|vision|visus|[lbh]wk|nodes positive|rippen?|ribs?|th|cycle|zyklus)"
    r"|-rads|qualität|befallen|positive?n?)\b",
    re.IGNORECASE,
)
_NODES = re.compile(r"\s*\)?\s*(?:positive|befallen|untersucht|nodes?\b|lymphknoten|lk\b|of\b|der\b)", re.IGNORECASE)
#: Pairs of smaller numbers are ratios and scores more often than early images.
SMALL = 5
_GRADES_UP_TO = 20


@dataclass(frozen=True)
class Pair:
    """A series and images written as a bare pair: ``text[start:numbers.end]``."""

    series: int
    numbers: Numbers
    start: int
    rule: str


def has_pair(text: str) -> bool:
    """Whether anything looks like a pair: a quick look before the careful one."""
    return _PAIR.search(text) is not None


def pairs(
    text: str, bounds: list[tuple[int, int]], num_images_by_series: Mapping[int, int] | None = None
) -> Iterator[Pair]:
    """Yield the pairs in a text that refer to images.

    Parameters
    ----------
    text : str
    bounds : list of (int, int)
        Of its sentences.
    num_images_by_series : mapping, optional
        How many images each series of the study has; a pair outside is none.
    """
    legends = {found[1] for found in _LEGEND.finditer(text)}
    sentences = iter(bounds)
    low, high = next(sentences, (0, len(text)))
    last: Pair | None = None
    for found in _PAIR.finditer(text):
        while found.start() >= high:
            low, high = next(sentences, (high, len(text)))
        series = int(found[1])
        numbers = numbers_at(text, found.end(), may_be_displayed=False)
        if numbers is None or not series:
            continue
        before = text[low : found.start()]
        rule = _rule_of(text, low, high, before, found, numbers, legends, num_images_by_series)
        if (
            not rule
            and last is not None
            and low <= last.numbers.end
            and _LISTED.fullmatch(text, last.numbers.end, found.start())
        ):
            rule = last.rule
        if rule:
            last = Pair(series, numbers, found.start(), rule)
            yield last


def _rule_of(
    text: str, low: int, high: int, before: str, found: re.Match[str], numbers: Numbers, legends: set[str],
    known: Mapping[int, int] | None,
) -> str:  # fmt: skip
    """Return the name of the rule by which a pair is a reference; "" where it is none."""
    end, series = numbers.end, int(found[1])
    if _BEHIND_LEGEND.search(before):
        return "pair behind series word"
    if _BEHIND_SERIES.search(before):
        return "pair behind series word" if _TERMINATED.match(text, end) else ""
    if _BEHIND_IMAGE.search(before):
        return "pair behind image word" if found[3] == ":" else ""
    if known is not None and not all(0 < image <= known.get(series, 0) for image in numbers.images):
        return ""
    if _is_something_else(text, low, high, before, found, numbers):
        return ""
    is_colon = found[3] == ":"
    in_brackets = _is_bracketed(text, low, high, found.start(), end)
    if found[3] in legends and in_brackets:
        return "pair under legend"
    if is_colon and _ON.search(before) and max(series, *numbers.images) > SMALL:
        return "pair behind pointing word"
    if _POINTING.search(before) and (is_colon or not _is_day(series, numbers.images[0])):
        return "pair behind pointing word"
    if in_brackets and known is not None:
        return "pair of known series"
    if in_brackets and is_colon and max(series, *numbers.images) > SMALL:
        return "pair in brackets"
    if known is not None and is_colon and not found[2] and _TERMINATED.match(text, end):
        return "pair of known series"
    return ""


def _is_bracketed(text: str, low: int, high: int, start: int, end: int) -> bool:
    opened = max(text.rfind("(", low, start), text.rfind("[", low, start))
    if opened < 0 or max(text.rfind(")", opened, start), text.rfind("]", opened, start)) > opened:
        return False
    head, tail = text[opened:start].rstrip(), text[end:high].lstrip()
    is_alone = (
        head[-1:] in "([,;"
        or _POINTING.search(head) is not None
        or re.search(r"\b(?:and|und|sowie|best)$", head) is not None
    )
    return is_alone and (tail[:1] in ")],;" or re.match(r"(?:and|und|sowie)\b", tail) is not None) and tail != ""


def _is_something_else(text: str, low: int, high: int, before: str, found: re.Match[str], numbers: Numbers) -> bool:
    """Whether it is a time, a ratio, a grade, a count of nodes."""
    first, second = int(found[1]), numbers.images[0]
    sentence, end = text[low:high], numbers.end
    if is_measured(text, end) or _RATIO_WORDS.search(sentence):
        return True
    if found[3] == ":":
        if _CLOCK_BEFORE.search(before) or _CLOCK_AFTER.match(text, end):
            return True
        minutes = found[4]
        is_clock = first <= 23 and len(minutes) == 2 and second <= 59
        return is_clock and _CLOCK_WORDS.search(sentence) is not None
    near = before[-30:]
    return (second <= _GRADES_UP_TO and _GRADE_WORDS.search(near) is not None) or _NODES.match(text, end) is not None


def _is_day(first: int, second: int) -> bool:
    return (first <= 12 and second <= 31) or (first <= 31 and second <= 12)
