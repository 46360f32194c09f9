"""The parts that references are made of: the name of a series, the numbers of images, bare pairs."""

# Reports are written with dashes and multiplication signs.
# ruff: noqa: RUF001

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["ImageItem", "Numbers", "SeriesItem", "image_items", "is_measured", "numbers_at", "series_items"]

#: Longer runs are no range that a report means.
MAX_RANGE = 500

#: What turns a number into a measure, a time or a count: no image bears it.
_MEASURE = re.compile(
    r"\s*-?\s*(?:mm|cm|m|µm|ml|mls|l|cc|g|mg|kg|kv|kvp|mas|mgy|msv|hu|he|%|°|deg(?:rees?)?|grad|"
    r"s|sec|secs|seconds?|sek|sekunden?|min|mins|minutes?|minuten?|h|hr|hrs|hours?|std|stunden?|uhr|pm|a\.m|p\.m|"
    r"days?|d|tagen?|tage|weeks?|wochen?|months?|monaten?|monate|years?|jahren?|jahre|"
    r"jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?|sept?(?:ember)?|"
    r"o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)(?![\w])|\s*(?:[x×]|by|am(?=\s*\d))\s*\d|(?:st|nd|rd|th|er|fach|fold)\b|\s*(?:images?|slices?|bilder)\b|%",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d{1,4}(?![\w])(?![.,/:]\d)")
_FIRST = re.compile(r"\d{1,4}(?![\d])(?!\.\d)(?!,\d{1,2}\s*(?:mm|cm)\b)(?!(?!ff?\b)[A-Za-zÄÖÜäöüß_])")
_RANGE = re.compile(
    r"\s*(?:-|–|—|to|through|thru|until|bis(?:\s+zu[mr]?)?)\s*"
    r"(?:(?:images?|img\.?|im\.?|slices?|bild(?:er)?|schicht(?:en)?)\s*)?(?=\d)",
    re.IGNORECASE,
)
_COMMA = re.compile(r"\s*,\s*(?:(?:and|und|sowie|or|oder)\s+)?#?(?=\d)", re.IGNORECASE)
_AND = re.compile(r"\s*(?:&|\+|\band\b|\bund\b|\bsowie\b|\bor\b|\boder\b|\bbzw\.)\s*#?(?=\d)", re.IGNORECASE)
_DISPLAYED = re.compile(r"\s*(?:/|\bof\b|\bout of\b|\bvon\b)\s*(\d{1,4})(?![\w])(?![.,/:]\d)", re.IGNORECASE)
#: "Bild 38 f.", "38 ff.": and those behind it.
_FOLLOWING = re.compile(r"\s?ff?\b\.?(?!\w)")
_AFTER_LAST = re.compile(r"\s*(?:[.;:)\]]|,(?!\s*\d)|$|and\b|und\b|of\b|der\b|in\b|aus\b|from\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Numbers:
    """Image numbers as written from some place on: ``text[..., end]``."""

    images: tuple[int, ...]
    is_range: bool
    end: int
    num_displayed: int | None = None


@dataclass(frozen=True)
class SeriesItem:
    """A series by name. `number` is None where several are named at once; a weak one ("S 4") needs an image beside it."""

    number: int | None
    is_weak: bool
    start: int
    end: int


@dataclass(frozen=True)
class ImageItem:
    """Images by number; a weak one ("I 38", "Im. 38") needs a series beside it."""

    numbers: Numbers
    is_weak: bool
    start: int
    end: int


_COUNTED = r"(?:\s*-?\s*(?:no|nos|nr|numbers?|nummer)\b\.?)?\s*[:=]?\s*\#?\s*"
_SERIES = re.compile(
    rf"(?<![\w-])(?:(?P<strong>series|serien?|serie-nr\.?){_COUNTED}|(?P<weak>(?:ser?\b\.?|ser?(?=\d)|S\.?){_COUNTED}|\#\s*))"
    r"(?P<number>\d{1,4})(?![\w])(?![.,]\d)",
    re.IGNORECASE,
)
_IMAGE = re.compile(
    rf"(?<!\w)(?<![^\W\d]-)(?:(?P<strong>images?|imgs?\b\.?|imgs?(?=\d)|ima\b\.?|slices?|bild(?:er|ern|es)?|schicht(?:en)?)"
    rf"|(?P<weak>im\b\.?|im(?=\d)|i|b))(?P<space>{_COUNTED})(?=\d)",
    re.IGNORECASE,
)
_MORE_SERIES = re.compile(
    r"\s*(?:,|-|–|&|/|and|und|bis|to|through|sowie)\s*(?:series\s+|serie\s+)?\d{1,4}(?![\w:/])", re.IGNORECASE
)
#: "series/image 4/38": the pair behind it is no position among 38.
_LEGEND_BEFORE = re.compile(r"(?<!\w)(?:series|serien?|ser\.?|se\.?)\s*[/:]\s*$", re.IGNORECASE)


def is_measured(text: str, end: int) -> bool:
    """Whether the number that ends here is one of millimetres, minutes, months ..."""
    return _MEASURE.match(text, end) is not None


def series_items(text: str) -> Iterator[SeriesItem]:
    """Yield the series named in a text."""
    for found in _SERIES.finditer(text):
        if is_measured(text, found.end()) and not re.match(
            r"\s*(?:images?|slices?|bilder)\b", text[found.end() :], re.IGNORECASE
        ):
            continue
        number: int | None = int(found["number"])
        is_weak = found["strong"] is None
        if number == 0:
            continue
        more = _MORE_SERIES.match(text, found.end())
        if (
            more
            and not is_weak
            and not is_measured(text, more.end())
            and not text[more.end() :].lstrip().startswith(":")
        ):
            number = None
        yield SeriesItem(number, is_weak, found.start(), found.end())


def image_items(text: str) -> Iterator[ImageItem]:
    """Yield the images numbered in a text."""
    for found in _IMAGE.finditer(text):
        if _LEGEND_BEFORE.search(text, max(0, found.start() - 12), found.start()):
            continue
        is_weak = found["strong"] is None
        word = (found["strong"] or found["weak"]).rstrip(".").casefold()
        numbers = numbers_at(
            text, found.end(), is_plural=word in ("images", "imgs", "slices", "bilder", "bildern", "schichten")
        )
        if numbers is not None:
            yield ImageItem(numbers, is_weak, found.start(), numbers.end)


def numbers_at(text: str, start: int, *, is_plural: bool = False, may_be_displayed: bool = True) -> Numbers | None:
    """Return the image numbers that stand at `start`: one, a list, ranges; None where the number is of something else.

    After a singular ("image 38, 42") a list goes on only up to a number that nothing but a stop, a bracket or "and" follows, so
    that "image 38, 2 nodules" stays one image.
    """
    first = _FIRST.match(text, start)
    if first is None or not int(first[0]) or is_measured(text, first.end()):
        return None
    images: list[int] = [int(first[0])]
    end, is_range = first.end(), False
    if may_be_displayed and (shown := _DISPLAYED.match(text, end)):
        if is_measured(text, shown.end()) or int(shown[1]) < images[0]:
            return None
        return Numbers(tuple(images), False, shown.end(), int(shown[1]))
    if text[end : end + 1] in (":", "/") and text[end + 1 : end + 2].isdigit():
        return None  # a pair; it has rules of its own
    open_start = images[0]
    while True:
        separator = _RANGE.match(text, end)
        is_run = separator is not None
        separator = separator or _COMMA.match(text, end) or _AND.match(text, end)
        number = _NUMBER.match(text, separator.end()) if separator else None
        if number is None or not int(number[0]) or is_measured(text, number.end()):
            break
        value = int(number[0])
        if is_run:
            if not open_start < value <= open_start + MAX_RANGE:
                break
            images.extend(range(open_start + 1, value + 1))
            is_range = True
        else:
            goes_on = (
                _RANGE.match(text, number.end()) or _COMMA.match(text, number.end()) or _AND.match(text, number.end())
            )
            if not is_plural and not goes_on and not _AFTER_LAST.match(text, number.end()):
                break
            images.append(value)
        open_start, end = value, number.end()
    if len(images) == 1 and re.match(r"\s*[-–]\s*\d", text[end : end + 6]) and not is_range:
        return None  # "4-38" that is no range
    if following := _FOLLOWING.match(text, end):
        end = following.end()
    return Numbers(tuple(images), is_range, end)
