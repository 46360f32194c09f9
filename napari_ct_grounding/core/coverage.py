"""How a network made for centre-cropped windows walks a scan: one pass as released, or two that leave nothing out.

A pass is a block of windows (`WindowGrid`) that goes through the whole image side on its own. *paper* is the released
single pass: up to one window less a voxel of each axis is never seen. *full* adds a second pass along z, one resting on
the scan's lower end and one on its upper end, and mixes what the two say about each depth. Tilted or sheared scans are
resampled upright first in *full* (`model.upright`) and read in their own frame in *paper*; `frame_note` says so.

Tuples are in array order (z, y, x); slice indices are those of the resampled scan, from its most inferior slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.resampling import UPRIGHT_TOLERANCE_DEG, SpacedGrid, is_upright
from napari_ct_grounding.core.window_grid import VOXELS_PER_POSITION, WindowGrid, centred_window_grid

__all__ = ["CoveragePlan", "frame_note", "full_plan", "paper_plan"]

#: The body may leave the centred crop by this much (mm) in x and y before the axis is padded instead.
BODY_MARGIN_MM = 6.0


@dataclass(frozen=True, eq=False)
class CoveragePlan:
    """The passes over a scan, and the depths at which their answers are read.

    Parameters
    ----------
    passes : tuple of WindowGrid
        One block, or the lower and the upper of two that overlap along z and are alike in y and x.
    counts_padding : bool
        Whether depths that lie wholly in the padding of a short scan count as part of it, as they do in the release.
    """

    passes: tuple[WindowGrid, ...]
    counts_padding: bool = False

    @property
    def num_windows(self) -> int:
        """Windows of all passes together."""
        return sum(int(np.prod(grid.num_windows)) for grid in self.passes)

    @property
    def depth_width_mm(self) -> float:
        """Thickness of one depth position along the slice normal, mm."""
        return self.passes[0].depth_width_mm

    @cached_property
    def knots(self) -> NDArray[np.float64]:
        """(d,) slice index of each depth at which the passes are read, growing.

        The lower pass's positions and, going on at their distance, the upper pass's range; the last knot is the upper
        pass's highest position, so it may follow sooner than the others.
        """
        if len(self.passes) == 1:
            return self.passes[0].position_slices
        lowest, highest = self.passes[0].position_slices[0], self.passes[-1].position_slices[-1]
        return np.append(np.arange(lowest, highest, self.passes[0].voxels_per_position), highest)

    @cached_property
    def depths_mm(self) -> NDArray[np.float64]:
        """(d,) world z of each knot, in the middle of the scan's field of view."""
        return self.passes[0].z_of_spaced_slice(self.knots)

    @cached_property
    def is_inside(self) -> NDArray[np.bool_]:
        """(d,) False for knots that lie more than half a position outside the scan, unless `counts_padding`."""
        if len(self.passes) == 1 and not self.counts_padding:
            return self.passes[0].is_inside
        return np.ones(len(self.knots), dtype=bool)

    @property
    def covered_mm(self) -> tuple[float, float]:
        """(lo, hi) world z of the part of the scan that the passes hold, in the middle of the field of view."""
        return self.passes[0].covered_mm[0], self.passes[-1].covered_mm[1]

    def shares(self, slices: ArrayLike) -> NDArray[np.float64]:
        """Return (p, n): how much each pass says about slices (n,); falls linearly from 1 to 0 across the overlap."""
        slices = np.asarray(slices, dtype=np.float64)
        if len(self.passes) == 1:
            return np.ones((1, len(slices)))
        lower, upper = self.passes
        # Borders of the voxels that both hold; at least one voxel, since the overlap is (windows x depth - rest) long.
        begin, end = upper.start[0] - 0.5, lower.start[0] + lower.shape[0] - 0.5
        share = np.clip((end - slices) / (end - begin), 0.0, 1.0)
        return np.stack([share, 1.0 - share])

    def mixed_at(self, depth: Sequence[NDArray], slices: ArrayLike) -> NDArray[np.float32]:
        """Return embeddings (n, e) at slices (n,): each pass's interpolated linearly, then mixed by `shares`.

        Parameters
        ----------
        depth : sequence of NDArray, (d_p, e)
            Unit vectors at each pass's own positions. Beyond its outer positions a pass says what the outer one says.
        slices : (n,)
            Slice indices, fractions allowed.

        Returns
        -------
        NDArray[float32]
            Not made unit again: its dot product with a sentence is the same mix of the passes' cosines.
        """
        slices = np.asarray(slices, dtype=np.float64)
        mixed = np.zeros((len(slices), depth[0].shape[1]))
        for grid, embeddings, share in zip(self.passes, depth, self.shares(slices), strict=True):
            first = grid.position_slices[0]
            position = np.clip((slices - first) / grid.voxels_per_position, 0, len(embeddings) - 1)
            below = np.floor(position).astype(int)
            above = np.minimum(below + 1, len(embeddings) - 1)
            weight = (position - below)[:, None]
            mixed += share[:, None] * ((1 - weight) * embeddings[below] + weight * embeddings[above])
        return mixed.astype(np.float32)

    def mixed(self, depth: Sequence[NDArray]) -> NDArray[np.float32]:
        """Return embeddings (d, e) at the knots; those of a single pass as they are."""
        return depth[0] if len(self.passes) == 1 else self.mixed_at(depth, self.knots)


