"""Which phrases point to one slice: a bank of profiles, asked at one depth.

Cosines of different sentences cannot be compared: a phrase of many words may lie near every slice, another near none. So each
profile is first turned into what the weights' card says it means, the probability of each depth given the phrase (softmax at the
card's temperature), and divided by what a phrase without any preference would get. This *concentration* is 1 for a phrase that
does not care, and large where a phrase points here and nowhere else. With every phrase as likely beforehand as any other it ranks
them as Bayes' rule does. It does not say that a finding is there: a phrase has its best slice in every scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.profile import depth_distribution

__all__ = ["PhraseAtDepth", "PhraseRanking"]


@dataclass(frozen=True)
class PhraseAtDepth:
    """How one phrase stands at one depth.

    Parameters
    ----------
    phrase : str
    concentration : float
        How many times as much of the phrase lies here as if it were spread evenly over the scan.
    share_of_best : float
        0 to 1: `concentration` here over that at the phrase's best depth.
    """

    phrase: str
    concentration: float
    share_of_best: float


class PhraseRanking:
    """Profiles of many phrases in one scan; grows as they come in.

    Parameters
    ----------
    depths_mm : (d,)
        World z of the depth positions, growing.
    temperature : float
        Of the softmax, from the weights' card.
    """

    def __init__(self, depths_mm: NDArray, temperature: float) -> None:
        self._depths_mm = np.asarray(depths_mm, dtype=np.float64)
        self._temperature = temperature
        self._phrases: list[str] = []
        self._concentration = np.zeros((0, len(self._depths_mm)), dtype=np.float32)
        self._best = np.zeros(0, dtype=np.float32)

    def add(self, phrases: Sequence[str], profiles: Sequence[NDArray]) -> None:
        """Take phrases with their profiles (d,); NaN where a depth position lies outside the scan."""
        if not phrases:
            return
        rows = np.stack([self._concentrated(profile) for profile in profiles])
        self._phrases += phrases
        self._concentration = np.concatenate([self._concentration, rows])
        self._best = np.concatenate([self._best, rows.max(axis=1)])

    def best_at(self, z_mm: float, max_phrases: int, phrases: frozenset[str] | None = None) -> list[PhraseAtDepth]:
        """Return the phrases that point most to a world z, best first; those that avoid it (concentration below 1) are left out.

        Parameters
        ----------
        z_mm : float
            Between two depth positions values are interpolated; more than one beyond the outermost nothing points there.
        max_phrases : int
        phrases : frozenset of str, optional
            Only these; all by default.
        """
        weights = self._weights(z_mm)
        if weights is None or not self._phrases:
            return []
        here = self._concentration @ weights
        chosen: list[PhraseAtDepth] = []
        for row in np.argsort(-here, kind="stable"):
            if here[row] <= 1.0 or len(chosen) == max_phrases:
                break
            if phrases is None or self._phrases[row] in phrases:
                share = min(float(here[row] / self._best[row]), 1.0)
                chosen.append(PhraseAtDepth(self._phrases[row], float(here[row]), share))
        return chosen

    def _concentrated(self, profile: NDArray) -> NDArray[np.float32]:
        is_valid = np.isfinite(profile)
        shares = depth_distribution(np.where(is_valid, profile, 0.0), self._temperature, is_valid)
        return (shares * is_valid.sum()).astype(np.float32)

    def _weights(self, z_mm: float) -> NDArray[np.float32] | None:
        """Linear interpolation between depth positions as a vector (d,); None beyond them."""
        depths = self._depths_mm
        margin = depths[1] - depths[0] if len(depths) > 1 else np.inf
        if not depths[0] - margin <= z_mm <= depths[-1] + margin:
            return None
        weights = np.zeros(len(depths), dtype=np.float32)
        above = int(np.searchsorted(depths, z_mm))
        if above == 0 or above == len(depths):
            weights[min(above, len(depths) - 1)] = 1.0
        else:
            share = (z_mm - depths[above - 1]) / (depths[above] - depths[above - 1])
            weights[above - 1], weights[above] = 1.0 - share, share
        return weights
