from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.train.fit.stored_scans import write_store
from tests.train.fit.test_radfinder import RECIPE
from train.data.stored_features import FeatureStore
from train.fit.micro_batches import StepMaker, Tokens, arranged
from train.radfinder_recipe import ReleasedFaults


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return FeatureStore(write_store(tmp_path_factory.mktemp("store")))


def words(texts):
    """One token for each word: its length."""
    rows = [[len(word) for word in text.split()] for text in texts]
    longest = max(len(row) for row in rows)
    padded = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    return Tokens(padded, padded != 0)


def maker(store, process=0, num_processes=1, **changes):
    recipe = replace(RECIPE, **changes)
    return StepMaker(store, range(len(store)), words, recipe, process=process, num_processes=num_processes)


def test_an_epoch_shows_each_report_once_and_ends_with_a_smaller_step(store):
    made = maker(store)  # 11 reports, 4 in a step
    assert made.steps_per_epoch == 3
    sizes = [sum(len(batch.labels) for batch in made.micro_batches(step)) for step in range(6)]
    assert sizes == [4, 4, 3, 4, 4, 3]
    keys = [key for step in range(3) for batch in made.micro_batches(step) for key in batch.report_keys.tolist()]
    assert len(keys) == len(set(keys))
    leaking = maker(store, released=ReleasedFaults(leaks_leftovers=True))
    assert leaking.steps_per_epoch == 2
    assert sum(len(batch.labels) for batch in leaking.leftovers(0)) == 3


def test_scans_that_share_a_report_take_turns(store):
    made = maker(store)
    twins = [store.features(i).cls.shape for i in (0, 1)]
    seen = set()
    for epoch in range(12):
        for step in range(3):
            for batch in made.micro_batches(3 * epoch + step):
                seen |= {tuple(grid) for grid in batch.features(torch.device("cpu")).grids}
    assert {shape[:3] for shape in twins} <= seen


@pytest.mark.parametrize("num_processes", [2, 3])
def test_processes_share_a_step_and_what_is_drawn_is_the_same(store, num_processes):
    step = replace(RECIPE.step, num_micro_batches=6)
    whole = maker(store, step=step).micro_batches(0)
    small = replace(RECIPE.step, num_micro_batches=6 // num_processes)
    parts = [maker(store, process, num_processes, step=small).micro_batches(0) for process in range(num_processes)]

    def rows(batches):
        return sorted(
            (int(mask.sum()), *ids[mask.bool()].tolist())
            for batch in batches
            for ids, mask in zip(batch.reports.ids, batch.reports.mask, strict=True)
        )

    assert rows(batch for part in parts for batch in part) == rows(whole)
    assert rows(whole) == rows(maker(store, step=step).micro_batches(0))


def test_short_reports_take_no_part_but_keep_labels_and_sentences(store):
    batches = [batch for step in range(3) for batch in maker(store).micro_batches(step)]
    assert sum(len(batch.labels) for batch in batches) == 11
    assert sum(len(batch.report_rows) for batch in batches) < 11
    for batch in batches:
        assert len(batch.reports.ids) == len(batch.report_rows) == len(batch.report_keys)
        if batch.snippets is not None:
            assert bool(batch.is_valid[batch.snippets.owner, batch.snippets.depth].all())
            assert bool((batch.snippets.low < batch.snippets.high).all())


def test_grids_of_uneven_size_lie_side_by_side(store):
    features = [store.features(i) for i in (0, 2, 5)]
    grids = arranged(features, torch.device("cpu"))
    assert grids.grids == ((1, 1, 1), (1, 1, 3), (2, 1, 3))
    assert grids.depth.shape[:5] == (3, 2, 1, 3, 2)
    for row, scan, (h, w, d) in zip(grids.depth, features, grids.grids, strict=True):
        np.testing.assert_array_equal(row[:h, :w, :d], scan.depth.astype(np.float32))
        row[:h, :w, :d] = 0
        assert float(row.abs().sum()) == 0
