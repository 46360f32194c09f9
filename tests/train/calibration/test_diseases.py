from __future__ import annotations

import numpy as np

from napari_ct_grounding.core.disease_reference import disease_references_from
from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from train.calibration.diseases import disease_references


def embed(texts):
    """A disease is present along its own axis; denials point away from it."""
    rows = np.zeros((len(texts), len(CT_RATE_DISEASES)))
    for row, text in zip(rows, texts, strict=True):
        index = next(i for i, name in enumerate(CT_RATE_DISEASES) if name in text)
        row[index] = -1 if {"no", "not"} & set(text.lower().split()) else 1
    return rows


def test_a_reference_places_the_scans_it_was_made_of_and_its_curve_grows_with_the_score():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (60, 18))
    labels[:, 1] = -1
    labels[:5, 2], labels[5:, 2] = 1, 0  # too few
    scans = rng.normal(0, 0.3, (60, 18)) + 0.5 * labels
    found = disease_references_from(disease_references(scans, embed, labels))
    assert list(found) == list(CT_RATE_DISEASES)
    first = found[CT_RATE_DISEASES[0]]
    assert first.num_scans == 60
    assert first.percentile(first.quantiles[0]) == 0.0
    assert 0 < first.probability(0.0) < 0.2 < 0.8 < first.probability(1.0) < 1
    assert found[CT_RATE_DISEASES[1]].probability(0.5) is None
    assert found[CT_RATE_DISEASES[2]].probability(0.5) is None
    assert disease_references_from(disease_references(scans, embed))[CT_RATE_DISEASES[0]].probability(0.5) is None
