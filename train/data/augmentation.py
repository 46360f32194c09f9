"""What real scans do that phantoms do not: noise, blur, other tables of contrast, other fields of view.

All works on Hounsfield units before windowing. Left and right are never exchanged: sentences speak of sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from napari_ct_grounding.model.slab.preprocessing import AIR_HU, SOFT_THRESHOLD_HU

__all__ = ["DepthMap", "augment", "draw_depth_map", "resample_depth"]


@dataclass(frozen=True)
class DepthMap:
    """How new slabs lie in the old scan: new slab j is old position ``start + step x j``.

    Parameters
    ----------
    start, step : float
        In old slabs.
    num_slabs : int
        Number of new slabs.
    is_cropped : bool
        Whether something of the scan was left out.
    """

    start: float
    step: float
    num_slabs: int
    is_cropped: bool

    def new_position(self, old: float) -> float:
        """Return the new position of an old one."""
        return (old - self.start) / self.step


def draw_depth_map(
    num_slabs: int, rng: np.random.Generator, crop_chance: float, max_slabs: int, min_slabs: int
) -> DepthMap:
    """Draw a stretch of 0.88 to 1.14 and, sometimes, a part of the scan; never more than `max_slabs` new slabs."""
    step = float(np.exp(rng.uniform(np.log(0.88), np.log(1.14))))
    length = num_slabs / step
    wanted = length
    if rng.random() < crop_chance:
        wanted = max(min(min_slabs, length), length * rng.uniform(0.35, 1.0))
    wanted = min(wanted, max_slabs)
    count = max(2, int(wanted))
    slack = max(0.0, (num_slabs - 1) - step * (count - 1))
    return DepthMap(float(rng.uniform(0.0, slack)), step, count, count < 0.97 * length)


def resample_depth(hu: Tensor, depth: DepthMap) -> Tensor:
    """Return new slabs (m, y, x), interpolated between old ones (n, y, x)."""
    position = (depth.start + depth.step * torch.arange(depth.num_slabs)).clamp(0, len(hu) - 1)
    below = position.floor().long().clamp_max(len(hu) - 2)
    part = (position - below)[:, None, None]
    return torch.lerp(hu[below].float(), hu[below + 1].float(), part)


def augment(hu: Tensor, rng: np.random.Generator, strength: float = 1.0) -> Tensor:
    """Return a changed copy of slabs (n, y, x) in HU.

    Parameters
    ----------
    hu : Tensor, (n, y, x)
    rng : numpy.random.Generator
    strength : float
        Scales the noise and the geometric changes; 0 leaves geometry and noise alone.
    """
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    hu = _warped(hu.float(), rng, strength)
    if rng.random() < 0.35:
        hu = _cropped_field(hu, rng)
    if rng.random() < 0.25:
        hu = _circular_field(hu, rng)
    hu = _recentred(hu, rng, 3.0 * strength)
    if rng.random() < 0.5:
        hu = _blurred_in_plane(hu, float(rng.uniform(0.35, 1.0)))
    if rng.random() < 0.6:
        weight = float(rng.uniform(0.05, 0.33))
        hu = (1 - 2 * weight) * hu + weight * (torch.cat([hu[:1], hu[:-1]]) + torch.cat([hu[1:], hu[-1:]]))
    hu = _tissue_changed(hu, rng)
    sigma = strength * float(np.exp(rng.uniform(np.log(3.0), np.log(70.0))))
    return (hu + sigma * _noise(hu.shape, rng, generator)).clamp_(AIR_HU, 3071)


def _warped(hu: Tensor, rng: np.random.Generator, strength: float) -> Tensor:
    scale = float(np.exp(strength * rng.uniform(np.log(0.88), np.log(1.14))))
    aspect = float(np.exp(strength * rng.uniform(-0.06, 0.06)))
    angle = np.radians(strength * rng.normal(0, 4.0))
    shift = strength * rng.uniform(-0.08, 0.08, size=2)
    rows, columns = hu.shape[1:]
    ratio = rows / columns
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    matrix = torch.tensor(
        [[cos * aspect, -sin * ratio, shift[0]], [sin / ratio, cos / aspect, shift[1]]], dtype=torch.float32
    )
    grid = F.affine_grid(matrix[None], [1, 1, rows, columns], align_corners=False)
    return F.grid_sample(hu[None] - AIR_HU, grid, padding_mode="zeros", align_corners=False)[0] + AIR_HU


def _cropped_field(hu: Tensor, rng: np.random.Generator) -> Tensor:
    """Air outside a random rectangle: a reconstruction that does not show the whole body."""
    rows, columns = hu.shape[1:]
    cropped = torch.full_like(hu, AIR_HU)
    top, bottom = rng.uniform(0, 0.14 * rows, size=2)
    left, right = rng.uniform(0, 0.2 * columns, size=2)
    inside = (slice(int(top), rows - int(bottom)), slice(int(left), columns - int(right)))
    cropped[:, inside[0], inside[1]] = hu[:, inside[0], inside[1]]
    return cropped


def _circular_field(hu: Tensor, rng: np.random.Generator) -> Tensor:
    rows, columns = hu.shape[1:]
    radius = rng.uniform(0.4, 0.55) * columns
    y = torch.arange(rows)[:, None] - (rows - 1) / 2
    x = torch.arange(columns)[None] - (columns - 1) / 2
    return torch.where(y**2 + x**2 <= radius**2, hu, torch.tensor(float(AIR_HU)))


def _recentred(hu: Tensor, rng: np.random.Generator, jitter: float) -> Tensor:
    """Lay the median of the soft tissue into the middle again, as `prepare_slabs` would, give or take some pixels."""
    soft = hu[::2] > SOFT_THRESHOLD_HU
    shifts = []
    for axis in (1, 2):
        counts = soft.sum(dim=tuple(i for i in range(3) if i != axis)).cumsum(0)
        if counts[-1] == 0:
            return hu
        median = int(torch.searchsorted(counts, counts[-1] // 2))
        shifts.append(round((hu.shape[axis] - 1) / 2 - median + float(rng.normal(0, jitter))))
    rows, columns = hu.shape[1:]
    y, x = (int(np.clip(s, -size // 2, size // 2)) for s, size in zip(shifts, (rows, columns), strict=True))
    padded = F.pad(hu, (max(x, 0), max(-x, 0), max(y, 0), max(-y, 0)), value=float(AIR_HU))
    top, left = max(-y, 0), max(-x, 0)
    return padded[:, top : top + rows, left : left + columns]


def _blurred_in_plane(hu: Tensor, sigma: float) -> Tensor:
    side = float(np.exp(-0.5 / sigma**2))
    return _mixed_with_neighbours(hu, side / (1.0 + 2 * side))


def _mixed_with_neighbours(hu: Tensor, weight: float) -> Tensor:
    """Kernel (weight, 1 - 2 weight, weight) along both axes of the plane; several times faster than a convolution."""
    for axis in (1, 2):
        size = hu.shape[axis]
        mixed = hu * (1 - 2 * weight)
        mixed.narrow(axis, 1, size - 1).add_(hu.narrow(axis, 0, size - 1), alpha=weight)
        mixed.narrow(axis, 0, size - 1).add_(hu.narrow(axis, 1, size - 1), alpha=weight)
        mixed.select(axis, 0).add_(hu.select(axis, 0), alpha=weight)
        mixed.select(axis, size - 1).add_(hu.select(axis, size - 1), alpha=weight)
        hu = mixed
    return hu


def _tissue_changed(hu: Tensor, rng: np.random.Generator) -> Tensor:
    """Another offset, another contrast of soft tissue, another density of lung and bone."""
    hu = hu + float(rng.uniform(-10, 10))
    soft_gain, lung_gain, bone_gain = rng.uniform(0.8, 1.25), rng.uniform(0.9, 1.1), rng.uniform(0.75, 1.3)
    soft = hu.clamp(-150, 250) * float(soft_gain)
    below = (hu + 150).clamp_max(0) * float(lung_gain)
    above = (hu - 250).clamp_min(0) * float(bone_gain)
    return soft + below + above


def _noise(shape: torch.Size, rng: np.random.Generator, generator: torch.Generator) -> Tensor:
    """White noise, or noise with the grain of a soft kernel; unit standard deviation."""
    white = torch.randn(shape, generator=generator)
    if rng.random() < 0.5:
        return white
    return _mixed_with_neighbours(white, 1 / 3) * 3.0
