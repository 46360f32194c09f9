"""A recipe: every number of a training, read from one TOML file and checked at once.

``model = "slab"`` (the default) describes the bundled model, learned from phantoms; ``model = "radfinder"`` one of
the released type, learned from stored features.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from napari_ct_grounding.model.slab.preprocessing import SlabFrame
from train.data.batches import BatchSettings
from train.losses.disease_prompts import SAMPLINGS
from train.radfinder_recipe import PARTS, RadFinderRecipe, problems_of
from train.recipe_reading import RecipeError, not_above, not_one_of, read_parts
from train.text_pairs import EncoderRecipe

__all__ = [
    "EncoderRecipe",
    "FrameRecipe",
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
    num_neighbours: int = 1
    deep_from: int = 1
    fine_stage: int = 1
    fine_channels: int = 24
    fine_grid: list[int] = field(default_factory=lambda: [3, 4])


@dataclass(frozen=True)
class FrameRecipe:
    """Slab thickness and pixel size (z, y, x), and the pixels (y, x) of the frame; of the cache too."""

    spacing_mm: list[float] = field(default_factory=lambda: list(SlabFrame().spacing_mm))
    shape: list[int] = field(default_factory=lambda: list(SlabFrame().shape))

    def slab_frame(self) -> SlabFrame:
        """Return the frame."""
        z, y, x = self.spacing_mm
        rows, columns = self.shape
        return SlabFrame((z, y, x), (rows, columns))


@dataclass(frozen=True)
class TextRecipe:
    """Width of the two heads on the taught sentence encoder, and how the sentences of a training with images are made.

    `num_wordings` are those of each target.
    """

    head_width: int = 256
    dropout: float = 0.1
    num_wordings: int = 48
    german_share: float = 0.35


@dataclass(frozen=True)
class LossRecipe:
    """Weights of the losses; shape of the localization target (see `extent_targets`); use of the prompts.

    `num_prompts` pairs of sentences are drawn for each disease and step.
    """

    localization: float = 1.0
    siglip: float = 0.15
    disease: float = 0.5
    claims: float = 0.5
    detections: float = 0.5
    max_positive_weight: float = 5.0
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
    embedding_size: int = 192
    frame: FrameRecipe = field(default_factory=FrameRecipe)
    text_encoder: EncoderRecipe = field(default_factory=EncoderRecipe)
    image: ImageRecipe = field(default_factory=ImageRecipe)
    text: TextRecipe = field(default_factory=TextRecipe)
    batch: BatchSettings = field(default_factory=BatchSettings)
    loss: LossRecipe = field(default_factory=LossRecipe)
    optimizer: OptimizerRecipe = field(default_factory=OptimizerRecipe)


_SLAB_PARTS: dict[str, type] = {
    "frame": FrameRecipe,
    "text_encoder": EncoderRecipe,
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
