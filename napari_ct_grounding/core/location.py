"""Does a sentence name a place, and is that place in this scan? A small rule learned by `python -m train calibrate`.

Seven figures of a sentence and a scan; the first five come from the profile (cosine per depth position) alone:

=============  ==========================================================================================================
best           cosine at the best position
prominence     best minus the median of the profile
spread         entropy of softmax(profile / temperature), 0 (one position) to 1 (all alike)
lead           best minus the best cosine further than 40 mm away: a second peak makes it small
end            exp(-distance to the nearer end of the scan / 20 mm): what lies outside often peaks at an end
covered        how well this scan holds the levels of the body that the sentence means: each reference level (a typical depth
               vector) counts by the softmax of its cosine with the sentence, and gives its best cosine with the scan's own
               depth vectors
named          how far the sentence's vector lies on the side of sentences that name something
=============  ==========================================================================================================

They are standardised, clipped to 3 standard deviations, and go with their squares and products into a logistic function; below
a threshold the answer is "no clear location".
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.profile import depth_distribution

__all__ = ["FIGURES", "LocationRule", "location_terms"]

FIGURES = ("best", "prominence", "spread", "lead", "end", "covered", "named")
NUM_TERMS = 1 + len(FIGURES) + len(FIGURES) * (len(FIGURES) + 1) // 2

_ELSEWHERE_MM = 40.0
_END_MM = 20.0
_MAX_DEVIATIONS = 3.0


@dataclass(frozen=True, eq=False)
class LocationRule:
    """The learned rule; part of a weights' card.

    Parameters
    ----------
    temperature : float
        Of the profile's softmax in `spread`.
    level_temperature : float
        Of the softmax over levels in `covered`.
    levels : NDArray[float32], (k, e)
        Typical depth vectors from neck to pelvis, unit length.
    named : NDArray[float32], (e,)
        Direction in the space of sentence vectors.
    mean, scale : NDArray[float64], (7,)
        Of the `FIGURES` over calibration cases.
    weights : NDArray[float64], (36,)
        Of `location_terms`.
    threshold : float
        Least logit that names a place.
    """

    temperature: float
    level_temperature: float
    levels: NDArray[np.float32]
    named: NDArray[np.float32]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    threshold: float

    def figures(
        self,
        profile: NDArray,
        depths_mm: NDArray,
        depth: NDArray,
        sentence: NDArray,
        valid: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float64]:
        """Return the seven `FIGURES`.

        Parameters
        ----------
        profile, depths_mm : (d,)
            Cosines and world z of the positions, growing.
        depth : (d, e)
            The scan's depth vectors.
        sentence : (e,)
            The sentence's localization vector, unit length.
        valid : (d,) bool, optional
            Positions that the model really saw; all by default.
        """
        seen = np.ones(len(profile), bool) if valid is None else valid
        values, z_mm = np.asarray(profile, dtype=np.float64)[seen], np.asarray(depths_mm)[seen]
        best = int(values.argmax())
        probability = depth_distribution(values, self.temperature)
        entropy = -float(probability @ np.log(np.maximum(probability, 1e-300)))
        elsewhere = values[np.abs(z_mm - z_mm[best]) > _ELSEWHERE_MM]
        to_end_mm = min(z_mm[best] - z_mm[0], z_mm[-1] - z_mm[best])
        likeness = self.levels @ sentence
        meant = np.exp((likeness - likeness.max()) / self.level_temperature)
        held = (np.asarray(depth)[seen] @ self.levels.T).max(axis=0)
        return np.array(
            [
                values[best],
                values[best] - np.median(values),
                entropy / np.log(max(len(values), 2)),
                values[best] - (elsewhere.max() if elsewhere.size else values.min()),
                np.exp(-to_end_mm / _END_MM),
                float(meant @ held) / float(meant.sum()),
                float(self.named @ sentence),
            ],
            dtype=np.float64,
        )

    def logit(self, figures: NDArray) -> NDArray[np.float64]:
        """Return the logit (...,) of "names a place in this scan" from figures (..., 7)."""
        return location_terms((figures - self.mean) / self.scale) @ self.weights

    def has_location(self, figures: NDArray) -> bool:
        """Whether a sentence of these figures names a place in this scan."""
        return bool(self.logit(figures) >= self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as it stands in a card: numbers, and vectors as base64 of little-endian float16."""
        return {
            "temperature": self.temperature,
            "level_temperature": self.level_temperature,
            "num_levels": len(self.levels),
            "levels": _packed(self.levels),
            "named": _packed(self.named),
            **{name: [round(float(v), 6) for v in getattr(self, name)] for name in ("mean", "scale", "weights")},
            "threshold": round(self.threshold, 6),
        }

    @classmethod
    def from_dict(cls, record: Any) -> LocationRule:
        """Return the rule that `to_dict` wrote.

        Raises
        ------
        ValueError
            Saying what cannot be used.
        """
        try:
            named = _unpacked(record["named"])
            rule = cls(
                temperature=float(record["temperature"]),
                level_temperature=float(record["level_temperature"]),
                levels=_unpacked(record["levels"]).reshape(int(record["num_levels"]), named.size),
                named=named,
                **{name: np.array(record[name], dtype=np.float64) for name in ("mean", "scale", "weights")},
                threshold=float(record["threshold"]),
            )
        except KeyError as error:
            raise ValueError(f"it has no {error.args[0]}") from error
        except (TypeError, ValueError, binascii.Error) as error:
            raise ValueError(f"it cannot be read ({error})") from error
        if (rule.mean.shape, rule.scale.shape, rule.weights.shape) != ((7,), (7,), (NUM_TERMS,)):
            raise ValueError(f"mean, scale and weights must have 7, 7 and {NUM_TERMS} numbers")
        parts = (rule.levels, rule.named, rule.mean, rule.scale, rule.weights, rule.threshold)
        if not (all(np.isfinite(part).all() for part in parts) and (rule.scale > 0).all() and len(rule.levels)):
            raise ValueError("its numbers must be finite, its scales above 0, and it must have a level")
        if not (rule.temperature > 0 and rule.level_temperature > 0):
            raise ValueError("its temperatures must be above 0")
        return rule


def location_terms(standardised: NDArray) -> NDArray[np.float64]:
    """Return 1, the seven standardised figures (clipped), and their squares and products, (..., 36)."""
    x = np.clip(standardised, -_MAX_DEVIATIONS, _MAX_DEVIATIONS)
    first, second = np.triu_indices(len(FIGURES))
    return np.concatenate([np.ones_like(x[..., :1]), x, x[..., first] * x[..., second]], axis=-1)


def _packed(vectors: NDArray) -> str:
    return base64.b64encode(np.ascontiguousarray(vectors, dtype="<f2").tobytes()).decode("ascii")


def _unpacked(text: str) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f2").astype(np.float32)
