"""Sigmoid contrastive loss between volumes and reports.

RadFinder (arXiv 2603.02026, section 2.2, after Zhai et al. 2023): every volume-report pair of a batch is its own yes-or-no
question, so no softmax ties the batch together.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

__all__ = ["siglip_loss"]


def siglip_loss(
    image: Tensor, text: Tensor, logit_scale: Tensor, logit_bias: Tensor, is_excluded: Tensor | None = None
) -> Tensor:
    """Return the loss of a batch.

    With unit vectors x, y and logits l_ij = exp(t) x_i . y_j + b::

        loss = mean_i( -log sigmoid(l_ii) ) + mean_i( - sum_(j != i) log sigmoid(-l_ij) )

    One matrix serves both directions: there is no second, transposed term.

    Parameters
    ----------
    image, text : Tensor, (n, e)
        Row i of one belongs to row i of the other; made unit here.
    logit_scale : Tensor, ()
        t, a logarithm; the released value at the start is 2.3026.
    logit_bias : Tensor, ()
        b, at the start -10.
    is_excluded : Tensor[bool], (n, n), optional
        Pairs that are not asked about: reports that say the same as another scan's own.
    """
    logits = logit_scale.exp() * F.normalize(image, dim=-1) @ F.normalize(text, dim=-1).T + logit_bias
    is_pair = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    positive = -F.logsigmoid(logits.diagonal()).mean()
    others = -F.logsigmoid(-logits).masked_fill(is_pair, 0.0)
    if is_excluded is not None:
        others = others.masked_fill(is_excluded & ~is_pair, 0.0)
    return positive + others.sum(dim=1).mean()
