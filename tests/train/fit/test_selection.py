from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
import torch

from tests.train.fit.stored_scans import TINY_CONFIG, write_store, write_weights
from train.data.stored_features import FeatureStore
from train.fit.selection import held_out_scans, text_to_image_mean_rank
from train.fit.start import start_network
from train.radfinder_recipe import NetworkRecipe


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return FeatureStore(write_store(tmp_path_factory.mktemp("store"), num_scans=40))


def test_whole_patients_are_held_out_the_same_ones_each_time(store):
    scans = store.chosen(split="train")
    kept, held_out = held_out_scans(store, scans, 3)
    assert len(held_out) == 3
    patients = [{store.records[i].patient_id for i in part} for part in (kept, held_out)]
    assert not patients[0] & patients[1]
    assert held_out_scans(store, scans[::-1], 3) == (kept, held_out)
    assert len(held_out_scans(store, scans, 1000)[1]) == 4  # at most a tenth
    assert held_out_scans(store, scans, 0) == (sorted(scans), [])


def test_the_mean_rank_is_that_of_the_own_scan_among_all(store, tmp_path):
    network = start_network(write_weights(tmp_path / "weights", TINY_CONFIG), NetworkRecipe(), torch.device("cpu"), 0)
    # Heads that hand the answer over: scan and report of row i are the same vector, but for two that are exchanged.
    answers = torch.eye(8)[[0, 1, 2, 3]]
    network.projection_image.forward = lambda whole: answers[[1, 0, 2, 3]]
    network.projection_text.forward = lambda pooled: answers

    def tokens(texts):
        ids = torch.ones(len(texts), 12, dtype=torch.long)
        return type("Tokens", (), {"ids": ids, "mask": ids})

    rank = text_to_image_mean_rank(network, store, [0, 1, 2, 3], tokens, 11, 4, nullcontext)
    # Rows 2 and 3 are first; 0 and 1 share places 2 to 4 with the two others that are as far away.
    assert rank == pytest.approx(np.mean([3, 3, 1, 1]))
    assert network.training
    assert np.isnan(text_to_image_mean_rank(network, store, [0, 1], tokens, 13, 4, nullcontext))
