"""Cached-gradient accumulation: a loss over a whole batch with the memory of one micro-batch.

A contrastive loss needs all embeddings of a batch at once, but no more than their values. So (after Gao et al. 2021,
arXiv 2101.06983, "GradCache"): every piece of the batch is embedded without a graph; the loss is computed once over
all embeddings and gives the gradient of each; then every piece is embedded again with a graph, from the same random
state, and its part of that gradient is sent through it. The sum is the gradient of the whole batch. What is not a
function of the pieces (temperature and bias) gets its gradient from the one backward pass of the loss, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["Embeddings", "RandomState", "cached_backward", "scale_gradient"]

#: What embedding a piece gives: as many tensors as the loss asks for.
Embeddings = tuple[Tensor, ...]


class RandomState:
    """torch's random state of the moment, on the CPU and on the current CUDA device."""

    def __init__(self) -> None:
        self._cpu = torch.get_rng_state()
        self._cuda = torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None

    def restore(self) -> None:
        """Go back to it."""
        torch.set_rng_state(self._cpu)
        if self._cuda is not None:
            torch.cuda.set_rng_state(self._cuda)


def cached_backward(
    pieces: Sequence[Callable[[], Embeddings]],
    loss_of: Callable[[list[Embeddings]], Tensor],
    own_loss_of: Callable[[int], Tensor | None] | None = None,
    *,
    restores_random_state: bool = True,
) -> None:
    """Add the gradient of a loss over all pieces to the parameters, one piece's graph in memory at a time.

    Parameters
    ----------
    pieces : sequence of callable
        Each embeds one part of the batch; called twice.
    loss_of : callable
        The loss of all embeddings, in the order of the pieces. Called once.
    own_loss_of : callable, optional
        Gives the loss that piece i has by itself (or None), which needs no other piece; called once for each, with a graph.
    restores_random_state : bool
        Whether the second embedding draws the same dropout as the first. The released code draws anew, so that the
        gradient is sent through embeddings that the loss has not seen.
    """
    states: list[RandomState] = []
    cached: list[Embeddings] = []
    with torch.no_grad():
        for embed in pieces:
            states.append(RandomState())
            cached.append(tuple(value.detach().requires_grad_() for value in embed()))
    # A leaf made under no_grad still records what is done with it outside.
    loss_of(cached).backward()

    ongoing = RandomState()
    for i, embed in enumerate(pieces):
        if restores_random_state:
            states[i].restore()
        outputs, gradients = [], []
        for live, leaf in zip(embed(), cached[i], strict=True):
            if leaf.grad is not None and live.requires_grad:
                outputs.append(live)
                gradients.append(leaf.grad)
        if outputs:
            torch.autograd.backward(outputs, gradients)
        cached[i] = ()
        if own_loss_of is not None:
            if restores_random_state:
                ongoing.restore()  # or piece i's own loss would draw what piece i + 1 drew
            loss = own_loss_of(i)
            if loss is not None:
                loss.backward()
            ongoing = RandomState()


class _ScaledGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return value.view_as(value)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.factor, None


def scale_gradient(value: Tensor, factor: float) -> Tensor:
    """Return `value` as it is; its gradient is multiplied by `factor`."""
    return _ScaledGradient.apply(value, factor)
