"""Slice tables of DICOM studies, from headers alone: what references in reports are looked up in."""

from __future__ import annotations

import numpy as np

from napari_ct_grounding.core.slice_table import ImageRecord, SeriesTable
from napari_ct_grounding.readers.dicom.header import ImageHeader
from napari_ct_grounding.readers.dicom.index import DicomFolder, DicomStack

__all__ = ["slice_tables"]

#: As in `readers.series`: a tilted gantry still counts as axial.
_AXIAL_COSINE = float(np.cos(np.radians(35.0)))


def slice_tables(index: DicomFolder, volume: str = "") -> list[SeriesTable]:
    """Return the tables of the CT stacks in an index; localizers, and images without a place, are left out.

    Parameters
    ----------
    index : DicomFolder
    volume : str
        What the tables shall call the folder.
    """
    tables = (_table(stack, volume) for stack in index.stacks)
    return [table for table in tables if table.images]


def _table(stack: DicomStack, volume: str) -> SeriesTable:
    first = stack.headers[0]
    placed = [
        header
        for header in stack.headers
        if not header.other_than_ct
        and header.modality == "CT"
        and header.position is not None
        and header.orientation is not None
    ]
    is_axial = bool(placed) and all(abs(header.normal[2]) >= _AXIAL_COSINE for header in placed)
    return SeriesTable(
        key=stack.key,
        study=first.study_uid,
        number=first.series_number,
        frame_of_reference=first.frame_of_reference_uid,
        is_axial=is_axial,
        images=tuple(_record(header, is_axial) for header in placed),
        volume=volume,
    )


def _record(header: ImageHeader, is_axial: bool) -> ImageRecord:
    """Return where an image lies; DICOM's z is ours, in LPS as in RAS."""
    assert header.position is not None  # the caller filtered; these two lines are for the type checker
    assert header.orientation is not None
    row_mm, column_mm = header.pixel_spacing if header.pixel_spacing and len(header.pixel_spacing) == 2 else (0.0, 0.0)
    along_row = header.orientation[2] * column_mm * (header.columns - 1)
    along_column = header.orientation[5] * row_mm * (header.rows - 1)
    z = header.position[2]
    if is_axial:  # the middle of the picture, where a tilt changes nothing
        middle = z + (along_row + along_column) / 2
        return ImageRecord(header.instance_number, middle, middle, header.sop_uid)
    corners = (z, z + along_row, z + along_column, z + along_row + along_column)
    return ImageRecord(header.instance_number, min(corners), max(corners), header.sop_uid)
