"""The rule that says "no clear location"."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_ct_grounding.core.location import FIGURES, NUM_TERMS, LocationRule, location_terms

DEPTHS_MM = np.arange(20) * 10.0
AXES = np.eye(20, dtype=np.float32)


def rule(**changes) -> LocationRule:
    fields = {
        "temperature": 0.1,
        "level_temperature": 0.05,
        "levels": AXES[[2, 15]],
        "named": AXES[19] - AXES[18],
        "mean": np.zeros(7),
        "scale": np.ones(7),
        "weights": np.zeros(NUM_TERMS),
        "threshold": 0.0,
    }
    return LocationRule(**{**fields, **changes})


def figures_of(depth: np.ndarray, sentence: np.ndarray, valid: np.ndarray | None = None, **changes) -> dict[str, float]:
    depths_mm = DEPTHS_MM[: len(depth)]
    return dict(zip(FIGURES, rule(**changes).figures(depth @ sentence, depths_mm, depth, sentence, valid), strict=True))


def test_the_figures_are_those_worked_out_by_hand():
    found = figures_of(AXES, AXES[15])
    assert found["best"] == found["prominence"] == found["lead"] == 1.0
    assert found["end"] == pytest.approx(np.exp(-40 / 20))  # 4 positions of 10 mm to the upper end
    p = np.exp([10.0] + [0.0] * 19)
    p /= p.sum()
    assert found["spread"] == pytest.approx(-(p * np.log(p)).sum() / np.log(20))
    assert found["covered"] == pytest.approx(1.0)
    assert found["named"] == 0.0


def test_a_second_peak_elsewhere_takes_the_lead_away_and_one_beside_does_not():
    sentence = AXES[10] + 0.9 * AXES[3]
    assert figures_of(AXES, sentence)["lead"] == pytest.approx(0.1)
    assert figures_of(AXES, AXES[10] + 0.9 * AXES[12])["lead"] == pytest.approx(1.0)


def test_a_level_that_the_scan_lacks_is_not_covered():
    assert figures_of(AXES[:10], AXES[15])["covered"] == pytest.approx(0.0, abs=1e-6)
    valid = np.arange(20) < 10
    assert figures_of(AXES, AXES[15], valid)["covered"] == pytest.approx(0.0, abs=1e-6)
    assert figures_of(AXES, AXES[2], valid)["covered"] == pytest.approx(1.0)


def test_invalid_positions_change_no_figure():
    rng = np.random.default_rng(0)
    depth = rng.standard_normal((20, 20)).astype(np.float32)
    valid = (np.arange(20) >= 4) & (np.arange(20) < 16)
    kept = rule().figures(depth[4:16] @ AXES[1], DEPTHS_MM[4:16], depth[4:16], AXES[1])
    np.testing.assert_allclose(rule().figures(depth @ AXES[1], DEPTHS_MM, depth, AXES[1], valid), kept, rtol=1e-6)


def test_a_scan_of_one_position_has_finite_figures():
    assert np.isfinite(list(figures_of(AXES[:1], AXES[0]).values())).all()


def test_terms_are_one_the_figures_and_their_products_without_extremes():
    x = np.arange(7) / 2
    terms = location_terms(x)
    assert terms.shape == (NUM_TERMS,)
    assert terms[0] == 1.0
    np.testing.assert_array_equal(terms[1:8], x)
    assert terms[8:].sum() == pytest.approx((x.sum() ** 2 + (x**2).sum()) / 2)
    np.testing.assert_array_equal(location_terms(np.full(7, 1e9)), location_terms(np.full(7, 3.0)))


def test_the_threshold_parts_the_logits():
    weights = np.zeros(NUM_TERMS)
    weights[1] = 2.0
    at = np.array([0.25, 0, 0, 0, 0, 0, 0])
    assert rule(weights=weights, threshold=0.5).has_location(at)
    assert not rule(weights=weights, threshold=0.51).has_location(at)


def test_a_rule_survives_its_journey_through_json_to_half_precision():
    rng = np.random.default_rng(1)
    before = rule(
        levels=rng.standard_normal((3, 20)).astype(np.float32), weights=rng.standard_normal(NUM_TERMS), threshold=0.125
    )
    after = LocationRule.from_dict(json.loads(json.dumps(before.to_dict())))
    np.testing.assert_array_equal(after.levels, before.levels.astype(np.float16))
    np.testing.assert_allclose(after.weights, before.weights, atol=1e-6)
    assert after.threshold == 0.125


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"levels": "not base64!"}, "cannot be read"),
        ({"num_levels": 7}, "cannot be read"),
        ({"weights": [1.0]}, "36 numbers"),
        ({"scale": [0.0] * 7}, "above 0"),
        ({"threshold": float("nan")}, "finite"),
        ({"temperature": 0}, "temperatures"),
        ({"mean": None}, "36 numbers"),
        ({"mean": "zero"}, "cannot be read"),
    ],
)
def test_a_damaged_rule_is_refused_in_words(change, reason):
    with pytest.raises(ValueError, match=reason):
        LocationRule.from_dict({**rule().to_dict(), **change})


def test_a_missing_part_is_named():
    record = rule().to_dict()
    del record["named"]
    with pytest.raises(ValueError, match="it has no named"):
        LocationRule.from_dict(record)
    with pytest.raises(ValueError, match="cannot be read"):
        LocationRule.from_dict(["a list"])
