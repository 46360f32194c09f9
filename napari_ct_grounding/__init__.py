"""Type a report sentence, stand on the CT slice that it speaks of.

The names below are loaded on first use, so that importing the package (napari does so at start) costs neither torch nor
transformers.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["GroundingSession", "__version__", "find_references", "list_series", "read_volume", "split_report"]

__version__ = "0.1.0"

_HOME = {
    "GroundingSession": "napari_ct_grounding.inference.session",
    "find_references": "napari_ct_grounding.core.references",
    "list_series": "napari_ct_grounding.readers",
    "read_volume": "napari_ct_grounding.readers",
    "split_report": "napari_ct_grounding.core.report",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
