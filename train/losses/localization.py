"""Which slab does a sentence speak of: cross-entropy over the depth of a scan against a blurred target.

RadFinder (arXiv 2603.02026, section 2.3): softmax over depth of cosine / tau; the target is a Gaussian around the slice that
the report names, since neighbours are nearly right.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

__all__ = ["blurred_one_hot", "extent_targets", "localization_loss"]


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
