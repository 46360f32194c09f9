from __future__ import annotations

import numpy as np
import torch

from napari_ct_grounding.model.slab.hashed_text import HashedText, hashed_buckets, inverse_document_frequency


def overlap(a: str, b: str) -> float:
    first, second = set(hashed_buckets(a, 4096)), set(hashed_buckets(b, 4096))
    return len(first & second) / len(first | second)


def test_case_and_signs_do_not_matter_but_sides_and_umlauts_do():
    assert np.array_equal(hashed_buckets("Left kidney.", 4096), hashed_buckets("LEFT, kidney", 4096))
    assert overlap("left kidney", "right kidney") < 0.6
    assert not np.array_equal(hashed_buckets("Lungenödem", 4096), hashed_buckets("Lungenodem", 4096))


def test_german_compounds_share_runs_of_letters():
    assert overlap("Pleuraerguss", "Perikarderguss") > 0.1 > overlap("Pleuraerguss", "Milz")


def test_numbers_count_as_numbers_whatever_their_value():
    assert np.array_equal(hashed_buckets("nodule of 12 mm", 4096), hashed_buckets("nodule of 7 mm", 4096))


def test_rare_buckets_weigh_more_than_those_of_every_document():
    idf = inverse_document_frequency([[0, 1], [0, 2], [0, 3]], 8)
    assert idf[0] < idf[1]
    assert idf.min() > 0


def test_rows_have_unit_weight_and_an_empty_text_gives_zeros():
    hashed = HashedText(256, 8)
    presence = hashed.presence(["spleen", "!"])
    weights = hashed.weigh(presence)
    np.testing.assert_allclose(weights.norm(dim=1), [1.0, 0.0], atol=1e-6)
    assert torch.equal(hashed(presence)[1], torch.zeros(8))
