"""The network that training starts from: read from a weights folder without its window encoder, and told what of it trains."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.model.radfinder.config import RadFinderConfig
from napari_ct_grounding.model.radfinder.lora import lora_layers, unmerge_lora
from napari_ct_grounding.model.radfinder.model import RadFinderNetwork
from napari_ct_grounding.model.radfinder.text_encoder import materialise_text_buffers
from napari_ct_grounding.model.weights.tensor_files import tensor_files
from train.radfinder_recipe import NetworkRecipe

__all__ = ["PREFIX", "prepare_for_training", "read_network", "start_network", "trained_parameters"]

#: Of every name in a weights file.
PREFIX = "model."

#: Names of `FRESH_PARTS` that begin with one of these (LoRA is told by its ending).
_PART_NAMES = {"combiner": ("feature_comb_image.",), "heads": ("projection_",), "scale": ("criterion.",)}


def start_network(folder: Path, recipe: NetworkRecipe, device: torch.device, seed: int) -> RadFinderNetwork:
    """Return the network of a weights folder, ready to train.

    Parameters
    ----------
    folder : Path
    recipe : NetworkRecipe
    device : torch.device
    seed : int
        Of what begins anew.

    Raises
    ------
    WeightsError
        When the folder holds other tensors than its config.json describes.
    """
    network = read_network(folder)
    torch.manual_seed(seed)
    _begin_anew(network, recipe.fresh)
    network.to(device)
    prepare_for_training(network, recipe)
    return network


def read_network(folder: Path) -> RadFinderNetwork:
    """Return the network of a weights folder without its window encoder, which training never asks."""
    config = RadFinderConfig.from_dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    with torch.device("meta"):
        network = RadFinderNetwork(config)
    del network.backbone_image
    tensors = {}
    for path in tensor_files(folder):
        with safe_open(path, framework="pt") as file:
            names = [name for name in file.keys() if not name.startswith(f"{PREFIX}backbone_image.")]  # noqa: SIM118
            tensors.update({name.removeprefix(PREFIX): file.get_tensor(name).float() for name in names})
    try:
        network.load_state_dict(tensors, strict=True, assign=True)
    except RuntimeError as error:
        raise WeightsError(
            f"The weights folder {folder.name!r} does not hold what its config.json describes: {error}. Export it again."
        ) from error
    materialise_text_buffers(network.backbone_text)
    return network


def prepare_for_training(network: RadFinderNetwork, recipe: NetworkRecipe) -> None:
    """Take the low-rank updates out of the text weights, freeze what does not train, set the random parts.

    Combiner, heads (but their gains), low-rank factors, temperature and bias train; the text encoder's own weights do not.
    """
    unmerge_lora(network)
    network.requires_grad_(True)
    for name, parameter in network.backbone_text.named_parameters():
        parameter.requires_grad_("lora_" in name)
    for name, parameter in network.named_parameters():
        if name.endswith("original0"):
            parameter.requires_grad_(False)
    for layer in lora_layers(network):
        layer.dropout = recipe.lora_dropout
    network.feature_comb_image.rope.rescale = recipe.rope_rescale if recipe.rope_rescale > 1 else None
    if recipe.checkpoint_activations:
        _checkpoint_blocks(network)
    network.train()


def trained_parameters(network: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that train, by name."""
    return {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}


def _begin_anew(network: RadFinderNetwork, parts: list[str]) -> None:
    """Draw the named parts as a new network of this size has them."""
    if "lora" in parts:
        for layer in lora_layers(network):
            layer.unmerge()
            nn.init.kaiming_uniform_(layer.lora_A, a=math.sqrt(5))
            nn.init.zeros_(layer.lora_B)
            layer.merge()
    prefixes = tuple(prefix for part in parts for prefix in _PART_NAMES.get(part, ()))
    if not prefixes:
        return
    config = network.config
    # The same network without layers in its two large encoders draws the small parts at their true sizes.
    text = {**config.text.backbone, "num_hidden_layers": 0, "vocab_size": 1, "pad_token_id": None}
    fresh = RadFinderNetwork(
        replace(config, encoder=replace(config.encoder, num_layers=0), text=replace(config.text, backbone=text))
    )
    state = {name: value for name, value in fresh.state_dict().items() if name.startswith(prefixes)}
    network.load_state_dict(state, strict=False)


def _checkpoint_blocks(network: RadFinderNetwork) -> None:
    """Have the inside of every transformer block computed again in the backward pass instead of kept."""
    text_blocks = [block for block in network.backbone_text.modules() if isinstance(block, GradientCheckpointingLayer)]
    for block in (*network.feature_comb_image.blocks, *text_blocks):
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)
