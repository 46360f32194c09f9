from __future__ import annotations

import numpy as np
import pytest

from train.calibration.cases import EncodedScan
from train.calibration.intervals import LocatedProfile, best_decoding_temperature, conformal_radius, fit_intervals

Z_MM = np.arange(60) * 5.0


def profiles(num: int, spread_mm: float, seed: int, per_scan: int = 4) -> list[LocatedProfile]:
    """Sharp peaks that miss their truth by `spread_mm` on average: far less certain than they look."""
    rng = np.random.default_rng(seed)
    scan = EncodedScan(np.zeros((60, 2)), Z_MM, np.ones(60, bool), 5.0, (-2.5, 297.5), np.zeros(2))
    found = []
    for index in range(num):
        peak = rng.uniform(40, 250)
        truth = float(np.clip(peak + rng.laplace(0, spread_mm), 0, 295))
        profile = np.exp(-(((Z_MM - peak) / 12) ** 2)) + rng.normal(0, 0.02, 60)
        found.append(LocatedProfile(scan, index // per_scan, profile.astype(np.float32), truth))
    return found


@pytest.mark.parametrize("spread_mm", [2.0, 25.0])
def test_intervals_hold_the_truth_as_often_as_they_say_on_new_cases(spread_mm):
    choices = [fit_intervals(profiles(80, spread_mm, seed), [0.1, 0.3], 0.8) for seed in range(6)]
    assert np.mean([choice.held for choice in choices]) == pytest.approx(0.8, abs=0.08)
    inside = [
        low - choice.radius_mm <= new.z_mm <= high + choice.radius_mm
        for seed, choice in enumerate(choices)
        for new in profiles(40, spread_mm, 100 + seed)
        for low, high in [new.interval(choice.temperature, 0.8)]
    ]
    assert np.mean(inside) == pytest.approx(0.8, abs=0.08)


def test_a_sure_model_that_errs_is_widened_more():
    radii = [fit_intervals(profiles(80, spread, 0), [0.05], 0.8).radius_mm for spread in (2.0, 25.0)]
    assert radii[0] < 5 < 20 < radii[1]


def test_the_radius_is_the_distance_at_the_conformal_rank():
    beyond = np.arange(1.0, 10.0)  # n = 9: rank ceil(10 x 0.8) = 8
    assert conformal_radius(beyond, 0.8) == 8.0
    assert conformal_radius(-beyond, 0.8) == -2.0
    assert conformal_radius(np.array([3.0]), 0.8) == 3.0


def test_the_temperature_that_errs_least_is_taken():
    temperature, mean_mm = best_decoding_temperature(profiles(30, 1.0, 2), [0.05, 5.0])
    assert temperature == 0.05
    assert mean_mm < 10


def test_one_scan_is_not_enough():
    with pytest.raises(ValueError, match="at least two scans"):
        fit_intervals(profiles(4, 2.0, 0), [0.1], 0.8)
