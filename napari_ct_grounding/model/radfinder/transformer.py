"""The transformer block that the window encoder and the combiner share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_ct_grounding.model.radfinder.rope import rotate

__all__ = ["Block", "run_blocks"]

NORM_EPS = 1e-6


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return softmax(q k' / sqrt(c)) v for queries, keys and values (b, heads, n, c); `mask` as in `Attention.forward`.

    torch's fused kernel, but for bfloat16 on a CPU: there the plain products take half its time, because CPUs have
    instructions for them and the kernel does not use them, and are as exact (docs/benchmarks.md).
    """
    if q.device.type != "cpu" or q.dtype != torch.bfloat16:
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(dim=-1) @ v


class Attention(nn.Module):
    """Multi-head self-attention with rotary positions; queries apart, keys and values fused.

    Parameters
    ----------
    dim : int
        Channels of a token.
    num_heads : int
        Heads; `dim` is a multiple of it.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, sin: Tensor, cos: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend within each row of tokens (b, n, c).

        Parameters
        ----------
        x : Tensor, (b, n, c)
            Tokens.
        sin, cos : Tensor, (n, c / heads) or (b, 1, n, c / heads)
            Rotary tables in the type of `x`.
        mask : Tensor of bool, (b, 1, 1, n), optional
            True for the keys that may be looked at.
        """
        b, n, c = x.shape
        q = self.q(x).view(b, n, self.num_heads, -1).transpose(1, 2)
        k, v = self.kv(x).view(b, n, 2, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, sin, cos), rotate(k, sin, cos)
        mixed = attend(q, k, v, mask)
        return self.proj(mixed.transpose(1, 2).reshape(b, n, c))


class FeedForward(nn.Module):
    """Two linear layers with an exact GELU between them.

    Parameters
    ----------
    dim, hidden_dim : int
        Channels of a token, and between the layers.
    """

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden_dim)
        self.fc2 = nn.Linear(hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (..., c) to tokens (..., c)."""
        return self.fc2(functional.gelu(self.fc1(x)))


class LayerScale(nn.Module):
    """Holds a learned factor per channel of a residual branch; `Block` applies it.

    Parameters
    ----------
    dim : int
        Channels.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))


class Block(nn.Module):
    """Pre-norm attention and feed-forward, each on a scaled residual branch.

    Parameters
    ----------
    dim, num_heads : int
        Channels of a token and attention heads.
    mlp_ratio : float
        Hidden channels of the feed-forward part per channel.
    """

    def __init__(self, dim: int, num_heads: int, mlp_ratio: float = 4.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.attn = Attention(dim, num_heads)
        self.ls1 = LayerScale(dim)
        self.norm2 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.mlp = FeedForward(dim, round(dim * mlp_ratio))
        self.ls2 = LayerScale(dim)

    def forward(self, x: Tensor, sin: Tensor, cos: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map tokens (b, n, c) to tokens (b, n, c); arguments as in `Attention.forward`."""
        # x + gamma * branch in one pass over the tokens
        x = torch.addcmul(x, self.attn(self.norm1(x), sin, cos, mask), self.ls1.gamma)
        return torch.addcmul(x, self.mlp(self.norm2(x)), self.ls2.gamma)


def run_blocks(blocks: nn.ModuleList, x: Tensor, sin: Tensor, cos: Tensor, mask: Tensor | None = None) -> Tensor:
    """Run tokens through `blocks`; the rotary tables are cast to the tokens' type once for all of them."""
    sin, cos = sin.to(x.dtype), cos.to(x.dtype)
    for block in blocks:
        x = block(x, sin, cos, mask)
    return x
