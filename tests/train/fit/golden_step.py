"""The small network, scans, texts and settings of the golden optimizer step, as `golden` formulas describe them."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from napari_ct_grounding.model.radfinder.config import EncoderConfig, RadFinderConfig, TextConfig
from napari_ct_grounding.model.radfinder.model import RadFinderNetwork
from tests.model.conftest import seeded_state
from train.fit.micro_batches import MicroBatch, Snippets, StoredGrids, Tokens
from train.fit.questions import Questions
from train.fit.start import prepare_for_training
from train.radfinder_recipe import NetworkRecipe, ObjectiveRecipe, RadFinderRecipe, ReleasedFaults, StepRecipe

DATA = Path(__file__).parents[2] / "data"
FIGURES = json.loads((DATA / "radfinder_training" / "step.json").read_text())
STEP = FIGURES["step"]

CONFIG = RadFinderConfig(
    encoder=EncoderConfig(dim=72, num_layers=3, num_heads=4),
    combiner=EncoderConfig(dim=72, num_layers=2, num_heads=4, rope_base=100.0),
    text=TextConfig(
        backbone={
            "model_type": "qwen3",
            "vocab_size": 128,
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "intermediate_size": 128,
            "rms_norm_eps": 1e-6,
            "rope_theta": 1e6,
        }
    ),
    embedding_dim=32,
)

#: The same with small heads, where no golden figure is asked for.
SMALL_CONFIG = replace(CONFIG, hidden_dim=24, bottleneck_dim=12)

#: The released gradient carries micro / 16 and mega / 256, which are 1 at the released sizes.
RECIPE = RadFinderRecipe(
    precision="float32",
    network=NetworkRecipe(rope_rescale=1.0, lora_dropout=0.0),
    step=StepRecipe(micro_batch=2, num_micro_batches=2),
    loss=ObjectiveRecipe(
        localization=0.004 * 2 / 16,
        prompts=0.5 * 4 / 256,
        target="position",
        prompt_sampling="first_only",
        excludes_same_reports=False,
    ),
    released=ReleasedFaults(repeats_scale_gradient=True, sums_micro_batches=True, prompt_group=4),
)


MENDED = replace(
    RECIPE, released=ReleasedFaults(), loss=replace(RECIPE.loss, localization=1.0, prompts=8.0, target="range")
)


def trained_network(recipe: RadFinderRecipe = RECIPE, config: RadFinderConfig = CONFIG) -> RadFinderNetwork:
    """Return the small network without its window encoder, ready to train."""
    network = copy.deepcopy(_seeded_network(config is SMALL_CONFIG))
    prepare_for_training(network, recipe.network)
    return network


@cache
def _seeded_network(has_small_heads: bool) -> RadFinderNetwork:
    network = RadFinderNetwork(SMALL_CONFIG if has_small_heads else CONFIG)
    del network.backbone_image
    network.load_state_dict(seeded_state(network.state_dict()))
    return network


def without(recipe: RadFinderRecipe, *losses: str) -> RadFinderRecipe:
    """Return a recipe that leaves losses out."""
    return replace(recipe, loss=replace(recipe.loss, **dict.fromkeys(losses, 0.0)))


def tokens(rows: list[list[int]]) -> Tokens:
    """Return token ids padded with 0 on the right."""
    longest = max(len(row) for row in rows)
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return Tokens(ids, mask)


def questions(process: int = 0, num_processes: int = 1) -> Questions:
    """Return the six questions with three variants each, dealt to processes one by one."""
    prompts = [text for pair in STEP["prompt_tokens"] for text in pair]
    dealt = [list(range(first, len(prompts), num_processes)) for first in range(num_processes)]
    own = [prompts[i] for i in dealt[process]]
    order = torch.empty(len(prompts), dtype=torch.long)
    order[torch.tensor([i for part in dealt for i in part])] = torch.arange(len(prompts))
    return Questions(
        shape=(6, 3),
        pieces=[tokens(own[:20]), tokens(own[20:])] if len(own) > 20 else [tokens(own)],
        order=order,
        positive_weights=torch.tensor(STEP["pos_weight"]),
        weights=torch.tensor(STEP["question_weight"]),
    )


def micro_batches(cuts: list[list[int]] | None = None) -> list[MicroBatch]:
    """Return scans s0 to s3 in micro-batches, by default the golden ones."""
    return [_micro_batch(cut) for cut in cuts or [[0, 1], [2, 3]]]


def _micro_batch(scans: list[int]) -> MicroBatch:
    arrays = np.load(DATA / "radfinder" / "model_small.npz")
    sources = [("one", 0), ("two", 0), ("two", 1), ("tiny", 0)]
    grids = tuple(tuple(int(n) for n in arrays[f"{case}/grid"][row]) for case, row in (sources[i] for i in scans))
    largest = [max(axis) for axis in zip(*grids, strict=True)]
    features = []
    for name in ("grid_cls", "grid_patch_average", "grid_axis2"):
        whole = None
        for place, ((case, row), (h, w, d)) in enumerate(zip((sources[i] for i in scans), grids, strict=True)):
            values = torch.from_numpy(arrays[f"{case}/{name}"][row])[:h, :w, :d]
            if whole is None:
                whole = torch.zeros(len(scans), *largest, *values.shape[3:])
            whole[place, :h, :w, :d] = values
        features.append(whole)
    is_valid = torch.zeros(len(scans), 8 * largest[2], dtype=torch.bool)
    for row, grid in zip(is_valid, grids, strict=True):
        row[: 8 * grid[2]] = True
    reports = [STEP["reports"][i] for i in scans]
    long = [k for k, report in enumerate(reports) if len(report) > 10]
    placed = [(k, j) for k, i in enumerate(scans) for j in range(len(STEP["snips"][i]))]
    depth = torch.tensor([STEP["targets"][scans[k]][j] for k, j in placed])
    return MicroBatch(
        features=lambda device: StoredGrids(*features, grids),
        is_valid=is_valid,
        labels=torch.tensor([STEP["labels"][f"s{i}"] for i in scans]),
        reports=tokens([reports[k] for k in long]) if long else Tokens(torch.zeros(0, 1), torch.zeros(0, 1)),
        report_rows=torch.tensor(long, dtype=torch.long),
        report_keys=torch.tensor([scans[k] for k in long], dtype=torch.int64),
        snippets=Snippets(
            tokens=tokens([STEP["snips"][scans[k]][j] for k, j in placed]),
            owner=torch.tensor([k for k, _ in placed]),
            depth=depth,
            low=depth - 0.5,
            high=depth + 0.5,
        )
        if placed
        else None,
    )
