"""Intervals that hold what they promise: a temperature, and split-conformal widening.

The cases are split by scans. On the first half a temperature is chosen: the one whose intervals, once widened to hold the truth
in the stated share, are narrowest (median). On the second half the widening (`radius_mm`) is fixed: a truth lies s mm outside
of its interval (negative: inside, so far from the nearer end), and the radius is the s of rank ceil((n + 1) mass) among n. For
new cases drawn like these the widened interval then holds the truth with at least that probability, whatever the model.

`held` is checked where nothing was fixed: on the first half with the second half's radius.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.profile import (
    decode_depth,
    depth_distribution,
    highest_density_interval,
    widened_interval,
)
from train.calibration.cases import EncodedScan

__all__ = ["IntervalChoice", "LocatedProfile", "best_decoding_temperature", "conformal_radius", "fit_intervals"]


@dataclass(frozen=True, eq=False)
class LocatedProfile:
    """A profile and the true place (mm) of what its sentence names."""

    scan: EncodedScan
    group: int
    profile: NDArray[np.float32]
    z_mm: float

    def interval(self, temperature: float, mass: float) -> tuple[float, float]:
        """The interval before widening, as the session computes it."""
        probability = depth_distribution(self.profile, temperature, self.scan.is_valid)
        return highest_density_interval(probability, self.scan.depths_mm, mass, self.scan.depth_width_mm)


@dataclass(frozen=True)
class IntervalChoice:
    """What goes into the card.

    Parameters
    ----------
    temperature, radius_mm : float
    held : float
        Share of truths inside, on cases that did not fix the radius.
    median_width_mm : float
        There.
    """

    temperature: float
    radius_mm: float
    held: float
    median_width_mm: float


def fit_intervals(
    profiles: Sequence[LocatedProfile], temperatures: Sequence[float], mass: float, seed: int = 0
) -> IntervalChoice:
    """Return temperature and radius.

    Parameters
    ----------
    profiles : sequence of LocatedProfile
        Of at least two scans.
    temperatures : sequence of float
        To choose from.
    mass : float
        Share of truths that the interval promises to hold.
    """
    groups = np.array([profile.group for profile in profiles])
    shuffled = np.random.default_rng(seed).permutation(np.unique(groups))
    if len(shuffled) < 2:
        raise ValueError("All sentences are of one scan; intervals are calibrated on at least two scans.")
    is_first = np.isin(groups, shuffled[: (len(shuffled) + 1) // 2])
    first = [profile for profile, chosen in zip(profiles, is_first, strict=True) if chosen]
    second = [profile for profile, chosen in zip(profiles, is_first, strict=True) if not chosen]
    widths = []
    for temperature in temperatures:
        intervals = _intervals(first, temperature, mass)
        radius = conformal_radius(_beyond(first, intervals), mass)
        widths.append(float(np.median(np.ptp(_widened(first, intervals, radius), axis=1))))
    temperature = temperatures[int(np.argmin(widths))]
    radius = conformal_radius(_beyond(second, _intervals(second, temperature, mass)), mass)
    checked = _widened(first, _intervals(first, temperature, mass), radius)
    held = float((_beyond(first, checked) <= 0).mean())
    return IntervalChoice(temperature, radius, held, float(np.median(np.ptp(checked, axis=1))))


def conformal_radius(beyond_mm: NDArray[np.float64], mass: float) -> float:
    """Return the distance of rank ceil((n + 1) mass); the largest where n is too small for it."""
    rank = min(int(np.ceil((len(beyond_mm) + 1) * mass)), len(beyond_mm))
    return float(np.sort(beyond_mm)[rank - 1])


def best_decoding_temperature(profiles: Sequence[LocatedProfile], temperatures: Sequence[float]) -> tuple[float, float]:
    """Return the temperature whose median decoding errs least, and its mean error in mm."""
    errors = [
        np.mean(
            [
                abs(decode_depth(p.profile, p.scan.depths_mm, "median", temperature, p.scan.is_valid) - p.z_mm)
                for p in profiles
            ]
        )
        for temperature in temperatures
    ]
    best = int(np.argmin(errors))
    return temperatures[best], float(errors[best])


def _intervals(profiles: Sequence[LocatedProfile], temperature: float, mass: float) -> NDArray[np.float64]:
    return np.array([profile.interval(temperature, mass) for profile in profiles])


def _widened(
    profiles: Sequence[LocatedProfile], intervals: NDArray[np.float64], radius_mm: float
) -> NDArray[np.float64]:
    return np.array(
        [
            widened_interval((low, high), radius_mm, p.scan.covered_mm, p.scan.depth_width_mm)
            for p, (low, high) in zip(profiles, intervals, strict=True)
        ]
    )


def _beyond(profiles: Sequence[LocatedProfile], intervals: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far outside of its interval each truth lies, mm; negative inside."""
    z_mm = np.array([profile.z_mm for profile in profiles])
    return np.maximum(intervals[:, 0] - z_mm, z_mm - intervals[:, 1])
