"""Options that several commands share, and what they open: a scan and a session."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from napari_ct_grounding.cli.answers import note

if TYPE_CHECKING:
    from napari_ct_grounding.core.volume import CTVolume
    from napari_ct_grounding.inference.session import EncodedVolume, GroundingSession
    from napari_ct_grounding.model.base import Progress

__all__ = [
    "Commands",
    "common_options",
    "encode_scan",
    "encoding_progress",
    "json_options",
    "model_options",
    "open_session",
    "scan_argument",
    "scan_options",
    "tell_slow_start",
]

#: An encoding that takes longer (s) is announced.
PATIENCE_SECONDS = 20.0

#: What `argparse` gives for adding commands to.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def common_options() -> argparse.ArgumentParser:
    """Options of every command."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--traceback", action="store_true", help="show where an unexpected error came from")
    return parser


def json_options() -> argparse.ArgumentParser:
    """``--json``, for commands that print a table."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def scan_argument() -> argparse.ArgumentParser:
    """The scan that a command reads."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "scan", type=Path, metavar="SCAN", help="NIfTI, NRRD, MetaImage or DICOM file, DICOM folder, or zip of one"
    )
    return parser


def scan_options(*, of_one_scan: bool = True) -> argparse.ArgumentParser:
    """How a scan is read; what can only be said of one scan is left out for commands that read many."""
    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("scan")
    if of_one_scan:
        group.add_argument(
            "--series", metavar="S", help="series of a DICOM folder: its number, or a key that `series` lists"
        )
        group.add_argument("--frame", type=int, metavar="N", help="which volume of a file with several, from 0")
    group.add_argument(
        "--uneven",
        choices=("refuse", "resample"),
        default="refuse",
        help="unevenly spaced slices: refuse them (default) or resample them to an even grid",
    )
    group.add_argument("--assume-hu", action="store_true", help="take the values as Hounsfield units without checking")
    return parser


def model_options() -> argparse.ArgumentParser:
    """Which model answers, and how it walks a scan."""
    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("model")
    group.add_argument(
        "--weights",
        default="bundled",
        metavar="W",
        help="bundled (default), another name of `weights list`, or a folder",
    )
    group.add_argument("--tokenizer", type=Path, metavar="T", help="folder of tokenizer files, for weights without one")
    group.add_argument("--device", default="auto", metavar="D", help="auto (default), cpu, mps, cuda or cuda:N")
    group.add_argument(
        "--precision", default="auto", metavar="P", help="auto (default; the faster one), float32 or bfloat16"
    )
    group.add_argument("--coverage", default="auto", metavar="C", help="auto (default), or what the weights offer")
    group.add_argument(
        "--accept-licence", action="store_true", help="the licence of weights to be downloaded was read and is accepted"
    )
    group.add_argument("--no-cache", action="store_true", help="encode the scan afresh, and keep nothing of it on disk")
    return parser


def encode_scan(options: argparse.Namespace) -> tuple[GroundingSession, EncodedVolume]:
    """Read and encode the scan of the command line; it is read first, so that a wrong path is told before torch is loaded."""
    from napari_ct_grounding.readers import read_volume

    volume: CTVolume = read_volume(
        options.scan, options.series, uneven=options.uneven, frame=options.frame, assume_hu=options.assume_hu
    )
    for text in volume.notes:
        note(text)
    session = open_session(options)
    tell_slow_start(session, volume)
    with encoding_progress() as on_progress:
        encoded = session.encode(volume, on_progress=on_progress)
    for text in encoded.notes:
        note(text)
    return session, encoded


def tell_slow_start(session: GroundingSession, volume: CTVolume) -> None:
    """Say on stderr how long the encoding will take, where it takes long, and how it would take less."""
    from napari_ct_grounding.widgets.wording import duration_text

    estimate = session.estimate(volume)
    if estimate.seconds <= PATIENCE_SECONDS:
        return
    text = (
        f"encoding this scan takes about {duration_text(estimate.seconds)} on this {session.device.device.type.upper()}"
    )
    if estimate.coverage != "paper" and "paper" in session.model.coverages:
        paper = session.estimate(volume, coverage="paper")
        if paper.num_windows < estimate.num_windows:
            text += (
                f"; about {duration_text(paper.seconds)} with --coverage paper, which leaves out {paper.left_out_mm:.0f} mm "
                "of its length"
            )
    note(f"{text}.")


def open_session(options: argparse.Namespace) -> GroundingSession:
    """Load the weights that the command line names."""
    from napari_ct_grounding.inference.session import GroundingSession

    return GroundingSession.from_pretrained(
        options.weights,
        device=options.device,
        coverage=options.coverage,
        precision=options.precision,
        tokenizer=options.tokenizer,
        accept_licence=options.accept_licence,
        cache=None if options.no_cache else "default",
    )


@contextmanager
def encoding_progress() -> Iterator[Progress]:
    """Show a bar on stderr while a scan is encoded, where a person looks at it."""
    from tqdm import tqdm

    with tqdm(desc="Encoding", unit="window", leave=False, disable=not sys.stderr.isatty()) as bar:

        def on_progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield on_progress
