"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["whole_file", "write_whole"]


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; it takes the place of `path` when the block ends well, and goes when it does not.

    Whoever reads the file meanwhile, or after a crash, sees the whole old one or the whole new one. The ending of the name is
    kept, since libraries choose the format by it.

    Raises
    ------
    OSError
        When the place cannot be written to.
    """
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink()


def write_whole(path: Path, text: str) -> None:
    """Write UTF-8 text, and wait until the disk has it.

    Raises
    ------
    OSError
        When the place cannot be written to; then nothing is left beside the old file.
    """
    with whole_file(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
