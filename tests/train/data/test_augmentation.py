from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_ct_grounding.model.slab.preprocessing import AIR_HU
from train.data.augmentation import augment, draw_depth_map, resample_depth


def slabs():
    """A body of water with a bright square on the high-x side."""
    y, x = torch.arange(96)[:, None] - 47.5, torch.arange(112)[None] - 55.5
    plane = torch.where((y / 30) ** 2 + (x / 40) ** 2 < 1, 20.0, -1000.0)
    plane[44:52, 75:83] = 1000
    return plane.expand(30, 96, 112).clone()


@pytest.mark.parametrize("seed", range(20))
def test_left_stays_left_and_the_body_stays_in_the_frame(seed):
    changed = augment(slabs(), np.random.default_rng(seed))
    assert changed.shape == (30, 96, 112)
    assert torch.isfinite(changed).all()
    assert changed.min() >= AIR_HU
    mean = changed.mean(0)
    body, bone = (mean > -400).nonzero().float(), (mean > 500).nonzero().float()
    assert abs(body[:, 1].mean() - 55.5) < 12
    assert len(bone) == 0 or bone[:, 1].mean() > body[:, 1].mean()


def test_the_same_stream_gives_the_same_scan():
    assert torch.equal(augment(slabs(), np.random.default_rng(5)), augment(slabs(), np.random.default_rng(5)))


@pytest.mark.parametrize("seed", range(30))
def test_a_slope_along_the_scan_stays_where_the_map_says(seed):
    depth = draw_depth_map(80, np.random.default_rng(seed), crop_chance=0.7, max_slabs=60, min_slabs=20)
    ramp = torch.arange(80.0)[:, None, None].expand(80, 2, 2)
    new = resample_depth(ramp, depth)
    assert len(new) == depth.num_slabs <= 60
    positions = [depth.new_position(float(value)) for value in new[:-1, 0, 0]]
    np.testing.assert_allclose(positions, np.arange(depth.num_slabs - 1), atol=1e-4)
