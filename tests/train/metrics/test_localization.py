from __future__ import annotations

import pytest

from train.metrics.localization import Located, category_prior, localization_summary


def located(scan, z, predicted, target="carina", extent=10.0):
    return Located(scan, target, False, z, z - extent / 2, z + extent / 2, (0.0, 100.0), predicted)


def test_errors_and_shares_are_those_worked_out_by_hand():
    items = [located(0, 30, 34), located(0, 70, 100), located(1, 50, 70), located(2, 50, 50)]
    summary = localization_summary(items, {"carina": 0.4})
    model = summary["model"]
    assert model["mean_mm"] == pytest.approx((4 + 30 + 20 + 0) / 4)
    assert model["median_mm"] == pytest.approx(12)
    assert (model["within_12_mm"], model["within_24_mm"], model["inside"]) == (0.5, 0.75, 0.5)
    assert model["inside_12_mm"] == 0.5
    assert summary["middle_slice"]["mean_mm"] == pytest.approx(10)
    assert summary["category_prior"]["mean_mm"] == pytest.approx((10 + 30 + 10 + 10) / 4)
    assert summary["num_scans"] == 3


def test_the_interval_of_the_mean_narrows_with_more_scans():
    def width(num_scans):
        items = [located(scan, 50, 50 + (scan % 7) * 3) for scan in range(num_scans)]
        low, high = localization_summary(items, {})["model"]["mean_mm_ci"]
        return high - low

    assert width(200) < 0.6 * width(20)


def test_nothing_to_score_gives_none():
    assert localization_summary([], {}) is None


def test_the_prior_is_the_median_place():
    assert category_prior({"liver": [0.1, 0.2, 0.9]}) == {"liver": 0.2}


def test_a_hit_may_lie_twelve_millimetres_beside_the_extent():
    model = localization_summary([located(0, 50, 60), located(1, 50, 68)], {}, 10)["model"]
    assert (model["inside"], model["inside_12_mm"]) == (0.0, 0.5)
