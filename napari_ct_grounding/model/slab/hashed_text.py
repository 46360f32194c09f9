"""Words as they are written: hashed words, pairs of words and runs of five letters.

A small sentence encoder knows topics but hardly tells left from right or present from absent, and knows little German. Hashed
features tell words apart exactly, and runs of letters connect German compounds ("Pleuraerguss", "Perikarderguss").
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["HashedText", "hashed_buckets", "inverse_document_frequency"]

_WORD = re.compile(r"[a-zäöüß]+|[0-9]+")
_RUN_LENGTH = 5


def hashed_buckets(text: str, num_buckets: int) -> NDArray[np.int64]:
    """Return the sorted buckets of a text's words, pairs of neighbouring words, and runs of five letters.

    Letters are lower-cased, umlauts kept, numbers all written as "0" (their value rarely says where), other signs dropped.

    Parameters
    ----------
    text : str
    num_buckets : int
        Features are hashed with CRC-32 into this many.
    """
    words = ["0" if word[0].isdigit() else word for word in _WORD.findall(text.lower())]
    features = [f"w:{word}" for word in words]
    features += [f"b:{first} {second}" for first, second in pairwise(words)]
    for word in words:
        bordered = f"<{word}>"
        features += [f"c:{bordered[i : i + _RUN_LENGTH]}" for i in range(len(bordered) - _RUN_LENGTH + 1)]
    return np.unique(np.array([zlib.crc32(f.encode()) % num_buckets for f in features], dtype=np.int64))


def inverse_document_frequency(documents: Iterable[Sequence[int] | NDArray], num_buckets: int) -> NDArray[np.float32]:
    """Return log((1 + n) / (1 + n_with_bucket)) + 0.1 for each bucket, over documents given as sets of buckets."""
    counts = np.zeros(num_buckets)
    num_documents = 0
    for buckets in documents:
        counts[np.asarray(buckets, dtype=np.int64)] += 1
        num_documents += 1
    return (np.log((1 + num_documents) / (1 + counts)) + 0.1).astype(np.float32)


class HashedText(nn.Module):
    """A trained vector for each bucket, summed with rarity as the weight.

    Parameters
    ----------
    num_buckets : int
    width : int
        Size of the vector.
    """

    idf: Tensor

    def __init__(self, num_buckets: int, width: int) -> None:
        super().__init__()
        self.num_buckets = num_buckets
        self.register_buffer("idf", torch.ones(num_buckets))
        self.project = nn.Linear(num_buckets, width, bias=False)

    def weigh(self, presence: Tensor) -> Tensor:
        """Return the weights (n, num_buckets), rows of unit length, of buckets that are present (1) or not (0)."""
        weighted = presence * self.idf
        return weighted / weighted.norm(dim=-1, keepdim=True).clamp_min(1e-6)

    def presence(self, sentences: Sequence[str]) -> Tensor:
        """Return 1 where a sentence has a bucket, (n, num_buckets)."""
        present = torch.zeros(len(sentences), self.num_buckets, device=self.idf.device)
        for row, sentence in enumerate(sentences):
            present[row, torch.from_numpy(hashed_buckets(sentence, self.num_buckets)).to(present.device)] = 1.0
        return present

    def forward(self, presence: Tensor) -> Tensor:
        """Return vectors (n, width) of rows of `presence`."""
        return self.project(self.weigh(presence))
