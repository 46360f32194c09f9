"""Whether landmarks were found where one upright body could hold them.

A landmark that the scan does not hold is found somewhere, too, and far from its place, so neither a mean nor a rank correlation
serves: they follow the few that are far off. What counts here is the largest set of landmarks that agree with one body, standing
upright, of some size and somewhere along z; the share that they make of all is the statistic. In a volume that is upside down
the network still knows many slices by their look, but their order along z is reversed, and that share falls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MIN_LANDMARKS", "MIN_SHARE_IN_ORDER", "LandmarkOrder", "landmark_order"]

#: Fewer landmarks with a clear location say nothing about order.
MIN_LANDMARKS = 6

#: A smaller share of landmarks in order, and the volume is said to be perhaps upside down.
MIN_SHARE_IN_ORDER = 0.5

#: How far (mm) a landmark may lie from its place in the body that fits best: more than the model's median error and the spread
#: between people, less than the distance of most landmarks from each other's neighbours.
_TOLERANCE_MM = 20.0

#: Statures, as factors of the average adult's trunk.
_STATURES = np.arange(0.8, 1.21, 0.05)


@dataclass(frozen=True)
class LandmarkOrder:
    """Which landmarks agree with one upright body.

    Parameters
    ----------
    is_in_order : tuple of bool
        For each landmark given; False for those without a place.
    num_found : int
        How many had a place.
    """

    is_in_order: tuple[bool, ...]
    num_found: int

    @property
    def num_in_order(self) -> int:
        """How many landmarks agree with one upright body."""
        return sum(self.is_in_order)

    @property
    def is_suspicious(self) -> bool:
        """Whether so few landmarks agree that the volume may be upside down; never with too few of them."""
        return self.num_found >= MIN_LANDMARKS and self.num_in_order < MIN_SHARE_IN_ORDER * self.num_found


def landmark_order(heights_mm: Sequence[float], found_mm: Sequence[float | None]) -> LandmarkOrder:
    """Return which landmarks agree with one upright body.

    Parameters
    ----------
    heights_mm : (n,)
        Of each landmark in an average adult, growing towards the head; the origin does not matter.
    found_mm : (n,)
        World z (RAS+ mm) at which each was found; None where it has no clear location.
    """
    heights = np.asarray(heights_mm, dtype=np.float64)
    found = np.array([np.nan if z_mm is None else z_mm for z_mm in found_mm], dtype=np.float64)
    if heights.shape != found.shape:
        raise ValueError(f"{heights.size} heights were given for {found.size} places; each landmark needs both.")
    places = np.flatnonzero(np.isfinite(found))
    in_order = np.zeros(len(found), dtype=bool)
    if len(places):
        in_order[places[_largest_agreement(heights[places], found[places])]] = True
    return LandmarkOrder(tuple(in_order.tolist()), len(places))


def _largest_agreement(heights: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which landmarks (n,) lie near z = offset + stature * height, for the offset and stature that most of them share.

    Each landmark proposes the offset that would put itself right.
    """
    offsets = found - _STATURES[:, None] * heights  # (statures, n)
    agrees = np.abs(offsets[:, :, None] - offsets[:, None, :]) <= _TOLERANCE_MM  # (statures, proposer, n)
    stature, proposer = np.unravel_index(int(agrees.sum(axis=2).argmax()), agrees.shape[:2])
    return agrees[stature, proposer]
