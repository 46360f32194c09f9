"""From a profile to an answer: distribution, depth, interval, peaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_ct_grounding.core.profile import (
    decode_depth,
    depth_distribution,
    find_peaks_mm,
    highest_density_interval,
    widened_interval,
)

DEPTHS_MM = np.arange(10) * 12.0 - 400.0


def bump(centre: int, num_depths: int = 10, width: float = 1.5) -> np.ndarray:
    return np.exp(-(((np.arange(num_depths) - centre) / width) ** 2))


@st.composite
def probabilities(draw: st.DrawFn) -> np.ndarray:
    weights = draw(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=12))
    weights[draw(st.integers(0, len(weights) - 1))] += 0.5
    return np.array(weights) / np.sum(weights)


def test_the_distribution_sums_to_one_and_ignores_what_was_not_seen() -> None:
    valid = np.arange(10) < 6
    probability = depth_distribution(bump(8), 0.1, valid)
    assert probability.sum() == pytest.approx(1.0)
    assert (probability[~valid] == 0).all()
    assert probability.argmax() == 5


def test_the_distribution_is_the_softmax_at_that_temperature() -> None:
    profile = np.array([0.1, 0.3, 0.2])
    expected = np.exp(profile / 0.05) / np.exp(profile / 0.05).sum()
    np.testing.assert_allclose(depth_distribution(profile, 0.05), expected)


def test_a_tiny_temperature_does_not_overflow() -> None:
    assert depth_distribution(np.array([-1.0, 1.0]), 1e-6).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("decoding", ["argmax", "median"])
@pytest.mark.parametrize("centre", [2, 5, 7])
def test_a_symmetric_bump_is_decoded_at_its_centre(decoding: str, centre: int) -> None:
    z_mm = decode_depth(bump(centre), DEPTHS_MM, decoding, 0.05)
    assert z_mm == pytest.approx(DEPTHS_MM[centre], abs=0.5)


@pytest.mark.parametrize("decoding", ["argmax", "median"])
def test_a_peak_that_was_not_seen_is_not_the_answer(decoding: str) -> None:
    valid = np.arange(10) < 7
    z_mm = decode_depth(bump(9) + 0.5 * bump(3), DEPTHS_MM, decoding, 0.01, valid)
    assert z_mm == pytest.approx(DEPTHS_MM[3], abs=1.0)


def test_the_median_lies_between_two_equal_neighbours() -> None:
    profile = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    assert decode_depth(profile, DEPTHS_MM[:6], "median", 0.01) == pytest.approx((DEPTHS_MM[2] + DEPTHS_MM[3]) / 2)


@pytest.mark.parametrize("decoding", ["argmax", "median"])
def test_a_scan_of_one_position_is_answered_with_that_position(decoding: str) -> None:
    assert decode_depth(np.array([0.2]), np.array([-31.0]), decoding, 0.1) == -31.0


def test_an_unknown_decoding_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'mean'.*argmax"):
        decode_depth(bump(3), DEPTHS_MM, "mean", 0.1)


@given(probabilities(), st.floats(0.05, 0.99))
def test_the_interval_is_the_smallest_range_around_the_peak_that_holds_the_mass(
    probability: np.ndarray, mass: float
) -> None:
    depths_mm = np.arange(len(probability)) * 5.0
    lo, hi = highest_density_interval(probability, depths_mm, mass)
    first, last = round((lo + 2.5) / 5), round((hi + 2.5) / 5)
    best = int(np.argmax(probability))
    assert first <= best < last
    assert probability[first:last].sum() >= mass - 1e-9
    sizes = [
        b - a
        for a in range(best + 1)
        for b in range(best + 1, len(probability) + 1)
        if probability[a:b].sum() >= mass + 1e-9
    ]
    assert last - first <= min(sizes, default=len(probability))


def test_the_interval_reaches_over_a_dip_when_that_is_shorter_than_a_long_slope() -> None:
    probability = np.array([0.0, 0.29, 0.02, 0.45, 0.04, 0.04, 0.04, 0.04, 0.04, 0.04])
    lo, hi = highest_density_interval(probability, np.arange(10.0), 0.75)
    assert (lo, hi) == (0.5, 3.5)


def test_the_interval_is_never_narrower_than_one_position() -> None:
    probability = np.eye(10)[4]
    assert highest_density_interval(probability, DEPTHS_MM) == (DEPTHS_MM[4] - 6, DEPTHS_MM[4] + 6)


def test_the_interval_of_one_position_is_as_wide_as_the_position() -> None:
    assert highest_density_interval(np.array([1.0]), np.array([10.0]), 0.8, depth_width_mm=5.0) == (7.5, 12.5)
    with pytest.raises(ValueError, match="depth_width_mm"):
        highest_density_interval(np.array([1.0]), np.array([10.0]))


def test_an_interval_at_positions_closer_than_they_are_thick_is_still_one_position_wide():
    depths_mm = np.array([0.0, 12.0, 24.0, 27.0])
    probability = np.array([0.01, 0.01, 0.01, 0.97])
    assert highest_density_interval(probability, depths_mm, 0.8, depth_width_mm=12.0) == pytest.approx((21.0, 33.0))


def test_a_mass_out_of_reach_by_rounding_gives_the_whole_range() -> None:
    probability = np.full(10, 0.1) * (1 - 1e-9)
    lo, hi = highest_density_interval(probability, DEPTHS_MM, 1 - 1e-12)
    assert (lo, hi) == (DEPTHS_MM[0] - 6, DEPTHS_MM[-1] + 6)


def test_peaks_come_best_first_and_keep_their_distance() -> None:
    profile = 0.5 * bump(1, width=0.5) + 1.0 * bump(5, width=0.5) + 0.8 * bump(6, width=0.5) + 0.3 * bump(9, width=0.5)
    assert find_peaks_mm(profile, DEPTHS_MM, 24.0) == (DEPTHS_MM[5], DEPTHS_MM[1], DEPTHS_MM[9])
    assert find_peaks_mm(profile, DEPTHS_MM, 24.0, max_peaks=1) == (DEPTHS_MM[5],)
    drop_to_second = profile[5] - profile[1]
    assert find_peaks_mm(profile, DEPTHS_MM, 24.0, max_drop=drop_to_second + 1e-6) == (DEPTHS_MM[5], DEPTHS_MM[1])
    assert find_peaks_mm(profile, DEPTHS_MM, 24.0, max_drop=drop_to_second - 1e-6) == (DEPTHS_MM[5],)


def test_the_edge_of_the_scan_may_be_a_peak_but_not_what_was_not_seen() -> None:
    valid = np.arange(10) < 8
    assert find_peaks_mm(bump(9), DEPTHS_MM, 24.0, valid=valid)[0] == DEPTHS_MM[7]


def test_a_conformal_radius_moves_both_ends_but_not_out_of_the_scan() -> None:
    assert widened_interval((10.0, 20.0), 5.0, (0.0, 100.0)) == (5.0, 25.0)
    assert widened_interval((10.0, 20.0), 15.0, (0.0, 22.0)) == (0.0, 22.0)
    assert widened_interval((-3.0, 9.0), 2.0, (0.0, 100.0)) == (-3.0, 11.0)  # an end beyond the scan is not pulled in


def test_a_negative_radius_narrows_down_to_one_position() -> None:
    assert widened_interval((10.0, 30.0), -4.0, (0.0, 100.0), 6.0) == (14.0, 26.0)
    assert widened_interval((10.0, 30.0), -40.0, (0.0, 100.0), 6.0) == (17.0, 23.0)
    assert widened_interval((10.0, 14.0), -1.0, (0.0, 100.0), 6.0) == (10.0, 14.0)
