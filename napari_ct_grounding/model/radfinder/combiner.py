"""The combiner: the windows of a scan look at each other, once as a whole and once position by position along z."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from napari_ct_grounding.model.radfinder.rope import Grid, GridRope
from napari_ct_grounding.model.radfinder.transformer import NORM_EPS, Block, run_blocks

__all__ = ["Combiner", "depth_mask", "grid_mask"]


def grid_mask(grids: Sequence[Grid], device: torch.device | None = None) -> Tensor:
    """Return bool (b, H, W, D), True where a scan of the batch has a window; H, W, D are the largest of the batch."""
    size = [max(axis) for axis in zip(*grids, strict=True)]
    mask = torch.zeros(len(grids), *size, dtype=torch.bool, device=device)
    for row, (h, w, d) in zip(mask, grids, strict=True):
        row[:h, :w, :d] = True
    return mask


def depth_mask(grids: Sequence[Grid], positions_per_window: int, device: torch.device | None = None) -> Tensor:
    """Return bool (b, D * positions_per_window), True for the depth positions that a scan of the batch has."""
    counts = torch.tensor([d * positions_per_window for _, _, d in grids], device=device)
    return torch.arange(int(counts.max()), device=device) < counts[:, None]


class Combiner(nn.Module):
    """Transformer over the windows of a scan.

    Two entries share its blocks, its cls token and its norm: `whole` reads one token per window, `depths` one token
    per window and depth position.

    Parameters
    ----------
    feature_dim : int
        Channels of the window encoder's features.
    dim, num_layers, num_heads : int
        Channels of a token, blocks, attention heads.
    mlp_ratio : float
        Hidden channels of the feed-forward parts per channel.
    rope_base : float
        See `GridRope`.
    rope_rescale : float, optional
        Training only, see `GridRope`.
    """

    def __init__(
        self,
        feature_dim: int,
        dim: int,
        num_layers: int,
        num_heads: int,
        mlp_ratio: float = 4.0,
        rope_base: float = 100.0,
        rope_rescale: float | None = None,
    ) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim).normal_(std=0.02))
        self.patch_proj = nn.Linear(2 * feature_dim, dim)
        self.axis_patch_proj = nn.Linear(feature_dim, dim)
        self.rope = GridRope(dim // num_heads, rope_base, rope_rescale)
        self.blocks = nn.ModuleList(Block(dim, num_heads, mlp_ratio) for _ in range(num_layers))
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)

    def whole(self, cls: Tensor, patch_average: Tensor, grids: Sequence[Grid]) -> tuple[Tensor, Tensor]:
        """Combine one token per window.

        Parameters
        ----------
        cls, patch_average : Tensor, (b, H, W, D, c)
            Window features, zero-padded to the largest grid of the batch.
        grids : sequence of tuple of int
            Windows of each scan along (h, w, d).

        Returns
        -------
        tuple of Tensor
            The scans' cls tokens (b, c) and window tokens (b, H, W, D, c); tokens at padded places mean nothing.
        """
        tokens = self.patch_proj(torch.cat([cls, patch_average], dim=-1))
        return self._combine(tokens, grids, grids)

    def depths(self, depth: Tensor, grids: Sequence[Grid]) -> tuple[Tensor, Tensor]:
        """Combine one token per window and depth position.

        Parameters
        ----------
        depth : Tensor, (b, H, W, D, k, c)
            Window features per depth position, zero-padded to the largest grid of the batch.
        grids : sequence of tuple of int
            Windows of each scan along (h, w, d).

        Returns
        -------
        tuple of Tensor
            The scans' cls tokens (b, c) and position tokens (b, H, W, D * k, c); tokens at padded places mean nothing.
        """
        per_window = depth.shape[4]
        tokens = self.axis_patch_proj(depth.flatten(3, 4))
        # The divisors stay those of the windows: a step from one depth position to the next turns the rotary angles
        # as far as a step between windows does on the other path ("physical" mode of the release).
        return self._combine(tokens, [(h, w, d * per_window) for h, w, d in grids], grids)

    def _combine(self, tokens: Tensor, grids: Sequence[Grid], divisors: Sequence[Grid]) -> tuple[Tensor, Tensor]:
        b, *padded, c = tokens.shape
        x = torch.cat([self.cls_token.expand(b, -1, -1), tokens.reshape(b, -1, c)], dim=1)
        if all(grid == tuple(padded) for grid in grids):
            # Nothing is padded: one table for all, and no mask, so the fused attention kernels serve.
            sin, cos = self.rope(grids[0], divisors[0])
            x = self.norm(run_blocks(self.blocks, x, sin, cos))
        else:
            mask = grid_mask(grids, x.device)
            present = torch.cat([mask.new_ones(b, 1), mask.flatten(1)], dim=1)
            sin, cos = (torch.zeros(*present.shape, self.rope.periods.numel() * 6, device=x.device) for _ in range(2))
            for row, grid in enumerate(grids):
                sin[row, present[row]], cos[row, present[row]] = self.rope(grid, divisors[row])
            x = self.norm(run_blocks(self.blocks, x, sin[:, None], cos[:, None], present[:, None, None]))
        return x[:, 0], x[:, 1:].reshape(b, *padded, c)
