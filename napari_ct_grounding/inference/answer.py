"""From a sentence's cosines along a scan to the answer: a place, an interval, or "no clear location"."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.profile import (
    decode_depth,
    depth_distribution,
    find_peaks_mm,
    highest_density_interval,
    widened_interval,
)
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.inference.encoded_volume import EncodedVolume
from napari_ct_grounding.model.weights.card import WeightsCard

__all__ = ["answer_of"]

#: An interval this wide, as a share of the covered range, names no place.
NO_LOCATION_SHARE = 0.75

#: A second peak is told when its probability is at least this share of the best one's.
MIN_PEAK_SHARE = 0.05


def answer_of(
    sentence: str,
    profile: NDArray[np.float32],
    encoded: EncodedVolume,
    card: WeightsCard,
    vector: NDArray[np.float32] | None = None,
) -> GroundingResult:
    """Return what a profile says, read as the weights' card tells.

    Parameters
    ----------
    sentence : str
        As given by the caller.
    profile : NDArray[float32], (d,)
        Cosine between the sentence and each depth position of `encoded`.
    encoded : EncodedVolume
    card : WeightsCard
    vector : NDArray[float32], (e,), optional
        The sentence's localization vector: what the card's location rule asks for. Without it the card's threshold decides.
    """
    seen = encoded.embeddings
    z_mm = decode_depth(profile, seen.depths_mm, card.decoding, card.temperature, seen.is_valid)
    probability = depth_distribution(profile, card.interval_temperature, seen.is_valid)
    interval_mm = highest_density_interval(
        probability, seen.depths_mm, card.interval_mass, depth_width_mm=seen.depth_width_mm
    )
    interval_mm = widened_interval(interval_mm, card.interval_radius_mm, seen.covered_mm, seen.depth_width_mm)
    score = float(profile[seen.is_valid].max())
    if card.location_rule is not None and vector is not None:
        rule = card.location_rule
        has_location = rule.has_location(rule.figures(profile, seen.depths_mm, seen.depth, vector, seen.is_valid))
    else:
        covered_lo, covered_hi = seen.covered_mm
        is_wide = interval_mm[1] - interval_mm[0] >= NO_LOCATION_SHARE * (covered_hi - covered_lo)
        is_faint = card.location_threshold is not None and score < card.location_threshold
        has_location = not (is_wide or is_faint)
    slice_index = encoded.geometry.slice_of_z(z_mm)
    record = encoded.slice_table[slice_index]
    return GroundingResult(
        sentence=sentence,
        z_mm=z_mm,
        slice_index=slice_index,
        image_number=record.image_number,
        score=score,
        interval_mm=interval_mm,
        covered_mm=seen.covered_mm,
        depths_mm=seen.depths_mm,
        profile=np.where(seen.is_valid, profile, np.float32(np.nan)).astype(np.float32),
        peaks_mm=find_peaks_mm(
            profile,
            seen.depths_mm,
            2 * seen.depth_width_mm,
            valid=seen.is_valid,
            max_drop=-card.temperature * np.log(MIN_PEAK_SHARE),
        ),
        has_location=has_location,
        is_calibrated=card.is_calibrated,
        depth_width_mm=seen.depth_width_mm,
        file_index=record.file_index,
    )
