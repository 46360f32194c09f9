"""``ct-grounding batch | embed``: many sentences about many scans, and embeddings to take away."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from napari_ct_grounding.cli.answers import aligned, note
from napari_ct_grounding.cli.options import (
    Commands,
    common_options,
    encode_scan,
    json_options,
    model_options,
    open_session,
    scan_argument,
    scan_options,
)
from napari_ct_grounding.core.errors import InputError

if TYPE_CHECKING:
    from napari_ct_grounding.core.localization_results import LocalizationResults

__all__ = ["add_commands"]

#: Reasons of failed rows that are told on stderr; all of them stand in the file.
NUM_TOLD = 3


def add_commands(commands: Commands) -> None:
    """Add ``batch`` and ``embed``."""
    batch = commands.add_parser(
        "batch",
        parents=[json_options(), scan_options(of_one_scan=False), model_options(), common_options()],
        help="ground the sentences of a CSV list, each scan encoded once",
        description="Ground the sentences of a CSV list. Columns: scan, sentence, and where wanted case, series, frame, "
        "category, and the truth as z_mm, or z_lo_mm and z_hi_mm, or image_number. A scan that fails becomes a row that "
        "says why; results are written after every scan.",
    )
    batch.add_argument("cases", type=Path, metavar="CASES", help="CSV file; paths of scans start from its folder")
    batch.add_argument("--out", type=Path, metavar="FILE", required=True, help="JSON file for the results")
    batch.add_argument(
        "--resume", action="store_true", help="go on with FILE: what is done stays, what failed is tried"
    )
    batch.add_argument("--strict", action="store_true", help="end with exit code 2 when a row failed")
    batch.set_defaults(run=run_batch)

    embed = commands.add_parser(
        "embed",
        parents=[scan_argument(), scan_options(), model_options(), common_options()],
        help="write a scan's embeddings to an .npz file",
    )
    embed.add_argument("--out", type=Path, metavar="FILE", required=True, help="file whose name ends in .npz")
    embed.set_defaults(run=run_embed)


def run_batch(options: argparse.Namespace) -> None:
    """Work through the list and print a summary."""
    from napari_ct_grounding.inference.case_list import read_cases

    cases = read_cases(options.cases)
    if cases.unused_columns:
        note(f"columns that mean nothing here: {', '.join(cases.unused_columns)}.")
    if options.out.exists() and not options.resume:
        # Told before the weights are loaded; `run_batch` looks again.
        raise InputError(f"{options.out.name} exists. Go on with it (--resume), or choose another name.")
    session = open_session(options)

    from tqdm import tqdm

    from napari_ct_grounding.inference import batch

    reading = batch.ReadingOptions(options.uneven, options.assume_hu)
    with tqdm(desc="Scans", unit="scan", leave=False, disable=not sys.stderr.isatty()) as bar:

        def on_scan(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)
            bar.refresh()

        try:
            results = batch.run_batch(
                cases, options.out, session, resume=options.resume, reading=reading, on_scan=on_scan
            )
        except KeyboardInterrupt:
            bar.close()
            note(f"the scans finished by now are in {options.out.name}; --resume goes on.")
            raise
    _print_summary(results, as_json=options.json)
    _tell_failures(results, options.out.name, is_error=options.strict)


def run_embed(options: argparse.Namespace) -> None:
    """Encode the scan and write its embeddings."""
    if options.out.suffix != ".npz":
        raise InputError(f"--out is {options.out.name!r}; the embeddings are written as .npz. Let it end so.")
    session, encoded = encode_scan(options)

    from napari_ct_grounding.inference.embedding_file import write_embeddings

    write_embeddings(options.out, encoded, session)


def _print_summary(results: LocalizationResults, *, as_json: bool) -> None:
    figures = results.summary()
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    words = {
        "num_rows": "{:.0f} sentences",
        "num_failed": "{:.0f} failed",
        "num_with_truth": "{:.0f} with a truth",
        "mean_mm": "{:.1f} mm mean error",
        "median_mm": "{:.1f} mm median error",
        "within_12_mm": "{:.0%} within 12 mm",
        "within_24_mm": "{:.0%} within 24 mm",
    }
    told = (words[name].format(value) for name, value in figures.items() if value is not None)
    print(aligned([line.split(" ", 1) for line in told]))


def _tell_failures(results: LocalizationResults, name: str, *, is_error: bool) -> None:
    """Say what failed and why; with ``--strict`` that ends the command as bad input does."""
    failed = [row for row in results.rows if row.prediction is None]
    for reason in list(dict.fromkeys(f"{row.case.case}: {row.message}" for row in failed))[:NUM_TOLD]:
        note(reason)
    if failed:
        told = f"{len(failed)} of {len(results.rows)} rows failed; {name} says why"
        if is_error:
            raise InputError(f"{told}.")
        note(f"{told}, and --resume tries them again.")
