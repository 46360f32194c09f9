"""Sentences for training: banks of wordings, and the frozen part of the text side computed once.

The sentence encoder does not change in training, so each wording goes through it once; what is trained starts from its vector
and the hashed buckets of the sentence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES, prompt_pairs
from napari_ct_grounding.model.slab.hashed_text import hashed_buckets
from napari_ct_grounding.model.slab.text import SlabText, split_parts
from napari_ct_grounding.phantom.lexicon import Family, Language
from napari_ct_grounding.phantom.report import write_report
from napari_ct_grounding.phantom.scan import Target
from napari_ct_grounding.phantom.sentences import negated_sentence_for, prompt_variants, sentence_for
from train.data.phantoms import CachedPhantom

__all__ = [
    "LANGUAGES",
    "FrozenText",
    "PromptBank",
    "WordingBank",
    "Wordings",
    "add_noise",
    "draw_wordings",
    "phantom_report",
]

LANGUAGES: tuple[Language, ...] = ("en", "de")

_UMLAUTS: dict[int, str] = {ord(a): b for a, b in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"))}

#: Sentences that deny one absent finding.
NUM_DENIALS = 8

_ENCODE_AT_ONCE = 2048


def add_noise(sentence: str, rng: np.random.Generator) -> str:
    """Return the sentence as a hasty typist writes it: other case, no full stop, now and then a wrong letter."""
    if rng.random() < 0.5:
        sentence = sentence.rstrip(".")
    draw = rng.random()
    if draw < 0.35:
        sentence = sentence.lower()
    elif draw < 0.42:
        sentence = sentence.upper()
    if rng.random() < 0.3:
        sentence = sentence.translate(_UMLAUTS)
    if rng.random() < 0.35 and len(sentence) > 12:
        place = int(rng.integers(2, len(sentence) - 1))
        kind = rng.integers(3)
        if kind == 0:  # a letter left out
            sentence = sentence[:place] + sentence[place + 1 :]
        elif kind == 1:  # two exchanged
            sentence = sentence[: place - 1] + sentence[place] + sentence[place - 1] + sentence[place + 1 :]
        else:  # one doubled
            sentence = sentence[:place] + sentence[place] + sentence[place:]
    return sentence


class FrozenText:
    """Vectors of sentences that never change: row numbers in, tensors out.

    Parameters
    ----------
    text : SlabText
        Its frozen encoder is used, and its hash width.
    cache_file : Path, optional
        Where vectors are kept between runs.
    """

    def __init__(self, text: SlabText, cache_file: Path | None = None) -> None:
        self._text = text
        self._row: dict[str, int] = {}
        self._pooled: list[NDArray[np.float16]] = []
        self._buckets: list[NDArray[np.int64]] = []
        self._file = cache_file
        self._known: dict[str, NDArray[np.float16]] = {}
        if cache_file is not None and cache_file.is_file():
            with np.load(cache_file) as stored:
                self._known = dict(zip(stored["keys"].tolist(), stored["pooled"], strict=True))

    @property
    def sentences(self) -> list[str]:
        """All sentences in the order of their rows."""
        return list(self._row)

    @property
    def buckets(self) -> list[NDArray[np.int64]]:
        """Hashed buckets of each row."""
        return self._buckets

    def add(self, sentences: Iterable[str]) -> list[int]:
        """Return the rows of sentences; new ones are encoded."""
        sentences = list(sentences)
        new = [s for s in dict.fromkeys(sentences) if s not in self._row]
        missing = sorted((s for s in new if _key(s) not in self._known), key=len)
        for start in range(0, len(missing), _ENCODE_AT_ONCE):
            part = missing[start : start + _ENCODE_AT_ONCE]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                vectors = self._text.pooled(part).to(torch.float16).numpy()
            self._known.update((_key(s), v) for s, v in zip(part, vectors, strict=True))
        num_buckets = self._text.hashed.num_buckets
        for sentence in new:
            self._row[sentence] = len(self._row)
            self._pooled.append(self._known[_key(sentence)])
            self._buckets.append(hashed_buckets(sentence, num_buckets))
        return [self._row[s] for s in sentences]

    def save(self) -> None:
        """Keep all vectors in the file given, for the next run."""
        if self._file is not None:
            keys = list(self._known)
            np.savez(self._file, keys=np.array(keys), pooled=np.stack([self._known[k] for k in keys]))

    def add_report(self, report: str) -> list[int]:
        """Return the rows of a report's sentences."""
        return self.add(split_parts(report))

    def pooled(self, rows: Sequence[int] | NDArray) -> Tensor:
        """Return the frozen vectors (n, width) of rows."""
        return torch.from_numpy(np.stack([self._pooled[row] for row in rows]).astype(np.float32))

    def presence(self, rows: Sequence[int] | NDArray) -> Tensor:
        """Return 1 where a row's sentence has a bucket, (n, num_buckets)."""
        return self._presence([self._buckets[row] for row in rows])

    def group(self, groups: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Return the frozen vectors and the presence of texts of several sentences, as `SlabText` sees the whole text.

        Pairs of words across the border of two sentences are the one difference; they are left out.
        """
        pooled = torch.stack([self.pooled(group).mean(0) for group in groups])
        return pooled, self._presence([np.unique(np.concatenate([self._buckets[r] for r in g])) for g in groups])

    def _presence(self, buckets: Sequence[NDArray[np.int64]]) -> Tensor:
        present = torch.zeros(len(buckets), self._text.hashed.num_buckets)
        owner = np.repeat(np.arange(len(buckets)), [len(b) for b in buckets])
        present[torch.from_numpy(owner), torch.from_numpy(np.concatenate(buckets))] = 1.0
        return present


@dataclass(frozen=True)
class Wordings:
    """Sentences by what they speak of.

    Parameters
    ----------
    of_targets : dict
        Target name to sentences that name it.
    denials : dict
        Absent finding to sentences that deny it.
    """

    of_targets: dict[str, list[str]]
    denials: dict[str, list[str]]

    def all(self) -> list[str]:
        """Every sentence."""
        return [s for group in (self.of_targets, self.denials) for sentences in group.values() for s in sentences]


def draw_wordings(phantoms: Sequence[CachedPhantom], num_wordings: int, german_share: float, seed: int) -> Wordings:
    """Return many training wordings of every target that the phantoms show, and denials of what they lack.

    Parameters
    ----------
    phantoms : sequence of CachedPhantom
        Give the examples (sizes) that the wordings state.
    num_wordings : int
        Of each target over both languages.
    german_share : float
    seed : int
    """
    rng = np.random.default_rng([seed, 7])
    examples: dict[str, list[Target]] = {}
    absent: set[str] = set()
    for phantom in phantoms:
        absent.update(phantom.absent)
        for target in phantom.targets:
            known = examples.setdefault(target.name, [])
            if len(known) < num_wordings:
                known.append(target)
    of_targets = {
        name: [_worded(known[i % len(known)], german_share, rng) for i in range(num_wordings)]
        for name, known in sorted(examples.items())
    }
    denials = {
        name: [
            negated_sentence_for(name, language=draw_language(german_share, rng), family="train", rng=rng)
            for _ in range(NUM_DENIALS)
        ]
        for name in sorted(absent)
    }
    return Wordings(of_targets, denials)


class WordingBank:
    """Rows of wordings in a `FrozenText`, to be drawn from."""

    def __init__(self, frozen: FrozenText, wordings: Wordings) -> None:
        frozen.add(wordings.all())  # one long list at once: sentences of one length travel together
        self._rows = {name: frozen.add(sentences) for name, sentences in wordings.of_targets.items()}
        self._denials = {name: frozen.add(sentences) for name, sentences in wordings.denials.items()}

    @property
    def rows(self) -> dict[str, list[int]]:
        """Target name to its rows."""
        return self._rows

    def draw(self, target: str, rng: np.random.Generator) -> int:
        """Return the row of one wording of a target."""
        rows = self._rows[target]
        return rows[int(rng.integers(len(rows)))]

    def draw_denial(self, target: str, rng: np.random.Generator) -> int:
        """Return the row of one sentence that denies a finding."""
        rows = self._denials[target]
        return rows[int(rng.integers(len(rows)))]


class PromptBank:
    """Rows of (yes, no) sentences for the 18 diseases: those of the evaluation, and other wordings in both languages."""

    def __init__(self, frozen: FrozenText) -> None:
        self._frozen = frozen
        self._rows: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        for name in CT_RATE_DISEASES:
            released = prompt_pairs(name)
            others = [pair for language in LANGUAGES for pair in prompt_variants(name, language)]
            rows = [np.array([frozen.add(pair) for pair in pairs]) for pairs in (released, others)]
            self._rows.append((rows[0], rows[1]))

    def draw(self, num: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return frozen vectors and presence of `num` pairs for each disease, half of them those of the evaluation.

        Rows are ordered disease by disease, pair by pair, yes before no: (18 x num x 2, ...).
        """
        num_released = num // 2
        rows = []
        for released, others in self._rows:
            rows.append(released[rng.integers(len(released), size=num_released)])
            rows.append(others[rng.integers(len(others), size=num - num_released)])
        flat = np.concatenate(rows).reshape(-1)
        return self._frozen.pooled(flat), self._frozen.presence(flat)


def phantom_report(phantom: CachedPhantom, seed: int, language: Language = "en", family: Family = "train") -> str:
    """Return a report of a phantom; the same seed gives the same report."""
    rng = np.random.default_rng([seed, phantom.seed, LANGUAGES.index(language)])
    return write_report(phantom.targets, phantom.diseases, rng, language, family)


def _worded(target: Target, german_share: float, rng: np.random.Generator) -> str:
    language = draw_language(german_share, rng)
    sentence = sentence_for(target.name, language=language, family="train", rng=rng, size_mm=target.size_mm)
    return add_noise(sentence, rng) if rng.random() < 0.3 else sentence


def draw_language(german_share: float, rng: np.random.Generator) -> Language:
    return "de" if rng.random() < german_share else "en"


def _key(sentence: str) -> str:
    return hashlib.blake2b(sentence.encode(), digest_size=12).hexdigest()
