"""Landmarks made of others: both sides at once, organs of several parts, upper and lower borders."""

from __future__ import annotations

from dataclasses import replace

from napari_ct_grounding.phantom.catalogue import BORDERED, BORDERS, PAIRED, WHOLES
from napari_ct_grounding.phantom.scene import Span

__all__ = ["combined_spans"]

#: Height of the slab that an upper or lower border stands for.
_BORDER_MM = 12.0


def combined_spans(spans: dict[str, Span]) -> dict[str, Span]:
    """Return the spans of all landmarks that are made of those painted.

    A whole is there when all its parts are; a border is the last 12 mm (reference) of its landmark.
    """
    out: dict[str, Span] = {}
    wholes = {f"{base}_both": (f"{base}_right", f"{base}_left") for base in PAIRED} | WHOLES
    for name, parts in wholes.items():
        if all(part in spans for part in parts):
            out[name] = Span(min(spans[p].z_lo for p in parts), max(spans[p].z_hi for p in parts))
    for name in BORDERED:
        span = spans.get(name) or out.get(name)
        if span is None:
            continue
        height = min(_BORDER_MM, span.z_hi - span.z_lo)
        ends = dict(zip(BORDERS, ((span.z_hi - height, span.z_hi), (span.z_lo, span.z_lo + height)), strict=True))
        for border, (low, high) in ends.items():
            out[f"{name}_{border}"] = replace(span, z_lo=low, z_hi=high, size_mm=None, centre=None)
    return out
