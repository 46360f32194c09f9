"""Hashes of the files of a weights folder: written beside them for a copy, and compared with what was recorded elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from napari_ct_grounding.core.errors import WeightsError

__all__ = ["CHECKSUMS_FILE", "read_checksums", "sha256_of", "write_checksums"]

#: Lines of ``sha256sum``, so that ``sha256sum -c`` reads it, too.
CHECKSUMS_FILE = "SHA256SUMS"
CHUNK = 1 << 20


def sha256_of(path: Path, on_piece: Callable[[int], None] | None = None) -> str:
    """Return the SHA-256 of a file in hexadecimal digits; ``on_piece(num_bytes)`` after each piece."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
            if on_piece is not None:
                on_piece(len(piece))
    return digest.hexdigest()


def write_checksums(folder: Path) -> None:
    """Write the hash of every file of a folder beside them."""
    lines = [f"{sha256_of(path)}  {path.name}\n" for path in sorted(folder.iterdir()) if path.is_file()]
    (folder / CHECKSUMS_FILE).write_text("".join(lines), encoding="utf-8")


def read_checksums(folder: Path) -> dict[str, str]:
    """Return name and recorded hash of every file, empty where nothing was recorded.

    Raises
    ------
    WeightsError
        When the record cannot be read.
    """
    path = folder / CHECKSUMS_FILE
    if not path.is_file():
        return {}
    recorded = {}
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            digest, name = line.split(maxsplit=1)
            recorded[name.lstrip("*")] = digest
    except (ValueError, OSError) as error:
        raise WeightsError(f"{CHECKSUMS_FILE} in {folder.name!r} cannot be read. Copy the weights again.") from error
    return recorded
