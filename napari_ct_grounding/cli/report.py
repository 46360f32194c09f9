"""``ct-grounding report``: a whole report walked through a scan, and the walk taken away."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_ct_grounding.cli.answers import note
from napari_ct_grounding.cli.options import (
    Commands,
    common_options,
    encoding_progress,
    model_options,
    open_session,
    scan_argument,
    scan_options,
    tell_slow_start,
)
from napari_ct_grounding.core.errors import InputError, SentenceError

if TYPE_CHECKING:
    from napari_ct_grounding.core.results import GroundingResult
    from napari_ct_grounding.export.formats import TakeAway
    from napari_ct_grounding.export.walk import Finding
    from napari_ct_grounding.inference.session import EncodedVolume, GroundingSession
    from napari_ct_grounding.readers.reading import OpenedScan
    from napari_ct_grounding.widgets.report.placed_references import ReferencePlacer
    from napari_ct_grounding.widgets.report.rows import ReportRow

__all__ = ["add_commands"]

_DEFAULT_FORMATS = "json,csv,html"


def add_commands(commands: Commands) -> None:
    """Add ``report``."""
    report = commands.add_parser(
        "report",
        parents=[scan_argument(), scan_options(), model_options(), common_options()],
        help="ground every sentence of a report, and write the walk as files",
        description="Split a report into sentences, ground each in the scan, write what was found. Files name no patient "
        "unless asked to: neither names and ids of the DICOM headers nor the name of the scan. Sentences stay as they are.",
    )
    report.add_argument("report", type=Path, metavar="REPORT", help='text file in UTF-8; "-" reads stdin')
    report.add_argument(
        "--out", type=Path, metavar="FOLDER", required=True, help="folder for the files; made where missing"
    )
    report.add_argument(
        "--formats",
        default=_DEFAULT_FORMATS,
        metavar="F,F",
        help="of json, csv, html, png, gif, mp4, kos (DICOM key objects), sr (DICOM structured report), or all; "
        f"default {_DEFAULT_FORMATS}",
    )
    report.add_argument("--with-patient", action="store_true", help="let the files say who the patient is")
    report.add_argument("--overwrite", action="store_true", help="replace files that are there")
    report.set_defaults(run=run_report)


def run_report(options: argparse.Namespace) -> None:
    """Ground the report and write the files; says on stdout where each is."""
    from napari_ct_grounding.export.formats import FORMATS, TakeAway
    from napari_ct_grounding.export.walk import Walk
    from napari_ct_grounding.readers.reading import open_scan
    from napari_ct_grounding.widgets.report.rows import rows_of

    keys = _chosen_formats(options.formats, list(FORMATS))
    paths = {key: options.out / FORMATS[key].file_name for key in keys}
    if not options.overwrite and (there := [path.name for path in paths.values() if path.exists()]):
        raise InputError(f"{', '.join(there)} exists in {options.out.name}. Choose another folder, or --overwrite.")
    rows = rows_of(_text(options.report))
    if not rows:
        raise InputError(f"{options.report.name} holds no sentence.")
    scan = open_scan(options.scan, options.series, options.uneven, options.frame, options.assume_hu)
    volume = scan.volume
    for text in volume.notes:
        note(text)
    session = open_session(options)
    tell_slow_start(session, volume)
    with encoding_progress() as on_progress:
        encoded = session.encode(volume, on_progress=on_progress)
    walk = Walk.from_encoded(
        encoded,
        _findings(rows, session, encoded, _placer(options.scan, scan)),
        weights_name=session.weights_name,
        precision=session.precision,
        diseases=session.score_diseases(None, encoded) if encoded.holds_chest else (),
    )
    _make_folder(options.out)
    _write_all(paths, TakeAway(walk, lambda: volume, options.scan, options.with_patient))


def _write_all(paths: dict[str, Path], take_away: TakeAway) -> None:
    """Write every form that this walk can have; those that it cannot are told, and end the command as bad input does."""
    from tqdm import tqdm

    from napari_ct_grounding.export.formats import FORMATS, write_take_away

    refused = []
    for key, path in paths.items():
        with tqdm(desc=FORMATS[key].title, unit="image", leave=False, disable=not sys.stderr.isatty()) as bar:

            def on_progress(done: int, total: int, bar: tqdm = bar) -> None:
                bar.total = total
                bar.update(done - bar.n)

            try:
                write_take_away(path, key, take_away, on_progress)
            except InputError as error:
                refused.append(f"{key}: {error}")
                continue
        print(path)
    if refused:
        raise InputError(" ".join(refused))


def _placer(path: Path, scan: OpenedScan) -> ReferencePlacer:
    """Return what looks up "series 4, image 38" in the scan and the other series of its study."""
    from napari_ct_grounding.widgets.report.placed_references import ReferencePlacer
    from napari_ct_grounding.widgets.report.study_tables import read_study_tables
    from napari_ct_grounding.widgets.sources import LayerSource

    source = LayerSource(scan.key, scan.volume.name, scan.volume.geometry, volume=scan.volume)
    return ReferencePlacer(source, read_study_tables(path, scan.key))


def _findings(
    rows: Sequence[ReportRow], session: GroundingSession, encoded: EncodedVolume, placer: ReferencePlacer
) -> list[Finding]:
    """Ground all sentences in one go; where one is refused, each alone, so that the others have their answers."""
    from napari_ct_grounding.export.walk import Finding

    results: list[GroundingResult | SentenceError]
    try:
        results = list(session.ground([row.sentence.text for row in rows], encoded))
    except SentenceError:
        results = [_grounded_alone(row.sentence.text, session, encoded) for row in rows]
    findings = []
    for row, answer in zip(rows, results, strict=True):
        result, message = (None, str(answer)) if isinstance(answer, SentenceError) else (answer, None)
        marks = [place.to_mark(result) for place in placer.place_all(row.references)]
        findings.append(Finding.of_report(row.sentence, result, message, marks))
    return findings


def _grounded_alone(
    sentence: str, session: GroundingSession, encoded: EncodedVolume
) -> GroundingResult | SentenceError:
    try:
        return session.ground([sentence], encoded)[0]
    except SentenceError as error:
        return error


def _chosen_formats(text: str, known: list[str]) -> list[str]:
    keys = [key.strip().lower() for key in text.split(",") if key.strip()]
    if keys == ["all"]:
        return known
    if unknown := [key for key in keys if key not in known]:
        raise InputError(f"--formats names {', '.join(unknown)}; known are {', '.join(known)}, and all.")
    if not keys:
        raise InputError(f"--formats names none; known are {', '.join(known)}, and all.")
    return list(dict.fromkeys(keys))


def _text(path: Path) -> str:
    if str(path) == "-":
        return sys.stdin.read()
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"The report {path.name!r} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The report {path.name!r} is not text in UTF-8. Save it as such.") from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {folder.name!r} cannot be made ({error.strerror}). Choose another place."
        ) from error
