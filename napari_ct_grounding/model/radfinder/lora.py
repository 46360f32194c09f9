"""Low-rank adaptation of linear layers, stored as the released weights are stored: already added to the weight.

In a file, `weight` holds the base weight plus the update, and `lora_A` and `lora_B` lie beside it. Adding the update
again would count it twice, silently. So here a layer is *merged* (the state in which it is built, loaded and used:
`weight` alone counts) or *unmerged* (training: base weight and update apart), it changes only through `merge` and
`unmerge`, never through ``train()`` or ``eval()``, and its state dict is always that of the merged layer, whichever
state it is in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["LoRALinear", "adapt_linear_layers", "lora_layers", "merge_lora", "unmerge_lora"]


class LoRALinear(nn.Module):
    """A linear layer with a low-rank update ``scale * lora_B @ lora_A``.

    Parameters
    ----------
    in_features, out_features : int
        Channels in and out.
    rank : int
        Rank of the update.
    alpha : float
        The update's scale is ``alpha / rank``.
    dropout : float
        Of the update's input, in training.
    bias : bool
        Whether the layer adds a bias.
    """

    def __init__(
        self, in_features: int, out_features: int, rank: int, alpha: float, dropout: float = 0.0, bias: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None
        self.lora_A = nn.Parameter(torch.empty(rank, in_features))
        self.lora_B = nn.Parameter(torch.zeros(out_features, rank))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        self.scale = alpha / rank
        self.dropout = dropout
        self.is_merged = True

    @property
    def update(self) -> Tensor:
        """The update (out, in), detached."""
        return self.scale * (self.lora_B.detach() @ self.lora_A.detach())

    @torch.no_grad()
    def merge(self) -> None:
        """Add the update to the weight; nothing happens when it is in there already."""
        if not self.is_merged:
            self.weight.add_(self.update)
            self.is_merged = True

    @torch.no_grad()
    def unmerge(self) -> None:
        """Take the update out of the weight so that it can be trained; nothing happens when it is out already."""
        if self.is_merged:
            self.weight.sub_(self.update)
            self.is_merged = False

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in) to (..., out)."""
        base = functional.linear(x, self.weight, self.bias)
        if self.is_merged:
            return base
        low_rank = functional.linear(functional.dropout(x, self.dropout, self.training), self.lora_A)
        return base + self.scale * functional.linear(low_rank, self.lora_B)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if not self.is_merged:
            destination[prefix + "weight"] = self.weight.detach() + self.update

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        was_merged, self.is_merged = self.is_merged, True
        super()._load_from_state_dict(*args, **kwargs)
        if not was_merged:
            self.unmerge()


def adapt_linear_layers(
    module: nn.Module, keywords: Iterable[str], rank: int, alpha: float, dropout: float = 0.0
) -> None:
    """Replace every `nn.Linear` in `module` whose dotted name holds one of `keywords` by a `LoRALinear` with the same
    weight.
    """
    wanted = tuple(keywords)
    for name, child in list(module.named_modules()):
        if isinstance(child, nn.Linear) and any(keyword in name for keyword in wanted):
            adapted = LoRALinear(
                child.in_features, child.out_features, rank, alpha, dropout, bias=child.bias is not None
            )
            adapted.weight = nn.Parameter(child.weight.detach())
            if child.bias is not None:
                adapted.bias = nn.Parameter(child.bias.detach())
            parent_name, _, own_name = name.rpartition(".")
            setattr(module.get_submodule(parent_name), own_name, adapted)


def lora_layers(module: nn.Module) -> Iterator[LoRALinear]:
    """Yield the adapted layers of `module`."""
    return (layer for layer in module.modules() if isinstance(layer, LoRALinear))


def merge_lora(module: nn.Module) -> None:
    """Merge all adapted layers of `module` (before inference)."""
    for layer in lora_layers(module):
        layer.merge()


def unmerge_lora(module: nn.Module) -> None:
    """Unmerge all adapted layers of `module` (before training)."""
    for layer in lora_layers(module):
        layer.unmerge()
