"""Sentences for training with images: banks of wordings, each encoded once by the taught encoder, which no longer changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES, prompt_pairs
from napari_ct_grounding.model.slab.sentence_encoder import SentenceEncoder
from napari_ct_grounding.model.slab.text import split_parts
from napari_ct_grounding.phantom.catalogue import FINDINGS, finding_target, split_target
from napari_ct_grounding.phantom.lexicon import Family, Language
from napari_ct_grounding.phantom.report import write_report
from napari_ct_grounding.phantom.scan import Target
from napari_ct_grounding.phantom.sentences import (
    general_sentence,
    negated_sentence_for,
    prompt_variants,
    sentence_about,
    sentence_for,
)
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
#: Sentences that speak of nothing visible.
NUM_GENERAL = 1000


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
    """Sentence vectors of the taught encoder, which never change: row numbers in, tensors out.

    Parameters
    ----------
    encoder : SentenceEncoder
        In eval mode.
    """

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._row: dict[str, int] = {}
        self._vectors: list[Tensor] = []
        self._table: Tensor | None = None

    @property
    def sentences(self) -> list[str]:
        """All sentences in the order of their rows."""
        return list(self._row)

    @torch.no_grad()
    def add(self, sentences: Iterable[str]) -> list[int]:
        """Return the rows of sentences; new ones are encoded."""
        sentences = list(sentences)
        new = [s for s in dict.fromkeys(sentences) if s not in self._row]
        if new:
            self._vectors.append(self._encoder.encode(new).to("cpu", torch.float16))
            self._row.update(zip(new, range(len(self._row), len(self._row) + len(new)), strict=True))
            self._table = None
        return [self._row[s] for s in sentences]

    def add_report(self, report: str) -> list[int]:
        """Return the rows of a report's sentences."""
        return self.add(split_parts(report))

    def hidden(self, rows: Sequence[int] | NDArray) -> Tensor:
        """Return the vectors (n, hidden_width) of rows."""
        if self._table is None:
            self._table = torch.cat(self._vectors)
            self._vectors = [self._table]
        return self._table[torch.as_tensor(np.asarray(rows, dtype=np.int64))].float()


@dataclass(frozen=True)
class Wordings:
    """Sentences by what they speak of.

    Parameters
    ----------
    of_targets : dict
        Target name to sentences that name it.
    denials : dict
        Absent finding to sentences that deny it.
    general : list of str
        Sentences that speak of nothing visible.
    """

    of_targets: dict[str, list[str]]
    denials: dict[str, list[str]]
    general: list[str]

    def all(self) -> list[str]:
        """Every sentence."""
        groups = [*self.of_targets.values(), *self.denials.values(), self.general]
        return [sentence for group in groups for sentence in group]


def draw_wordings(phantoms: Sequence[CachedPhantom], num_wordings: int, german_share: float, seed: int) -> Wordings:
    """Return many training wordings of every target that the phantoms show and every finding of the catalogue, and denials.

    Parameters
    ----------
    phantoms : sequence of CachedPhantom
        Give the examples (size, severity, looks) that the wordings state.
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
    for kind in FINDINGS.values():
        for place in kind.places:
            examples.setdefault(finding_target(kind.name, place), [])
    of_targets = {
        name: [_worded(name, known[i % len(known)] if known else None, german_share, rng) for i in range(num_wordings)]
        for name, known in sorted(examples.items())
    }
    denials = {
        name: [
            negated_sentence_for(name, language=draw_language(german_share, rng), family="train", rng=rng)
            for _ in range(NUM_DENIALS)
        ]
        for name in sorted(absent)
    }
    general = [general_sentence(draw_language(german_share, rng), family="train", rng=rng) for _ in range(NUM_GENERAL)]
    return Wordings(of_targets, denials, general)


class WordingBank:
    """Rows of wordings in a `FrozenText`, to be drawn from."""

    def __init__(self, frozen: FrozenText, wordings: Wordings) -> None:
        frozen.add(wordings.all())  # one long list at once: sentences of one length travel together
        self._rows = {name: frozen.add(sentences) for name, sentences in wordings.of_targets.items()}
        self._denials = {name: frozen.add(sentences) for name, sentences in wordings.denials.items()}
        self._general = frozen.add(wordings.general)
        #: Names of the targets that are no findings.
        self.landmarks = [name for name in self._rows if split_target(name)[0] not in FINDINGS]

    @property
    def rows(self) -> dict[str, list[int]]:
        """Target name to its rows."""
        return self._rows

    def draw(self, target: str, rng: np.random.Generator) -> int:
        """Return the row of one wording of a target."""
        rows = self._rows[target]
        return rows[int(rng.integers(len(rows)))]

    def draw_general(self, rng: np.random.Generator) -> int:
        """Return the row of one sentence that speaks of nothing visible."""
        return self._general[int(rng.integers(len(self._general)))]

    def can_deny(self, target: str) -> bool:
        """Whether there are sentences that deny a finding."""
        return target in self._denials

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

    def draw(self, num: int, rng: np.random.Generator) -> Tensor:
        """Return sentence vectors of `num` pairs for each disease, half of them those of the evaluation.

        Rows are ordered disease by disease, pair by pair, yes before no: (18 x num x 2, hidden_width).
        """
        num_released = num // 2
        rows = []
        for released, others in self._rows:
            rows.append(released[rng.integers(len(released), size=num_released)])
            rows.append(others[rng.integers(len(others), size=num - num_released)])
        return self._frozen.hidden(np.concatenate(rows).reshape(-1))


def phantom_report(phantom: CachedPhantom, seed: int, language: Language = "en", family: Family = "train") -> str:
    """Return a report of a phantom; the same seed gives the same report."""
    rng = np.random.default_rng([seed, phantom.seed, LANGUAGES.index(language)])
    return write_report(phantom.targets, phantom.diseases, rng, language, family)


def _worded(name: str, example: Target | None, german_share: float, rng: np.random.Generator) -> str:
    language = draw_language(german_share, rng)
    if example is None:
        sentence = sentence_for(name, language=language, family="train", rng=rng)
    else:
        sentence = sentence_about(example, language=language, family="train", rng=rng)
    return add_noise(sentence, rng) if rng.random() < 0.3 else sentence


def draw_language(german_share: float, rng: np.random.Generator) -> Language:
    return "de" if rng.random() < german_share else "en"
