"""Which slab does a sentence speak of: cross-entropy over the depth of a scan against a blurred target.

RadFinder (arXiv 2603.02026, section 2.3): softmax over depth of cosine / tau; the target is a Gaussian around the
slice that the report names, since neighbours are nearly right. Where the extent of a finding along z is known, the
target may be as tall as the finding (`range_targets`), or a Gaussian that widens with it (`extent_targets`).

`localization_loss` is the definition, one row of slices for each sentence; `localization_losses` gives the same figure for each
sentence without copying the slices of a scan for each of its sentences.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

__all__ = ["blurred_one_hot", "extent_targets", "localization_loss", "localization_losses", "range_targets"]


def blurred_one_hot(index: Tensor, is_valid: Tensor, sigma: float) -> Tensor:
    """Return the released recipe's targets (m, d): one position, blurred by `sigma` positions.

    The kernel is cut off at int(3 sigma + 0.5) and sums to 1; each row is made to sum to 1 over *all* positions and only then
    zeroed where the scan does not reach, as released (near the end of a short scan in a batch a row sums to less).

    Parameters
    ----------
    index : Tensor[int], (m,)
        Target position of each sentence.
    is_valid : Tensor[bool], (m, d)
    sigma : float
        In positions; 0 gives the plain one-hot.
    """
    targets = F.one_hot(index, is_valid.shape[1]).to(torch.float32)
    radius = math.floor(3 * sigma + 0.5)
    if radius > 0:
        offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
        kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
        kernel = (kernel / kernel.sum()).to(targets.device)
        targets = F.conv1d(targets[:, None], kernel[None, None], padding=radius)[:, 0]
        targets = targets / targets.sum(dim=1, keepdim=True)
    return targets * is_valid


def extent_targets(centre: Tensor, extent: Tensor, is_valid: Tensor, min_sigma: float, extent_share: float) -> Tensor:
    """Return our targets (m, d): a Gaussian as wide as the thing is tall, each row summing to 1 over the valid positions.

    sigma = max(min_sigma, extent_share x extent): a nodule has a place, an emphysema a region.

    Parameters
    ----------
    centre, extent : Tensor, (m,)
        Middle and height of the visible part, in positions.
    is_valid : Tensor[bool], (m, d)
    min_sigma : float
        In positions.
    extent_share : float
    """
    sigma = (extent_share * extent).clamp_min(min_sigma)[:, None]
    positions = torch.arange(is_valid.shape[1], device=centre.device, dtype=torch.float32)
    exponent = -0.5 * ((positions - centre[:, None]) / sigma) ** 2
    return exponent.masked_fill(~is_valid, float("-inf")).softmax(dim=1)


def range_targets(low: Tensor, high: Tensor, is_valid: Tensor, sigma: float) -> Tensor:
    """Return targets (m, d) for things of known extent, each row summing to 1 over the valid positions.

    Every place between `low` and `high` is as right as any other, and the ends are soft: a box blurred by a Gaussian, seen at
    the middle of each position::

        target_d  ~  Phi((high - d) / sigma) - Phi((low - d) / sigma)

    A slice, one position high, gives nearly the Gaussian of `blurred_one_hot`.

    Parameters
    ----------
    low, high : Tensor, (m,)
        Ends in positions; position d covers d - 0.5 to d + 0.5.
    is_valid : Tensor[bool], (m, d)
    sigma : float
        In positions, above 0.
    """
    positions = torch.arange(is_valid.shape[1], device=low.device, dtype=torch.float64)
    below, above = ((end[:, None].double() - positions) / sigma for end in (low, high))
    # The tails are symmetric; on the left one a difference of small numbers keeps its digits, on the right one 1 - 1 would not.
    is_right = below > 0
    upper, lower = torch.where(is_right, -below, above), torch.where(is_right, -above, below)
    log_upper, log_lower = torch.special.log_ndtr(upper), torch.special.log_ndtr(lower)
    # In logarithms, so that even a box far outside a short scan has its mass on the nearest valid position.
    log_mass = log_upper + torch.log1p(-torch.exp(log_lower - log_upper))
    return log_mass.masked_fill(~is_valid, float("-inf")).softmax(dim=1).float()


def localization_loss(
    slices: Tensor, sentences: Tensor, targets: Tensor, is_valid: Tensor, scale: Tensor | float
) -> Tensor:
    """Return the mean cross-entropy of sentences.

    With unit vectors, p_d = softmax_d(scale x cos(slice_d, sentence)) over valid positions::

        loss = mean_m( - sum_d target_md log p_md )

    Parameters
    ----------
    slices : Tensor, (m, d, e)
        Slab vectors of each sentence's scan; made unit here.
    sentences : Tensor, (m, e)
        Made unit here.
    targets : Tensor, (m, d)
    is_valid : Tensor[bool], (m, d)
    scale : Tensor or float
        1 / tau; the released recipe fixes 10.
    """
    cosine = torch.einsum("mde,me->md", F.normalize(slices, dim=-1), F.normalize(sentences, dim=-1))
    log_probability = (scale * cosine).masked_fill(~is_valid, float("-inf")).log_softmax(dim=1)
    # A position outside the scan has probability 0 and target 0; their product is 0, not NaN.
    return -(targets * log_probability.masked_fill(~is_valid, 0.0)).sum(dim=1).mean()


def localization_losses(
    slices: Tensor,
    owner: Tensor,
    sentences: Tensor,
    targets: Tensor,
    is_valid: Tensor,
    scale: Tensor | float,
    nowhere: Tensor | None = None,
) -> Tensor:
    """Return the cross-entropy (m,) of each sentence; their mean is `localization_loss`.

    Parameters
    ----------
    slices : Tensor, (b, d, e)
        Slab vectors of each scan; made unit here.
    owner : Tensor[int], (m,)
        Scan of each sentence.
    sentences : Tensor, (m, e)
        Made unit here.
    targets : Tensor, (m, d), or (m, d + 1) with `nowhere`
    is_valid : Tensor[bool], (b, d)
    scale : Tensor or float
    nowhere : Tensor, (), optional
        Cosine of one more answer, the last column of `targets`: "at no place of this scan". What it is taught teaches the
        cosines of all places to be low where a sentence speaks of none of them.
    """
    # One product of all slices with all sentences is cheaper than to copy d x e numbers for each sentence.
    cosine = F.normalize(slices, dim=-1) @ F.normalize(sentences, dim=-1).T
    cosine = cosine[owner, :, torch.arange(len(owner), device=owner.device)]
    valid = is_valid[owner]
    if nowhere is not None:
        cosine = torch.cat([cosine, nowhere.expand(len(owner), 1)], dim=1)
        valid = F.pad(valid, (0, 1), value=True)
    log_probability = (scale * cosine).masked_fill(~valid, float("-inf")).log_softmax(dim=1)
    return -(targets * log_probability.masked_fill(~valid, 0.0)).sum(dim=1)
