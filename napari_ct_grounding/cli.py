"""`ct-grounding`: the session in a shell.

Answers go to stdout, everything else (progress, notes, errors) to stderr. Exit codes: 0 done, 2 the input cannot be used
(one sentence says why), 1 a fault of ours, 130 interrupted. Each command imports what it needs when it runs, so that
``--help`` and ``--version`` load neither torch nor napari.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_ct_grounding import __version__
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.results import DiseaseScore, GroundingResult, to_jsonable

if TYPE_CHECKING:
    from napari_ct_grounding.core.volume import CTVolume
    from napari_ct_grounding.inference.session import EncodedVolume, GroundingSession
    from napari_ct_grounding.readers import SeriesInfo

__all__ = ["main"]

EXIT_FAULT = 1
EXIT_INPUT = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the shell by default.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except InputError as error:
        return _fail(str(error), EXIT_INPUT)
    except KeyboardInterrupt:
        return _fail("interrupted.", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our answer has left (``| head``); the interpreter must not complain when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if options.traceback:
            raise
        return _fail(f"unexpected {type(error).__name__}: {error} (--traceback shows where)", EXIT_FAULT)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ct-grounding",
        description="Type a report sentence, stand on the CT slice that it speaks of. For research use only.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--traceback", action="store_true", help="show where an unexpected error came from")
    scan = argparse.ArgumentParser(add_help=False)
    scan.add_argument("scan", type=Path, metavar="SCAN", help="NIfTI file, DICOM folder or DICOM file")
    json_form = argparse.ArgumentParser(add_help=False)
    json_form.add_argument("--json", action="store_true", help="print JSON instead of a table")

    model = argparse.ArgumentParser(add_help=False)
    group = model.add_argument_group("scan")
    group.add_argument(
        "--series", metavar="S", help="series of a DICOM folder: its number, or a key that `series` lists"
    )
    group.add_argument("--frame", type=int, metavar="N", help="which volume of a 4D NIfTI file, from 0")
    group.add_argument(
        "--uneven",
        choices=("refuse", "resample"),
        default="refuse",
        help="unevenly spaced slices: refuse them (default) or resample them to an even grid",
    )
    group.add_argument("--assume-hu", action="store_true", help="take the values as Hounsfield units without checking")
    group = model.add_argument_group("model")
    group.add_argument("--weights", default="bundled", metavar="W", help="bundled (default), radfinder, or a folder")
    group.add_argument("--tokenizer", type=Path, metavar="T", help="folder of tokenizer files, for weights without one")
    group.add_argument("--device", default="auto", metavar="D", help="auto (default), cpu, mps, cuda or cuda:N")
    group.add_argument("--coverage", default="auto", metavar="C", help="auto (default), or what the weights offer")
    group.add_argument(
        "--accept-licence", action="store_true", help="the licence of weights to be downloaded was read and is accepted"
    )

    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", parents=[common], help="open the bundled case in napari, with the dock")
    demo.add_argument("--screenshot", type=Path, metavar="FILE", help="save a picture of the window (PNG) and leave")
    demo.set_defaults(run=_run_demo)

    ground = commands.add_parser(
        "ground", parents=[scan, json_form, model, common], help="say where in a scan each sentence points"
    )
    ground.add_argument(
        "sentences", nargs="*", metavar="SENTENCE", help='"left hilar mass" ...; "-" reads lines from stdin'
    )
    ground.add_argument("--file", type=Path, metavar="F", help="text file with one sentence a line")
    ground.set_defaults(run=_run_ground)

    score = commands.add_parser(
        "score",
        parents=[scan, json_form, model, common],
        help="score a scan for the 18 CT-RATE diseases, highest first",
    )
    score.add_argument("--name", action="append", metavar="N", help="score this term instead; may be repeated")
    score.set_defaults(run=_run_score)

    series = commands.add_parser("series", parents=[scan, json_form, common], help="list the series under a path")
    series.set_defaults(run=_run_series)
    return parser


def _run_demo(options: argparse.Namespace) -> None:
    from napari_ct_grounding.widgets.demo import run_demo

    run_demo(screenshot=options.screenshot)


def _run_ground(options: argparse.Namespace) -> None:
    sentences = _sentences(options)
    session, encoded = _encoded(options)
    results = session.ground(sentences, encoded)
    _answer(options, results, _result_table)


def _run_score(options: argparse.Namespace) -> None:
    session, encoded = _encoded(options)
    scores = session.score_diseases(options.name, encoded)
    if not encoded.holds_chest:
        _note("the scan holds no chest, and the 18 names speak of one; read their scores with that in mind.")
    _answer(options, scores, _score_table)


def _run_series(options: argparse.Namespace) -> None:
    from napari_ct_grounding.readers import list_series

    _answer(options, list_series(options.scan), _series_table)


def _encoded(options: argparse.Namespace) -> tuple[GroundingSession, EncodedVolume]:
    """Read the scan first: a wrong path is told before torch is loaded."""
    from napari_ct_grounding.readers import read_volume

    volume: CTVolume = read_volume(
        options.scan, options.series, uneven=options.uneven, frame=options.frame, assume_hu=options.assume_hu
    )
    for note in volume.notes:
        _note(note)

    from tqdm import tqdm

    from napari_ct_grounding.inference.session import GroundingSession

    session = GroundingSession.from_pretrained(
        options.weights,
        device=options.device,
        coverage=options.coverage,
        tokenizer=options.tokenizer,
        accept_licence=options.accept_licence,
    )
    with tqdm(desc="Encoding", unit="window", leave=False, disable=not sys.stderr.isatty()) as bar:

        def on_progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return session, session.encode(volume, on_progress=on_progress)


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


def _answer(
    options: argparse.Namespace, rows: Sequence[Any], table: Callable[[Sequence[Any]], list[list[str]]]
) -> None:
    if options.json:
        print(json.dumps(to_jsonable(list(rows)), indent=2, allow_nan=False))
    else:
        print(_aligned(table(rows)))


def _result_table(results: Sequence[GroundingResult]) -> list[list[str]]:
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


def _score_table(scores: Sequence[DiseaseScore]) -> list[list[str]]:
    rows = [["disease", "score", "probability"]]
    rows += [
        [entry.name, f"{entry.score:.3f}", "-" if entry.probability is None else f"{entry.probability:.2f}"]
        for entry in scores
    ]
    return rows


def _series_table(series: Sequence[SeriesInfo]) -> list[list[str]]:
    return [["series", "key", "remark"], *([entry.label, entry.key, entry.reason or ""] for entry in series)]


def _aligned(rows: list[list[str]]) -> str:
    """Columns of a table as wide as their widest cell; the first row is the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)


def _fail(message: str, code: int) -> int:
    print(f"ct-grounding: {' '.join(message.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
