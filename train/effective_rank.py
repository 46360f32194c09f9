"""How many dimensions a set of embeddings uses: a collapsed space hides behind good-looking losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

__all__ = ["dimensions_of_variance", "effective_rank"]


def effective_rank(embeddings: Tensor) -> float:
    """Return exp of the entropy of the variance over directions (after Roy and Vetterli 2007), 1 to the smaller of n - 1 and e.

    k directions of equal variance give k. Vectors are made unit, and their mean is taken out, since a shared
    direction tells scans apart as little as no direction.

    Parameters
    ----------
    embeddings : Tensor, (n, e)
        At least 2 rows; fewer give 0.
    """
    share = _variance_shares(embeddings)
    return float(torch.exp(torch.special.entr(share).sum())) if len(share) else 0.0


def dimensions_of_variance(embeddings: Tensor, share: float = 0.9) -> int:
    """Return how many directions hold this share of the variance; 0 for fewer than 2 rows."""
    shares = _variance_shares(embeddings)
    return int((shares.cumsum(0) < share - 1e-9).sum()) + 1 if len(shares) else 0


def _variance_shares(embeddings: Tensor) -> Tensor:
    """Return the share of each principal direction, largest first; none for fewer than 2 rows or equal ones."""
    if len(embeddings) < 2:
        return torch.zeros(0)
    unit = F.normalize(embeddings.detach().double(), dim=-1)
    variance = torch.linalg.svdvals(unit - unit.mean(dim=0)) ** 2
    total = variance.sum()
    return variance / total if float(total) > 0 else torch.zeros(0)
