"""The profile of a sentence as a small SVG: head up, similarity to the right, interval shaded, unseen range hatched."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.export.captions import mm_text
from napari_ct_grounding.export.walk import Finding, ScanFacts

__all__ = ["profile_svg"]

_WIDTH, _HEIGHT = 132, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 6, 58, 14, 286


def profile_svg(scan: ScanFacts, finding: Finding) -> str:
    """Return the drawing for a finding that has a result. Colours come from the page's style sheet.

    Text in it is made of numbers only; nothing of the report gets into it.
    """
    result = finding.result
    if result is None:
        raise ValueError("a sentence without an answer has no profile")
    low, high = scan.geometry.z_extent_mm

    def y(z_mm: float) -> float:
        return round(_BOTTOM - (min(max(z_mm, low), high) - low) / max(high - low, 1e-6) * (_BOTTOM - _TOP), 1)

    parts = [f'<rect class="field" x="{_LEFT}" y="{_TOP}" width="{_RIGHT - _LEFT}" height="{_BOTTOM - _TOP}"/>']
    for end, seen in ((low, result.covered_mm[0]), (high, result.covered_mm[1])):
        if abs(y(end) - y(seen)) >= 1 and low <= seen <= high:
            parts.append(_band("unseen", y(end), y(seen)))
    parts.append(_band("interval", *(y(z) for z in result.interval_mm)))
    parts.append(f'<path class="profile" d="{_path(result, y)}"/>')
    for mark in finding.references:
        if mark.z_mm is not None:
            parts.append(
                f'<line class="reference" x1="{_LEFT}" x2="{_RIGHT}" y1="{y(mark.z_mm)}" y2="{y(mark.z_mm)}"/>'
            )
    at = y(result.z_mm)
    parts.append(f'<line class="place" x1="{_LEFT}" x2="{_RIGHT + 5}" y1="{at}" y2="{at}"/>')
    parts.append(
        f'<text class="place" x="{_RIGHT + 8}" y="{min(max(at + 4, _TOP + 16), _BOTTOM - 8)}">{_mm(result.z_mm)}</text>'
    )
    parts.append(f'<text x="{_RIGHT + 8}" y="{_TOP + 2}">{_mm(high)}</text>')
    parts.append(f'<text x="{_RIGHT + 8}" y="{_BOTTOM + 4}">{_mm(low)}</text>')
    label = f"Similarity along the scan, best at z {mm_text(result.z_mm)}"
    return f'<svg class="strip" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _band(kind: str, y1: float, y2: float) -> str:
    top, height = min(y1, y2), max(abs(y1 - y2), 1.0)
    return f'<rect class="{kind}" x="{_LEFT}" y="{top:.1f}" width="{_RIGHT - _LEFT}" height="{height:.1f}"/>'


def _mm(z_mm: float) -> str:
    return mm_text(z_mm, 0)


def _path(result: GroundingResult, y: Callable[[float], float]) -> str:
    """The curve, broken where positions lie outside the scan; its range is stretched over the width."""
    values = result.profile
    known = np.isfinite(values)
    if not known.any():
        return ""
    least, most = float(values[known].min()), float(values[known].max())
    pieces, pen = [], "M"
    for z_mm, value, is_known in zip(result.depths_mm, values, known, strict=True):
        if not is_known:
            pen = "M"
            continue
        x = _LEFT + 3 + (float(value) - least) / max(most - least, 1e-6) * (_RIGHT - _LEFT - 6)
        pieces.append(f"{pen}{x:.1f} {y(float(z_mm))}")
        pen = "L"
    return " ".join(pieces)
