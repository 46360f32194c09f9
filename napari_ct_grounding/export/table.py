"""A walk as a table: CSV with one row for each sentence, for spreadsheets and statistics.

UTF-8 with the mark by which Excel knows it, commas, points in numbers, CRLF. A text that a spreadsheet would take for a formula
(it begins with = + - @, a tab or a line end) gets an apostrophe in front: a sentence must never run.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from napari_ct_grounding.export.walk import Finding, Walk
from napari_ct_grounding.export.whole_file import whole_file

__all__ = ["COLUMNS", "table_csv", "write_table"]

COLUMNS = (
    "number", "section", "sentence", "negated", "normal", "uncertain", "prior_study", "localizable", "clear_location",
    "series_number", "image_number", "slice_index", "file_index", "z_mm", "interval_lo_mm", "interval_hi_mm",
    "score", "depth_width_mm", "calibrated", "reference", "reference_z_mm", "difference_mm", "remark",
    "scan", "weights", "coverage",
)  # fmt: skip

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_table(path: Path, walk: Walk) -> None:
    """Write the table."""
    with whole_file(path) as partial:
        partial.write_text(table_csv(walk), encoding="utf-8-sig", newline="")


def table_csv(walk: Walk, delimiter: str = ",") -> str:
    """Return the table's text; tabs as `delimiter` are what spreadsheets take from a clipboard."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    for number, finding in enumerate(walk.findings, start=1):
        row = {"number": number, **_sentence_cells(finding), **_answer_cells(finding, walk)}
        row |= {"scan": walk.scan.name, "weights": walk.weights_name, "coverage": walk.coverage}
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue()


def _sentence_cells(finding: Finding) -> dict[str, Any]:
    resolved = [mark for mark in finding.references if mark.z_mm is not None]
    reasons = [f"{mark.text}: {mark.reason}" for mark in finding.references if mark.reason]
    return {
        "section": finding.section,
        "sentence": finding.sentence,
        "negated": finding.is_negated,
        "normal": finding.is_normal,
        "uncertain": finding.is_uncertain,
        "prior_study": finding.is_prior,
        "localizable": finding.is_localizable,
        "reference": "; ".join(mark.text for mark in finding.references),
        "reference_z_mm": resolved[0].z_mm if resolved else None,
        "difference_mm": resolved[0].difference_mm if resolved else None,
        "remark": "; ".join([*([finding.message] if finding.message else []), *reasons]),
    }


def _answer_cells(finding: Finding, walk: Walk) -> dict[str, Any]:
    result = finding.result
    if result is None:
        return {}
    return {
        "clear_location": result.has_location,
        "series_number": walk.scan.slice_table[result.slice_index].series_number,
        "image_number": result.image_number,
        "slice_index": result.slice_index,
        "file_index": result.file_index,
        "z_mm": result.z_mm,
        "interval_lo_mm": result.interval_mm[0],
        "interval_hi_mm": result.interval_mm[1],
        "score": result.score,
        "depth_width_mm": result.depth_width_mm,
        "calibrated": result.is_calibrated,
    }


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value
