from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from napari_ct_grounding.model.slab.sentence_encoder import SentenceEncoder
from train.data.augmentation import DepthMap
from train.data.batches import BatchMaker, BatchSettings, disease_labels, placed_targets
from train.data.text import FrozenText, WordingBank, draw_wordings


def whole(phantom):
    return DepthMap(0.0, 1.0, len(phantom.z_mm), False)


def test_a_whole_scan_keeps_its_targets_where_they_are(phantoms):
    for phantom in phantoms:
        placed = placed_targets(phantom, whole(phantom))
        visible = [t for t in phantom.targets if t.visible_fraction >= 0.5]
        assert {p.target.name for p in placed} == {t.name for t in visible}
        for item in placed:
            z = phantom.z_mm[0] + item.centre * 5.0
            assert z == pytest.approx(item.target.z_mm, abs=1e-6)


def test_a_stretched_part_keeps_targets_at_their_tissue_and_drops_those_cut_off(phantoms):
    phantom = phantoms[0]
    depth = DepthMap(10.0, 1.25, 20, True)
    for item in placed_targets(phantom, depth):
        assert -0.5 <= item.centre <= 19.5
        z = phantom.z_mm[0] + (depth.start + depth.step * item.centre) * 5.0
        assert item.target.z_lo_mm - 1e-6 <= z <= item.target.z_hi_mm + 1e-6
    kept = {item.target.name for item in placed_targets(phantom, depth)}
    outside = {t.name for t in phantom.targets if t.z_lo_mm > phantom.z_mm[0] + 5 * (10 + 1.25 * 20)}
    assert outside
    assert not kept & outside


def test_a_disease_cut_off_is_unknown_not_absent(phantoms):
    phantom = next(p for p in phantoms if p.diseases)
    everything = [t for t in phantom.targets if t.visible_fraction >= 0.5]
    seen = disease_labels(phantom, everything)
    assert int((seen == 1).sum()) == len(phantom.diseases)
    assert not (seen == -1).any()
    cut = disease_labels(phantom, [])
    assert np.array_equal(cut == -1, seen == 1)
    assert (disease_labels(replace(phantom, diseases=()), []) == 0).all()


@pytest.fixture(scope="module")
def maker(cache, phantoms):
    torch.manual_seed(0)
    encoder = SentenceEncoder(num_buckets=512, width=16, num_layers=1, num_heads=2, hidden_width=24).eval()
    frozen = FrozenText(encoder)
    bank = WordingBank(frozen, draw_wordings(phantoms, 2, 0.3, 1))
    return BatchMaker(
        cache, phantoms, bank, frozen, BatchSettings(num_scans=2, num_other_reports=2, num_nowhere=6), seed=1
    )


def test_a_step_has_the_same_batch_each_time(maker):
    first, second = maker.make(3), maker.make(3)
    for field in fields(first):
        assert torch.equal(getattr(first, field.name), getattr(second, field.name)), field.name


def test_parts_of_a_batch_fit_each_other(maker):
    batch = maker.make(0)
    assert batch.mask.sum() == len(batch.hu) == len(batch.detections)
    assert batch.is_same_report.shape == (2, 4)
    assert set(batch.report_owner.tolist()) == {0, 1, 2, 3}
    assert len(batch.report_hidden) == len(batch.report_owner)
    assert len(batch.claim_hidden) == len(batch.claim_owner) == len(batch.claim_is_true)
    assert {0.0, 1.0} == set(batch.claim_is_true.tolist())
    assert batch.detections.any()


def test_sentences_of_no_place_name_what_the_part_does_not_show(cache, phantoms, maker):
    batch = maker.make(0)
    assert (~batch.is_placed).sum() == 12
    assert (batch.extent[~batch.is_placed] == 0).all()
    assert batch.owner.bincount(minlength=2).min() > 6
    bank, phantom = maker._bank, phantoms[0]
    part = DepthMap(10.0, 1.0, 8, True)
    shown = {item.target.name for item in placed_targets(phantom, part, min_share=1e-3)}
    rows = maker._nowhere(phantom, part, np.random.default_rng(0))
    of_shown = {row for name in shown for row in bank.rows[name]}
    assert len(rows) == 6
    assert not of_shown & set(rows)
