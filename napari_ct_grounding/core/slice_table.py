"""Which images a study holds and where they lie: what a reference in its report is looked up in.

A table comes from DICOM headers (`readers.dicom.slice_tables`), from an open volume, or from a file written beside NIfTI volumes
before DICOM was converted, because NIfTI keeps no image numbers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.json_object import JsonObject, raise_problems
from napari_ct_grounding.core.volume import CTVolume

__all__ = ["ImageRecord", "SeriesTable", "read_slice_tables", "table_of_volume", "write_slice_tables"]

#: Of the file; a reader refuses others.
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ImageRecord:
    """One image of a series.

    Parameters
    ----------
    image_number : int or None
        DICOM InstanceNumber.
    z_lo_mm, z_hi_mm : float
        World z (RAS+) that the plane of the image spans; equal for an axial image, that of its middle.
    sop_instance_uid : str
        Empty where unknown.
    """

    image_number: int | None
    z_lo_mm: float
    z_hi_mm: float
    sop_instance_uid: str = ""

    @property
    def z_mm(self) -> float:
        """Middle."""
        return (self.z_lo_mm + self.z_hi_mm) / 2


@dataclass(frozen=True)
class SeriesTable:
    """The images of one stack of a series.

    Parameters
    ----------
    key : str
        SeriesInstanceUID, with "#2" ... for further stacks of one series; what `read_volume(series=...)` takes.
    study : str
        StudyInstanceUID; empty where unknown.
    number : int or None
        SeriesNumber.
    frame_of_reference : str
        FrameOfReferenceUID; empty where unknown.
    is_axial : bool
        Whether each image lies at one height (planes within 35 degrees of axial).
    images : tuple of ImageRecord
        In no order.
    volume : str
        File or folder that the volume is read from, as the table's owner names it.
    """

    key: str
    study: str
    number: int | None
    frame_of_reference: str
    is_axial: bool
    images: tuple[ImageRecord, ...]
    volume: str = ""

    @property
    def displayed(self) -> tuple[ImageRecord, ...]:
        """The images in the order in which a workstation counts them: by image number."""
        numbered = [image for image in self.images if image.image_number is not None]
        return tuple(sorted(numbered, key=lambda image: image.image_number or 0))


def table_of_volume(volume: CTVolume) -> SeriesTable:
    """Return the table of an open volume; images without a number are in it, too."""
    geometry = volume.geometry
    numbers = {record.series_number for record in volume.slice_table}
    images = tuple(
        ImageRecord(record.image_number, z := geometry.z_of_slice(index), z, record.sop_instance_uid or "")
        for index, record in enumerate(volume.slice_table)
    )
    return SeriesTable("", "", numbers.pop() if len(numbers) == 1 else None, "", True, images)


def write_slice_tables(path: Path, tables: Sequence[SeriesTable]) -> None:
    """Write tables as JSON; give each its `volume`, the file that the series was converted to."""
    series = [
        {
            "key": table.key,
            "study": table.study,
            "number": table.number,
            "frame_of_reference": table.frame_of_reference,
            "is_axial": table.is_axial,
            "volume": table.volume,
            "image_numbers": [image.image_number for image in table.images],
            "z_lo_mm": [image.z_lo_mm for image in table.images],
            "z_hi_mm": [image.z_hi_mm for image in table.images],
            "sop_instance_uids": [image.sop_instance_uid for image in table.images],
        }
        for table in tables
    ]
    partial = path.with_name(f".partial-{path.name}")
    partial.write_text(json.dumps({"schema_version": SCHEMA_VERSION, "series": series}), encoding="utf-8")
    partial.replace(path)


def read_slice_tables(path: Path) -> list[SeriesTable]:
    """Return the tables of a file.

    Raises
    ------
    InputError
        Naming what is wrong, when it is no such file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"The slice tables {path.name} cannot be read: {error}.") from error
    problems: list[str] = []
    file = JsonObject(content, path.name, problems)
    if file.whole("schema_version") != SCHEMA_VERSION:
        file.tell(f"it is not of version {SCHEMA_VERSION}")
    tables = [_table_from(entry) for entry in file.objects("series", "series")]
    raise_problems(problems, path.name, "Write the slice tables again.")
    return tables


def _table_from(entry: JsonObject) -> SeriesTable:
    numbers = entry.numbers("image_numbers", with_gaps=True)
    low, high = entry.numbers("z_lo_mm"), entry.numbers("z_hi_mm")
    uids = entry.raw("sop_instance_uids")
    if not (isinstance(uids, list) and len(numbers) == len(low) == len(high) == len(uids)):
        entry.tell("image_numbers, z_lo_mm, z_hi_mm and sop_instance_uids must be lists of one length")
        uids = []
    images = tuple(
        ImageRecord(None if np.isnan(number) else int(number), float(lo), float(hi), str(uid))
        for number, lo, hi, uid in zip(numbers, low, high, uids, strict=False)
    )
    return SeriesTable(
        key=entry.text("key"),
        study=entry.text("study"),
        number=entry.optional_whole("number"),
        frame_of_reference=entry.text("frame_of_reference"),
        is_axial=entry.flag("is_axial"),
        images=images,
        volume=entry.text("volume"),
    )
