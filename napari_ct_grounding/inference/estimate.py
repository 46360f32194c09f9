"""How long encoding a scan will take on this machine, said before it begins.

The time is the number of windows times the seconds that one takes. Those are remembered from the last runs with the same
weights, device and arithmetic. Before the first run, the device's rate of matrix products is measured for a moment and the
network's operations are divided by it. Either is a guess to be told with "about".
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from napari_ct_grounding.model.base import Workload

__all__ = ["EncodingEstimate", "EncodingTimes", "matmul_rate", "seconds_of", "timing_key"]

FILE_NAME = "encoding_times.json"
#: A new measurement moves the remembered one this far.
NEWEST_SHARE = 0.5
#: Rows, inner and outer size of the probing product: the shape of the released network's, one window at a time.
PROBE_SHAPE = (512, 1024, 1024)
#: Products are repeated until so much time (s) has passed, the first one (which wakes threads and libraries) apart.
PROBE_SECONDS = 0.1
PROBE_MAX_REPEATS = 50

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EncodingEstimate:
    """What encoding a scan will take.

    Parameters
    ----------
    seconds : float
        About; 0 when the answer is there already, or when nothing is known of the model's speed.
    num_windows : int
        Windows (or slabs) that the scan is cut into.
    coverage : str
    is_cached : bool
        Whether the encoded scan is at hand, in memory or on disk.
    left_out_mm : float
        How much of the scan, along z and at both ends together, this coverage does not see.
    """

    seconds: float
    num_windows: int
    coverage: str
    is_cached: bool
    left_out_mm: float = 0.0


class EncodingTimes:
    """Seconds that a window took, by `timing_key`; kept in a small file, so that the next start knows them.

    Parameters
    ----------
    folder : Path or None
        None keeps them in memory alone. A folder that cannot be read or written costs nothing but the memory of them.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / FILE_NAME
        self._seconds = self._read()

    def get(self, key: str) -> float | None:
        """Return the seconds a window takes, or None when it was never measured."""
        return self._seconds.get(key)

    def keep(self, key: str, seconds: float) -> None:
        """Take in a new measurement; half of it counts, so that one busy minute does not spoil what is known."""
        if seconds <= 0:
            return
        self._seconds = self._read() | self._seconds  # another process may have written meanwhile
        old = self._seconds.get(key)
        self._seconds[key] = seconds if old is None else (1 - NEWEST_SHARE) * old + NEWEST_SHARE * seconds
        self._write()

    def _read(self) -> dict[str, float]:
        if self._path is None:
            return {}
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))
            return {str(key): float(value) for key, value in entries.items() if 0 < float(value) < 1e6}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self) -> None:
        if self._path is None:
            return
        partial = None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, partial = tempfile.mkstemp(prefix=FILE_NAME, suffix=".partial", dir=self._path.parent)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(self._seconds, stream)
            os.replace(partial, self._path)
        except OSError as error:
            _log.debug("Encoding times were not kept (%s).", error.strerror)
            if partial is not None:
                Path(partial).unlink(missing_ok=True)


def timing_key(weights_fingerprint: str, device: torch.device, precision: str) -> str:
    """Return what the seconds of a window depend on, as one line."""
    if device.type == "cuda":
        where = torch.cuda.get_device_name(device)
    else:
        where = f"{device.type} of {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{weights_fingerprint} {precision} {where}"


def matmul_rate(device: torch.device, dtype: torch.dtype, clock: Callable[[], float] = time.perf_counter) -> float:
    """Measure floating-point operations a second in matrix products, in about a tenth of a second.

    Parameters
    ----------
    device : torch.device
    dtype : torch.dtype
    clock : callable
        Seconds, growing.
    """
    rows, inner, columns = PROBE_SHAPE
    a = torch.full((rows, inner), 0.01, device=device, dtype=dtype)
    b = torch.full((inner, columns), 0.01, device=device, dtype=dtype)
    _product(a, b)
    best, begun = float("inf"), clock()
    for _ in range(PROBE_MAX_REPEATS):
        before = clock()
        _product(a, b)
        after = clock()
        best = min(best, after - before)
        if after - begun >= PROBE_SECONDS:
            break
    return 2.0 * rows * inner * columns / max(best, 1e-9)


def seconds_of(work: Workload, remembered: float | None, effective_rate: Callable[[], float]) -> float:
    """Return the seconds that a workload takes.

    Parameters
    ----------
    work : Workload
    remembered : float or None
        Seconds of a window in earlier runs.
    effective_rate : callable
        Operations a second of the network; asked only when nothing is remembered and the operations are known.
    """
    if remembered is not None:
        return work.num_windows * remembered
    return work.num_windows * work.flops / effective_rate() if work.flops else 0.0


def _product(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.mm(a, b)
    if a.device.type == "cuda":
        torch.cuda.synchronize(a.device)
    elif a.device.type == "mps":
        torch.mps.synchronize()
