"""Procedural chest-abdomen CT with findings, report sentences and exact truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_ct_grounding.phantom.patient import Finding, Phantom, generate

__all__ = ["Finding", "Phantom", "generate"]


def __getattr__(name: str) -> object:
    """Load the generator when its names are asked for."""
    if name in __all__:
        from importlib import import_module

        return getattr(import_module("napari_ct_grounding.phantom.patient"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
