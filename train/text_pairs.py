"""Teach the text encoder what sentences say, from text alone.

::

    python -m train text --recipe train/recipes/bundled.toml --out runs/bundled/text

Sentences are drawn anew in every step; the encoder answers questions about them (`train.data.statements`). Stopped or killed,
the same command goes on from the last checkpoint. At the end wordings that training never draws are asked, and pairs that differ
in side, negation or lobe.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from napari_ct_grounding.model.slab.sentence_encoder import SentenceEncoder
from napari_ct_grounding.model.slab.words import word_batch
from napari_ct_grounding.phantom.lexicon import Family
from train.data.statements import (
    PAIR_KINDS,
    QUESTIONS,
    UNASKED,
    answers,
    draw_pair,
    draw_statement,
    label_matrix,
)

__all__ = ["EncoderRecipe", "FactReader", "load_encoder", "measure", "teach"]

_FILE = "text.pt"
_WEIGHT = {"target": 1.0, "subject": 1.0, "disease": 0.5, "place": 1.0, "side": 0.5, "polarity": 0.7, "size": 0.2}


@dataclass(frozen=True)
class EncoderRecipe:
    """Size of the sentence encoder, and how it is taught.

    Training ends after `steps` or after `minutes`, whichever comes first; `piece_dropout` is the share of hashed pieces of
    words that are left out.
    """

    num_buckets: int = 16384
    width: int = 192
    num_layers: int = 2
    num_heads: int = 4
    hidden_width: int = 256
    dropout: float = 0.1
    piece_dropout: float = 0.15
    batch_size: int = 192
    steps: int = 4000
    minutes: float = 12.0
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    german_share: float = 0.4

    def encoder_config(self) -> dict[str, Any]:
        """Return the arguments of `SentenceEncoder`."""
        names = ("num_buckets", "width", "num_layers", "num_heads", "hidden_width", "dropout")
        return {name: getattr(self, name) for name in names}


class FactReader(nn.Module):
    """A sentence encoder and one linear reader for each question; the readers are only for teaching and testing."""

    def __init__(self, recipe: EncoderRecipe) -> None:
        super().__init__()
        self.encoder = SentenceEncoder(**recipe.encoder_config())
        self.readers = nn.ModuleDict({q: nn.Linear(recipe.hidden_width, len(answers(q))) for q in QUESTIONS})

    def forward(self, hidden: Tensor) -> dict[str, Tensor]:
        """Return logits (n, answers) of every question of sentence vectors."""
        return {question: reader(hidden) for question, reader in self.readers.items()}


def teach(recipe: EncoderRecipe, out: Path, *, seed: int = 1, minutes: float | None = None) -> dict[str, Any]:
    """Teach an encoder, going on from what `out` holds; return and keep its figures on held-out wordings."""
    out.mkdir(parents=True, exist_ok=True)
    seconds = 60.0 * (recipe.minutes if minutes is None else minutes)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(seed)
    reader = FactReader(recipe).to(device)
    groups = [
        {"params": [p for p in reader.parameters() if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in reader.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    step, elapsed = 0, 0.0
    if (out / _FILE).is_file():
        checkpoint = torch.load(out / _FILE, map_location=device, weights_only=True)
        reader.load_state_dict(checkpoint["reader"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        step, elapsed = int(checkpoint["step"]), float(checkpoint["elapsed_s"])
        if max(step / recipe.steps, elapsed / seconds) >= 1 and (out / "text.json").is_file():
            return json.loads((out / "text.json").read_text(encoding="utf-8"))
    reader.train()
    last_saved = last_told = time.perf_counter()
    while True:
        begun = time.perf_counter()
        progress = max(step / recipe.steps, elapsed / seconds)
        if progress >= 1:
            break
        rng = np.random.default_rng([seed, 23, step])
        torch.manual_seed(1_000_003 * seed + step)  # dropout of a step is the same whether or not it was resumed
        loss, right = _lesson(reader, recipe, rng, device)
        for group in optimizer.param_groups:
            group["lr"] = (
                recipe.learning_rate * min(1.0, progress / 0.03 + 0.02) * (0.505 + 0.495 * math.cos(math.pi * progress))
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        step += 1
        now = time.perf_counter()
        elapsed += now - begun
        if now - last_told > 20:
            print(f"step {step}, {elapsed:.0f} s: loss {float(loss.detach()):.3f}, target {right:.2f}", flush=True)
            last_told = now
        if now - last_saved > 60:
            _save(out, recipe, reader, optimizer, step, elapsed)
            last_saved = now
    _save(out, recipe, reader, optimizer, step, elapsed)
    figures = {"step": step, "minutes": round(elapsed / 60, 2), **measure(reader.eval())}
    (out / "text.json").write_text(json.dumps(figures, indent=2), encoding="utf-8")
    return figures


def load_encoder(out: Path) -> SentenceEncoder:
    """Return the taught encoder, in eval mode."""
    checkpoint = torch.load(out / _FILE, map_location="cpu", weights_only=True)
    encoder = SentenceEncoder(**EncoderRecipe(**checkpoint["recipe"]).encoder_config())
    prefix = "encoder."
    encoder.load_state_dict(
        {name.removeprefix(prefix): value for name, value in checkpoint["reader"].items() if name.startswith(prefix)}
    )
    return encoder.eval()


@torch.inference_mode()
def measure(reader: FactReader, num: int = 4000, num_pairs: int = 500, family: Family = "test") -> dict[str, Any]:
    """Return the share of right answers to every question by language, and of pairs told apart.

    A pair is told apart when the fact in which it differs is read right from both sentences. A sentence that leaves a question
    open is not counted for it.
    """
    figures: dict[str, Any] = {}
    for language, share in (("en", 0.0), ("de", 1.0)):
        rng = np.random.default_rng([991, len(language), int(share)])
        drawn = [draw_statement(rng, family, share) for _ in range(num)]
        right = _right(reader, drawn)
        figures[language] = {q: _share(column) for q, column in zip(QUESTIONS, right.T, strict=True)}
        pairs = {}
        for kind in PAIR_KINDS:
            both = [draw_pair(kind, rng, family, share) for _ in range(num_pairs)]
            column = QUESTIONS.index({"side": "side", "negation": "polarity", "lobe": "place"}[kind])
            answered = [_right(reader, [pair[i] for pair in both])[:, column] for i in (0, 1)]
            differs = np.array([a.text != b.text for a, b in both])
            pairs[kind] = float(np.mean(((answered[0] == 1) & (answered[1] == 1))[differs]))
        figures[language]["pairs"] = pairs
    return figures


def _share(column: np.ndarray) -> float:
    asked = column[column != UNASKED]
    return round(float(asked.mean()), 4)


def _right(reader: FactReader, statements: list) -> np.ndarray:
    """Return 1, 0 or `UNASKED` (n, questions)."""
    labels = label_matrix(statements)
    logits = reader(reader.encoder.encode([s.text for s in statements]))
    answered = np.stack([logits[q].argmax(1).cpu().numpy() for q in QUESTIONS], axis=1)
    return np.where(labels == UNASKED, UNASKED, answered == labels)


def _lesson(
    reader: FactReader, recipe: EncoderRecipe, rng: np.random.Generator, device: torch.device
) -> tuple[Tensor, float]:
    """Return the loss of one batch, and the share of its targets read right."""
    drawn = [draw_statement(rng, "train", recipe.german_share) for _ in range(recipe.batch_size * 2 // 3)]
    while len(drawn) < recipe.batch_size:
        drawn += draw_pair(PAIR_KINDS[int(rng.integers(len(PAIR_KINDS)))], rng, "train", recipe.german_share)
    drawn.sort(key=lambda statement: len(statement.text))
    labels = torch.from_numpy(label_matrix(drawn)).to(device)
    hidden = reader.encoder(word_batch([s.text for s in drawn], recipe.num_buckets).to(device), recipe.piece_dropout)
    logits = reader(hidden)
    loss = torch.zeros((), device=device)
    for column, question in enumerate(QUESTIONS):
        of = labels[:, column]
        if bool((of != UNASKED).any()):
            loss = loss + _WEIGHT[question] * F.cross_entropy(logits[question], of, ignore_index=UNASKED)
    asked = labels[:, 0] != UNASKED
    right = (logits["target"].argmax(1) == labels[:, 0])[asked].float().mean()
    return loss, float(right)


def _save(out: Path, recipe: EncoderRecipe, reader: FactReader, optimizer: Any, step: int, elapsed: float) -> None:
    record = {"recipe": asdict(recipe), "reader": reader.state_dict(), "optimizer": optimizer.state_dict(), "step": step,
              "elapsed_s": elapsed}  # fmt: skip
    torch.save(record, out / f"{_FILE}.part")
    (out / f"{_FILE}.part").replace(out / _FILE)
