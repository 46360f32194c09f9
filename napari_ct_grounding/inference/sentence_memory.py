"""Sentences as vectors; the text encoder runs once for each, the latest are remembered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import SentenceError
from napari_ct_grounding.core.sentences import clean_sentence
from napari_ct_grounding.model.base import GroundingModel
from napari_ct_grounding.model.device_memory import device_memory_errors

__all__ = ["SentenceMemory"]

#: Share of a sentence's pieces that the tokenizer may not know before the answer would be a guess.
MAX_UNKNOWN_SHARE = 0.5

_NUM_KEPT = 4096


class SentenceMemory:
    """The text side of a session.

    Parameters
    ----------
    model : GroundingModel
    weights_name : str
        For messages.
    """

    def __init__(self, model: GroundingModel, weights_name: str) -> None:
        self._model = model
        self._weights_name = weights_name
        self._vectors: OrderedDict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = OrderedDict()

    def cleaned(self, sentences: Sequence[str]) -> list[str]:
        """Return the sentences with white space folded.

        Raises
        ------
        SentenceError
            When one is empty, too long, or mostly unknown to the tokenizer.
        """
        if isinstance(sentences, str):
            raise SentenceError("A list of sentences is needed, but one string was given. Put it in brackets.")
        cleaned = [clean_sentence(sentence) for sentence in sentences]
        for sentence in cleaned:
            share = self._model.unknown_share(sentence)
            if share > MAX_UNKNOWN_SHARE:
                raise SentenceError(
                    f"{share:.0%} of the sentence is unknown to the weights {self._weights_name!r} (at most "
                    f"{MAX_UNKNOWN_SHARE:.0%} may be). Use the language of the weights: English or German."
                )
        return cleaned

    def embed(self, sentences: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return localization and report vectors, (n, e) each, of cleaned sentences; only new ones are computed."""
        new = [sentence for sentence in dict.fromkeys(sentences) if sentence not in self._vectors]
        if new:
            with device_memory_errors(self._model.device):
                text = self._model.embed_sentences(new)
            self._vectors.update(zip(new, zip(text.localization, text.report, strict=True), strict=True))
        vectors = [self._vectors[sentence] for sentence in sentences]
        for sentence in sentences:
            self._vectors.move_to_end(sentence)
        while len(self._vectors) > _NUM_KEPT:
            self._vectors.popitem(last=False)
        if not vectors:
            empty = np.zeros((0, 0), dtype=np.float32)
            return empty, empty
        return np.stack([v[0] for v in vectors]), np.stack([v[1] for v in vectors])
