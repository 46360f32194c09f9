"""Files to volumes: NIfTI and DICOM in, `CTVolume` out; and the reader functions that napari calls.

The names below are loaded on first use: importing this room reads neither nibabel nor pydicom.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["SeriesInfo", "get_reader", "list_series", "read_volume"]

_HOME = {
    "SeriesInfo": "napari_ct_grounding.readers.series",
    "get_reader": "napari_ct_grounding.readers.napari_reader",
    "list_series": "napari_ct_grounding.readers.reading",
    "read_volume": "napari_ct_grounding.readers.reading",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
