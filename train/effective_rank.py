"""How many dimensions a set of embeddings uses: a collapsed space hides behind good-looking losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

__all__ = ["dimensions_of_variance", "effective_rank", "variance_shares"]


def variance_shares(embeddings: Tensor) -> Tensor:
    """Return the share of the variance that each principal direction holds, largest first; none where nothing varies.

    Vectors are made unit, and their mean is taken out, since a direction that all share tells none apart.

    Parameters
    ----------
    embeddings : Tensor, (n, e)
    """
    if len(embeddings) < 2:
        return torch.zeros(0)
    unit = F.normalize(embeddings.detach().double(), dim=-1)
    centred = unit - unit.mean(dim=0)
    # Of the two products with itself the smaller has the same eigenvalues.
    product = centred.T @ centred if len(centred) > centred.shape[1] else centred @ centred.T
    variance = torch.linalg.eigvalsh(product).flip(0).clamp_min(0).cpu()
    total = variance.sum()
    return variance / total if float(total) > 1e-12 else torch.zeros(0)


def effective_rank(shares: Tensor) -> float:
    """Return exp of the entropy of `variance_shares` (after Roy and Vetterli 2007); k equal directions give k.

    Between 1 and the smaller of n - 1 and e; 0 where nothing varies.
    """
    return float(torch.exp(torch.special.entr(shares).sum())) if len(shares) else 0.0


def dimensions_of_variance(shares: Tensor, part: float = 0.9) -> int:
    """Return how many directions hold this part of the variance; 0 where nothing varies."""
    return int((shares.cumsum(0) < part - 1e-9).sum()) + 1 if len(shares) else 0
