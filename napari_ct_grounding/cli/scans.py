"""``ct-grounding ground | score | series``: questions about one scan."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from napari_ct_grounding.cli.answers import answer, note, result_table, score_table, series_table
from napari_ct_grounding.cli.options import (
    Commands,
    common_options,
    encode_scan,
    json_options,
    model_options,
    scan_argument,
    scan_options,
)
from napari_ct_grounding.core.errors import InputError

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add ``ground``, ``score`` and ``series``."""
    question = [scan_argument(), json_options(), scan_options(), model_options(), common_options()]
    ground = commands.add_parser("ground", parents=question, help="say where in a scan each sentence points")
    ground.add_argument(
        "sentences", nargs="*", metavar="SENTENCE", help='"left hilar mass" ...; "-" reads lines from stdin'
    )
    ground.add_argument("--file", type=Path, metavar="F", help="text file with one sentence a line")
    ground.set_defaults(run=run_ground)

    score = commands.add_parser(
        "score", parents=question, help="score a scan for the 18 CT-RATE diseases, highest first"
    )
    score.add_argument("--name", action="append", metavar="N", help="score this term instead; may be repeated")
    score.set_defaults(run=run_score)

    series = commands.add_parser(
        "series", parents=[scan_argument(), json_options(), common_options()], help="list the series under a path"
    )
    series.set_defaults(run=run_series)


def run_ground(options: argparse.Namespace) -> None:
    """Ground the sentences of the command line."""
    sentences = _sentences(options)
    session, encoded = encode_scan(options)
    answer(options, session.ground(sentences, encoded), result_table)


def run_score(options: argparse.Namespace) -> None:
    """Score the scan for diseases."""
    session, encoded = encode_scan(options)
    scores = session.score_diseases(options.name, encoded)
    if not encoded.holds_chest:
        note("the scan holds no chest, and the 18 names speak of one; read their scores with that in mind.")
    answer(options, scores, score_table)


def run_series(options: argparse.Namespace) -> None:
    """List what could be opened."""
    from napari_ct_grounding.readers import list_series

    answer(options, list_series(options.scan), series_table)


def _sentences(options: argparse.Namespace) -> list[str]:
    """Sentences of the command line, with "-" standing for the lines of stdin, then those of ``--file``."""
    sentences: list[str] = []
    for sentence in options.sentences:
        sentences += _lines(sys.stdin.read()) if sentence == "-" else [sentence]
    if options.file is not None:
        try:
            sentences += _lines(options.file.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"The file {options.file.name!r} cannot be read ({error.strerror}).") from error
        except UnicodeDecodeError as error:
            raise InputError(f"The file {options.file.name!r} is not text in UTF-8. Save it as such.") from error
    if not sentences:
        raise InputError('No sentence was given. Put one in quotes after the scan, or use --file, or "-" for stdin.')
    return sentences


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
