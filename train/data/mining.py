"""Sentence-slice pairs out of one report: what its references point at, and those that were refused."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from napari_ct_grounding.core.reference_resolution import PlacedImage, resolve_reference
from napari_ct_grounding.core.references import ImageReference, find_references
from napari_ct_grounding.core.report import ReportSentence, split_report
from napari_ct_grounding.core.slice_table import SeriesTable
from train.data.mining_sources import MinedReport

__all__ = ["MinedPair", "RefusedReference", "mine_report"]

_WORD = re.compile(r"[^\W\d_]{3,}")
#: Words around a reference that say nothing once it is cut out.
_LEADING = re.compile(r"^(?:\W|(?:see|siehe|vgl|and|und|sowie|also|cf|e\.g|z\.\s?B)\b\.?)+", re.IGNORECASE)
_TRAILING = re.compile(
    r"(?:\s|[,;:(\[]|\b(?:see|siehe|vgl\.?|on|in|at|and|und|sowie|auf|of|von|der|cf\.?|e\.g\.|z\.\s?B\.))+$",
    re.IGNORECASE,
)
_EMPTY_BRACKETS = re.compile(r"[(\[]\s*(?:(?:see|siehe|s\.|vgl\.|cf\.|and|und|[,;/])\s*)*[)\]]", re.IGNORECASE)


@dataclass(frozen=True)
class MinedPair:
    """A sentence and the image that it points at; one line of ``pairs.parquet``.

    Parameters
    ----------
    report_id, study : str
    sentence : str
        What is said of the image: the sentence without references, and where it has several, the part that goes with this one.
    text : str
        The whole sentence as written.
    section : str
    is_negated, is_uncertain : bool
    volume : str
        Folder of the study, or the file that a sidecar names.
    series_key : str
        What ``read_volume(volume, series=...)`` takes.
    series_number, image_number : int or None
    sop_instance_uid, frame_of_reference : str
    slice : int
        Place of the image in its series by height, 0 = most inferior.
    z_mm : float
        World z of the image.
    z_lo_mm, z_hi_mm : float
        Of all images of the reference: a range, or a list of places.
    num_images : int
        How many images the reference names; each has a line of its own.
    rule : str
        By which the reference was found.
    start, end : int
        Where the reference stands in the report.
    """

    report_id: str
    study: str
    sentence: str
    text: str
    section: str
    is_negated: bool
    is_uncertain: bool
    volume: str
    series_key: str
    series_number: int | None
    image_number: int | None
    sop_instance_uid: str
    frame_of_reference: str
    slice: int
    z_mm: float
    z_lo_mm: float
    z_hi_mm: float
    num_images: int
    rule: str
    start: int
    end: int


@dataclass(frozen=True)
class RefusedReference:
    """A reference that gives no pair; one line of ``refused.parquet``.

    Parameters
    ----------
    report_id, study, text : str
    series_number : int or None
    images : list of int
    cause : str
        One word or two: "no such series" ...
    reason : str
        A sentence.
    num_candidates : int
        How many images may be meant.
    rule : str
    start, end : int
    """

    report_id: str
    study: str
    text: str
    series_number: int | None
    images: list[int]
    cause: str
    reason: str
    num_candidates: int
    rule: str
    start: int
    end: int


def mine_report(report: MinedReport, tables: Sequence[SeriesTable]) -> tuple[list[MinedPair], list[RefusedReference]]:
    """Return the pairs of a report and the references that were refused.

    Parameters
    ----------
    report : MinedReport
    tables : sequence of SeriesTable
        Of its study; none where the study is not there, and then every reference is refused.
    """
    references = find_references(report.text, _num_images(tables) or None)
    if not references:
        return [], []
    sentences = split_report(report.text)
    pairs: list[MinedPair] = []
    refused: list[RefusedReference] = []
    for reference, sentence, words in _with_words(report.text, references, sentences):
        resolution = resolve_reference(reference, tables)
        cause, reason = resolution.cause, resolution.reason
        if not tables and not reference.is_prior:
            cause, reason = "no study", "The study of the report is not among the studies."
        elif not cause and not all(placed.series.is_axial for placed in resolution.images):
            cause, reason = "not axial", "The image is not axial, so it has no one height."
        elif not cause and not words:
            cause, reason = "no words", "Nothing is said of the image."
        if cause or sentence is None:
            refused.append(
                RefusedReference(
                    report_id=report.report_id,
                    study=report.study,
                    text=sentence.text if sentence else "",
                    series_number=reference.series,
                    images=list(reference.images),
                    cause=cause or "no words",
                    reason=reason or "The reference stands in no sentence.",
                    num_candidates=len(resolution.candidates),
                    rule=reference.rule,
                    start=reference.start,
                    end=reference.end,
                )
            )
            continue
        pairs += [
            _pair(report, reference, sentence, words, placed, resolution.range_mm) for placed in resolution.images
        ]
    return pairs, refused


def _num_images(tables: Sequence[SeriesTable]) -> dict[int, int]:
    """How far the images of each series count: their number, or the highest image number where they do not begin at 1."""
    counts: dict[int, int] = {}
    for table in tables:
        if table.number is not None:
            highest = max((image.image_number or 0 for image in table.images), default=0)
            counts[table.number] = max(counts.get(table.number, 0), len(table.images), highest)
    return counts


def _pair(
    report: MinedReport, reference: ImageReference, sentence: ReportSentence, words: str, placed: PlacedImage,
    range_mm: tuple[float, float] | None,
) -> MinedPair:  # fmt: skip
    table, image = placed.series, placed.image
    heights = sorted(record.z_mm for record in table.images)
    low, high = range_mm or (image.z_lo_mm, image.z_hi_mm)
    return MinedPair(
        report_id=report.report_id,
        study=report.study,
        sentence=words,
        text=sentence.text,
        section=sentence.section,
        is_negated=sentence.is_negated,
        is_uncertain=sentence.is_uncertain,
        volume=table.volume,
        series_key=table.key,
        series_number=table.number,
        image_number=image.image_number,
        sop_instance_uid=image.sop_instance_uid,
        frame_of_reference=table.frame_of_reference,
        slice=bisect_right(heights, image.z_mm) - 1,
        z_mm=image.z_mm,
        z_lo_mm=low,
        z_hi_mm=high,
        num_images=len(reference.images),
        rule=reference.rule,
        start=reference.start,
        end=reference.end,
    )


def _with_words(
    text: str, references: Sequence[ImageReference], sentences: Sequence[ReportSentence]
) -> list[tuple[ImageReference, ReportSentence | None, str]]:
    """Give each reference its sentence and the words that go with it; a bare reference takes those of the sentence before."""
    starts = [sentence.start for sentence in sentences]
    by_sentence: dict[int, list[ImageReference]] = {}
    for reference in references:
        by_sentence.setdefault(bisect_right(starts, reference.start) - 1, []).append(reference)
    out: list[tuple[ImageReference, ReportSentence | None, str]] = []
    for place, own in by_sentence.items():
        if place < 0:
            out += [(reference, None, "") for reference in own]
            continue
        sentence = sentences[place]
        parts = _parts(text, sentence.start, sentence.end, own)
        before = sentences[place - 1] if place and sentences[place - 1].section == sentence.section else None
        if before is not None and not any(parts) and place - 1 not in by_sentence:
            sentence, parts = before, [_tidy(before.text)] * len(own)
        out += [(reference, sentence, words) for reference, words in zip(own, parts, strict=True)]
    return out


def _parts(text: str, start: int, end: int, references: Sequence[ImageReference]) -> list[str]:
    """Return the words of a sentence that go with each of its references.

    References stand behind what they belong to ("nodule (4:38), cyst (4:51)"), unless the sentence begins with one ("series 4,
    image 38: nodule; image 51: cyst"). A reference without words of its own shares those of the one before.
    """
    cuts = [
        start,
        *(edge for reference in references for edge in (reference.start, reference.end)),
        max(end, references[-1].end),
    ]
    gaps = [_tidy(text[low:high]) for low, high in list(pairwise(cuts))[::2]]
    if len(references) == 1:
        return [_tidy(text[start : cuts[1]] + " " + text[cuts[2] : end])]
    if not gaps[0]:
        own = gaps[1:]
    else:
        own = gaps[:-1]
        # What follows the last one goes on about it: "nodule (4:38) and node (4:51) in the left hilum".
        own[-1] = _tidy(text[cuts[-4] : cuts[-3]] + " " + text[cuts[-2] : cuts[-1]]) if own[-1] else own[-1]
    for place in range(1, len(own)):
        own[place] = own[place] or own[place - 1]
    return own


def _tidy(text: str) -> str:
    """Return what is left around references as words; "" where nothing is said."""
    folded = _EMPTY_BRACKETS.sub(" ", " ".join(text.split()))
    folded = re.sub(r"\s+([,.;:)\]])", r"\1", " ".join(folded.split()))
    for opening, closing in ("()", "[]"):
        if folded.count(opening) != folded.count(closing):
            folded = " ".join(folded.replace(opening, " ").replace(closing, " ").split())
    words = _LEADING.sub("", folded.strip())
    stop = words[-1:] if words[-1:] in (".", "!", "?") else ""
    words = _TRAILING.sub("", words.removesuffix(stop))
    return f"{words}{stop}" if _WORD.search(words) else ""
