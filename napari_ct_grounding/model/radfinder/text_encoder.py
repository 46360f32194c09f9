"""The text encoder: token ids to one vector per text, with any of two kinds of transformers model behind it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoTokenizer, BertConfig, BertModel, Qwen3Config, Qwen3Model
from transformers.models.qwen3.modeling_qwen3 import Qwen3RotaryEmbedding

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.model.radfinder.config import TextConfig
from napari_ct_grounding.model.radfinder.lora import adapt_linear_layers

__all__ = ["TextTokenizer", "build_text_backbone", "materialise_text_buffers", "pool_last", "pool_mean", "text_hidden"]


class TextTokenizer:
    """Texts to token ids and mask, from tokenizer files in a folder; the network is never asked.

    Parameters
    ----------
    folder : Path
        Holds the files of a transformers tokenizer.
    max_length : int
        Tokens after which a text is cut.
    kind : str
        transformers' `model_type` of the text encoder.

    Raises
    ------
    WeightsError
        When the folder holds no tokenizer that can be read.
    """

    def __init__(self, folder: Path, max_length: int, kind: str = "qwen3") -> None:
        try:
            # No file of the folder is executed, and none is fetched. The configuration is given, since the config.json in the
            # folder is that of the weights, of a type that transformers does not know.
            self._tokenizer: Any = AutoTokenizer.from_pretrained(
                str(folder), config=AutoConfig.for_model(kind), local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(
                f"The tokenizer files in {folder.name!r} cannot be read ({type(error).__name__}). "
                "Fetch tokenizer.json and tokenizer_config.json again."
            ) from error
        self._max_length = max_length

    def __call__(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return ids and mask (n, longest) of texts on the CPU, padded on the tokenizer's own side."""
        batch = self._tokenizer(
            list(texts), padding="longest", truncation=True, max_length=self._max_length, return_tensors="pt"
        )
        return batch["input_ids"], batch["attention_mask"]

    @property
    def num_pieces(self) -> int:
        """Largest token id plus one."""
        return max(self._tokenizer.get_vocab().values(), default=-1) + 1

    def unknown_share(self, text: str) -> float:
        """Return the share (0 to 1) of a text's pieces that the tokenizer does not know."""
        unknown = self._tokenizer.unk_token_id
        ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        if unknown is None or not ids:
            return 0.0
        return sum(piece == unknown for piece in ids) / len(ids)


def build_text_backbone(config: TextConfig) -> nn.Module:
    """Build the transformers model, its adapted layers replaced by `LoRALinear`; parameter names stay those of
    transformers.
    """
    options = dict(config.backbone)
    kind = options.pop("model_type")
    backbone: nn.Module
    if kind == "qwen3":
        theta = options.pop("rope_theta", None)
        if theta is not None:
            options["rope_parameters"] = {"rope_type": "default", "rope_theta": float(theta)}
        backbone = Qwen3Model(Qwen3Config(**options, use_cache=False))
    else:
        backbone = BertModel(BertConfig(**options), add_pooling_layer=False)
    if config.lora_rank:
        adapt_linear_layers(backbone, config.lora_keywords, config.lora_rank, config.lora_alpha, config.lora_dropout)
    return backbone


def materialise_text_buffers(backbone: nn.Module) -> None:
    """Compute the buffers that no weights file holds, for a backbone that was built without memory."""
    if isinstance(backbone, Qwen3Model):
        backbone.rotary_emb = Qwen3RotaryEmbedding(backbone.config)
    else:
        bert: Any = backbone
        embeddings = bert.embeddings
        positions = torch.arange(bert.config.max_position_embeddings)[None]
        embeddings.position_ids = positions
        embeddings.token_type_ids = torch.zeros_like(positions)


def text_hidden(backbone: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """Return hidden states (n, tokens, c) of token ids; rows may be padded on either side."""
    # A batch without padding goes without a mask, so that the fused attention kernels serve.
    padded = None if bool(mask.all()) else mask
    return backbone(input_ids=ids, attention_mask=padded).last_hidden_state


def pool_last(hidden: Tensor, mask: Tensor) -> Tensor:
    """Return the hidden state (n, c) of each row's last real token, on whichever side it is padded."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    last = torch.where(mask.bool(), positions, -1).amax(dim=1).clamp_min(0)
    return hidden[torch.arange(len(hidden), device=hidden.device), last]


def pool_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """Return the mean hidden state (n, c) over each row's real tokens."""
    weight = mask[..., None].to(hidden.dtype)
    return (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp_min(1)
