"""Several processes as one: rows gathered with a gradient that is right, sums, and one synchronised backward pass.

Without a process group every function does what it says for one process. Processes may hold different numbers of rows, none
included.
"""

from __future__ import annotations

import time

import torch
import torch.distributed as dist
from torch import Tensor, nn

__all__ = [
    "GradientTouch",
    "broadcast_into_clone",
    "gather_rows",
    "leave_group",
    "num_processes",
    "process_index",
    "sum_over_processes",
]


def num_processes() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def process_index() -> int:
    """Return which of them this is."""
    return dist.get_rank() if dist.is_initialized() else 0


def leave_group() -> None:
    """End the process group.

    A thread of gloo needs the interpreter to free the tensors of its last collective, and ending the group waits for
    that thread with the interpreter held: ended too early, a process waits for itself.
    """
    if dist.is_initialized():
        dist.barrier()
        time.sleep(1.0)
        dist.destroy_process_group()


def sum_over_processes(value: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes, without a gradient."""
    value = value.detach().clone()
    if dist.is_initialized():
        dist.all_reduce(value)
    return value


def gather_rows(rows: Tensor) -> tuple[Tensor, int]:
    """Return the rows (N, ...) of all processes, one process after the other, and where this one's begin.

    Every process uses all rows in its own part of the loss, so the gradient of a row is a sum over processes: the
    backward pass adds them up (all-reduce) and takes out its own rows. A broadcast or an all_gather without that
    sends back the gradient of the own part alone, or none.

    Parameters
    ----------
    rows : Tensor, (n, ...)
        n may differ between processes.
    """
    if not dist.is_initialized():
        return rows, 0
    sizes = _sizes(rows)
    return _GatheredRows.apply(rows, sizes), sum(sizes[: process_index()])


class _GatheredRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows: Tensor, sizes: list[int]) -> Tensor:
        ctx.first = sum(sizes[: process_index()])
        ctx.num_rows = len(rows)
        # all_gather wants equal shapes: rows are filled up to the largest number and cut again.
        padded = rows.new_zeros(max(sizes), *rows.shape[1:])
        padded[: len(rows)] = rows
        gathered = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(gathered, padded)
        return torch.cat([part[:size] for part, size in zip(gathered, sizes, strict=True)])

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        gradient = gradient.contiguous().clone()
        dist.all_reduce(gradient)
        return gradient[ctx.first : ctx.first + ctx.num_rows], None


def broadcast_into_clone(rows: Tensor) -> tuple[Tensor, int]:
    """Gather as the released code does, fault included: the values are right, the gradient is not.

    Each process's rows are broadcast into a clone of the own ones, which autograd does not see; so the gradient with
    respect to every process's rows goes to the own ones, and none of it comes from the other processes. All must hold
    equally many rows.
    """
    if not dist.is_initialized():
        return rows, 0
    if len(set(_sizes(rows))) > 1:
        raise ValueError(
            "Processes hold different numbers of reports, which the released broadcast cannot gather. "
            "Switch off released.broadcast_into_clone in the recipe, or train in one process."
        )
    blocks = []
    for source in range(num_processes()):
        block = rows.clone()
        dist.broadcast(block.detach(), source)  # shares memory with the clone, as an in-place broadcast does
        blocks.append(block)
    return torch.cat(blocks), process_index() * len(rows)


def _sizes(rows: Tensor) -> list[int]:
    own = torch.tensor([len(rows)], device=rows.device)
    sizes = [torch.empty_like(own) for _ in range(num_processes())]
    dist.all_gather(sizes, own)
    return [int(size) for size in sizes]


class GradientTouch(nn.Module):
    """A forward pass that depends on every trained parameter with the factor 0: what DistributedDataParallel is wrapped around.

    Gradients of micro-batches are summed in each process by itself. Then one backward pass through this module lets
    DistributedDataParallel average them in its buckets. It reaches each parameter in each process exactly once,
    whatever a process's share of the batch held: no sentence, no report, or no scan at all.

    Parameters
    ----------
    network : nn.Module
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self) -> Tensor:
        """Return 0."""
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        for parameter in trained:
            gradient = parameter.grad
            if gradient is not None and gradient.stride() != parameter.stride():
                parameter.grad = (
                    torch.empty_like(parameter).copy_(gradient).detach()
                )  # buckets are laid out like parameters
        return torch.stack([parameter.flatten()[0] * 0.0 for parameter in trained]).sum()
