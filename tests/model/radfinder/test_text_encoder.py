from __future__ import annotations

import json
import logging

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.model.radfinder.text_encoder import TextTokenizer, pool_last, pool_mean, text_hidden

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


def test_a_byte_level_tokenizer_of_the_released_kind_keeps_its_end_token_beside_a_config_of_ours(
    tmp_path, caplog, request
):
    """The class that tokenizer_config.json names could rebuild the post-processor and drop the token that is pooled."""
    pieces = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "le", "ft", "left"]
    merges = [("l", "e"), ("f", "t"), ("le", "ft")]
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    end = tokenizer.token_to_id("<|endoftext|>")
    ending = processors.TemplateProcessing(single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", end)])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), ending])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    facts = {"tokenizer_class": "Qwen2Tokenizer", "pad_token": "<|endoftext|>", "padding_side": "left"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(facts))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "radfinder"}))

    logger = logging.getLogger("transformers")  # it hands nothing on to the root logger
    logger.addHandler(caplog.handler)
    request.addfinalizer(lambda: logger.removeHandler(caplog.handler))
    found = TextTokenizer(tmp_path, max_length=3)
    ids, mask = found(["leftleftleft", "l"])
    left, letter = pieces.index("left"), pieces.index("l")
    assert ids.tolist() == [[left, left, end], [end, letter, end]]
    assert mask.tolist() == [[1, 1, 1], [0, 1, 1]]
    assert found.num_pieces == end + 1
    assert found.unknown_share("zzyzx") == 0
    assert not caplog.records  # no word about a model type that transformers does not know


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{broken")
    with pytest.raises(WeightsError, match="tokenizer files"):
        TextTokenizer(tmp_path, 16)
