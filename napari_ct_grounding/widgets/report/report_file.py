"""A report as a file: plain text in the encodings that hospitals write."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from napari_ct_grounding.core.errors import InputError

__all__ = ["MAX_BYTES", "SUFFIXES", "ReportText", "read_report_file"]

SUFFIXES = (".txt", ".md", ".text")

#: Far more than a report has; a scan dropped here is not read into memory.
MAX_BYTES = 1_000_000

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class ReportText:
    """What stands in a file.

    Parameters
    ----------
    text : str
    is_guessed : bool
        Whether the file is no UTF-8 and was read as Windows-1252, the usual one of older systems.
    """

    text: str
    is_guessed: bool = False


def read_report_file(path: Path) -> ReportText:
    """Return the text of a report.

    Raises
    ------
    InputError
        When the file cannot be read, is far too large, or holds no text.
    """
    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be read ({error.strerror}). Check the file, or paste the text."
        ) from error
    if len(data) > MAX_BYTES:
        raise InputError(
            f"{path.name} is larger than {MAX_BYTES // 1000:,} kB; a report is a text of some pages. Paste the text instead."
        )
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return ReportText(_decoded(data, encoding, path.name))
    if b"\0" in data:
        raise InputError(
            f"{path.name} is no plain text (Word and PDF are not). Copy the report's text and paste it here."
        )
    try:
        return ReportText(data.decode("utf-8"))
    except UnicodeDecodeError:
        return ReportText(_decoded(data, "cp1252", path.name), is_guessed=True)


def _decoded(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is text in an encoding that is neither UTF-8, UTF-16 nor Windows-1252. Save it as UTF-8, or paste the text."
        ) from error
