"""What NRRD and MetaImage headers share: lines of text, strict numbers, and data in other files beside the header."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from napari_ct_grounding.core.errors import VolumeError

__all__ = ["files_beside", "next_line", "numbered_names", "numbers_of", "whole_number_of"]

#: Longer than any header (3D Slicer writes some hundred kilobytes of segment names); a file without line ends stops here.
MAX_HEADER_BYTES = 1 << 20
#: Larger numbers are damage, and their squares overflow.
MAX_NUMBER = 1e12
#: Data files that one header may name.
MAX_PARTS = 1 << 14

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_PLACEHOLDER = re.compile(r"%(0?\d{0,2})d")


def next_line(stream: BinaryIO, name: str) -> bytes:
    """Return the next line of a header with its line end; empty at the end of the file."""
    line = stream.readline(MAX_HEADER_BYTES)
    if stream.tell() >= MAX_HEADER_BYTES:
        raise VolumeError(f"The header of {name} does not end within {MAX_HEADER_BYTES >> 20} MB; it is damaged.")
    return line


def numbers_of(text: str, field: str, name: str, count: int | None = None) -> list[float]:
    """Return the decimal numbers in `text`; anything else there, or another `count`, is damage."""
    words = text.split()
    if all(_NUMBER.fullmatch(word) for word in words) and len(words) == (len(words) if count is None else count):
        numbers = [float(word) for word in words]
        if max(map(abs, numbers), default=0.0) <= MAX_NUMBER:
            return numbers
    wanted = "numbers" if count is None else f"{count} number{'s' * (count != 1)}"
    raise VolumeError(
        f"{name} has a damaged header: {field} is {_shown(' '.join(words))}, but must be {wanted}. Repair the header."
    )


def whole_number_of(text: str, field: str, name: str) -> int:
    """Return the one whole number in `text`."""
    if not re.fullmatch(r"[-+]?\d{1,18}", text.strip(), re.ASCII):
        raise VolumeError(
            f"{name} has a damaged header: {field} is {_shown(text)}, but must be a whole number. Repair the header."
        )
    return int(text)


def files_beside(header: Path, names: list[str]) -> tuple[Path, ...]:
    """Return the data files that a header names, all in its folder or below.

    Raises
    ------
    VolumeError
        When one is missing, or lies outside the folder: a header from elsewhere must not choose which files are opened.
    """
    if not 1 <= len(names) <= MAX_PARTS:
        raise VolumeError(
            f"{header.name} names {len(names)} data files; one to {MAX_PARTS} are read. Repair the header."
        )
    files = []
    for name in names:
        for kind in (PurePosixPath(name), PureWindowsPath(name)):
            if kind.is_absolute() or kind.drive or kind.root or ".." in kind.parts:
                raise VolumeError(
                    f"{header.name} names a data file outside its own folder. Put the data file beside the header and its bare "
                    "name into the header."
                )
        file = header.parent / name
        try:
            is_there = "\0" not in name and file.is_file()
        except OSError:  # a name too long for the file system, say
            is_there = False
        if not is_there:
            raise VolumeError(
                f"{header.name} keeps its voxels in {_shown(name)}, which is not beside it. Copy that file, too."
            )
        if file.samefile(header):
            raise VolumeError(f"{header.name} names itself as its data file. Repair the header.")
        files.append(file)
    return tuple(files)


def numbered_names(pattern: str, first: int, last: int, step: int) -> list[str]:
    """Return the names that "slice_%03d.raw" stands for; empty when the pattern or the range makes none."""
    holder = _PLACEHOLDER.search(pattern)
    if (
        not holder
        or "%" in pattern.replace(holder[0], "", 1)
        or step == 0
        or abs(last - first) // abs(step) >= MAX_PARTS
    ):
        return []
    numbers = range(first, last + (1 if step > 0 else -1), step)
    return [pattern.replace(holder[0], f"{number:{holder[1] or '0'}d}", 1) for number in numbers]


def _shown(text: str) -> str:
    """Quote a piece of a header: short, and without what is no letter."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in text)
    return repr(printable[:40] + "..." * (len(printable) > 40))
