"""Many sentences about many scans, each scan read and encoded once; what was done survives whatever happens next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from glob import escape
from pathlib import Path
from typing import Literal

from napari_ct_grounding.core.errors import Cancelled, GroundingError, InputError, SentenceError
from napari_ct_grounding.core.localization_results import (
    LocalizationCase,
    LocalizationResults,
    LocalizationRow,
    Truth,
    read_localization_results,
)
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.inference.case_list import CaseList, read_cases
from napari_ct_grounding.inference.session import EncodedVolume, GroundingSession
from napari_ct_grounding.model.base import Progress
from napari_ct_grounding.readers import read_volume

__all__ = ["ReadingOptions", "placed_truth", "run_batch"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReadingOptions:
    """How every scan of a batch is read; see `read_volume`."""

    uneven: Literal["refuse", "resample"] = "refuse"
    assume_hu: bool = False


def run_batch(
    cases: CaseList | Path,
    out: Path,
    session: GroundingSession,
    *,
    resume: bool = False,
    reading: ReadingOptions | None = None,
    on_scan: Progress | None = None,
    on_progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> LocalizationResults:
    """Ground every sentence of a list, write the results after every scan, and return them.

    A scan that cannot be read, or a sentence that cannot be encoded, becomes a failed row that says why, and the batch goes on.

    Parameters
    ----------
    cases : CaseList or Path
        From `read_cases`, or the CSV file for it.
    out : Path
        JSON file (`core.localization_results`). It always holds all scans finished so far, in the order of the list.
    session : GroundingSession
    resume : bool
        Go on with the results in `out`: rows done are taken over, failed ones are tried again.
    reading : ReadingOptions, optional
    on_scan : callable, optional
        ``on_scan(done, total)`` before the first scan and after each.
    on_progress : callable, optional
        ``on_progress(done, total)`` after each window of the scan in hand.
    cancel : callable, optional
        Asked between windows; returning True ends the batch.

    Raises
    ------
    InputError
        When the list cannot be used, `out` cannot be written, exists already (and `resume` is not set), or was made with
        other weights, coverage or precision.
    Cancelled
        When `cancel` said so. The scans finished by then are in `out`.
    """
    listed = cases if isinstance(cases, CaseList) else read_cases(cases)
    out = Path(out)
    results = LocalizationResults(
        session.weights_name, session.weights_fingerprint, session.coverage, session.precision
    )
    done = _done_before(out, results, resume)
    for partial in out.parent.glob(f".{escape(out.name)}.*.partial"):
        with suppress(OSError):
            partial.unlink()  # of a run that was killed while it wrote
    rows: list[LocalizationRow | None] = [done.get(case.question) for case in listed.cases]
    scans = _by_scan([index for index, row in enumerate(rows) if row is None], listed.cases)
    results = _written(results, rows, out)  # a place that cannot be written to is told now, not after the first hour
    for number, indices in enumerate(scans):
        if on_scan is not None:
            on_scan(number, len(scans))
        asked = [listed.cases[index] for index in indices]
        for index, row in zip(
            indices, _rows_of_scan(asked, listed.folder, session, reading, on_progress, cancel), strict=True
        ):
            rows[index] = row
        results = _written(results, rows, out)
    if on_scan is not None:
        on_scan(len(scans), len(scans))
    return results


def _done_before(out: Path, wanted: LocalizationResults, resume: bool) -> dict[tuple[object, ...], LocalizationRow]:
    """Rows of an earlier run that hold, by their question."""
    if not out.exists():
        return {}
    if not resume:
        raise InputError(f"{out.name} exists. Go on with it (--resume, or resume=True), or choose another name.")
    found = read_localization_results(out)
    for what in ("weights_fingerprint", "coverage", "precision"):
        if getattr(found, what) != getattr(wanted, what):
            raise InputError(
                f"{out.name} was made with the {what.replace('_', ' ')} {getattr(found, what)!r}, not "
                f"{getattr(wanted, what)!r}; results of both cannot stand in one file. Choose another name."
            )
    return {row.case.question: row for row in found.rows if row.prediction is not None}


def _by_scan(indices: Sequence[int], cases: Sequence[LocalizationCase]) -> list[list[int]]:
    """Indices of the cases of each scan, scans in the order in which they first occur."""
    groups: dict[tuple[str, str | None, int | None], list[int]] = {}
    for index in indices:
        case = cases[index]
        groups.setdefault((case.scan, case.series, case.frame), []).append(index)
    return list(groups.values())


def _written(results: LocalizationResults, rows: Sequence[LocalizationRow | None], out: Path) -> LocalizationResults:
    results = replace(results, rows=tuple(row for row in rows if row is not None))
    results.write(out)
    return results


def _rows_of_scan(
    cases: Sequence[LocalizationCase],
    folder: Path,
    session: GroundingSession,
    reading: ReadingOptions | None,
    on_progress: Progress | None,
    cancel: Callable[[], bool] | None,
) -> list[LocalizationRow]:
    """Answer all cases of one scan; this is the border at which a scan's failure stops being the batch's."""
    options, first = reading or ReadingOptions(), cases[0]
    try:
        volume = read_volume(
            folder / first.scan, first.series, uneven=options.uneven, frame=first.frame, assume_hu=options.assume_hu
        )
        encoded = session.encode(volume, on_progress=on_progress, cancel=cancel)
        with suppress(SentenceError):  # the row it belongs to will say so
            session.ground(
                [case.sentence for case in cases], encoded
            )  # all vectors in one pass; the session remembers them
        return [_row(case, session, encoded, volume) for case in cases]
    except Cancelled:
        raise
    except Exception as error:
        return [LocalizationRow(case, message=_reason(error)) for case in cases]


def _row(
    case: LocalizationCase, session: GroundingSession, encoded: EncodedVolume, volume: CTVolume
) -> LocalizationRow:
    try:
        placed = replace(case, truth=placed_truth(case.truth, volume))
        (prediction,) = session.ground([case.sentence], encoded)
    except InputError as error:
        return LocalizationRow(case, message=_reason(error), volume_fingerprint=encoded.volume_fingerprint)
    return LocalizationRow(placed, prediction, volume_fingerprint=encoded.volume_fingerprint)


def placed_truth(truth: Truth | None, volume: CTVolume) -> Truth | None:
    """The truth with a position, looked up in the slice table where an image number was given."""
    if truth is None or truth.image_number is None:
        return truth
    slices = [i for i, record in enumerate(volume.slice_table) if record.image_number == truth.image_number]
    if not slices:
        numbers = [record.image_number for record in volume.slice_table if record.image_number is not None]
        known = f"its images are numbered {min(numbers)} to {max(numbers)}" if numbers else "its images have no numbers"
        raise InputError(f"The scan has no image {truth.image_number}: {known}. Give its position as z_mm instead.")
    if len(slices) > 1:
        raise InputError(
            f"{len(slices)} images of the scan have the number {truth.image_number}. Give its position as z_mm instead."
        )
    z_mm = volume.geometry.z_of_slice(slices[0])
    return replace(truth, z_lo_mm=z_mm, z_hi_mm=z_mm)


def _reason(error: Exception) -> str:
    """One sentence about a failure; what nobody foresaw is named by its type."""
    if isinstance(error, GroundingError):
        return " ".join(str(error).split())
    # The message may hold a path, so it is left to the row and the traceback.
    _log.error("A scan of the batch failed with an unexpected %s.", type(error).__name__)
    _log.debug("Traceback:", exc_info=error)
    detail = error.strerror if isinstance(error, OSError) else str(error)
    return " ".join(f"unexpected {type(error).__name__}: {detail}".split())
