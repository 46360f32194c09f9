"""Sentences that a reader of the picture should know about its geometry."""

from __future__ import annotations

from collections import Counter

import numpy as np

from napari_ct_grounding.core.geometry import VolumeGeometry

__all__ = ["NOTICEABLE_DEG", "geometry_notes", "left_out_note"]

#: Angles up to this are rounding of scanners, not tilt.
NOTICEABLE_DEG = 0.5


def geometry_notes(geometry: VolumeGeometry) -> list[str]:
    """Return one sentence for each way in which a canonical grid is not upright."""
    notes = []
    if geometry.shear_deg > NOTICEABLE_DEG:
        notes.append(
            f"Gantry tilt: the stack of slices is sheared by {geometry.shear_deg:.1f} degrees; "
            "positions follow the tilted slices."
        )
    if geometry.obliquity_deg > NOTICEABLE_DEG:
        notes.append(f"The slices are {geometry.obliquity_deg:.1f} degrees off axial.")
    x, y = (geometry.affine[:3, axis] / np.linalg.norm(geometry.affine[:3, axis]) for axis in (0, 1))
    skew = float(np.degrees(np.arcsin(np.clip(abs(x @ y), 0, 1))))
    if skew > NOTICEABLE_DEG:
        notes.append(f"Rows and columns of the slices are {skew:.1f} degrees off a right angle.")
    return notes


def left_out_note(left_out: Counter[str]) -> str:
    """Return "Left out: 2 localizers, 1 dose sheet." for a count of things; empty for nothing."""
    if not left_out:
        return ""
    return "Left out: " + ", ".join(f"{count} x {what}" for what, count in sorted(left_out.items())) + "."
