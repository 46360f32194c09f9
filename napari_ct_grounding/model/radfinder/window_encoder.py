"""The local encoder: one window of voxels to patch tokens, and the summaries of a window that the combiner reads."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from napari_ct_grounding.model.radfinder.rope import GridRope
from napari_ct_grounding.model.radfinder.transformer import NORM_EPS, Block, run_blocks

__all__ = ["WindowEncoder", "WindowFeatures"]


class WindowFeatures(NamedTuple):
    """What is kept of n windows.

    Attributes
    ----------
    cls : Tensor, (n, c)
        The cls token.
    patch_average : Tensor, (n, c)
        Mean over all patches.
    depth : Tensor, (n, k, c)
        Mean over the patches of each depth position of the window.
    """

    cls: Tensor
    patch_average: Tensor
    depth: Tensor


class PatchEmbed(nn.Module):
    """Cut windows into patches and embed each linearly.

    Parameters
    ----------
    patch : tuple of int
        Voxels of a patch (h, w, d).
    dim : int
        Channels of a token.
    """

    def __init__(self, patch: tuple[int, int, int], dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv3d(1, dim, kernel_size=patch, stride=patch)

    def forward(self, windows: Tensor) -> Tensor:
        """Map windows (n, 1, h, w, d) to patch tokens (n, h', w', d', c)."""
        n, _, h, w, d = windows.shape
        ph, pw, pd = self.proj.kernel_size
        # Patches do not overlap, so the convolution is one matrix product; that is what CPUs and half precision do
        # fast.
        patches = windows.reshape(n, h // ph, ph, w // pw, pw, d // pd, pd).permute(0, 1, 3, 5, 2, 4, 6).flatten(4)
        return nn.functional.linear(patches, self.proj.weight.flatten(1), self.proj.bias)


class WindowEncoder(nn.Module):
    """Vision transformer over the patches of one window.

    Parameters
    ----------
    patch : tuple of int
        Voxels of a patch (h, w, d).
    dim, num_layers, num_heads : int
        Channels of a token, blocks, attention heads.
    mlp_ratio : float
        Hidden channels of the feed-forward parts per channel.
    rope_base : float
        See `GridRope`.
    """

    def __init__(
        self,
        patch: tuple[int, int, int],
        dim: int,
        num_layers: int,
        num_heads: int,
        mlp_ratio: float = 4.0,
        rope_base: float = 1000.0,
    ) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim).normal_(std=0.02))
        self.patch_embed = PatchEmbed(patch, dim)
        self.rope = GridRope(dim // num_heads, rope_base)
        self.blocks = nn.ModuleList(Block(dim, num_heads, mlp_ratio) for _ in range(num_layers))
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)

    def tokens(self, windows: Tensor) -> Tensor:
        """Map windows (n, 1, h, w, d) to the tokens (n, 1 + patches, c): cls first, then patches h-major, d fastest."""
        patches = self.patch_embed(windows)
        n, h, w, d, c = patches.shape
        x = torch.cat([self.cls_token.expand(n, -1, -1), patches.reshape(n, -1, c)], dim=1)
        return self.norm(run_blocks(self.blocks, x, *self.rope((h, w, d))))

    def count_flops(self, window: tuple[int, int, int]) -> float:
        """Return the floating-point operations for one window of so many voxels (h, w, d): matrix products and attention,
        which are nearly all.
        """
        patch = self.patch_embed.proj.kernel_size
        num_patches = math.prod(size // step for size, step in zip(window, patch, strict=True))
        num_tokens, dim = num_patches + 1, self.cls_token.shape[-1]
        weights = sum(layer.weight.numel() for layer in self.blocks.modules() if isinstance(layer, nn.Linear))
        attention = 4 * len(self.blocks) * num_tokens**2 * dim
        return float(2 * num_patches * self.patch_embed.proj.weight.numel() + 2 * num_tokens * weights + attention)

    def forward(self, windows: Tensor) -> WindowFeatures:
        """Summarise windows (n, 1, h, w, d), given in the type of the weights."""
        tokens = self.tokens(windows)
        patches = tokens[:, 1:]
        num_depths = windows.shape[-1] // self.patch_embed.proj.kernel_size[2]
        return WindowFeatures(
            cls=tokens[:, 0],
            patch_average=patches.mean(dim=1),
            depth=patches.unflatten(1, (-1, num_depths)).mean(dim=1),
        )
