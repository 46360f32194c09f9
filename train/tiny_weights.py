"""A weights folder of the released type, but tiny and random: to walk the whole chain in minutes, never to answer anything.

Its windows are as large as the released ones (96 mm, 8 depth positions of 12 mm) in voxels of 3 mm, so that a chest takes a
second on one core.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES, prompt_pairs
from napari_ct_grounding.model.radfinder.model import RadFinderModel

__all__ = ["TINY_CONFIG", "write_tiny_weights"]

_END, _UNKNOWN = "<|endoftext|>", "[UNK]"

TINY_CONFIG: dict[str, Any] = {
    "model_type": "radfinder",
    "image_preprocessing": {"pixdim": [3.0, 3.0, 3.0], "sliding_window_size": [32, 32, 32]},
    "radfinder_model_config": {
        "feature_comb_embed_dim": 48,
        "feature_comb_num_layers": 2,
        "feature_comb_num_heads": 2,
        "projection_dim": 32,
        "projection_hidden_dim": 96,
        "projection_bottleneck_dim": 48,
        "backbone_kwargs": {"patch_size": [8, 8, 8], "embed_dim": 48, "depth": 2, "num_heads": 2},
        "text_backbone_kwargs": {"lora_r": 4, "lora_alpha": 16, "tokenizer_max_length": 256},
        "text_backbone_config": {
            "model_type": "qwen3",
            "hidden_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 12,
            "intermediate_size": 96,
            "rope_theta": 1e6,
        },
    },
}


def write_tiny_weights(folder: Path, texts: Iterable[str], seed: int = 0) -> Path:
    """Write config, random tensors and a tokenizer that knows `texts` and the prompts of the diseases; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    prompts = [prompt for disease in CT_RATE_DISEASES for pair in prompt_pairs(disease) for prompt in pair]
    words = sorted({word for text in (*texts, *prompts) for word in re.findall(r"\w+|[^\w\s]", text.lower())})
    vocabulary = {word: number for number, word in enumerate((_END, _UNKNOWN, *words))}
    _write_tokenizer(folder, vocabulary)
    config = json.loads(json.dumps(TINY_CONFIG))
    config["radfinder_model_config"]["text_backbone_config"]["vocab_size"] = len(vocabulary)
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = RadFinderModel.from_config(config, folder)
    save_file(model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _write_tokenizer(folder: Path, vocabulary: dict[str, int]) -> None:
    """As the released one: an end token behind every text, which also pads, on the left."""
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=_UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {_END}", special_tokens=[(_END, 0)])
    tokenizer.save(str(folder / "tokenizer.json"))
    facts = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": _END,
        "eos_token": _END,
        "unk_token": _UNKNOWN,
        "padding_side": "left",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(facts), encoding="utf-8")
