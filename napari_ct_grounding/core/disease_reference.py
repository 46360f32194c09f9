"""Where a disease score stands among other scans, and, where labels were known, how likely the disease is.

A score of a text classifier has no meaning of its own: 0.52 may be high for one disease and low for another. `python -m train
calibrate` therefore keeps the distribution of each disease's score over reference scans in the weights' card.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["DiseaseReference", "disease_references_from"]


@dataclass(frozen=True)
class DiseaseReference:
    """One disease's scores over reference scans.

    Parameters
    ----------
    quantiles : tuple of float
        Scores at evenly spaced shares of the scans, from the lowest to the highest.
    num_scans : int
    scores, probabilities : tuple of float
        Corners of a monotone curve from score to probability (isotonic regression on labelled scans); empty without labels.
    """

    quantiles: tuple[float, ...]
    num_scans: int
    scores: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()

    def percentile(self, score: float) -> float:
        """Share (0 to 100) of the reference scans that score lower; halfway through scores that are equal."""
        at = np.linspace(0.0, 100.0, len(self.quantiles))
        below = np.searchsorted(self.quantiles, score, side="left")
        above = np.searchsorted(self.quantiles, score, side="right")
        if below < above:  # the score itself is one of the quantiles
            return float((at[below] + at[above - 1]) / 2)
        return float(np.interp(score, self.quantiles, at))

    def probability(self, score: float) -> float | None:
        """Probability (0 to 1) of the disease; None without labels. Scores beyond the reference take its ends."""
        return float(np.interp(score, self.scores, self.probabilities)) if self.scores else None


def disease_references_from(record: Any) -> dict[str, DiseaseReference]:
    """Return the references by disease from their JSON form.

    Raises
    ------
    ValueError
        Naming the disease whose reference cannot be used.
    """
    if not isinstance(record, dict):
        raise ValueError("it must be an object with the names of diseases")
    return {str(name): _reference(name, entry) for name, entry in record.items()}


def _reference(name: str, entry: Any) -> DiseaseReference:
    try:
        reference = DiseaseReference(
            quantiles=tuple(float(v) for v in entry["quantiles"]),
            num_scans=int(entry["num_scans"]),
            scores=tuple(float(v) for v in entry.get("scores", ())),
            probabilities=tuple(float(v) for v in entry.get("probabilities", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"that of {name!r} has no usable quantiles or num_scans") from error
    curves = (reference.quantiles, reference.scores, reference.probabilities)
    growing = all(np.isfinite(curve).all() and (np.diff(curve) >= 0).all() for curve in curves if curve)
    if not growing or len(reference.quantiles) < 2 or len(reference.scores) != len(reference.probabilities):
        raise ValueError(f"that of {name!r} must hold growing numbers, as many scores as probabilities")
    if reference.probabilities and not 0 <= reference.probabilities[0] <= reference.probabilities[-1] <= 1:
        raise ValueError(f"the probabilities of {name!r} must lie between 0 and 1")
    return reference
