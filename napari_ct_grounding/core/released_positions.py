"""Where the depth positions of the released chain lie in a scan: for files that count positions instead of giving world z."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_ct_grounding.core.coverage import paper_plan
from napari_ct_grounding.core.error_rows import ErrorRow
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.resampling import spaced_grid

__all__ = ["placed_in_scan"]

#: What the released chain reads: voxels of a window (z, y, x), and their size in mm (z, y, x).
_WINDOW, _SPACING_MM = (32, 128, 128), (3.0, 0.75, 0.75)


def placed_in_scan(row: ErrorRow, geometry: VolumeGeometry) -> ErrorRow:
    """Return a row whose positions are world z of a scan, where the file counted depth positions.

    Raises
    ------
    InputError
        When the scan has fewer positions than the row speaks of, so that it cannot be the same one.
    """
    if row.is_in_world or row.prediction is None:
        return row
    plan = paper_plan(spaced_grid(geometry, _SPACING_MM), _WINDOW)
    depths_mm, width = plan.depths_mm, row.prediction.depth_width_mm
    highest = max(row.prediction.z_mm, *(row.truth_mm or ()))
    if highest > width * len(depths_mm):
        raise InputError(
            f"Row {row.number} speaks of depth position {int(highest // width)}, and this scan has {len(depths_mm)} (from 0). "
            "It is not the scan that was asked about."
        )
    at = (np.arange(len(depths_mm)) + 0.5) * width

    def world(value: float) -> float:
        # Straight on beyond the first and the last centre, where the outer halves of positions lie.
        step = float(depths_mm[1] - depths_mm[0]) / width if len(depths_mm) > 1 else 1.0
        inside = float(np.clip(value, at[0], at[-1]))
        return float(np.interp(inside, at, depths_mm)) + (value - inside) * step

    result = row.prediction
    z_mm, depths = world(result.z_mm), np.array([world(value) for value in result.depths_mm])
    index = geometry.slice_of_z(z_mm)
    placed = replace(
        result,
        z_mm=z_mm,
        slice_index=index,
        file_index=index,
        depths_mm=depths,
        interval_mm=(world(result.interval_mm[0]), world(result.interval_mm[1])),
        covered_mm=plan.covered_mm,
        peaks_mm=tuple(world(value) for value in result.peaks_mm),
    )
    truth = None if row.truth_mm is None else (world(row.truth_mm[0]), world(row.truth_mm[1]))
    return replace(row, prediction=placed, truth_mm=truth, is_in_world=True)
