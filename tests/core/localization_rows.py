"""Rows with answers whose error is known beforehand, for tests of statistics and of the error browser."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_ct_grounding.core.localization_results import (
    LocalizationCase,
    LocalizationResults,
    LocalizationRow,
    Truth,
)
from napari_ct_grounding.core.results import GroundingResult

WIDTH_MM = 12.0


def an_answer(
    z_mm: float,
    sentence: str = "left hilar mass",
    *,
    covered_mm: tuple[float, float] = (0.0, 240.0),
    has_location: bool = True,
    second_mm: float | None = None,
) -> GroundingResult:
    """An answer at `z_mm`, with a profile that peaks there, and lower at `second_mm`."""
    depths_mm = np.arange(covered_mm[0] + WIDTH_MM / 2, covered_mm[1], WIDTH_MM)
    profile = 0.4 * np.exp(-(((depths_mm - z_mm) / 15.0) ** 2))
    peaks = (float(depths_mm[int(np.argmax(profile))]),)
    if second_mm is not None:
        profile = np.maximum(profile, 0.3 * np.exp(-(((depths_mm - second_mm) / 15.0) ** 2)))
        peaks += (second_mm,)
    return GroundingResult(
        sentence=sentence,
        z_mm=z_mm,
        slice_index=round((z_mm - covered_mm[0]) / 3),
        image_number=None,
        score=float(profile.max()),
        interval_mm=(z_mm - 12.0, z_mm + 12.0),
        covered_mm=covered_mm,
        depths_mm=depths_mm,
        profile=profile.astype(np.float32),
        peaks_mm=peaks,
        has_location=has_location,
        is_calibrated=False,
        depth_width_mm=WIDTH_MM,
        file_index=0,
    )


def a_row(
    predicted_mm: float | None,
    true_mm: float | tuple[float, float] | None = None,
    *,
    scan: str = "a.nii.gz",
    sentence: str = "left hilar mass",
    category: str | None = None,
    fingerprint: str | None = None,
    case: str = "",
    **answer: Any,
) -> LocalizationRow:
    """A row with an answer, or a failed one where `predicted_mm` is None."""
    if isinstance(true_mm, (int, float)):
        true_mm = (true_mm, true_mm)
    truth = None if true_mm is None else Truth(*true_mm)
    asked = LocalizationCase(case or scan, scan, sentence, category=category, truth=truth)
    if predicted_mm is None:
        return LocalizationRow(asked, message="The scan cannot be read.")
    return LocalizationRow(asked, an_answer(predicted_mm, sentence, **answer), volume_fingerprint=fingerprint)


def results_of(*rows: LocalizationRow) -> LocalizationResults:
    return LocalizationResults("bundled", "ab" * 8, "masked", "float32", rows)


def many_rows(num: int, num_scans: int = 500, num_positions: int = 40) -> list[LocalizationRow]:
    """Rows as a large evaluation writes them, errors spread like those of a real one; some failed, some without a truth."""
    rng = np.random.default_rng(0)
    organs = ("lung", "liver", "heart", "bone", "kidney")
    rows = []
    for number in range(num):
        length = num_positions * WIDTH_MM
        true = float(rng.uniform(0.1, 0.9) * length)
        predicted = float(np.clip(true + rng.standard_t(2) * 15, 0, length))
        organ = organs[number % len(organs)]
        rows.append(
            a_row(
                None if number % 97 == 0 else predicted,
                None if number % 41 == 0 else (true - 6, true + 6),
                scan=f"scans/{number % num_scans:04d}/ct.nii.gz",
                sentence=f"Finding {number} in the {organ}, about {number % 40} mm in size.",
                category=organ,
                covered_mm=(-200.0, length - 200.0) if number % 2 else (0.0, length),
            )
        )
    return rows
