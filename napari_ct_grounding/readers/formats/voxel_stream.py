"""The voxels of a volume file as one stream of bytes, however the file packs them.

Whatever the coding, and however many files the voxels are spread over, a consumer sees a binary stream with `readinto` and takes
from it no more than its header has asked for; so a file that would unpack to far more costs nothing.
"""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from isal import igzip, isal_zlib
from isal.igzip_lib import IsalError

from napari_ct_grounding.core.errors import VolumeError
from napari_ct_grounding.readers.cancelling import stop_if_cancelled

__all__ = ["GZIP_MAGIC", "Coding", "drain", "fill", "open_voxels", "reading_errors_of", "skip"]

Coding = Literal["raw", "gzip", "zlib", "bzip2", "text"]

GZIP_MAGIC = b"\x1f\x8b"
#: What unpacking a damaged file raises; bz2 and gzip also raise OSError without a number.
_DAMAGED: tuple[Any, ...] = (EOFError, zlib.error, IsalError, isal_zlib.error, gzip.BadGzipFile)
_CHUNK = 1 << 18


@contextmanager
def reading_errors_of(name: str) -> Iterator[None]:
    """Turn what reading and unpacking a file raises into a `VolumeError` in words that begin with `name`."""
    try:
        yield
    except _DAMAGED as error:
        raise VolumeError(
            f"{name} is damaged or was cut short: its compressed data ends early or does not match its checksum. "
            "Copy or download it again."
        ) from error
    except OSError as error:
        if error.errno is None:  # bz2
            raise VolumeError(f"{name} is damaged: its compressed data makes no sense. Copy it again.") from error
        raise VolumeError(f"{name} cannot be read ({error.strerror or 'input error'}).") from error


@contextmanager
def open_voxels(parts: Sequence[Path], offsets: Sequence[int], coding: Coding, dtype: np.dtype) -> Iterator[BinaryIO]:
    """Give the unpacked bytes of `parts`, one file after the other.

    Parameters
    ----------
    parts : sequence of Path
    offsets : sequence of int
        Where in each file the (packed) voxels begin, bytes.
    coding : {"raw", "gzip", "zlib", "bzip2", "text"}
        How each file packs them; "text" is decimal numbers between white space, turned into `dtype`.
    dtype : np.dtype
        Of the bytes that come out of "text"; of no meaning elsewhere.
    """
    with _JoinedFiles(parts, offsets, coding, dtype) as stream:
        yield stream  # type: ignore[misc]


def fill(stream: BinaryIO, target: memoryview, name: str) -> None:
    """Fill `target` (bytes) from the stream; raise `VolumeError` when the stream ends before."""
    stop_if_cancelled()
    done = 0
    while done < len(target):
        count = stream.readinto(target[done:])  # type: ignore[attr-defined]
        if not count:
            raise VolumeError(f"{name} was cut short: voxels are missing at its end. Copy or download it again.")
        done += count


def skip(stream: BinaryIO, num_bytes: int, name: str) -> None:
    """Pass over so many unpacked bytes."""
    scratch = memoryview(bytearray(min(num_bytes, _CHUNK)))
    while num_bytes > 0:
        step = min(num_bytes, len(scratch))
        fill(stream, scratch[:step], name)
        num_bytes -= step


def drain(stream: BinaryIO, max_bytes: int) -> None:
    """Read on to the end of the stream, or for so many bytes."""
    while max_bytes > 0 and (data := stream.read(_CHUNK)):
        max_bytes -= len(data)


class _JoinedFiles(io.RawIOBase):
    """Several files as one; each is opened when the one before has ended."""

    def __init__(self, parts: Sequence[Path], offsets: Sequence[int], coding: Coding, dtype: np.dtype) -> None:
        self._waiting = list(zip(parts, offsets, strict=True))[::-1]
        self._coding, self._dtype = coding, dtype
        self._raw: BinaryIO | None = None
        self._stream: Any = None

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while self._stream is not None or self._waiting:
            if self._stream is None:
                path, offset = self._waiting.pop()
                self._raw = open(path, "rb")  # noqa: SIM115 - closed by _close_part
                self._raw.seek(offset)
                self._stream = _unpacked(self._raw, self._coding, self._dtype)
            if count := self._stream.readinto(target):
                return int(count)
            self._close_part()
        return 0

    def _close_part(self) -> None:
        for stream in (self._stream, self._raw):
            if stream is not None:
                stream.close()
        self._stream = self._raw = None

    def close(self) -> None:
        self._close_part()
        super().close()


def _unpacked(raw: BinaryIO, coding: Coding, dtype: np.dtype) -> Any:
    if coding == "gzip":
        return igzip.open(raw, "rb")
    if coding == "bzip2":
        return bz2.open(raw, "rb")
    if coding == "zlib":
        return _ZlibStream(raw)
    if coding == "text":
        return _NumberStream(raw, dtype)
    return raw


class _ZlibStream(io.RawIOBase):
    """The bytes of a zlib stream; the end of the file before the end of the stream is an `EOFError`."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._unpacker = isal_zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._unpacker.eof:
            packed = self._unpacker.unconsumed_tail or self._raw.read(_CHUNK)
            data = self._unpacker.decompress(packed, len(target))
            if data:
                target[: len(data)] = data
                return len(data)
            if not packed:
                raise EOFError("compressed data ends before its end mark")
        return 0


class _NumberStream(io.RawIOBase):
    """Decimal numbers in text as the bytes of an array of `dtype`."""

    def __init__(self, raw: BinaryIO, dtype: np.dtype) -> None:
        self._raw, self._dtype = raw, dtype
        self._rest = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._ready:
            text = self._raw.read(_CHUNK)
            words = (self._rest + text).split()
            # The last word may go on in the next piece of the file.
            self._rest = words.pop() if text and words and not text[-1:].isspace() else b""
            if len(self._rest) > 100:
                raise VolumeError(
                    "The file promises numbers in text but holds something else. Copy or export it again."
                )
            if words:
                self._ready = memoryview(_numbers(words, self._dtype).tobytes())
            elif not text:
                return 0
        count = min(len(target), len(self._ready))
        target[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count


def _numbers(words: list[bytes], dtype: np.dtype) -> np.ndarray:
    try:
        with np.errstate(all="ignore"):
            values = np.array([float(word) for word in words])
            stored = values.astype(dtype)
    except ValueError as error:
        raise VolumeError(
            "The voxels are stored as text, and one of them is no number. Export the file again."
        ) from error
    if dtype.kind != "f" and not np.array_equal(stored, values):
        raise VolumeError(
            f"The voxels are stored as text, and some do not fit their type ({dtype}). Export the file again."
        )
    return stored
