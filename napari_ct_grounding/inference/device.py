"""Which device computes, and why."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from napari_ct_grounding.core.errors import InputError

__all__ = ["DeviceChoice", "choose_device"]


@dataclass(frozen=True)
class DeviceChoice:
    """A device and the reason for it, in words for the status line."""

    device: torch.device
    reason: str


def choose_device(wish: str = "auto") -> DeviceChoice:
    """Return the device for a wish: "auto", "cpu", "mps", "cuda" or "cuda:N".

    Raises
    ------
    InputError
        When the wish is unknown or this machine cannot fulfil it.
    """
    has_cuda = torch.cuda.is_available()
    has_mps = torch.backends.mps.is_available()
    if wish == "auto":
        if has_cuda:
            return DeviceChoice(torch.device("cuda"), f"GPU found: {torch.cuda.get_device_name(0)}")
        if has_mps:
            return DeviceChoice(torch.device("mps"), "Apple GPU found")
        return DeviceChoice(torch.device("cpu"), f"no GPU found; {torch.get_num_threads()} CPU threads")
    try:
        device = torch.device(wish)
    except RuntimeError as error:
        raise InputError(f"The device {wish!r} is unknown; give auto, cpu, mps, cuda or cuda:N.") from error
    if device.type not in ("cpu", "mps", "cuda"):
        raise InputError(f"The device {wish!r} is not supported; give auto, cpu, mps, cuda or cuda:N.")
    if device.type == "cuda" and not has_cuda:
        raise InputError("The device 'cuda' was asked for, but torch finds no CUDA GPU here. Use --device cpu or auto.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"The device {wish!r} was asked for, but there are {torch.cuda.device_count()} CUDA GPUs.")
    if device.type == "mps" and not has_mps:
        raise InputError("The device 'mps' was asked for, but torch finds no Apple GPU here. Use --device cpu or auto.")
    return DeviceChoice(device, "as asked")
