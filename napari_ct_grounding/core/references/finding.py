"""Find the references in a text: put the parts together, carry series over, tell earlier studies apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from napari_ct_grounding.core.references.earlier_study import names_earlier_study_behind, tense_before
from napari_ct_grounding.core.references.image_reference import ImageReference
from napari_ct_grounding.core.references.items import ImageItem, SeriesItem, image_items, series_items
from napari_ct_grounding.core.references.pairs import has_pair, pairs
from napari_ct_grounding.core.report_sections import section_bounds
from napari_ct_grounding.core.sentence_bounds import sentence_bounds

__all__ = ["find_references"]

_YEARS = range(1900, 2100)
_PLANE = r"(?:(?:axial|coronal|sagittal|transverse|axialen?|koronaren?|coronaren?|sagittalen?|transversalen?|key)\s+)?"
#: What may stand between "series 4" and "image 38" that belong together.
_SERIES_TO_IMAGE = re.compile(rf"\s*[,;:/.-]?\s*[(\[]?\s*(?:(?:on|at|in|auf|and)\s+)?{_PLANE}", re.IGNORECASE)
_IMAGE_OF_SERIES = re.compile(
    rf"\s*[(\[]?\s*(?:of|in|on|from|der|von|aus|auf|in\s+der|auf\s+der|of\s+the|in\s+the|on\s+the)\s+{_PLANE}",
    re.IGNORECASE,
)
_IMAGE_COMMA_SERIES = re.compile(rf"\s*[,/(\[]?\s*[(\[]?\s*{_PLANE}", re.IGNORECASE)
_LISTED = re.compile(r"\s*(?:[,;&/+]|and|und|sowie|to|bis|or|oder)\s*(?:(?:and|und)\s+)?", re.IGNORECASE)
_ORDINAL = re.compile(r"\.\s*[^\W\d_]")
#: Above this an image of "S 4, B 6" is no bronchus.
_LAST_BRONCHUS = 10


@dataclass(frozen=True)
class _Hit:
    """A reference on its way, and whether its own words name the series."""

    reference: ImageReference
    names_series: bool


def find_references(text: str, num_images_by_series: Mapping[int, int] | None = None) -> list[ImageReference]:
    """Return the references to images in a report, a section or a sentence, in the order of the text.

    Parameters
    ----------
    text : str
    num_images_by_series : mapping of int to int, optional
        SeriesNumber to number of images, where the study is known: bare pairs ("4/38") are then taken that fit, and only those.

    Returns
    -------
    list of ImageReference
    """
    images = list(image_items(text))
    if not images and not has_pair(text):
        return []
    sections = section_bounds(text)
    sentences = [bound for low, high in sections for bound in sentence_bounds(text, low, high)]
    hits = _joined(text, sorted([*series_items(text), *images], key=lambda item: (item.start, -item.end)))
    taken = [(hit.reference.start, hit.reference.end) for hit in hits]
    for pair in pairs(text, sentences, num_images_by_series):
        if not any(start < pair.numbers.end and pair.start < end for start, end in taken):
            found = ImageReference(
                pair.series, pair.numbers.images, pair.numbers.is_range, False, pair.start, pair.numbers.end, pair.rule
            )
            hits.append(_Hit(found, True))
    hits.sort(key=lambda hit: hit.reference.start)
    return _carried(text, _told_apart(text, hits, sentences), sections)


def _joined(text: str, items: list[SeriesItem | ImageItem]) -> list[_Hit]:
    """Give each image the series whose name stands beside it."""
    items = _without_overlaps(items)
    hits: list[_Hit] = []
    used: set[int] = set()
    leads_list = False  # whether the image before took its series from in front
    for index, item in enumerate(items):
        if not isinstance(item, ImageItem):
            continue
        before = items[index - 1] if index else None
        series, rule, start, end = _beside(text, items, index, used, leads_list)
        is_listed = isinstance(before, ImageItem) and _LISTED.fullmatch(text, before.end, item.start) is not None
        leads_list = rule == "series then image" or (leads_list and is_listed and not rule)
        if not rule and (item.is_weak or _is_year(text, item)):
            continue
        if rule and item.is_weak and _is_ordinal(text, item, start):
            continue
        numbers = item.numbers
        found = ImageReference(
            series, numbers.images, numbers.is_range, False, start, end, rule or "image alone", numbers.num_displayed
        )
        hits.append(_Hit(found, bool(rule)))
    return hits


def _without_overlaps(items: list[SeriesItem | ImageItem]) -> list[SeriesItem | ImageItem]:
    kept: list[SeriesItem | ImageItem] = []
    for item in items:
        if not kept or item.start >= kept[-1].end:
            kept.append(item)
    return kept


def _beside(
    text: str, items: list[SeriesItem | ImageItem], index: int, used: set[int], leads_list: bool
) -> tuple[int | None, str, int, int]:
    """Return (series, rule, start, end) of the image at `index`; the rule is "" where no series stands beside it."""
    item = items[index]
    before = items[index - 1] if index else None
    if (
        isinstance(before, SeriesItem)
        and before.number is not None
        and index - 1 not in used
        and _SERIES_TO_IMAGE.fullmatch(text, before.end, item.start)
    ):
        return before.number, "series then image", before.start, item.end
    # "image 38 and image 42 of series 4": both are of it.
    last = index
    while (
        last + 1 < len(items)
        and isinstance(items[last + 1], ImageItem)
        and _LISTED.fullmatch(text, items[last].end, items[last + 1].start)
    ):
        last += 1
    after = items[last + 1] if last + 1 < len(items) else None
    if isinstance(after, SeriesItem) and after.number is not None:
        is_of = _IMAGE_OF_SERIES.fullmatch(text, items[last].end, after.start) is not None
        is_beside = (
            last == index and not leads_list and _IMAGE_COMMA_SERIES.fullmatch(text, item.end, after.start) is not None
        )
        if is_of or is_beside:
            used.add(last + 1)
            return after.number, "image then series", item.start, after.end if last == index else item.end
    return None, "", item.start, item.end


def _is_year(text: str, item: ImageItem) -> bool:
    return any(image in _YEARS for image in item.numbers.images) and item.numbers.num_displayed is None


def _is_ordinal(text: str, item: ImageItem, start: int) -> bool:
    """Whether a weak image is none: "Serie 3 im 4. Segment", "S6, B6"."""
    word = text[item.start : item.end]
    if re.match(r"im\s", word, re.IGNORECASE) and _ORDINAL.match(text, item.end):
        return True
    is_bronchus = word[:1] in "bB" and max(item.numbers.images) <= _LAST_BRONCHUS
    return is_bronchus and text[start - 1 : start] not in ("(", "[")


def _told_apart(text: str, hits: list[_Hit], sentences: list[tuple[int, int]]) -> list[_Hit]:
    """Mark what belongs to an earlier study."""
    told: list[_Hit] = []
    bounds = iter(sentences)
    low, high = next(bounds, (0, len(text)))
    for hit in hits:
        start, end = hit.reference.start, hit.reference.end
        while start >= high:
            low, high = next(bounds, (high, len(text)))
        before = told[-1].reference if told and told[-1].reference.start >= low else None
        is_prior = names_earlier_study_behind(text, end, high) or tense_before(
            text, before.end if before else low, start
        )
        if is_prior is None:
            is_prior = before is not None and before.is_prior and _LISTED.fullmatch(text, before.end, start) is not None
        told.append(replace(hit, reference=replace(hit.reference, is_prior=is_prior)))
    return told


def _carried(text: str, hits: list[_Hit], sections: list[tuple[int, int]]) -> list[ImageReference]:
    """Give images without a series the one named before them in their section."""
    named = [item for item in series_items(text) if not item.is_weak]
    bounds = iter(sections)
    low, high = next(bounds, (0, len(text)))
    carried: dict[bool, int | None] = {}
    out = []
    place = 0
    inside = [(hit.reference.start, hit.reference.end) for hit in hits if hit.names_series]
    for hit in hits:
        reference = hit.reference
        while reference.start >= high:
            low, high = next(bounds, (high, len(text)))
            carried = {}
        while place < len(named) and named[place].start < reference.start:
            series = named[place]
            place += 1
            if series.start >= low and not any(start <= series.start < end for start, end in inside):
                # A series by itself ("on series 4 ...") is of the present study unless its words say otherwise.
                carried[bool(tense_before(text, _sentence_start(text, low, series.start), series.start))] = (
                    series.number
                )
        if hit.names_series:
            carried[reference.is_prior] = reference.series
        elif (series_before := carried.get(reference.is_prior)) is not None:
            reference = replace(reference, series=series_before, rule="series before")
        out.append(reference)
    return out


def _sentence_start(text: str, low: int, place: int) -> int:
    return sentence_bounds(text, low, place)[-1][0] if place > low and text[low:place].strip() else place
