"""The image side of the bundled weights: a small 2-D network per slab, and context along the scan.

Convolutions turn each slab into a token; residual blocks of dilated 1-D convolutions let every token see some 18 cm of its
neighbourhood on either side, without which a slab of lung does not know its height. One pass covers the whole scan; slabs that
only pad a batch are masked.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

__all__ = ["SlabEncoder", "SlabEncoderOutput", "SlabFeatures", "SlabHeads", "neighbour_rows"]

#: Detector logits beyond this say no more.
_MAX_LOGIT = 12.0


class SlabEncoderOutput:
    """Vectors of a batch of scans, not yet of unit length.

    Parameters
    ----------
    depth : Tensor, (b, n, e)
        Localization vector of each slab.
    retrieval, disease : Tensor, (b, e)
    detections : Tensor, (b, n, detectors)
        Logits: does this slab show this thing? What each detector looks for is fixed by training.
    """

    __slots__ = ("depth", "detections", "disease", "retrieval")

    def __init__(self, depth: Tensor, retrieval: Tensor, disease: Tensor, detections: Tensor) -> None:
        self.depth = depth
        self.retrieval = retrieval
        self.disease = disease
        self.detections = detections


def neighbour_rows(lengths: Sequence[int], reach: int) -> Tensor:
    """Return for each slab of scans laid one after the other the rows (m, 2 reach + 1) of itself and its neighbours.

    Order: itself, one below, one above, two below, ... At the ends of a scan its outermost slab stands in.
    """
    rows = []
    first = 0
    offsets = [0, *(sign * step for step in range(1, reach + 1) for sign in (-1, 1))]
    for length in lengths:
        own = torch.arange(length)
        rows.append(first + torch.stack([(own + offset).clamp(0, length - 1) for offset in offsets], dim=1))
        first += length
    return torch.cat(rows)


class SlabFeatures(nn.Module):
    """Channels of single slabs to tokens, (n, c, y, x) -> (n, width).

    Beside the mean and the maximum of each feature a small map is kept, since left and right, front and back decide what a
    sentence speaks of.

    Parameters
    ----------
    in_channels : int
    channels : sequence of int
        Width of each stage; every stage halves the pixels.
    map_channels : int
        Channels of the map that is kept.
    map_shape : tuple of int
        Its size (y, x).
    width : int
        Width of a token.
    deep_from : int
        First stage with a second convolution.
    fine_stage : int
        Stage whose features are also kept as maxima over the cells of a coarse grid: what is small (a nodule, a stone) is seen
        there, and its side and quadrant are kept.
    fine_channels : int
        How many of these; 0 for none.
    fine_grid : tuple of int
        Cells (y, x).
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        map_channels: int,
        map_shape: tuple[int, int],
        width: int,
        deep_from: int = 2,
        fine_stage: int = 1,
        fine_channels: int = 0,
        fine_grid: tuple[int, int] = (3, 4),
    ) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        previous = in_channels
        for stage, current in enumerate(channels):
            stages += [nn.Conv2d(previous, current, 3, stride=2, padding=1), nn.GroupNorm(8, current), nn.ReLU()]
            if stage >= deep_from:  # cheap once the map is small
                stages += [nn.Conv2d(current, current, 3, padding=1), nn.GroupNorm(8, current), nn.ReLU()]
            if stage == fine_stage:
                self._fine_end = len(stages)
            previous = current
        self.stages = nn.Sequential(*stages)
        self.map = nn.Conv2d(previous, map_channels, 1)
        self.map_shape = map_shape
        self.fine_grid = fine_grid
        self.fine = nn.Conv2d(channels[fine_stage], fine_channels, 1) if fine_channels else None
        fine = fine_channels * fine_grid[0] * fine_grid[1]
        self.project = nn.Linear(2 * previous + map_channels * map_shape[0] * map_shape[1] + fine, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, channels: Tensor) -> Tensor:
        """Return tokens (n, width) of slabs (n, c, y, x)."""
        early = self.stages[: self._fine_end](channels)
        features = self.stages[self._fine_end :](early)
        kept = self.map(features)
        if kept.shape[-2:] != self.map_shape:  # the coarse first part of training has half the pixels
            kept = F.interpolate(kept.float(), size=self.map_shape, mode="bilinear", align_corners=False)
        pooled = [features.mean((2, 3)), features.amax((2, 3)), kept.flatten(1).to(features.dtype)]
        if self.fine is not None:
            pooled.append(F.adaptive_max_pool2d(self.fine(early), self.fine_grid).flatten(1))
        return self.norm(self.project(torch.cat(pooled, dim=1)))


class _DilatedBlock(nn.Module):
    """One residual block along the scan: kernel 5 at a dilation, then a mix of channels."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.along = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation)
        self.mix = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return tokens (b, n, width); masked neighbours count as zero."""
        inner = self.norm(tokens) * mask
        inner = F.gelu(self.along(inner.transpose(1, 2)).transpose(1, 2))
        return tokens + self.dropout(self.mix(inner))


