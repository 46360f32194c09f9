"""Rotary position embedding over a three-dimensional grid of tokens."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["GridRope", "rotate"]

Grid = tuple[int, int, int]


class GridRope(nn.Module):
    """Makes the sine and cosine tables of a grid of tokens.

    An index i along an axis becomes the coordinate ``2 (i + 0.5) / divisor - 1``; the angles of a token are 2 pi
    coordinate / period, all periods of h, then of w, then of d, and that row twice, so that channels i and i +
    head_dim / 2 form the rotated pairs.

    Parameters
    ----------
    head_dim : int
        Channels of one attention head; a multiple of 6.
    base : float
        Longest period is ``base ** ((n - 1) / n)`` for n = head_dim / 6 periods; the shortest is 1.
    rescale : float, optional
        Training only: coordinates are multiplied by a factor between 1 / `rescale` and `rescale`, drawn once per
        call, evenly in its logarithm. None switches it off.
    """

    periods: Tensor

    def __init__(self, head_dim: int, base: float, rescale: float | None = None) -> None:
        super().__init__()
        if head_dim % 6:
            raise ValueError(f"head_dim is {head_dim}; three axes of channel pairs need a multiple of 6.")
        num_periods = head_dim // 6
        exponents = torch.arange(num_periods, dtype=torch.float32) / num_periods
        self.register_buffer("periods", torch.tensor(base, dtype=torch.float32) ** exponents)
        self.rescale = rescale

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> GridRope:
        """Move to another device, but keep the type: half precision would bend the positions."""
        before = self.periods
        super()._apply(fn, recurse)
        if self.periods.dtype != before.dtype:
            self.periods = before.to(self.periods.device)
        return self

    def forward(self, grid: Grid, divisors: Grid | None = None, num_prefix: int = 1) -> tuple[Tensor, Tensor]:
        """Return (sin, cos), each (num_prefix + h * w * d, head_dim) in float32; prefix tokens are not rotated (sin
        0, cos 1).

        Parameters
        ----------
        grid : tuple of int
            Tokens along (h, w, d); d is the fastest.
        divisors : tuple of int, optional
            What the coordinates are divided by; the grid itself by default.
        num_prefix : int
            Tokens in front of the grid (the cls token).
        """
        device = self.periods.device
        axes = [
            2 * (torch.arange(count, dtype=torch.float32, device=device) + 0.5) / divisor - 1
            for count, divisor in zip(grid, divisors or grid, strict=True)
        ]
        coordinates = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)
        if self.training and self.rescale is not None:
            limit = math.log(self.rescale)
            coordinates = coordinates * torch.empty((), device=device).uniform_(-limit, limit).exp()
        angles = (2 * math.pi * coordinates[:, :, None] / self.periods.float()).flatten(1)
        angles = torch.cat([angles, angles], dim=1)
        # A zero angle leaves a token as it is, so the prefix needs no path of its own.
        angles = torch.cat([angles.new_zeros(num_prefix, angles.shape[1]), angles])
        return angles.sin(), angles.cos()


def rotate(x: Tensor, sin: Tensor, cos: Tensor) -> Tensor:
    """Rotate queries or keys (..., tokens, head_dim) by tables that broadcast against them."""
    half = x.shape[-1] // 2
    rotated = x * cos
    # The rotated partner is added in place, half by half: no turned copy of x is made.
    rotated[..., :half].addcmul_(x[..., half:], sin[..., :half], value=-1)
    rotated[..., half:].addcmul_(x[..., :half], sin[..., half:])
    return rotated
