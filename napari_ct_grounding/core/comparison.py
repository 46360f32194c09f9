"""The answers of two weights to the same sentences about the same scan: where they differ, and by how much."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_ct_grounding.core.results import GroundingResult

__all__ = ["ComparedAnswers", "ComparisonSummary", "compare_answers", "comparison_table", "summary_of"]

_COLUMNS = (
    "sentence", "first z mm", "second z mm", "difference mm", "first interval low mm", "first interval high mm",
    "second interval low mm", "second interval high mm", "first score", "second score", "verdict",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ComparedAnswers:
    """One sentence, answered by the first and by the second weights."""

    first: GroundingResult
    second: GroundingResult

    @property
    def sentence(self) -> str:
        """What both were asked."""
        return self.first.sentence

    @property
    def is_conflict(self) -> bool:
        """Whether one finds a clear location and the other does not."""
        return self.first.has_location != self.second.has_location

    @property
    def difference_mm(self) -> float | None:
        """How much further towards the head the second place lies; None unless both find one."""
        if self.first.has_location and self.second.has_location:
            return self.second.z_mm - self.first.z_mm
        return None

    @property
    def is_apart(self) -> bool:
        """Whether the places differ by more than the coarser model's depth position, the least that it can tell."""
        difference = self.difference_mm
        return difference is not None and abs(difference) > max(self.first.depth_width_mm, self.second.depth_width_mm)

    @property
    def verdict(self) -> str:
        """In one or two words what became of the sentence."""
        if self.is_conflict:
            return "only the first finds a place" if self.first.has_location else "only the second finds a place"
        if self.difference_mm is None:
            return "neither finds a place"
        return "apart" if self.is_apart else "agree"


@dataclass(frozen=True)
class ComparisonSummary:
    """All sentences together.

    Parameters
    ----------
    num_sentences, num_conflicts, num_apart : int
    median_mm : float or None
        Median distance of the two places, over the sentences for which both find one; None where there are none.
    """

    num_sentences: int
    num_conflicts: int
    num_apart: int
    median_mm: float | None


def compare_answers(first: Iterable[GroundingResult], second: Iterable[GroundingResult]) -> list[ComparedAnswers]:
    """Return the sentences that both answered, the greatest disagreement first.

    Conflicts (one finds a place, the other none) come first, then places by their distance, then what neither places.
    Sentences of equal disagreement keep the order of `first`.
    """
    others = {result.sentence: result for result in second}
    pairs = [ComparedAnswers(result, others[result.sentence]) for result in first if result.sentence in others]
    return sorted(pairs, key=_agreement)


def summary_of(compared: Sequence[ComparedAnswers]) -> ComparisonSummary:
    """Return the figures of all sentences together."""
    distances = [abs(pair.difference_mm) for pair in compared if pair.difference_mm is not None]
    return ComparisonSummary(
        num_sentences=len(compared),
        num_conflicts=sum(pair.is_conflict for pair in compared),
        num_apart=sum(pair.is_apart for pair in compared),
        median_mm=float(np.median(distances)) if distances else None,
    )


def comparison_table(
    compared: Sequence[ComparedAnswers], first_name: str, second_name: str, delimiter: str = ","
) -> str:
    """Return the sentences as CSV (or, with a tab, for a spreadsheet) with a head that names the weights."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow([name.replace("first", first_name).replace("second", second_name) for name in _COLUMNS])
    for pair in compared:
        difference = pair.difference_mm
        writer.writerow(
            [
                pair.sentence,
                *(f"{result.z_mm:.1f}" if result.has_location else "" for result in (pair.first, pair.second)),
                "" if difference is None else f"{difference:.1f}",
                *(end for result in (pair.first, pair.second) for end in _interval(result)),
                *(f"{result.score:.3f}" for result in (pair.first, pair.second)),
                pair.verdict.replace("the first", first_name).replace("the second", second_name),
            ]
        )
    return text.getvalue()


def _interval(result: GroundingResult) -> tuple[str, str]:
    low, high = result.interval_mm
    return (f"{low:.1f}", f"{high:.1f}") if result.has_location else ("", "")


def _agreement(pair: ComparedAnswers) -> tuple[int, float]:
    if pair.is_conflict:
        return 0, 0.0
    return (2, 0.0) if pair.difference_mm is None else (1, -abs(pair.difference_mm))
