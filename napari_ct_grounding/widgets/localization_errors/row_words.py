"""What is said about a row, in words. Pure functions."""

from __future__ import annotations

import numpy as np

from napari_ct_grounding.core.error_rows import ErrorRow
from napari_ct_grounding.widgets.localization_errors.table_model import number_text

__all__ = ["fact_texts", "runner_ups"]


def fact_texts(row: ErrorRow | None, image_number: int | None = None) -> tuple[str, ...]:
    """Return the texts of error, answer, truth, interval and rank; a dash where there is nothing to say."""
    if row is None:
        return ("\u2013",) * 5
    return _error_text(row), _answer_text(row, image_number), _truth_text(row), _interval_text(row), _rank_text(row)


def runner_ups(row: ErrorRow) -> list[tuple[float, str]]:
    """Return up to two peaks (mm, what to say of them) that are not the answer's own, best first."""
    result = row.prediction
    if result is None:
        return []
    low, high = result.interval_mm
    others = [z for z in result.peaks_mm if not low <= z <= high and abs(z - result.z_mm) >= result.depth_width_mm]
    texts = []
    for z_mm in others[:2]:
        similarity = result.profile[int(np.argmin(np.abs(result.depths_mm - z_mm)))]
        text = f"runner-up at {number_text(z_mm, 1)} mm, similarity {number_text(float(similarity), 2)}"
        if row.truth_mm is not None:
            distance = max(row.truth_mm[0] - z_mm, z_mm - row.truth_mm[1], 0.0)
            text += ", in the true range" if distance == 0 else f", {distance:.0f} mm from the truth"
        texts.append((z_mm, text))
    return texts


def _error_text(row: ErrorRow) -> str:
    if row.error_mm is None:
        return "not known: failed" if row.prediction is None else "not known: no truth"
    text = f"{row.error_mm:.1f} mm"
    if row.error_mm == 0:
        return f"{text}, in the truth"
    result = row.prediction
    if result is None or row.truth_mm is None:
        return text
    return f"{text}, too {'high' if result.z_mm > row.truth_mm[1] else 'low'}"


def _answer_text(row: ErrorRow, image_number: int | None) -> str:
    result = row.prediction
    if result is None:
        return "\u2013"
    if not row.is_in_world:
        return f"depth position {int(result.z_mm // result.depth_width_mm)} from below"
    image_number = result.image_number if image_number is None else image_number
    name = f"slice {result.slice_index}" if image_number is None else f"image {image_number}"
    place = f"{number_text(result.z_mm, 1)} mm, {name}"
    return place if result.has_location else f"no clear location; {place}"


def _truth_text(row: ErrorRow) -> str:
    if row.truth_mm is None:
        return "not given"
    low, high = row.truth_mm
    if not row.is_in_world and row.prediction is not None:
        return f"depth position {int(low // row.prediction.depth_width_mm)} from below"
    return f"{number_text(low, 1)} mm" if low == high else f"{number_text(low, 1)} to {number_text(high, 1)} mm"


def _interval_text(row: ErrorRow) -> str:
    result = row.prediction
    if result is None or not row.is_in_world:
        return "\u2013"
    low, high = result.interval_mm
    text = f"{number_text(low)} to {number_text(high)} mm"
    if row.truth_mm is None:
        return text
    return text + (", meets truth" if low <= row.truth_mm[1] and row.truth_mm[0] <= high else ", misses truth")


def _rank_text(row: ErrorRow) -> str:
    if row.truth_rank is not None:
        return f"{row.truth_rank.rank} of {row.truth_rank.num_positions} positions"
    result = row.prediction
    if result is None or row.truth_mm is None:
        return "\u2013"
    return "no profile" if not np.isfinite(result.profile).any() else "truth outside what was seen"
