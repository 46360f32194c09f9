"""What a run tells while it trains: a JSON line per step, TensorBoard (Weights & Biases where installed), a bar."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from tqdm import tqdm

__all__ = ["RunLog", "trackers"]


def trackers() -> list[str]:
    """Return the trackers of accelerate that this environment has."""
    return [name for name in ("tensorboard", "wandb") if importlib.util.find_spec(name) is not None]


class RunLog:
    """Writes in the main process alone.

    Parameters
    ----------
    accelerator : Accelerator
        Made with `trackers`.
    out : Path
        Folder of the run; lines go to its ``log.jsonl``.
    first_step, num_steps : int
        What a killed process told of later steps is taken back: those steps come again.
    """

    def __init__(self, accelerator: Accelerator, out: Path, first_step: int, num_steps: int) -> None:
        self._accelerator = accelerator
        self._is_main = accelerator.is_main_process
        self._path = out / "log.jsonl"
        if self._is_main:
            self._forget_after(first_step)
        accelerator.init_trackers("tensorboard", init_kwargs={"tensorboard": {"purge_step": first_step}})
        # Without a terminal (a cluster's log file) there is no bar; log.jsonl says the same.
        self._bar = tqdm(total=num_steps, initial=first_step, unit="step", disable=None if self._is_main else True)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Tell figures of a step, which counts from 1."""
        self._accelerator.log(dict(values), step=step)
        if self._is_main:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **{name: _short(value) for name, value in values.items()}}) + "\n")

    def advance(self, losses: Mapping[str, float]) -> None:
        """Move the bar by one step, and show its losses beside it."""
        self._bar.set_postfix({name: f"{value:.3f}" for name, value in losses.items()}, refresh=False)
        self._bar.update(1)

    def say(self, sentence: str) -> None:
        """Print a sentence without tearing the bar."""
        if self._is_main:
            self._bar.write(sentence)

    def close(self) -> None:
        """Bring everything to the disk."""
        self._bar.close()
        for tracker in self._accelerator.trackers:
            tracker.finish()

    def _forget_after(self, step: int) -> None:
        if not self._path.is_file():
            return
        kept = [line for line in self._path.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
        partial = self._path.with_name(".log.jsonl.partial")
        partial.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        partial.replace(self._path)


def _step_of(line: str) -> float:
    """Return the step of a line; a line that was cut off belongs to none that counts."""
    try:
        entry: dict[str, Any] = json.loads(line)
        return float(entry["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def _short(value: float) -> float:
    return float(f"{value:.6g}")
