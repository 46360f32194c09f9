"""The text side of the bundled weights, second edition: words in order through a small transformer.

What a sentence names, denies, and on which side is learned from text alone (`python -m train text`) and then kept; training
with images only fits the two heads.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from napari_ct_grounding.model.slab.text import split_parts
from napari_ct_grounding.model.slab.words import MAX_WORDS, WordBatch, uncovered_share, word_batch

__all__ = ["SentenceEncoder", "SentenceText"]

_BATCH = 256


class SentenceEncoder(nn.Module):
    """Sentences to vectors of meaning, (n, hidden_width).

    Parameters
    ----------
    num_buckets : int
        Of the hashed pieces of words.
    width : int
        Of a word.
    num_layers, num_heads : int
        Of the transformer.
    hidden_width : int
    dropout : float
    """

    def __init__(
        self, num_buckets: int, width: int, num_layers: int, num_heads: int, hidden_width: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.num_buckets = num_buckets
        self.pieces = nn.EmbeddingBag(num_buckets, width, mode="sum")
        self.position = nn.Parameter(0.02 * torch.randn(MAX_WORDS, width))
        self.norm_words = nn.LayerNorm(width)
        layer = nn.TransformerEncoderLayer(
            width, num_heads, 2 * width, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)
        self.query = nn.Linear(width, num_heads)
        self.project = nn.Linear((num_heads + 1) * width, hidden_width)
        self.norm = nn.LayerNorm(hidden_width)

    def forward(self, words: WordBatch, piece_dropout: float = 0.0) -> Tensor:
        """Return vectors (n, hidden_width).

        Parameters
        ----------
        words : WordBatch
        piece_dropout : float
            Share of the pieces that are left out, so that a word is known by its parts too.
        """
        weights = words.weights
        if piece_dropout > 0:
            weights = weights * (torch.rand_like(weights) >= piece_dropout)
        vectors = self.norm_words(self.pieces(words.buckets, words.offsets, per_sample_weights=weights))
        tokens = vectors.new_zeros((*words.mask.shape, vectors.shape[-1]))
        tokens[words.mask] = vectors
        tokens = tokens + self.position[: words.mask.shape[1]]
        tokens = self.layers(tokens, src_key_padding_mask=~words.mask)
        # Each head looks for its own word (the organ, the side, the "no"); the mean is the topic.
        share = self.query(tokens).masked_fill(~words.mask[..., None], float("-inf")).softmax(dim=1)
        attended = torch.einsum("nlh,nlw->nhw", share, tokens).flatten(1)
        kept = words.mask[..., None].to(tokens.dtype)
        mean = (tokens * kept).sum(1) / kept.sum(1)
        return self.norm(self.project(torch.cat([attended, mean], dim=-1)))

    def encode(self, sentences: Sequence[str]) -> Tensor:
        """Return vectors of sentences, those of one length together."""
        unique = sorted(set(sentences), key=len)
        device = self.position.device
        parts = [
            self(word_batch(unique[i : i + _BATCH], self.num_buckets).to(device)) for i in range(0, len(unique), _BATCH)
        ]
        row_of = {sentence: row for row, sentence in enumerate(unique)}
        return torch.cat(parts)[[row_of[sentence] for sentence in sentences]]


class SentenceText(nn.Module):
    """Sentences and reports to a localization and a report vector.

    A text of several sentences is the sum of what they say: its vector is the mean of theirs.

    Parameters
    ----------
    encoder : dict
        Arguments of `SentenceEncoder`.
    embedding_size : int
    head_width : int
    dropout : float
    """

    def __init__(self, *, encoder: dict, embedding_size: int, head_width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.encoder = SentenceEncoder(**encoder)
        width = int(encoder["hidden_width"])
        self.localization = _head(width, head_width, embedding_size, dropout)
        self.report = _head(width, head_width, embedding_size, dropout)

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return localization and report vectors (n, e), not of unit length, of vectors of `SentenceEncoder`."""
        return self.localization(hidden), self.report(hidden)

    def embed(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return unit localization and report vectors (n, e) of texts."""
        parts = [split_parts(text) for text in texts]
        localization, report = self(self.encoder.encode([part for group in parts for part in group]))
        owner = torch.repeat_interleave(torch.tensor([len(group) for group in parts])).to(report.device)
        return tuple(  # type: ignore[return-value]
            F.normalize(v.new_zeros((len(texts), v.shape[-1])).index_add_(0, owner, v), dim=-1)
            for v in (localization, report)
        )

    def unknown_share(self, text: str) -> float:
        """Return the share of a text's letters that the encoder cannot read, 0 to 1."""
        return uncovered_share(text)


def _head(width: int, hidden: int, size: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, size))
