"""Which rows are shown: plain values in, a mask out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.error_rows import ErrorRow
from napari_ct_grounding.core.localization_error import NO_CATEGORY
from napari_ct_grounding.widgets.localization_errors.notes import CaseNote

__all__ = ["MISSING_SCAN", "NO_TAG", "STATUSES", "RowFilter", "accepted_rows"]

#: Choices beside those that the rows bring.
MISSING_SCAN, NO_TAG = "scan not found", "(no tag)"
STATUSES = ("done", "no clear location", "no truth", "failed", MISSING_SCAN)


@dataclass(frozen=True)
class RowFilter:
    """A wish; None and empty text ask for nothing.

    Parameters
    ----------
    text : str
        Words that must all occur, in any case, in the sentence, case, scan, category, message, tag or note.
    category, scan, status, tag : str or None
    low_mm, high_mm : float or None
        Of the error; rows without one are left out as soon as either is given.
    """

    text: str = ""
    category: str | None = None
    scan: str | None = None
    status: str | None = None
    tag: str | None = None
    low_mm: float | None = None
    high_mm: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every row passes."""
        return self == RowFilter(text=self.text) and not self.text.strip()


def accepted_rows(
    rows: Sequence[ErrorRow], notes: Sequence[CaseNote], is_missing: NDArray[np.bool_], wish: RowFilter
) -> NDArray[np.bool_]:
    """Return (n,) which rows pass."""
    accepted = np.ones(len(rows), dtype=bool)

    def narrow(passes: Sequence[bool] | NDArray[np.bool_]) -> None:
        np.logical_and(accepted, passes, out=accepted)

    words = wish.text.lower().split()
    if words:
        texts = [_searched(row, note) for row, note in zip(rows, notes, strict=True)]
        narrow([all(word in text for word in words) for text in texts])
    if wish.category is not None:
        narrow([(row.case.category or NO_CATEGORY) == wish.category for row in rows])
    if wish.scan is not None:
        narrow([row.case.scan == wish.scan for row in rows])
    if wish.status == MISSING_SCAN:
        narrow(is_missing)
    elif wish.status is not None:
        narrow([row.status == wish.status for row in rows])
    if wish.tag is not None:
        narrow([(note.tag or NO_TAG) == wish.tag for note in notes])
    if wish.low_mm is not None or wish.high_mm is not None:
        errors = np.array([np.nan if row.error_mm is None else row.error_mm for row in rows])
        low, high = wish.low_mm or 0.0, np.inf if wish.high_mm is None else wish.high_mm
        narrow((errors >= low) & (errors <= high))  # NaN passes neither
    return accepted


def _searched(row: ErrorRow, note: CaseNote) -> str:
    case = row.case
    parts = (case.sentence, case.case, case.scan, case.category or "", row.message or "", note.tag, note.text)
    return "\n".join(parts).lower()
