"""What the parts of the benchmark share: a stopwatch for CPU, wall and memory, and the form of a result.

Each part runs in a process of its own, so that no part pays for, or profits from, what another has loaded. A part prints
one JSON object as its last line.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Cost:
    """What a stretch of work took: CPU seconds of all threads, wall seconds, MB of memory above what was there before."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_mb: float = 0.0


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure what happens inside the ``with``; the figures are there when it ends."""
    cost = Cost()
    before_mb = _resident_mb()
    _forget_peak()
    cpu_s, wall_s = _cpu_s(), time.perf_counter()
    yield cost
    cost.wall_s = time.perf_counter() - wall_s
    cost.cpu_s = _cpu_s() - cpu_s
    cost.peak_mb = max(0.0, peak_mb() - before_mb)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile (nearest rank) and number of `values`."""
    ordered = sorted(values)
    rank = min(len(ordered) - 1, max(0, -(-95 * len(ordered) // 100) - 1))
    return {"median": statistics.median(ordered), "p95": ordered[rank], "n": len(ordered)}


def report(**figures: object) -> None:
    """Print the part's result as one line of JSON, the last."""
    sys.stdout.flush()
    print(json.dumps(figures), flush=True)


def forget_file(path: Path) -> None:
    """Ask the system to drop a file from its page cache, so that the next read comes from the disk."""
    if hasattr(os, "posix_fadvise"):
        with open(path, "rb") as stream:
            os.fsync(stream.fileno())
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _status_mb(field: str) -> float | None:
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith(field):
            return float(line.split()[1]) / 1024
    return None


def _resident_mb() -> float:
    import psutil

    return psutil.Process().memory_info().rss / 2**20


def _forget_peak() -> None:
    """Linux can set the mark of the peak back to what is held now; elsewhere the mark of the whole process is taken."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_mb() -> float:
    """Return the most memory (MB) that this process has held, since its start or since `measured` began."""
    peak = _status_mb("VmHWM")
    if peak is not None:
        return peak
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
