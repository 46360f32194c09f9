"""Which library decodes which compression: one for each, whatever else is installed.

JPEG goes to libjpeg-turbo (imagecodecs) and not through pydicom. Of the libraries that pydicom knows for it, pylibjpeg-libjpeg is
under the GPL, Pillow decodes 8 bits only, and GDCM ends the whole process on damaged data (an exception leaves its C++).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import pydicom
from numpy.typing import NDArray
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

__all__ = ["CODECS", "Codec", "decoded_jpeg", "missing_package"]


@dataclass(frozen=True)
class Codec:
    """A library that decodes.

    Parameters
    ----------
    package : str
        What to install.
    module : str
        Its name in Python.
    plugin : str
        Its name in pydicom; empty where pydicom does not call it.
    """

    package: str
    module: str
    plugin: str = ""


_TURBO = Codec("imagecodecs", "imagecodecs")
_CHARLS = Codec("pyjpegls", "jpeg_ls", "pyjpegls")
_OPENJPEG = Codec("pylibjpeg-openjpeg", "openjpeg", "pylibjpeg")
_RLE = Codec("pylibjpeg-rle", "rle", "pylibjpeg")

CODECS: dict[UID, Codec] = {
    **dict.fromkeys((JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1), _TURBO),
    **dict.fromkeys((JPEGLSLossless, JPEGLSNearLossless), _CHARLS),
    **dict.fromkeys((JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K), _OPENJPEG),
    RLELossless: _RLE,
}


def missing_package(syntax: UID) -> str:
    """Return the package that decodes this transfer syntax and is not installed; empty where nothing is missing."""
    codec = CODECS.get(syntax)
    return codec.package if codec is not None and find_spec(codec.module) is None else ""


def decoded_jpeg(codestream: bytes, dataset: pydicom.Dataset) -> NDArray:
    """Return the picture in a JPEG codestream, in the integers that the header of the data set names.

    Raises
    ------
    RuntimeError, ValueError
        When the codestream is damaged, or holds more bits than the header says.
    """
    import imagecodecs  # loads its libraries at first use

    plane = imagecodecs.jpeg8_decode(codestream)
    allocated = int(dataset.BitsAllocated)
    if allocated not in (8, 16) or 8 * plane.dtype.itemsize > allocated:
        raise ValueError(f"a codestream of {plane.dtype} where the header says {allocated} bits")
    # Signed values come as their bits; how many of them count, and with them the sign, is for the reader of the header.
    is_signed = bool(dataset.PixelRepresentation)
    return plane.astype(f"u{allocated // 8}", copy=False).view(f"{'i' if is_signed else 'u'}{allocated // 8}")
