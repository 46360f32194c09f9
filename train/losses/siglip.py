"""Sigmoid contrastive loss between volumes and reports.

RadFinder (arXiv 2603.02026, section 2.2, after Zhai et al. 2023): every volume-report pair of a batch is its own yes-or-no
question, so no softmax ties the batch together. `siglip_loss` is the definition; `siglip_share` is what a process computes of it
when rows are spread over processes and the matrix of all pairs is too large to hold.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.utils.checkpoint import checkpoint

__all__ = ["siglip_loss", "siglip_share"]


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
        Row i of one belongs to row i of the other; made unit here. Texts beyond the images belong to none of them.
    logit_scale : Tensor, ()
        t, a logarithm; the released value at the start is 2.3026.
    logit_bias : Tensor, ()
        b, at the start -10.
    is_excluded : Tensor[bool], (n, n), optional
        Pairs that are not asked about: reports that say the same as another scan's own.
    """
    logits = logit_scale.exp() * F.normalize(image, dim=-1) @ F.normalize(text, dim=-1).T + logit_bias
    is_pair = torch.eye(*logits.shape, dtype=torch.bool, device=logits.device)
    positive = -F.logsigmoid(logits.diagonal()).mean()
    others = -F.logsigmoid(-logits).masked_fill(is_pair, 0.0)
    if is_excluded is not None:
        others = others.masked_fill(is_excluded & ~is_pair, 0.0)
    return positive + others.sum(dim=1).mean()


def siglip_share(
    image: Tensor,
    text: Tensor,
    first_row: int,
    logit_scale: Tensor,
    logit_bias: Tensor,
    report_keys: Tensor | None = None,
    columns_at_once: int = 1024,
) -> Tensor:
    """Return the part of `siglip_loss` that some rows contribute; the parts of all rows sum to the loss.

    Columns are taken in chunks, and each chunk's logits are computed again in the backward pass, so that memory holds
    n x `columns_at_once` numbers instead of n x N.

    Parameters
    ----------
    image : Tensor, (n, e)
        Own rows.
    text : Tensor, (N, e)
        All rows of all processes; row ``first_row + i`` belongs to row i of `image`.
    first_row : int
    logit_scale, logit_bias : Tensor, ()
    report_keys : Tensor[int], (N,), optional
        Reports with the same key say the same, so such pairs are not asked about.
    columns_at_once : int
    """
    image, text = F.normalize(image, dim=-1), F.normalize(text, dim=-1)
    rows = torch.arange(first_row, first_row + len(image), device=image.device)
    total = image.new_zeros(())
    for start in range(0, len(text), columns_at_once):
        columns = torch.arange(start, min(start + columns_at_once, len(text)), device=image.device)
        is_pair = rows[:, None] == columns
        is_asked = torch.ones_like(is_pair)
        if report_keys is not None:
            is_asked = is_pair | (report_keys[rows][:, None] != report_keys[columns])
        chunk = text[start : start + columns_at_once]
        # use_reentrant=False: the graph of a chunk is built anew when the backward pass comes to it.
        total = total + checkpoint(
            _chunk_sum, image, chunk, logit_scale, logit_bias, is_pair, is_asked, use_reentrant=False
        )
    return total / max(len(text), 1)


def _chunk_sum(
    image: Tensor, text: Tensor, logit_scale: Tensor, logit_bias: Tensor, is_pair: Tensor, is_asked: Tensor
) -> Tensor:
    logits = logit_scale.exp() * image @ text.T + logit_bias
    # -log sigmoid(l) for a pair and -log sigmoid(-l) for any other
    return (F.softplus(torch.where(is_pair, -logits, logits)) * is_asked).sum()
