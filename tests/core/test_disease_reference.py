from __future__ import annotations

import numpy as np
import pytest

from napari_ct_grounding.core.disease_reference import DiseaseReference, disease_references_from


def test_a_percentile_is_the_share_of_reference_scans_that_score_lower():
    scores = np.sort(np.random.default_rng(0).normal(0.5, 0.05, 500))
    reference = DiseaseReference(tuple(np.quantile(scores, np.linspace(0, 1, 41))), 500)
    for score in (0.42, 0.5, 0.55):
        assert reference.percentile(score) == pytest.approx(100 * (scores < score).mean(), abs=1)
    assert (reference.percentile(0.0), reference.percentile(1.0)) == (0.0, 100.0)


def test_scores_that_all_scans_share_stand_in_the_middle():
    assert DiseaseReference((0.5,) * 5, 9).percentile(0.5) == 50.0
    assert DiseaseReference((0.1, 0.5, 0.5, 0.5, 0.9), 9).percentile(0.5) == 50.0


def test_a_probability_follows_its_curve_and_stops_at_its_ends():
    reference = DiseaseReference((0.4, 0.6), 20, (0.45, 0.55), (0.1, 0.7))
    assert reference.probability(0.5) == pytest.approx(0.4)
    assert reference.probability(0.9) == 0.7
    assert DiseaseReference((0.4, 0.6), 20).probability(0.5) is None


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"quantiles": [0.1], "num_scans": 3},
        {"quantiles": [0.2, 0.1], "num_scans": 3},
        {"quantiles": [0.1, float("nan")], "num_scans": 3},
        {"quantiles": [0.1, 0.2], "num_scans": 3, "scores": [0.1], "probabilities": []},
        {"quantiles": [0.1, 0.2], "num_scans": 3, "scores": [0.1, 0.2], "probabilities": [0.1, 1.2]},
        {"quantiles": "abc", "num_scans": 3},
        7,
    ],
)
def test_an_entry_that_cannot_be_used_is_named(entry):
    with pytest.raises(ValueError, match="Emphysema"):
        disease_references_from({"Emphysema": entry})
    with pytest.raises(ValueError, match="names of diseases"):
        disease_references_from([entry])
