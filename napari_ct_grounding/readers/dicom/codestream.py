"""What a compressed frame says about itself, read before any decoder allocates memory for it.

Decoders believe the codestream, not the header of the data set: a few bytes may ask for gigabytes. And libjpeg-turbo fills up
a JPEG that was cut short without a word, so that the lower half of a slice would be grey.
"""

from __future__ import annotations

__all__ = ["frame_size", "is_complete"]

_J2K_START = b"\xff\x4f\xff\x51"
_JPEG_START = b"\xff\xd8"
_END = b"\xff\xd9"
#: Start of frame: C0 to CF without the tables (C4, CC) and the reserved C8; F7 is JPEG-LS.
_FRAME_MARKERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_SCAN_MARKER = 0xDA


def frame_size(codestream: bytes) -> tuple[int, int] | None:
    """Return (rows, columns) of a JPEG, JPEG-LS or JPEG 2000 codestream; None where it names none."""
    # Some writers wrap JPEG 2000 into a JP2 file; its boxes come first.
    if (start := codestream.find(_J2K_START, 0, 1024)) >= 0:
        size = codestream[start + 8 : start + 24]
        if len(size) < 16:
            return None
        x1, y1, x0, y0 = (int.from_bytes(size[place : place + 4], "big") for place in range(0, 16, 4))
        return y1 - y0, x1 - x0
    if not codestream.startswith(_JPEG_START):
        return None
    place = 2
    while place + 9 <= len(codestream):
        if codestream[place] != 0xFF:
            return None
        marker = codestream[place + 1]
        if marker == 0xFF:  # fill byte
            place += 1
            continue
        if marker in _FRAME_MARKERS:
            rows, columns = codestream[place + 5 : place + 7], codestream[place + 7 : place + 9]
            return int.from_bytes(rows, "big"), int.from_bytes(columns, "big")
        if marker == _SCAN_MARKER:
            return None
        place += 2 + int.from_bytes(codestream[place + 2 : place + 4], "big")
    return None


def is_complete(codestream: bytes) -> bool:
    """Whether a JPEG or JPEG-LS codestream has its end marker, which compressed data never contains; True for others."""
    return not codestream.startswith(_JPEG_START) or codestream.rfind(_END) > 0
