"""Choose, on phantoms, how the profiles of trained weights are read: the numbers that a card holds beside the metrics.

- the temperature whose median decoding errs least,
- the temperature whose 80 % interval holds the truth in about 80 % of sentences,
- the least score (best cosine) that names a place: what all but 5 % of the sentences about visible things reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from train.evaluate import Decoding, Profile, locate

__all__ = ["calibrate"]

#: Factors on the trained temperature that are tried.
_FACTORS = tuple(float(f) for f in np.round(np.geomspace(0.35, 3.5, 13), 3))

_MAX_PROFILES = 4000


def calibrate(profiles: Sequence[Profile], trained_temperature: float, mass: float = 0.8) -> dict[str, Any]:
    """Return the card's fields on decoding.

    Parameters
    ----------
    profiles : sequence of Profile
        Held-out wordings on phantoms that neither training nor `evaluate` uses.
    trained_temperature : float
        Tau of the localization loss.
    mass : float
        Of the interval.
    """
    rng = np.random.default_rng(0)
    if len(profiles) > _MAX_PROFILES:
        profiles = [profiles[i] for i in rng.choice(len(profiles), _MAX_PROFILES, replace=False)]
    errors, coverages = {}, {}
    for factor in _FACTORS:
        temperature = factor * trained_temperature
        located = locate(profiles, Decoding("median", temperature, temperature, mass))
        errors[temperature] = float(np.mean([abs(item.predicted_mm - item.z_mm) for item in located]))
        coverages[temperature] = float(np.mean([i.interval_mm[0] <= i.z_mm <= i.interval_mm[1] for i in located]))
    best = min(errors, key=errors.__getitem__)
    # Warmer means wider: interpolate to the temperature that covers `mass`.
    warm = np.array(sorted(coverages))
    covered = np.maximum.accumulate([coverages[t] for t in warm])
    interval = float(np.exp(np.interp(mass, covered, np.log(warm))))
    located = locate(profiles, Decoding("median", best, interval, mass))
    reached = float(np.mean([i.interval_mm[0] <= i.z_mm <= i.interval_mm[1] for i in located]))
    how = Decoding("median", round(best, 6), round(interval, 6), mass)
    return {
        **asdict(how),
        "is_calibrated": True,
        "location_threshold": round(float(np.quantile([item.score for item in located], 0.05)), 5),
        "calibration": {
            "num_sentences": len(profiles),
            "interval_covers": round(reached, 4),
            "mean_error_mm": round(errors[best], 2),
        },
    }
