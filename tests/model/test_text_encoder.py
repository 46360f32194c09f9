from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.model.text_encoder import TextTokenizer, pool_last, pool_mean, text_hidden

TOLERANCE = {"atol": 1e-4, "rtol": 0}


@pytest.mark.parametrize("side", ["right", "left"])
def test_padded_texts_agree_with_the_released_figures(side, golden, small_network):
    ids, mask = (torch.from_numpy(golden[f"text/{side}/{part}"]) for part in ("ids", "mask"))
    with torch.inference_mode():
        hidden = text_hidden(small_network.backbone_text, ids, mask)
        localization, report = small_network.embed_texts(ids, mask)
    real = mask.bool().numpy()
    np.testing.assert_allclose(hidden.numpy()[real], golden[f"text/{side}/last_hidden"][real], **TOLERANCE)
    np.testing.assert_allclose(pool_last(hidden, mask), golden[f"text/{side}/pooled"], **TOLERANCE)
    np.testing.assert_allclose(report, golden[f"text/{side}/report_emb"], **TOLERANCE)
    np.testing.assert_allclose(localization, golden[f"text/{side}/snippet_emb"], **TOLERANCE)


def test_texts_without_padding_agree_with_the_released_figures(golden, golden_facts, small_network):
    for row, ids in enumerate(golden_facts["token_sequences"]):
        with torch.inference_mode():
            localization, report = small_network.embed_texts(torch.tensor([ids]), torch.ones(1, len(ids)))
        np.testing.assert_allclose(localization[0], golden["text/unpadded/snippet_emb"][row], **TOLERANCE)
        np.testing.assert_allclose(report[0], golden["text/right/report_emb"][row], **TOLERANCE)


def test_the_last_real_token_is_found_on_either_side_of_the_padding():
    hidden = torch.arange(8.0).reshape(2, 4, 1)
    assert pool_last(hidden, torch.tensor([[1, 1, 0, 0], [0, 0, 1, 1]])).flatten().tolist() == [1, 7]


def test_the_mean_is_taken_over_real_tokens_only():
    hidden = torch.arange(8.0).reshape(2, 4, 1)
    assert pool_mean(hidden, torch.tensor([[1, 1, 0, 0], [0, 1, 1, 1]])).flatten().tolist() == [0.5, 6]


def test_the_end_token_is_kept_when_a_text_is_cut(tiny_tokenizer_folder):
    ids, mask = TextTokenizer(tiny_tokenizer_folder, max_length=3)(["left kidney liver lung", "liver"])
    assert ids.tolist() == [[2, 4, 0], [0, 5, 0]]
    assert mask.tolist() == [[1, 1, 1], [0, 1, 1]]


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{broken")
    with pytest.raises(WeightsError, match="tokenizer files"):
        TextTokenizer(tmp_path, 16)
