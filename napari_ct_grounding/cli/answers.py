"""What commands say: tables and JSON on stdout, notes on stderr."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from napari_ct_grounding.core.results import DiseaseScore, GroundingResult, to_jsonable

if TYPE_CHECKING:
    from napari_ct_grounding.readers import SeriesInfo

__all__ = ["aligned", "answer", "note", "result_table", "score_table", "series_table"]

Table = list[list[str]]


def answer(options: argparse.Namespace, rows: Sequence[Any], table: Callable[[Sequence[Any]], Table]) -> None:
    """Print `rows` as JSON where ``--json`` asks for it, else as the table that `table` makes of them."""
    if options.json:
        print(json.dumps(to_jsonable(list(rows)), indent=2, allow_nan=False))
    else:
        print(aligned(table(rows)))


def note(text: str) -> None:
    """Say something beside the answer."""
    print(f"note: {text}", file=sys.stderr)


def result_table(results: Sequence[GroundingResult]) -> Table:
    """One row for each sentence."""
    rows = [["sentence", "slice", "image", "z mm", "interval mm", "score", ""]]
    for result in results:
        lo, hi = result.interval_mm
        rows.append(
            [
                result.sentence,
                str(result.slice_index),
                "-" if result.image_number is None else str(result.image_number),
                f"{result.z_mm:.1f}",
                f"{lo:.0f} to {hi:.0f}",
                f"{result.score:.3f}",
                "" if result.has_location else "no clear location",
            ]
        )
    return rows


def score_table(scores: Sequence[DiseaseScore]) -> Table:
    """One row for each disease."""
    rows = [["disease", "score", "probability"]]
    rows += [
        [entry.name, f"{entry.score:.3f}", "-" if entry.probability is None else f"{entry.probability:.2f}"]
        for entry in scores
    ]
    return rows


def series_table(series: Sequence[SeriesInfo]) -> Table:
    """One row for each series."""
    return [["series", "key", "remark"], *([entry.label, entry.key, entry.reason or ""] for entry in series)]


def aligned(rows: Table) -> str:
    """Columns of a table as wide as their widest cell; the first row is the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)
