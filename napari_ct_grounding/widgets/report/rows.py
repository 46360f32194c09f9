"""A report as rows: each sentence with the references that stand in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from napari_ct_grounding.core.errors import InputError, SentenceError
from napari_ct_grounding.core.references import ImageReference, find_references
from napari_ct_grounding.core.report import ReportSentence, split_report
from napari_ct_grounding.core.sentences import clean_sentence

__all__ = ["ReportRow", "row_from", "rows_of"]


@dataclass(frozen=True)
class ReportRow:
    """One sentence of a report.

    Parameters
    ----------
    sentence : ReportSentence
    references : tuple of ImageReference
        Those that stand in the sentence; `start` and `end` count in the text that was split.
    """

    sentence: ReportSentence
    references: tuple[ImageReference, ...] = ()

    @property
    def prompt(self) -> str | None:
        """What the session is asked, and the key of its answer; None where the sentence cannot be asked."""
        try:
            return clean_sentence(self.sentence.text)
        except SentenceError:
            return None

    @property
    def words(self) -> tuple[str, ...]:
        """What the parser recognised, in the words that the user reads; a faded sentence has at least one."""
        sentence = self.sentence
        flags = (
            ("negated", sentence.is_negated),
            ("normal", sentence.is_normal and not sentence.is_negated),
            ("prior study", sentence.is_prior and not self.has_place),
            ("compared", sentence.is_prior and self.has_place),
            ("uncertain", sentence.is_uncertain),
        )
        words = tuple(word for word, is_set in flags if is_set)
        return words or (() if self.has_place else ("no place",))

    @property
    def has_place(self) -> bool:
        """Whether the sentence speaks of something on some slices of this study, or names such slices itself."""
        return self.sentence.is_localizable or any(not reference.is_prior for reference in self.references)

    @property
    def is_faded(self) -> bool:
        """Whether there is nothing to look at in this study: denied, normal, of an earlier study only, or without a place."""
        return self.sentence.is_negated or self.sentence.is_normal or not self.has_place

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "sentence": dataclasses.asdict(self.sentence),
            "references": [
                {**dataclasses.asdict(reference), "images": list(reference.images)} for reference in self.references
            ],
        }


def rows_of(text: str, section: str | None = None) -> tuple[ReportRow, ...]:
    """Return the rows of a report, or of what stands now in place of one of its sentences.

    Parameters
    ----------
    text : str
    section : str, optional
        The section that the text belongs to; by default its own headings say so.
    """
    sentences = split_report(text)
    if section is not None:
        sentences = [replace(sentence, section=section) for sentence in sentences]
    # All at once: "series 4" of one sentence holds for "image 38" of the next.
    references = find_references(text)
    return tuple(ReportRow(sentence, _within(sentence, references)) for sentence in sentences)


def _within(sentence: ReportSentence, references: Sequence[ImageReference]) -> tuple[ImageReference, ...]:
    return tuple(entry for entry in references if sentence.start <= entry.start < sentence.end)


def row_from(record: Any) -> ReportRow:
    """Return the row of which `record` is the plain form.

    Raises
    ------
    InputError
        When it is none.
    """
    try:
        references = tuple(
            ImageReference(**{**entry, "images": tuple(entry["images"])}) for entry in record["references"]
        )
        row = ReportRow(ReportSentence(**record["sentence"]), references)
    except (TypeError, KeyError) as error:
        raise InputError("The saved report is damaged or of another version. Paste the report again.") from error
    if not isinstance(row.sentence.text, str):
        raise InputError("The saved report is damaged: a sentence is no text. Paste the report again.")
    return row
