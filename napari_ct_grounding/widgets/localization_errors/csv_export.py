"""Rows as CSV, with tags and notes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from napari_ct_grounding.core.error_rows import ErrorRow
from napari_ct_grounding.widgets.localization_errors.notes import CaseNote

__all__ = ["CSV_COLUMNS", "csv_text"]

CSV_COLUMNS = (
    "row", "case", "scan", "series", "frame", "category", "sentence", "status", "message", "error_mm", "z_mm", "slice_index",
    "image_number", "true_lo_mm", "true_hi_mm", "interval_lo_mm", "interval_hi_mm", "score", "rank_of_truth", "num_positions",
    "tag", "note",
)  # fmt: skip


def csv_text(rows: Iterable[tuple[ErrorRow, CaseNote]]) -> str:
    """Return the rows in this order, as CSV (RFC 4180) with a heading; numbers unrounded, an unknown one empty.

    Of rows that count depth positions (schema version 1), mm begin at the first position and there is no slice.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(CSV_COLUMNS)
    for row, note in rows:
        case, result, rank = row.case, row.prediction, row.truth_rank
        place: tuple[object, ...] = (None,) * 6
        if result is not None:
            is_named = row.is_in_world
            place = (
                result.z_mm,
                result.slice_index if is_named else None,
                result.image_number,
                *result.interval_mm,
                result.score if result.score == result.score else None,
            )
        z_mm, slice_index, image_number, low, high, score = place
        writer.writerow(
            (
                *(row.number, case.case, case.scan, case.series, case.frame, case.category, case.sentence),
                *(row.status, row.message, row.error_mm, z_mm, slice_index, image_number),
                *(row.truth_mm or (None, None)),
                *(low, high, score),
                *((None, None) if rank is None else (rank.rank, rank.num_positions)),
                *(note.tag, note.text),
            )
        )
    return file.getvalue()
