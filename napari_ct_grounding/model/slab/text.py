"""The text side of the bundled weights: a pruned sentence encoder with hashed words beside it.

The sentence encoder is the first layers of all-MiniLM-L6-v2 (Apache-2.0) with a pruned vocabulary; it stays as it was
pretrained. What is trained is the hashed layer and a small network that turns both into a localization and a report vector.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from transformers import BertConfig, BertModel

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.model.slab.hashed_text import HashedText

__all__ = ["SlabText", "split_parts"]

#: More pieces than this of one sentence are cut off; reports are split into sentences first.
MAX_PIECES = 96

#: Texts of more sentences are cut off.
MAX_PARTS = 64

_BATCH = 64
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+")


def split_parts(text: str) -> list[str]:
    """Return the sentences of a text, each non-empty, at most `MAX_PARTS`."""
    return [part for part in (p.strip() for p in _SENTENCE_END.split(text)) if part][:MAX_PARTS] or [text]


class SlabText(nn.Module):
    """Sentences to a localization and a report vector.

    Parameters
    ----------
    bert : dict
        Arguments of `transformers.BertConfig`.
    num_buckets, hashed_width : int
        Of the hashed words.
    hidden_width : int
        Of the network that mixes both.
    embedding_size : int
    dropout : float
    tokenizer_folder : Path
        Holds ``tokenizer.json``.

    Raises
    ------
    WeightsError
        When the tokenizer is missing or does not fit the vocabulary.
    """

    def __init__(
        self,
        *,
        bert: dict[str, Any],
        num_buckets: int,
        hashed_width: int,
        hidden_width: int,
        embedding_size: int,
        tokenizer_folder: Path,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        path = Path(tokenizer_folder) / "tokenizer.json"
        if not path.is_file():
            raise WeightsError(f"The weights folder {path.parent.name!r} holds no tokenizer.json. Fetch it again.")
        self.tokenizer = Tokenizer.from_file(str(path))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MAX_PIECES)
        if self.tokenizer.get_vocab_size() != bert["vocab_size"]:
            raise WeightsError(
                f"tokenizer.json knows {self.tokenizer.get_vocab_size()} pieces, but config.json names {bert['vocab_size']}; "
                "they must be of one export. Fetch the weights again."
            )
        self.unknown_id = self.tokenizer.token_to_id("[UNK]")
        self.bert = BertModel(BertConfig(**bert), add_pooling_layer=False)
        self.hashed = HashedText(num_buckets, hashed_width)
        width = int(bert["hidden_size"])
        self.norm_bert = nn.LayerNorm(width)
        self.norm_hashed = nn.LayerNorm(hashed_width)
        self.mix = nn.Sequential(
            nn.Linear(width + hashed_width, hidden_width), nn.GELU(), nn.Dropout(dropout), nn.LayerNorm(hidden_width)
        )
        self.localization = nn.Linear(hidden_width, embedding_size)
        self.report = nn.Sequential(
            nn.Linear(hidden_width, hidden_width // 2), nn.GELU(), nn.Linear(hidden_width // 2, embedding_size)
        )

    @torch.inference_mode()
    def pooled(self, texts: Sequence[str]) -> Tensor:
        """Return the frozen encoder's vectors (n, width): mean over pieces of a sentence, then over sentences of a text."""
        parts = [split_parts(text) for text in texts]
        unique = sorted({part for group in parts for part in group}, key=len)
        row_of = {part: row for row, part in enumerate(unique)}
        rows = [self._pooled_sentences(unique[i : i + _BATCH]) for i in range(0, len(unique), _BATCH)]
        vectors = torch.cat(rows)
        return torch.stack([vectors[[row_of[part] for part in group]].mean(0) for group in parts])

    def forward(self, pooled: Tensor, presence: Tensor) -> tuple[Tensor, Tensor]:
        """Return localization and report vectors (n, e), not of unit length.

        Parameters
        ----------
        pooled : Tensor, (n, width)
            From `pooled`.
        presence : Tensor, (n, num_buckets)
            From `HashedText.presence`.
        """
        mixed = self.mix(torch.cat([self.norm_bert(pooled), self.norm_hashed(self.hashed(presence))], dim=-1))
        return self.localization(mixed), self.report(mixed)

    def embed(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return unit localization and report vectors (n, e) of texts."""
        localization, report = self(self.pooled(texts), self.hashed.presence(texts))
        return F.normalize(localization, dim=-1), F.normalize(report, dim=-1)

    def unknown_share(self, text: str) -> float:
        """Return the share of a text's pieces that the tokenizer does not know, 0 to 1."""
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return sum(piece == self.unknown_id for piece in ids) / len(ids) if ids else 1.0

    def _pooled_sentences(self, sentences: Sequence[str]) -> Tensor:
        encodings = self.tokenizer.encode_batch(list(sentences))
        longest = max(len(encoding.ids) for encoding in encodings)
        device = self.norm_bert.weight.device
        ids = torch.zeros(len(encodings), longest, dtype=torch.long)
        mask = torch.zeros(len(encodings), longest, dtype=torch.long)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = torch.tensor(encoding.ids)
            mask[row, : len(encoding.ids)] = 1
        ids, mask = ids.to(device), mask.to(device)
        hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weight).sum(1) / weight.sum(1)