def frame_note(geometry: VolumeGeometry, is_resampled: bool) -> str | None:
    """Say in which frame a tilted or sheared scan was read; None for an upright one.

    Parameters
    ----------
    geometry : VolumeGeometry
        Of the scan as it was read from its file.
    is_resampled : bool
        Whether it was resampled upright before it was encoded.
    """
    if is_upright(geometry):
        return None
    angles = []
    if geometry.obliquity_deg > UPRIGHT_TOLERANCE_DEG:
        angles.append(f"tilted by {geometry.obliquity_deg:.1f} degrees")
    if geometry.shear_deg > UPRIGHT_TOLERANCE_DEG:
        angles.append(f"sheared by {geometry.shear_deg:.1f} degrees")
    slices = f"The slices are {' and '.join(angles) or 'not rectangular'}"
    if is_resampled:
        return (
            f"{slices}: the scan was resampled upright before encoding. A place is a height in the patient; the slice shown "
            "is the one whose middle lies nearest."
        )
    return f"{slices}: the model read them as they are, without resampling. A place follows the tilted slices."


def paper_plan(
    spaced: SpacedGrid, window: tuple[int, int, int], voxels_per_position: int = VOXELS_PER_POSITION
) -> CoveragePlan:
    """Return the single centre-cropped pass of the release.

    Parameters
    ----------
    spaced : SpacedGrid
        The resampled scan.
    window : tuple of int
        Voxels of one window (z, y, x).
    voxels_per_position : int
        Voxels along z of one depth position.
    """
    return CoveragePlan((centred_window_grid(spaced, window, voxels_per_position),), counts_padding=True)


def full_plan(
    spaced: SpacedGrid,
    window: tuple[int, int, int],
    body_mm: NDArray[np.float64],
    voxels_per_position: int = VOXELS_PER_POSITION,
) -> CoveragePlan:
    """Return passes that leave nothing of the scan out along z, nor of the body in y and x.

    Along z a scan below one window, or with a rest of less than one depth position, has one pass as released; any other
    has two, of whole windows, from either end. In y and x the crop is the released one, unless the body leaves it by
    more than 6 mm: then that axis is padded with air to the next multiple of the window.

    Parameters
    ----------
    spaced : SpacedGrid
        The resampled scan.
    window : tuple of int
        Voxels of one window (z, y, x).
    body_mm : NDArray[float64], (m, 3)
        World positions (x, y, z) of the body's voxels; none for a scan without a body.
    voxels_per_position : int
        Voxels along z of one depth position.
    """
    centred = centred_window_grid(spaced, window, voxels_per_position)
    counts, starts = list(centred.num_windows), list(centred.start)
    to_spaced = np.linalg.inv(spaced.geometry.affine)
    for axis in (1, 2):
        if len(body_mm) == 0:
            continue
        row = to_spaced[2 - axis]
        along = body_mm @ row[:3] + row[3]
        begin, end = starts[axis] - 0.5, starts[axis] + centred.shape[axis] - 0.5
        outside = max(begin - along.min(), along.max() - end) * spaced.geometry.spacing_mm[axis]
        total, size = spaced.geometry.shape[axis], window[axis]
        # An axis without a rest is not cropped: what lies outside then is rounding of the resampled grid's size.
        if outside > BODY_MARGIN_MM and total > centred.shape[axis]:
            counts[axis] = -(-total // size)
            starts[axis] = -((counts[axis] * size - total) // 2)
    total, size = spaced.geometry.shape[0], window[0]
    whole, rest = divmod(total, size)
    starts_z = [starts[0]] if whole == 0 or rest < voxels_per_position else [0, rest]
    return CoveragePlan(
        tuple(
            WindowGrid(
                spaced, window, (counts[0], counts[1], counts[2]), (start_z, starts[1], starts[2]), voxels_per_position
            )
            for start_z in starts_z
        )
    )
