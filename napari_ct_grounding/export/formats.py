"""The forms in which a walk can be taken away, and the one way to write each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.export.steps import Cancel, Progress
from napari_ct_grounding.export.walk import Walk

if TYPE_CHECKING:
    from napari_ct_grounding.export.dicom_source import PathOrPaths

__all__ = ["FORMATS", "TakeAway", "WalkFormat", "write_take_away"]


@dataclass(frozen=True, eq=False)
class TakeAway:
    """What is to be written.

    Parameters
    ----------
    walk : Walk
        Complete, with name and SOPInstanceUIDs.
    load_volume : callable
        Returns the voxels of its scan; called only for forms that show pictures.
    source : path or paths, or None
        Where the scan was read from; needed for DICOM objects, and for the patient's name.
    with_patient : bool
        Whether files may say who the patient is: name, id and birth date of the DICOM headers, name of the scan, SOPInstanceUIDs.
    """

    walk: Walk
    load_volume: Callable[[], CTVolume]
    source: PathOrPaths | None = None
    with_patient: bool = False

    @cached_property
    def shown_walk(self) -> Walk:
        """The walk as it may be seen."""
        if not self.with_patient:
            return self.walk.without_identity()
        from napari_ct_grounding.export.dicom_source import patient_of

        return replace(self.walk, patient=self.walk.patient or patient_of(self.source, self.walk))


#: ``write(path, take_away, on_progress, cancel)``
Write = Callable[[Path, TakeAway, Progress | None, Cancel | None], None]


@dataclass(frozen=True)
class WalkFormat:
    """One form.

    Parameters
    ----------
    key : str
        As the shell names it.
    title : str
        As a menu names it.
    file_name : str
        By default; never made of anything that could name a patient.
    tool_tip : str
        What it is good for.
    write : callable
    """

    key: str
    title: str
    file_name: str
    tool_tip: str
    write: Write

    @property
    def suffix(self) -> str:
        """Ending of the file's name, with its dot."""
        return Path(self.file_name).suffix


def write_take_away(
    path: Path, key: str, take_away: TakeAway, on_progress: Progress | None = None, cancel: Cancel | None = None
) -> None:
    """Write one form; the file appears whole or not at all.

    Parameters
    ----------
    path : Path
    key : str
        Of `FORMATS`.
    take_away : TakeAway
    on_progress, cancel : callable, optional
        ``on_progress(done, total)`` while pictures are made; `cancel` is asked in between.

    Raises
    ------
    InputError
        When this form cannot be made of this walk, or the place cannot be written to; one sentence says why.
    Cancelled
    """
    FORMATS[key].write(Path(path), take_away, on_progress, cancel)


# Each imports what it needs when it runs: Pillow, Jinja2 and highdicom together take most of a second.


def _write_json(path: Path, away: TakeAway, _: Progress | None, __: Cancel | None) -> None:
    from napari_ct_grounding.export.walk_file import write_walk

    write_walk(path, away.shown_walk)


def _write_csv(path: Path, away: TakeAway, _: Progress | None, __: Cancel | None) -> None:
    from napari_ct_grounding.export.table import write_table

    write_table(path, away.shown_walk)


def _write_html(path: Path, away: TakeAway, on_progress: Progress | None, cancel: Cancel | None) -> None:
    from napari_ct_grounding.export.html_report import write_html_report

    write_html_report(path, away.shown_walk, away.load_volume(), on_progress, cancel)


def _write_png(path: Path, away: TakeAway, on_progress: Progress | None, cancel: Cancel | None) -> None:
    from napari_ct_grounding.export.contact_sheet import write_contact_sheet

    write_contact_sheet(path, away.shown_walk, away.load_volume(), on_progress, cancel)


def _write_gif(path: Path, away: TakeAway, on_progress: Progress | None, cancel: Cancel | None) -> None:
    from napari_ct_grounding.export.animation import write_gif

    write_gif(path, away.shown_walk, away.load_volume(), on_progress, cancel)


def _write_mp4(path: Path, away: TakeAway, on_progress: Progress | None, cancel: Cancel | None) -> None:
    from napari_ct_grounding.export.animation import write_mp4

    write_mp4(path, away.shown_walk, away.load_volume(), on_progress, cancel)


def _write_key_objects(path: Path, away: TakeAway, _: Progress | None, __: Cancel | None) -> None:
    from napari_ct_grounding.export.dicom_objects import key_objects, write_dicom

    write_dicom(path, key_objects(away.walk, away.source, with_patient=away.with_patient))


def _write_measurement_report(path: Path, away: TakeAway, _: Progress | None, __: Cancel | None) -> None:
    from napari_ct_grounding.export.dicom_objects import measurement_report, write_dicom

    write_dicom(path, measurement_report(away.walk, away.source, with_patient=away.with_patient))


FORMATS = {
    entry.key: entry
    for entry in (
        WalkFormat("html", "Report with key images (HTML)", "report.html",
                   "One page for any browser, to print or send; nothing is loaded from elsewhere", _write_html),
        WalkFormat("json", "All results (JSON)", "walk.json",
                   "Everything, to be opened here again without computing, or read by a program", _write_json),
        WalkFormat("csv", "Table (CSV)", "walk.csv", "A row for each sentence, for a spreadsheet", _write_csv),
        WalkFormat("png", "Contact sheet (PNG)", "contact-sheet.png", "All key images on one picture, for a slide", _write_png),
        WalkFormat("gif", "Walk through the findings (GIF)", "walk.gif", "Moving pictures; plays anywhere", _write_gif),
        WalkFormat("mp4", "Walk through the findings (MP4)", "walk.mp4", "The same, smaller; needs ffmpeg", _write_mp4),
        WalkFormat("kos", "DICOM key objects", "key-objects.dcm",
                   "Marks the key images in a PACS, by their SOPInstanceUIDs; needs a DICOM series", _write_key_objects),
        WalkFormat("sr", "DICOM structured report", "measurement-report.dcm",
                   "Sentences, places and intervals after TID 1500; needs a DICOM series", _write_measurement_report),
    )
}  # fmt: skip
