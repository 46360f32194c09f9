"""Checkpoints that a killed process cannot spoil: written beside the old one, brought to the disk, then renamed onto it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a state; at every moment `path` is the old one or the new one, whole."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return a state, on the CPU; nothing but tensors and plain values is read."""
    return torch.load(path, map_location="cpu", weights_only=True)
