"""Rows of a file of localization results, whatever its version: what was asked, answered, and how far off it was."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from napari_ct_grounding.core.localization_results import LocalizationCase, LocalizationResults
from napari_ct_grounding.core.results import GroundingResult

__all__ = ["ErrorRow", "OpenedErrors", "TruthRank", "error_rows", "rank_of_truth"]


@dataclass(frozen=True)
class TruthRank:
    """Where the truth stands among the depth positions, by similarity.

    Parameters
    ----------
    rank : int
        1 when no position outside the truth is more similar than the best one inside.
    num_positions : int
        Depth positions that lie in the scan.
    """

    rank: int
    num_positions: int


@dataclass(frozen=True, eq=False)
class ErrorRow:
    """One question with its answer.

    Parameters
    ----------
    number : int
        Place in the file, from 1.
    case : LocalizationCase
    prediction : GroundingResult or None
        None where it failed.
    message : str or None
        Why it failed.
    volume_fingerprint : str or None
        Of the scan that was read.
    truth_mm : tuple of float or None
        Lower and upper end of the true range.
    error_mm : float or None
    is_in_world : bool
        Whether positions are world z (RAS+ mm). False for files that count depth positions from the lowest one that the released
        chain keeps: their mm begin there, and `released_positions.placed_in_scan` gives them their place once the scan is known.
    """

    number: int
    case: LocalizationCase
    prediction: GroundingResult | None = None
    message: str | None = None
    volume_fingerprint: str | None = None
    truth_mm: tuple[float, float] | None = None
    error_mm: float | None = None
    is_in_world: bool = True

    @property
    def status(self) -> str:
        """In the words that a filter offers."""
        if self.prediction is None:
            return "failed"
        if self.truth_mm is None:
            return "no truth"
        return "done" if self.prediction.has_location else "no clear location"

    @property
    def scan_key(self) -> tuple[str, str | None, int | None]:
        """What tells one scan from another."""
        return self.case.scan, self.case.series, self.case.frame

    @cached_property
    def truth_rank(self) -> TruthRank | None:
        """Rank of the truth in the profile; None where either is missing, or the truth lies where the model did not look."""
        if self.prediction is None or self.truth_mm is None:
            return None
        return rank_of_truth(self.prediction, self.truth_mm)


@dataclass(frozen=True, eq=False)
class OpenedErrors:
    """The rows of a file, and what must be said about it.

    Parameters
    ----------
    rows : tuple of ErrorRow
    schema_version : int
    facts : tuple of str
        Weights, coverage, date: what the rows were made with.
    notes : tuple of str
        What a reader must know before trusting a figure.
    """

    rows: tuple[ErrorRow, ...]
    schema_version: int
    facts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def error_rows(results: LocalizationResults) -> tuple[ErrorRow, ...]:
    """Return the rows of a file of schema version 2."""
    rows = []
    for number, row in enumerate(results.rows, start=1):
        truth = row.case.truth
        is_known = truth is not None and truth.z_lo_mm is not None and truth.z_hi_mm is not None
        truth_mm = (truth.z_lo_mm, truth.z_hi_mm) if is_known else None  # type: ignore[union-attr]
        rows.append(
            ErrorRow(
                number,
                row.case,
                row.prediction,
                row.message,
                row.volume_fingerprint,
                truth_mm,  # type: ignore[arg-type]
                row.error_mm if is_known else None,
            )
        )
    return tuple(rows)


def rank_of_truth(result: GroundingResult, truth_mm: tuple[float, float]) -> TruthRank | None:
    """Return the rank of the truth among a profile's depth positions; None when the profile holds no position of it.

    The positions of the truth are those whose thickness touches the true range.
    """
    is_valid = np.isfinite(result.profile)
    half = result.depth_width_mm / 2
    is_true = is_valid & (result.depths_mm + half >= truth_mm[0]) & (result.depths_mm - half <= truth_mm[1])
    if not is_true.any():
        return None
    best = result.profile[is_true].max()
    is_better = is_valid & ~is_true & (np.nan_to_num(result.profile, nan=-np.inf) > best)
    return TruthRank(1 + int(is_better.sum()), int(is_valid.sum()))
