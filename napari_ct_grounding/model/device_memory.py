"""A device that runs out of memory: recognised whatever torch calls it, and told in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from napari_ct_grounding.core.errors import DeviceMemoryError

__all__ = ["device_memory_errors", "free_cached_memory", "free_memory_bytes", "is_out_of_memory", "memory_message"]

#: How torch words it where it raises a plain RuntimeError: on a CPU and on an Apple GPU.
_WORDINGS = ("out of memory", "can't allocate memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that a device has too little memory."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDINGS)


@contextmanager
def device_memory_errors(device: torch.device) -> Iterator[None]:
    """Turn an out-of-memory error from inside the ``with`` into `DeviceMemoryError`, and let the device's memory go."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, DeviceMemoryError) or not is_out_of_memory(error):
            raise
        # The frames of this error hold the tensors that filled the device; a chained one would keep them.
        message = memory_message(device)
    else:
        return
    free_cached_memory(device)
    raise DeviceMemoryError(message, str(device))


def free_cached_memory(device: torch.device) -> None:
    """Give memory that torch holds for later back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def free_memory_bytes(device: torch.device) -> int | None:
    """Return the bytes that a CUDA device has left, what torch holds for later included; None for other devices."""
    if device.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def memory_message(device: torch.device) -> str:
    """Say that a device has too little memory, and what to do."""
    if device.type == "cpu":
        return (
            "This computer has too little free memory for the network, even window by window. Close other programs, or "
            "choose smaller weights; bfloat16 needs half the memory (--precision bfloat16)."
        )
    return (
        f"The device '{device}' has too little free memory for the network, even window by window. Close other programs that "
        "use it, or compute on the CPU (--device cpu)."
    )
