"""Opening a DICOM file without trusting it.

pydicom asks for as much memory as an element's length or a deflated data set promises. Here a read never asks for more than the
file still holds, and inflating stops at a limit.
"""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

__all__ = [
    "MAX_INFLATED_SHARE",
    "MIN_INFLATED_LIMIT",
    "DamagedDicomError",
    "begins_like_dicom",
    "is_dicom_file",
    "looks_lost",
    "open_dataset",
]

#: A deflated data set may be this many times larger than its file (CT: 2 to 4; a blank image: below 100) ...
MAX_INFLATED_SHARE = 100
#: ... or this large (bytes), whichever is more.
MIN_INFLATED_LIMIT = 64 << 20
#: Preamble, magic, and as much of the meta header as always holds the transfer syntax.
_START_BYTES = 2048
#: Headers of CT slices are a few kB; those of enhanced objects and long private elements may be longer.
_HEADER_BYTES = 1 << 16
#: Files up to this size (bytes) are read at once; of larger ones the pixels must not be held twice.
_MAX_IN_MEMORY = 16 << 20
#: Names that a DICOM image may bear; an empty file with another is somebody's placeholder.
_IMAGE_SUFFIXES = ("", ".dcm", ".dicom", ".ima", ".img")


class DamagedDicomError(InvalidDicomError):
    """A header that cannot be true; the message is a clause without names, fit for a reader."""


def is_dicom_file(path: Path) -> bool:
    """Whether a file begins like DICOM: with the preamble, or (old exports) directly with an element of group 2 or 8."""
    return begins_like_dicom(_start(path, 132))


def begins_like_dicom(start: bytes) -> bool:
    """Whether the first 132 bytes of a file are those of DICOM."""
    if start[128:] == b"DICM":
        return True
    # Element numbers below 0x100 and either a known explicit VR or a short implicit length.
    return (
        len(start) == 132
        and start[:2] in (b"\x02\x00", b"\x08\x00")
        and start[3] == 0
        and (start[4:6] in (b"UL", b"CS", b"UI", b"OB", b"DA", b"SH", b"LO") or start[6:8] == b"\0\0")
    )


def looks_lost(path: Path) -> bool:
    """Whether a file bears a DICOM-like name but is empty or zero throughout its beginning: an image lost in copying."""
    suffix = path.suffix.lower()
    if suffix not in _IMAGE_SUFFIXES and not suffix[1:].isdigit():  # names such as 1.2.840.113.7 end in a number
        return False
    return not _start(path, _START_BYTES).strip(b"\0")


def open_dataset(path: Path, **options: Any) -> pydicom.FileDataset:
    """Return `pydicom.dcmread(path, force=True, **options)`; a deflated file as an explicit little endian one.

    Raises
    ------
    DamagedDicomError
        When a deflated data set would grow beyond `MAX_INFLATED_SHARE` times its file.
    """
    start = _start(path, _HEADER_BYTES)
    if DeflatedExplicitVRLittleEndian.encode() in start[:_START_BYTES]:
        meta = read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            with _inflated(path, int(meta.FileMetaInformationGroupLength)) as stream:
                return pydicom.dcmread(stream, force=True, **options)
    # Most headers end within the start; reading from memory is quickest, and cannot ask for more than there is.
    is_whole = len(start) < _HEADER_BYTES
    if is_whole or options.get("stop_before_pixels"):
        buffer = io.BytesIO(start)
        dataset = pydicom.dcmread(buffer, force=True, **options)
        if is_whole or buffer.tell() < len(start):
            return dataset
    if path.stat().st_size <= _MAX_IN_MEMORY:
        return pydicom.dcmread(io.BytesIO(path.read_bytes()), force=True, **options)
    with _Bounded(path) as stream:
        return pydicom.dcmread(stream, force=True, **options)


class _Bounded(io.BufferedReader):
    """A file that is never asked for more bytes than it still holds: lengths in headers are claims."""

    def __init__(self, path: Path) -> None:
        super().__init__(open(path, "rb", buffering=0))  # noqa: SIM115 - closed with the reader
        self._size = self.seek(0, io.SEEK_END)
        self.seek(0)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > 65536:
            size = max(0, min(size, self._size - self.tell()))
        return super().read(size)


def _inflated(path: Path, meta_length: int) -> io.BytesIO:
    """Return the file with its data set inflated: same meta header, explicit little endian."""
    raw = path.read_bytes()
    # Preamble and magic (132 bytes, where there are any), the group length element itself (12), the rest of the meta header.
    start = (132 if raw[128:132] == b"DICM" else 0) + 12 + meta_length
    limit = max(MIN_INFLATED_LIMIT, MAX_INFLATED_SHARE * len(raw))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(raw[start:], limit)
    except zlib.error as error:
        raise DamagedDicomError("the deflated data set is damaged") from error
    if inflater.unconsumed_tail:
        raise DamagedDicomError(f"the deflated data set grows beyond {limit >> 20} MB")
    if not inflater.eof:
        raise DamagedDicomError("the deflated data set was cut short")
    deflated, explicit = DeflatedExplicitVRLittleEndian.encode(), ExplicitVRLittleEndian.encode()
    meta = raw[:start].replace(deflated, explicit.ljust(len(deflated), b"\0"))
    return io.BytesIO(meta + plain)


def _start(path: Path, size: int) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read(size)
    except OSError:
        return b""
