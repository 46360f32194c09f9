"""How far answers lie from the truth: the figures that sum up rows of a results file.

The error of a row is the distance (mm) along z from the predicted place to the true range, 0 inside it. Rows that failed, and
rows that nobody knows the truth of, have no error: they are counted and left out. Answers of "no clear location" have a best
guess, whose error counts like any other; their number is told, too. An empty set has no mean, median or share: None, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.error_rows import ErrorRow

__all__ = ["NO_CATEGORY", "ErrorColumns", "ErrorSummary", "GroupError"]

#: What rows without a category are called.
NO_CATEGORY = "(no category)"


@dataclass(frozen=True)
class ErrorSummary:
    """Figures of a choice of rows; see the module for what is left out.

    Parameters
    ----------
    num_rows, num_failed, num_without_truth, num_scored, num_scans : int
        Rows; those that failed; those answered whose truth nobody knows; those with an error; scans of the last.
    num_no_location : int
        Rows with an error whose answer was "no clear location".
    mean_mm, median_mm : float or None
        Over sentences, as in the paper: a scan with many weighs more.
    scan_mean_mm : float or None
        Mean within a scan, then over scans.
    within_12_mm, within_24_mm : float or None
        Share of the rows with an error, 0 to 1.
    interval_holds : float or None
        Share whose interval touches the true range.
    top_rank : float or None
        Share of rows with a profile at the truth in which no other position is more similar.
    num_ranked : int
        Rows that `top_rank` is taken over.
    """

    num_rows: int
    num_failed: int
    num_without_truth: int
    num_scored: int
    num_scans: int
    num_no_location: int
    mean_mm: float | None = None
    median_mm: float | None = None
    scan_mean_mm: float | None = None
    within_12_mm: float | None = None
    within_24_mm: float | None = None
    interval_holds: float | None = None
    top_rank: float | None = None
    num_ranked: int = 0


@dataclass(frozen=True)
class GroupError:
    """Errors of the rows of one category, or within one range of a quantity.

    Parameters
    ----------
    name : str
        Of a category; empty for a range.
    num : int
        Rows with an error.
    mean_mm, median_mm : float
    low, high : float
        Ends of the range.
    """

    name: str
    num: int
    mean_mm: float
    median_mm: float
    low: float = np.nan
    high: float = np.nan


class ErrorColumns:
    """The rows as arrays, so that figures of any choice among thousands are ready at once.

    Parameters
    ----------
    rows : sequence of ErrorRow

    Attributes
    ----------
    error_mm : (n,)
        NaN where there is none, as in all others.
    true_mm, predicted_mm : (n,)
        Middle of the true range, and the answer, both in mm above the lower end of what the model saw: world z of different scans
        begins anywhere, so that it cannot be compared.
    length_mm : (n,)
        Length of what the model saw.
    position : (n,)
        `true_mm` as a share of `length_mm`, 0 at the feet's end to 1.
    rank, num_positions : (n,)
        Of the truth.
    """

    def __init__(self, rows: Sequence[ErrorRow]) -> None:
        num = len(rows)
        self.error_mm, self.true_mm, self.predicted_mm, self.length_mm, self.rank, self.num_positions = np.full(
            (6, num), np.nan
        )
        self.is_failed, self.has_location, self.interval_holds = np.zeros((3, num), dtype=bool)
        scans: dict[tuple[str, str | None, int | None], int] = {}
        self.scan = np.array([scans.setdefault(row.scan_key, len(scans)) for row in rows], dtype=np.intp)
        self.category = np.array([row.case.category or NO_CATEGORY for row in rows], dtype=object)
        for index, row in enumerate(rows):
            self._fill(index, row)
        with np.errstate(invalid="ignore", divide="ignore"):
            self.position = np.where(self.length_mm > 0, self.true_mm / self.length_mm, np.nan)

    def _fill(self, index: int, row: ErrorRow) -> None:
        result = row.prediction
        if result is None:
            self.is_failed[index] = True
            return
        low, high = result.covered_mm
        self.has_location[index] = result.has_location
        self.predicted_mm[index], self.length_mm[index] = result.z_mm - low, high - low
        if row.truth_mm is None or row.error_mm is None:
            return
        self.error_mm[index] = row.error_mm
        self.true_mm[index] = sum(row.truth_mm) / 2 - low
        self.interval_holds[index] = (
            result.interval_mm[0] <= row.truth_mm[1] and row.truth_mm[0] <= result.interval_mm[1]
        )
        if row.truth_rank is not None:
            self.rank[index], self.num_positions[index] = row.truth_rank.rank, row.truth_rank.num_positions

    def summary(self, chosen: NDArray[np.intp] | None = None) -> ErrorSummary:
        """Return the figures of the rows with these indices; of all by default."""
        chosen = np.arange(len(self.error_mm)) if chosen is None else np.asarray(chosen, dtype=np.intp)
        scored = self._scored(chosen)
        errors, num_failed = self.error_mm[scored], int(self.is_failed[chosen].sum())
        counts = ErrorSummary(
            num_rows=len(chosen),
            num_failed=num_failed,
            num_without_truth=len(chosen) - num_failed - len(scored),
            num_scored=len(scored),
            num_scans=len(np.unique(self.scan[scored])),
            num_no_location=int((~self.has_location[scored]).sum()),
        )
        if not len(scored):
            return counts
        _, scan = np.unique(self.scan[scored], return_inverse=True)
        ranks = self.rank[scored][np.isfinite(self.rank[scored])]
        return ErrorSummary(
            **{name: getattr(counts, name) for name in counts.__dataclass_fields__ if name.startswith("num_")}
            | {"num_ranked": len(ranks)},
            mean_mm=float(errors.mean()),
            median_mm=float(np.median(errors)),
            scan_mean_mm=float((np.bincount(scan, errors) / np.bincount(scan)).mean()),
            within_12_mm=float((errors <= 12).mean()),
            within_24_mm=float((errors <= 24).mean()),
            interval_holds=float(self.interval_holds[scored].mean()),
            top_rank=float((ranks == 1).mean()) if len(ranks) else None,
        )

    def by_category(self, chosen: NDArray[np.intp]) -> list[GroupError]:
        """Return the errors of each category, the one with the largest mean first."""
        scored = self._scored(chosen)
        names = self.category[scored]
        groups = [_group(self.error_mm[scored[names == name]], str(name)) for name in sorted(set(names))]
        return sorted(groups, key=lambda group: (-group.mean_mm, group.name))

    def by_quantity(
        self, values: NDArray[np.float64], chosen: NDArray[np.intp], num_groups: int = 5
    ) -> list[GroupError]:
        """Return the errors within ranges of a quantity (n,) that hold about equally many rows each."""
        scored = self._scored(chosen)
        scored = scored[np.isfinite(values[scored])]
        if not len(scored):
            return []
        known = values[scored]
        edges = np.unique(np.quantile(known, np.linspace(0, 1, num_groups + 1)))
        if len(edges) == 1:
            return [_group(self.error_mm[scored], "", edges[0], edges[0])]
        place = np.clip(np.searchsorted(edges, known, side="right") - 1, 0, len(edges) - 2)
        return [
            _group(self.error_mm[scored[place == i]], "", edges[i], edges[i + 1])
            for i in range(len(edges) - 1)
            if (place == i).any()
        ]

    def _scored(self, chosen: NDArray[np.intp]) -> NDArray[np.intp]:
        return chosen[np.isfinite(self.error_mm[chosen])]


def _group(errors: NDArray[np.float64], name: str, low: float = np.nan, high: float = np.nan) -> GroupError:
    return GroupError(name, len(errors), float(errors.mean()), float(np.median(errors)), float(low), float(high))