class SlabHeads(nn.Module):
    """Tokens of scans to localization, retrieval and disease vectors.

    Parameters
    ----------
    width : int
        Width of a token.
    dilations : sequence of int
        One residual block each; a block reaches 2 x dilation slabs to either side.
    embedding_size : int
    dropout : float
        Inside the blocks.
    num_detectors : int
        Logits per slab, taught what is seen there; their maxima along the scan say what it shows.
    """

    def __init__(
        self, width: int, dilations: Sequence[int], embedding_size: int, dropout: float = 0.0, num_detectors: int = 0
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_DilatedBlock(width, dilation, dropout) for dilation in dilations)
        self.norm = nn.LayerNorm(width)
        self.localization = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, embedding_size))
        self.attention = nn.Linear(width, 8)
        self.detectors = nn.Linear(width, num_detectors) if num_detectors else None
        pooled = 2 * width + 8 * 16 + 2 * num_detectors
        self.value = nn.Linear(width, 8 * 16)
        self.retrieval = nn.Sequential(nn.Linear(pooled, width), nn.GELU(), nn.Linear(width, embedding_size))
        self.disease = nn.Sequential(nn.Linear(pooled, width), nn.GELU(), nn.Linear(width, embedding_size))

    def forward(self, tokens: Tensor, mask: Tensor) -> SlabEncoderOutput:
        """Return the vectors of scans.

        Parameters
        ----------
        tokens : Tensor, (b, n, width)
        mask : Tensor[bool], (b, n)
            True where a slab belongs to the scan.
        """
        is_real = mask.unsqueeze(-1)
        weight = is_real.to(tokens.dtype)
        for block in self.blocks:
            tokens = block(tokens, weight)
        tokens = self.norm(tokens)
        count = weight.sum(1)
        mean = (tokens * weight).sum(1) / count
        maximum = tokens.masked_fill(~is_real, float("-inf")).amax(1)
        # Eight heads, each looking at its own part of the scan.
        attention = self.attention(tokens).float().masked_fill(~is_real, float("-inf")).softmax(1)
        value = self.value(tokens).unflatten(-1, (8, 16)).float()
        attended = torch.einsum("bnh,bnhc->bhc", attention, value).flatten(1).to(mean.dtype)
        seen = [mean, maximum, attended]
        detections = tokens.new_zeros((*mask.shape, 0))
        if self.detectors is not None:
            detections = self.detectors(tokens).float().clamp(-_MAX_LOGIT, _MAX_LOGIT)
            strongest = detections.masked_fill(~is_real, -_MAX_LOGIT).amax(1)
            share = (detections.sigmoid() * weight).sum(1) / count
            seen += [strongest.to(mean.dtype) / 4, share.to(mean.dtype)]
        pooled = torch.cat(seen, dim=-1)
        return SlabEncoderOutput(self.localization(tokens), self.retrieval(pooled), self.disease(pooled), detections)


class SlabEncoder(nn.Module):
    """The whole image side: `features` per slab, then `heads` along the scan."""

    def __init__(
        self,
        in_channels: int = 3,
        channels: Sequence[int] = (16, 32, 64, 96),
        map_channels: int = 16,
        map_shape: tuple[int, int] = (6, 7),
        width: int = 192,
        dilations: Sequence[int] = (1, 2, 4, 8, 1, 2),
        embedding_size: int = 128,
        dropout: float = 0.0,
        num_neighbours: int = 0,
        deep_from: int = 2,
        fine_stage: int = 1,
        fine_channels: int = 0,
        fine_grid: tuple[int, int] = (3, 4),
        num_detectors: int = 0,
    ) -> None:
        super().__init__()
        self.num_neighbours = num_neighbours
        self.features = SlabFeatures(
            in_channels * (2 * num_neighbours + 1), channels, map_channels, (map_shape[0], map_shape[1]), width,
            deep_from, fine_stage, fine_channels, (fine_grid[0], fine_grid[1]),
        )  # fmt: skip
        self.heads = SlabHeads(width, dilations, embedding_size, dropout, num_detectors)

    def forward(self, channels: Tensor, mask: Tensor) -> SlabEncoderOutput:
        """Return the vectors of scans.

        Parameters
        ----------
        channels : Tensor, (m, c, y, x)
            The real slabs of all scans, one scan after the other (padding costs nothing here).
        mask : Tensor[bool], (b, n)
            True where a slab belongs to the scan; m is their number.
        """
        if self.num_neighbours:
            rows = neighbour_rows(mask.sum(1).tolist(), self.num_neighbours).to(channels.device)
            channels = channels[rows].flatten(1, 2)
        features = self.features(channels)
        tokens = features.new_zeros((*mask.shape, features.shape[-1]))
        tokens[mask] = features
        return self.heads(tokens, mask)
