from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_ct_grounding.model.radfinder.window_encoder import PatchEmbed

TOLERANCE = {"atol": 1e-4, "rtol": 0}


def test_patch_embeddings_agree_with_the_released_figures(case, golden, small_network):
    with torch.inference_mode():
        patches = small_network.backbone_image.patch_embed(case["windows"][:1])[0]
    np.testing.assert_allclose(patches[0, 0], golden[f"{case['name']}/patch_embed_window0_h0w0"], **TOLERANCE)
    np.testing.assert_allclose(patches[:, :, 0], golden[f"{case['name']}/patch_embed_window0_d0"], **TOLERANCE)


@pytest.mark.parametrize("case", ["one"], indirect=True)  # the figures hold the blocks of this case only
def test_each_block_agrees_with_the_released_figures(golden, small_network, case):
    encoder = small_network.backbone_image
    found = []
    hooks = [block.register_forward_hook(lambda *call: found.append(call[2])) for block in encoder.blocks]
    with torch.inference_mode():
        encoder.tokens(case["windows"][:1])
    for hook in hooks:
        hook.remove()
    assert len(found) == 3
    for number, tokens in enumerate(found):
        np.testing.assert_allclose(tokens[0, :16], golden[f"one/block{number}_window0_first16"], **TOLERANCE)


def test_all_patch_tokens_of_a_window_agree_with_the_released_figures(case, golden, small_network):
    with torch.inference_mode():
        tokens = small_network.backbone_image.tokens(case["windows"][:1])
    assert tokens.shape == (1, 513, 72)
    np.testing.assert_allclose(tokens[0, 1:], golden[f"{case['name']}/backbone_patches_window0"], **TOLERANCE)


def test_window_features_agree_with_the_released_figures(case, arranged, golden):
    name, features = case["name"], case["features"]
    np.testing.assert_allclose(features.cls, golden[f"{name}/backbone_cls"], **TOLERANCE)
    np.testing.assert_allclose(features.patch_average, golden[f"{name}/backbone_patch_mean"], **TOLERANCE)
    for feature, key in zip(arranged, ("grid_cls", "grid_patch_average", "grid_axis2"), strict=True):
        np.testing.assert_allclose(feature, golden[f"{name}/{key}"], **TOLERANCE)


def test_patches_are_embedded_as_the_convolution_with_their_kernel_would():
    embed = PatchEmbed((4, 2, 3), 5)
    windows = torch.randn(2, 1, 8, 6, 9)
    torch.testing.assert_close(embed(windows), embed.proj(windows).permute(0, 2, 3, 4, 1), atol=1e-5, rtol=0)


def test_operations_are_those_that_torch_counts(small_network):
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    encoder = small_network.backbone_image
    # Of the attention kernels torch counts only the plain products.
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        encoder(torch.zeros(1, 1, 128, 128, 32))
    assert encoder.count_flops((128, 128, 32)) == pytest.approx(counter.get_total_flops(), rel=0.01)
