from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_ct_grounding.model.radfinder.heads import ProjectionHead


@pytest.mark.parametrize(
    ("head", "vector", "figure"),
    [
        ("projection_text", "text/right/pooled", "text/right/report_emb"),
        ("projection_text", "text/right/pooled", "text/right/prompt_emb"),
        ("projection_text_copy", "text/right/pooled", "text/right/snippet_emb"),
    ],
)
def test_text_heads_agree_with_the_released_figures(head, vector, figure, golden, small_network):
    with torch.inference_mode():
        found = small_network.get_submodule(head)(torch.from_numpy(golden[vector]))
    np.testing.assert_allclose(found, golden[figure], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["one", "two", "tiny"])
def test_image_heads_agree_with_the_released_figures(name, golden, small_network):
    def run(head: str, *parts: str) -> torch.Tensor:
        vector = torch.cat([torch.from_numpy(golden[f"{name}/{part}"]) for part in parts], dim=-1)
        with torch.inference_mode():
            return small_network.get_submodule(head)(vector)

    whole = ("lowres_cls", "lowres_pooled")
    np.testing.assert_allclose(run("projection_image", *whole), golden[f"{name}/image_embeddings"], atol=1e-4, rtol=0)
    disease = golden[f"{name}/image_embeddings_disease"]
    np.testing.assert_allclose(run("projection_image_copy", *whole), disease, atol=1e-4, rtol=0)


def test_the_gain_of_the_last_map_is_one_and_stays_so():
    head = ProjectionHead(4, 3, hidden_dim=5, bottleneck_dim=6)
    gain = head.last_layer.parametrizations.weight.original0
    assert not gain.requires_grad
    torch.testing.assert_close(head.last_layer.weight.norm(dim=1), torch.ones(3))
