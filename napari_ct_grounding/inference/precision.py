"""In which type of number a model computes, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from napari_ct_grounding.core.errors import InputError

__all__ = ["PRECISIONS", "PrecisionChoice", "check_precision", "choose_precision"]

PRECISIONS = ("auto", "float32", "bfloat16")

#: Instructions of a CPU that multiply bfloat16 matrices, by the names that torch gives them (x86, then ARM).
_BFLOAT16_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "bf16")


@dataclass(frozen=True)
class PrecisionChoice:
    """A precision and the reason for it, in words for the status line."""

    precision: str
    reason: str


def check_precision(wish: str) -> None:
    """Raise when a wish is not one of `PRECISIONS`.

    Raises
    ------
    InputError
        Naming those that are. float16 is not among them: its range is too small for these networks, and a CPU takes a
        hundred times as long with it.
    """
    if wish not in PRECISIONS:
        raise InputError(f"The precision {wish!r} is unknown; give {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}.")


def choose_precision(wish: str, device: torch.device, offered: Sequence[str]) -> PrecisionChoice:
    """Return the precision for a wish: "auto", "float32" or "bfloat16".

    "auto" is bfloat16 where the device multiplies bfloat16 matrices by instructions of its own, about twice as fast as
    float32 ones (docs/benchmarks.md says how often an answer moves), and float32 elsewhere.

    Parameters
    ----------
    wish : str
    device : torch.device
    offered : sequence of str
        The model's `precisions`.

    Raises
    ------
    InputError
        When the wish is unknown, or the model does not offer it.
    """
    check_precision(wish)
    if wish == "auto":
        if "bfloat16" not in offered:
            return PrecisionChoice("float32", "what the weights were made for")
        if _multiplies_bfloat16(device):
            return PrecisionChoice("bfloat16", "twice as fast on this device")
        return PrecisionChoice("float32", "this device does not multiply bfloat16 faster")
    if wish not in offered:
        raise InputError(f"The precision {wish!r} is not offered by these weights; they offer {', '.join(offered)}.")
    return PrecisionChoice(wish, "as asked")


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(name) for name in _BFLOAT16_INSTRUCTIONS)
    return False
