"""Projection heads into the space in which images and texts are compared."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

__all__ = ["ProjectionHead"]


class ProjectionHead(nn.Module):
    """Three linear layers with exact GELUs, then a weight-normalised linear map without bias.

    Parameters
    ----------
    in_dim, out_dim : int
        Channels of the vectors that come in and go out.
    hidden_dim, bottleneck_dim : int
        Channels between the layers and in front of the last map.
    """

    def __init__(self, in_dim: int, out_dim: int, hidden_dim: int = 2048, bottleneck_dim: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(in_dim, hidden_dim),
            nn.GELU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.GELU(),
            nn.Linear(hidden_dim, bottleneck_dim),
        )
        self.last_layer = weight_norm(nn.Linear(bottleneck_dim, out_dim, bias=False))
        # The gain of each output row (original0) stays 1 in the released recipe.
        gain = self.last_layer.parametrizations.weight.original0
        nn.init.ones_(gain)
        gain.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Map vectors (..., in_dim) to embeddings (..., out_dim), not normalised."""
        return self.last_layer(self.layers(x))
