from __future__ import annotations

import torch

from napari_ct_grounding.model.slab.encoder import SlabEncoder

torch.manual_seed(0)
ENCODER = SlabEncoder(channels=(8, 8, 8, 16), map_channels=4, width=32, dilations=(1, 2), embedding_size=8).eval()


@torch.inference_mode()
def test_padding_of_a_batch_changes_nothing():
    short, long = torch.randn(5, 3, 96, 112), torch.randn(9, 3, 96, 112)
    mask = torch.zeros(2, 9, dtype=torch.bool)
    mask[0, :5] = mask[1] = True
    together = ENCODER(torch.cat([short, long]), mask)
    alone = ENCODER(short, torch.ones(1, 5, dtype=torch.bool))
    torch.testing.assert_close(together.depth[0, :5], alone.depth[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together.retrieval[0], alone.retrieval[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together.disease[0], alone.disease[0], atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_a_slab_sees_its_neighbours_as_far_as_the_dilations_reach():
    slabs = torch.randn(20, 3, 96, 112)
    changed = slabs.clone()
    changed[0] += 1
    mask = torch.ones(1, 20, dtype=torch.bool)
    difference = (ENCODER(slabs, mask).depth - ENCODER(changed, mask).depth)[0].abs().amax(1)
    assert (difference[:7] > 1e-6).all()  # 2 x (1 + 2) slabs
    assert (difference[7:] < 1e-6).all()


@torch.inference_mode()
def test_left_and_right_give_different_tokens():
    slabs = torch.full((1, 3, 96, 112), -1.0)
    slabs[..., 40:60, 10:30] = 1
    tokens = ENCODER.features(torch.cat([slabs, slabs.flip(-1)]))
    assert (tokens[0] - tokens[1]).abs().max() > 0.05


@torch.inference_mode()
def test_half_the_pixels_pass_too():
    assert ENCODER.features(torch.randn(2, 3, 48, 56)).shape == (2, 32)
