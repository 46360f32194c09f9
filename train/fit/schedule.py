"""Learning rate of each step, and which parameters decay."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from train.radfinder_recipe import AdamRecipe

__all__ = ["learning_rate", "parameter_groups"]


def learning_rate(step: int, num_steps: int, num_warmup: int, peak: float, lowest: float) -> float:
    """Return the rate of a step, counted from 0: linear up to `peak` over the warm-up, then a half cosine down to `lowest`.

    Both ends are reached: the last step of the warm-up and the first one after it have the peak, as released.
    """
    if step < num_warmup:
        return peak * (step + 1) / num_warmup
    share = (step - num_warmup) / max(num_steps - num_warmup - 1, 1)
    return lowest + (peak - lowest) * (1 + math.cos(math.pi * min(share, 1.0))) / 2


def parameter_groups(parameters: dict[str, nn.Parameter], recipe: AdamRecipe) -> list[dict[str, Any]]:
    """Return two groups for AdamW: those that decay, and biases, norms and layer scales, which do not."""
    still = [name for name in parameters if name.endswith((".bias", ".gamma")) or "norm" in name]
    return [
        {
            "params": [parameter for name, parameter in parameters.items() if name not in still],
            "weight_decay": recipe.weight_decay,
        },
        {"params": [parameters[name] for name in still], "weight_decay": 0.0},
    ]
