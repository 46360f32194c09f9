"""The questions of the disease prompt loss: sentences that say yes and no to each label, and what an answer weighs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES, prompt_pairs
from train.fit.micro_batches import Tokenizer, Tokens
from train.losses.disease_prompts import positive_weight
from train.radfinder_recipe import RadFinderRecipe
from train.recipe_reading import RecipeError

__all__ = ["Questions", "make_questions"]


@dataclass(frozen=True, eq=False)
class Questions:
    """All prompts of q questions with v variants each, dealt to processes by length.

    Parameters
    ----------
    shape : tuple of int
        (q, v).
    pieces : list of Tokens
        This process's share.
    order : Tensor[int], (q * v * 2,)
        Row of each prompt, in the order (question, variant, yes or no), among those of all processes one after the other.
    positive_weights, weights : Tensor, (q,)
    """

    shape: tuple[int, int]
    pieces: list[Tokens]
    order: Tensor
    positive_weights: Tensor
    weights: Tensor


def make_questions(
    names: Sequence[str],
    labels: NDArray,
    tokenize: Tokenizer,
    recipe: RadFinderRecipe,
    folder: Path,
    process: int = 0,
    num_processes: int = 1,
) -> Questions:
    """Return the questions behind labels.

    Parameters
    ----------
    names : sequence of str
        Of the labels.
    labels : NDArray, (n, q)
        Of the training scans; how rare a positive answer is decides what it weighs.
    tokenize : Tokenizer
    recipe : RadFinderRecipe
    folder : Path
        That `RadFinderRecipe.prompts_file` is sought in.
    process, num_processes : int

    Raises
    ------
    RecipeError
        When the file of prompts has other than `num_variants` pairs for a label.
    """
    pairs = _pairs(names, recipe, folder) if recipe.loss.prompts else []
    texts = [text for question in pairs for pair in question for text in pair]
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    dealt = [by_length[first::num_processes] for first in range(num_processes)]
    own, size = dealt[process], recipe.step.texts_at_once
    chunks = (own[k : k + size] for k in range(0, len(own), size))
    order = torch.empty(len(texts), dtype=torch.long)
    order[torch.tensor([i for part in dealt for i in part], dtype=torch.long)] = torch.arange(len(texts))
    loss = recipe.loss
    return Questions(
        shape=(len(names), loss.num_variants),
        pieces=[tokenize([texts[i] for i in chunk]) for chunk in chunks],
        order=order,
        positive_weights=positive_weight(torch.from_numpy(labels), loss.largest_positive_weight),
        weights=torch.tensor(
            [loss.ct_rate_question_weight if name in CT_RATE_DISEASES else loss.question_weight for name in names]
        ),
    )


def _pairs(names: Sequence[str], recipe: RadFinderRecipe, folder: Path) -> list[list[tuple[str, str]]]:
    given: dict[str, list[tuple[str, str]]] = {}
    if recipe.prompts_file:
        given = json.loads((folder / recipe.prompts_file).read_text(encoding="utf-8"))
    num = recipe.loss.num_variants
    pairs = [[(yes, no) for yes, no in given.get(name, prompt_pairs(name)[:num])] for name in names]
    uneven = [f"{name} has {len(of)}" for name, of in zip(names, pairs, strict=True) if len(of) != num]
    if uneven:
        raise RecipeError(f"Every label needs {num} pairs of prompts (loss.num_variants), but {'; '.join(uneven[:5])}.")
    return pairs
