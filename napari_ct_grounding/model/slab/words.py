"""Sentences as rows of words, each word as hashed pieces: itself and its runs of three to five letters.

No vocabulary is stored, so no word is unknown: runs of letters connect inflected forms, German compounds
("Pleuraerguss", "Perikarderguss") and words with a wrong letter.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

__all__ = ["MAX_WORDS", "WordBatch", "split_words", "uncovered_share", "word_batch", "word_buckets"]

#: Words of one sentence beyond these are cut off.
MAX_WORDS = 48

_WORD = re.compile(r"[a-z]+|[0-9]+")
_RUN_LENGTHS = (3, 4, 5)
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "œ": "oe", "æ": "ae"})


def split_words(text: str) -> list[str]:
    """Return the words and numbers of a text in lower case, umlauts spelled out, other accents dropped.

    Letters and digits part ("T12" is "t", "12"): what follows what is the encoder's business.
    """
    spelled = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", text.lower()).translate(_SPELLED))
    plain = "".join(sign for sign in spelled if not unicodedata.combining(sign))
    return [word if len(word) < 4 or word.isalpha() else "0000" for word in _WORD.findall(plain)][:MAX_WORDS]


def uncovered_share(text: str) -> float:
    """Return the share of a text's letters that no word holds (other scripts), 0 to 1; 1 for a text without any letter."""
    letters = sum(sign.isalnum() for sign in text)
    spelled = unicodedata.normalize("NFKD", text.lower().translate(_SPELLED))
    kept = sum(len(word) for word in _WORD.findall(spelled))
    return max(0.0, 1.0 - kept / letters) if letters else 1.0


@lru_cache(maxsize=65536)
def word_buckets(word: str, num_buckets: int) -> tuple[int, ...]:
    """Return the bucket of the word itself, then those of its runs of letters with its borders.

    Parameters
    ----------
    word : str
        From `split_words`.
    num_buckets : int
        Pieces are hashed with CRC-32 into this many.
    """
    bordered = f"<{word}>"
    pieces = [f"w:{word}"]
    for length in _RUN_LENGTHS:
        pieces += [f"c:{bordered[i : i + length]}" for i in range(len(bordered) - length + 1)]
    return tuple(zlib.crc32(piece.encode()) % num_buckets for piece in pieces)


@dataclass(frozen=True, eq=False)
class WordBatch:
    """Words of n sentences, one after the other.

    Parameters
    ----------
    buckets : Tensor[int], (k,)
        Of all words' pieces.
    weights : Tensor, (k,)
        1 for a word itself, 1 / number of runs for each of its runs.
    offsets : Tensor[int], (w,)
        Where each word's pieces begin.
    mask : Tensor[bool], (n, l)
        Where words lie; w of them are True.
    """

    buckets: Tensor
    weights: Tensor
    offsets: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> WordBatch:
        """Return the batch on a device."""
        return WordBatch(*(t.to(device) for t in (self.buckets, self.weights, self.offsets, self.mask)))


def word_batch(sentences: Sequence[str], num_buckets: int) -> WordBatch:
    """Return the words of sentences; a sentence without words becomes one empty word."""
    rows = [split_words(sentence) or [""] for sentence in sentences]
    pieces = [word_buckets(word, num_buckets) for row in rows for word in row]
    counts = np.array([len(p) for p in pieces])
    offsets = np.concatenate([[0], np.cumsum(counts)[:-1]])
    weights = np.repeat(1.0 / np.maximum(counts - 1, 1), counts)
    weights[offsets] = 1.0
    lengths = np.array([len(row) for row in rows])
    mask = np.arange(lengths.max())[None] < lengths[:, None]
    return WordBatch(
        torch.from_numpy(np.concatenate([np.array(p, dtype=np.int64) for p in pieces])),
        torch.from_numpy(weights.astype(np.float32)),
        torch.from_numpy(offsets.astype(np.int64)),
        torch.from_numpy(mask),
    )
