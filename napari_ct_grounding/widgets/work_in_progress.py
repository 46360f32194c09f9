"""What somebody is working on, as a small file: enough to go on at the next start, and nothing else.

The file holds the path of the scan, the sentences, what was chosen, and the report only where the user wants that. A path may
name a patient; it is what the scan is opened by again. No voxels, no answers: those are computed in a moment from the encoding.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import platformdirs

__all__ = ["WorkInProgress", "delete_work", "read_work", "work_path", "write_work"]

_VERSION = 1


@dataclass(frozen=True)
class WorkInProgress:
    """A scan and what was asked about it.

    Parameters
    ----------
    path : str or tuple of str
        Of the scan, as it was opened.
    saved_at : float
        Seconds since 1970.
    series : str or None
        Which of a DICOM folder's series.
    frame : int or None
        Which of the volumes of a file that holds several.
    sentences : tuple of str
        In the order of asking.
    weights : str
        Name or folder.
    coverage : str
    tab : str
        Title of the tab that was in front.
    report : dict or None
        What the tab Report gave of itself (`ReportTab.report_state`).
    """

    path: str | tuple[str, ...]
    saved_at: float
    series: str | None = None
    frame: int | None = None
    sentences: tuple[str, ...] = ()
    weights: str = "bundled"
    coverage: str = "auto"
    tab: str = ""
    report: dict[str, Any] | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths, also where there is one."""
        return (self.path,) if isinstance(self.path, str) else self.path

    def is_there(self) -> bool:
        """Whether the scan is still at its place; may take long on a network."""
        return all(Path(path).exists() for path in self.paths)


def work_path() -> Path:
    """Return the file of the work in progress; it need not exist."""
    return platformdirs.user_state_path("napari-ct-grounding", appauthor=False) / "work.json"


def read_work() -> WorkInProgress | None:
    """Return the work that was left; None where there is none, or where the file is damaged or of another version."""
    try:
        record = json.loads(work_path().read_text(encoding="utf-8"))
        return _work_from(record) if isinstance(record, dict) else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def write_work(work: WorkInProgress) -> None:
    """Store the work whole or not at all, readable for its owner alone: a program that is killed meanwhile leaves the older one.

    Raises
    ------
    OSError
        When the disk is full or the folder cannot be written.
    """
    path = work_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump({"version": _VERSION, **asdict(work)}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def delete_work() -> None:
    """Take the file away, with what a killed program may have left half written beside it."""
    path = work_path()
    for file in (path, *path.parent.glob(f"{path.name}.*")):
        with suppress(OSError):
            file.unlink()


def _work_from(record: dict[str, Any]) -> WorkInProgress:
    """Raise ValueError, TypeError or KeyError for whatever we did not write."""
    if record["version"] != _VERSION:
        raise ValueError("another version")
    path, report = record["path"], record["report"]
    if report is not None and not isinstance(report, dict):
        raise TypeError("report")
    return WorkInProgress(
        path=_text(path) if isinstance(path, str) else tuple(_text(part) for part in path),
        saved_at=float(record["saved_at"]),
        series=None if record["series"] is None else _text(record["series"]),
        frame=None if record["frame"] is None else int(record["frame"]),
        sentences=tuple(_text(sentence) for sentence in record["sentences"]),
        weights=_text(record["weights"]),
        coverage=_text(record["coverage"]),
        tab=_text(record["tab"]),
        report=report,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError("no text")
    return value
