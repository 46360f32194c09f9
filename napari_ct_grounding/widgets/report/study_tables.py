"""The other series of a study: a report of series 4 may be read beside series 2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_ct_grounding.core.slice_table import SeriesTable

__all__ = ["read_study_tables"]


def read_study_tables(source: Path | str | Sequence[Path | str], series_key: str | None) -> tuple[SeriesTable, ...]:
    """Return the tables of all series of the study that a series belongs to, its own first; none for other files than DICOM.

    Reads the headers of all files: runs on the thread of files.

    Parameters
    ----------
    source : path or paths
        What the volume was read from.
    series_key : str or None
        The series that is open.
    """
    # Here and not at the top: the readers load pydicom.
    from napari_ct_grounding.readers.dicom.slice_tables import slice_tables
    from napari_ct_grounding.readers.reading import scan_source

    with scan_source(source) as content:
        tables = [] if isinstance(content, Path) else slice_tables(content)
    own = next((table for table in tables if table.key == series_key), None)
    if own is None:
        return ()
    # Stacks of one series keep its number; the open one decides where several bear the same image numbers.
    return own, *(table for table in tables if table.study == own.study and table.number != own.number)
