"""A recipe: every number of a training, read from one TOML file and checked at once.

``model = "slab"`` (the default) describes the bundled model, learned from phantoms; ``model = "radfinder"`` one of
the released type, learned from stored features.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from train.data.batches import BatchSettings
from train.losses.disease_prompts import SAMPLINGS
from train.radfinder_recipe import PARTS, RadFinderRecipe, problems_of
from train.recipe_reading import RecipeError, not_above, not_one_of, read_parts

__all__ = [
    "ImageRecipe",
    "LossRecipe",
    "OptimizerRecipe",
    "RadFinderRecipe",
    "Recipe",
    "RecipeError",
    "TextRecipe",
    "read_recipe",
]


@dataclass(frozen=True)
class ImageRecipe:
    """Arguments of `SlabEncoder`."""

    channels: list[int] = field(default_factory=lambda: [16, 32, 64, 96])
    map_channels: int = 16
    map_shape: list[int] = field(default_factory=lambda: [6, 7])
    width: int = 192
    dilations: list[int] = field(default_factory=lambda: [1, 2, 4, 8, 1, 2])
    dropout: float = 0.1


@dataclass(frozen=True)
class TextRecipe:
    """Size of the text side, and how its sentences are made.

    `feature_dropout` is the share of hashed buckets left out in training, `num_wordings` those of each target.
    """

    vocab_size: int = 8000
    num_layers: int = 3
    num_buckets: int = 4096
    hashed_width: int = 192
    hidden_width: int = 384
    dropout: float = 0.1
    feature_dropout: float = 0.15
    num_wordings: int = 48
    german_share: float = 0.35


@dataclass(frozen=True)
class LossRecipe:
    """Weights of the three losses; shape of the localization target (see `extent_targets`); use of the prompts.

    `num_prompts` pairs of sentences are drawn for each disease and step.
    """

    localization: float = 1.0
    siglip: float = 0.15
    disease: float = 0.5
    min_sigma_slabs: float = 1.5
    extent_share: float = 0.18
    prompt_sampling: str = "random_1"
    num_prompts: int = 6


@dataclass(frozen=True)
class OptimizerRecipe:
    """AdamW with a cosine schedule over the time given; `ema_decay` of the averaged weights that are exported."""

    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    warmup_share: float = 0.02
    clip_norm: float = 1.0
    ema_decay: float = 0.998


@dataclass(frozen=True)
class Recipe:
    """All of it; training ends after `steps` or after `minutes` on `num_threads` cores, whichever comes first.

    During the first `coarse_share` of it pixels are halved.
    """

    seed: int = 1
    num_threads: int = 2
    steps: int = 2500
    minutes: float = 45.0
    coarse_share: float = 0.35
    checkpoint_seconds: float = 120.0
    image: ImageRecipe = field(default_factory=ImageRecipe)
    text: TextRecipe = field(default_factory=TextRecipe)
    batch: BatchSettings = field(default_factory=BatchSettings)
    loss: LossRecipe = field(default_factory=LossRecipe)
    optimizer: OptimizerRecipe = field(default_factory=OptimizerRecipe)


_SLAB_PARTS: dict[str, type] = {
    "image": ImageRecipe,
    "text": TextRecipe,
    "batch": BatchSettings,
    "loss": LossRecipe,
    "optimizer": OptimizerRecipe,
}


def read_recipe(path: Path) -> Recipe | RadFinderRecipe:
    """Return the recipe in a TOML file; what it does not name keeps its default.

    Raises
    ------
    RecipeError
        Listing every unknown name, every value of a wrong type and every value out of range.
    """
    record = tomllib.loads(path.read_text(encoding="utf-8"))
    model = record.pop("model", "slab")
    problems: list[str] = []
    recipe: Recipe | RadFinderRecipe | None = None
    if model == "slab":
        recipe = read_parts(Recipe, _SLAB_PARTS, record, problems)
        problems += _slab_problems(recipe)
    elif model == "radfinder":
        recipe = read_parts(RadFinderRecipe, PARTS, record, problems)
        problems += problems_of(recipe)
    else:
        problems.append(f"model is {model!r}; it must be 'slab' or 'radfinder'")
    if problems or recipe is None:
        raise RecipeError(f"{path.name} cannot be used: {'; '.join(problems)}.")
    return recipe


def _slab_problems(recipe: Recipe) -> list[str]:
    problems = [not_one_of("loss.prompt_sampling", recipe.loss.prompt_sampling, SAMPLINGS)]
    problems += [
        not_above("minutes", recipe.minutes), not_above("steps", recipe.steps), not_above("num_threads", recipe.num_threads)
    ]  # fmt: skip
    if recipe.batch.num_scans < 2:
        problems.append(f"batch.num_scans is {recipe.batch.num_scans}; the contrastive loss needs at least 2")
    return [problem for problem in problems if problem]
