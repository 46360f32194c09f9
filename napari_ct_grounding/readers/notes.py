"""What to say about the geometry of a scan: a refusal where it cannot be true, notes where it is unusual."""

from __future__ import annotations

from collections import Counter

import numpy as np

from napari_ct_grounding.core.errors import GeometryError
from napari_ct_grounding.core.geometry import VolumeGeometry

__all__ = ["NOTICEABLE_DEG", "check_plausible", "geometry_notes", "left_out_note", "tilt_notes"]

#: Voxels of a CT are no smaller (micro-CT) and no larger (a scout of three slices) than these.
MIN_VOXEL_MM, MAX_VOXEL_MM = 0.005, 200.0
#: Volume of the cell spanned by the unit axes: 1 for right angles, 0.85 for the steepest gantry (32 degrees).
MIN_SQUARENESS = 0.5
#: Positions beyond a kilometre are damage, not anatomy.
MAX_COORDINATE_MM = 1e6
#: Angles up to this are rounding of scanners, not tilt.
NOTICEABLE_DEG = 0.5


def check_plausible(geometry: VolumeGeometry) -> None:
    """Raise `GeometryError` when the grid of a canonical volume is beyond anything a CT of a body can have."""
    directions = geometry.affine[:3, :3] / np.linalg.norm(geometry.affine[:3, :3], axis=0)
    if abs(np.linalg.det(directions)) < MIN_SQUARENESS or geometry.affine[2, 2] <= 0:
        raise GeometryError(
            f"The axes of the volume lean against each other by far more than a tilted gantry does ({geometry.shear_deg:.0f} "
            "degrees between slices); the orientation in the header is damaged. Repair the header."
        )
    sizes = geometry.spacing_mm
    if min(sizes) < MIN_VOXEL_MM or max(sizes) > MAX_VOXEL_MM:
        raise GeometryError(
            f"The voxels measure {sizes[0]:.3g} x {sizes[1]:.3g} x {sizes[2]:.3g} mm (z, y, x); those of a CT lie between "
            f"{MIN_VOXEL_MM:g} and {MAX_VOXEL_MM:g} mm. Repair the header."
        )
    if (farthest := max(map(abs, geometry.origin_mm))) > MAX_COORDINATE_MM:
        raise GeometryError(
            f"The volume begins {farthest:.3g} mm away from the origin; that is damage. Repair the header."
        )


def geometry_notes(geometry: VolumeGeometry) -> list[str]:
    """Return one sentence for each way in which a canonical grid is not upright.

    They speak of the scan alone: what a tilt means for an answer depends on how a model read the scan, and
    `core.coverage.frame_note` says that.
    """
    notes = tilt_notes(geometry)
    x, y = (geometry.affine[:3, axis] / np.linalg.norm(geometry.affine[:3, axis]) for axis in (0, 1))
    skew = float(np.degrees(np.arcsin(np.clip(abs(x @ y), 0, 1))))
    if skew > NOTICEABLE_DEG:
        notes.append(f"Rows and columns of the slices are {skew:.1f} degrees off a right angle.")
    return notes


def tilt_notes(geometry: VolumeGeometry) -> list[str]:
    """Return those of `geometry_notes` that speak of slices which do not lie across the patient."""
    notes = []
    if geometry.shear_deg > NOTICEABLE_DEG:
        notes.append(f"Gantry tilt: the stack of slices is sheared by {geometry.shear_deg:.1f} degrees.")
    if geometry.obliquity_deg > NOTICEABLE_DEG:
        notes.append(f"The slices are {geometry.obliquity_deg:.1f} degrees off axial.")
    return notes


def left_out_note(left_out: Counter[str]) -> str:
    """Return "Left out: 2 localizers, 1 dose sheet." for a count of things; empty for nothing."""
    if not left_out:
        return ""
    return "Left out: " + ", ".join(f"{count} x {what}" for what, count in sorted(left_out.items())) + "."
