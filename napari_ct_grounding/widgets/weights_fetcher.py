"""Fetching released weights: look in the cache, ask for the licence, download, tell how far it is. Without Qt.

Looking touches this machine only. The network is asked after `accept`, and by nothing else.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from psygnal import Signal

from napari_ct_grounding.core.errors import LicenceNeededError
from napari_ct_grounding.widgets.jobs import Continuations, JobContext, Jobs

__all__ = ["DownloadMeter", "DownloadState", "Pull", "WeightsFetcher"]

#: The speed shown is that of the last seconds.
_SPEED_SECONDS = 5.0
#: A shorter time says nothing.
_MIN_SPEED_SECONDS = 0.5


class Pull(Protocol):
    """Returns the folder of weights by name, as `model.weights.hub.pull` does; used on the worker."""

    def __call__(  # noqa: D102
        self,
        name: str,
        *,
        accept_licence: bool,
        on_progress: Callable[[int, int], None] | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Path: ...


def _pull_from_hub(name: str, **options: Any) -> Path:
    from napari_ct_grounding.model.weights.hub import pull

    return pull(name, **options)


@dataclass(frozen=True)
class DownloadState:
    """How far a download is: bytes, bytes a second (None while unknown), seconds left (None while unknown)."""

    num_done: int
    num_total: int
    speed: float | None = None
    seconds_left: float | None = None


class DownloadMeter:
    """Turns byte counts into speed and remaining time.

    Parameters
    ----------
    clock : callable
        Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def state(self, num_done: int, num_total: int) -> DownloadState:
        """Return how far it is after another report."""
        now = self._clock()
        self._seen.append((now, num_done))
        while len(self._seen) > 2 and now - self._seen[0][0] > _SPEED_SECONDS:
            self._seen.popleft()
        first, num_first = self._seen[0]
        if now - first < _MIN_SPEED_SECONDS:
            return DownloadState(num_done, num_total)
        speed = (num_done - num_first) / (now - first)
        return DownloadState(num_done, num_total, speed, (num_total - num_done) / speed if speed > 0 else None)


class WeightsFetcher:
    """Gets released weights onto this machine; one download at a time, in the order of their licences' acceptance.

    Parameters
    ----------
    jobs : Jobs
        Where is looked for weights.
    download_jobs : Jobs
        A thread of its own, which a download holds for many minutes.
    pull : callable, optional
        The Hugging Face hub by default.
    """

    #: (name) The weights are on this machine, and nothing had to be fetched.
    found = Signal(str)
    #: (name) A download ended well.
    fetched = Signal(str)
    #: (name, LicenceNeededError) The licence must be accepted first, through `accept`.
    licence_asked = Signal(str, object)
    #: (is_running) A download began or ended.
    download_changed = Signal(bool)
    #: (DownloadState) A download got on.
    download_progressed = Signal(object)
    #: (name, exception) The weights could not be looked up or fetched; told once.
    failed = Signal(str, object)

    def __init__(self, jobs: Jobs, download_jobs: Jobs, pull: Pull | None = None) -> None:
        self._jobs = jobs
        self._download_jobs = download_jobs
        self._pull = pull or _pull_from_hub
        self._accepted: set[str] = set()
        self._look: int | None = None
        self._downloads: dict[str, int] = {}  # from name to job; the first one is running
        self._meter = DownloadMeter()

    @property
    def downloading(self) -> str | None:
        """Name of the weights that are being fetched; None where none are."""
        return next(iter(self._downloads), None)

    def want(self, name: str) -> None:
        """Look whether weights are here; goes on with a download whose licence was accepted before."""
        if name in self._downloads:
            return
        self.forget_wish()
        self._look = self._jobs.submit(
            partial(_find, self._pull, name),
            Continuations(on_done=partial(self._on_found, name), on_failed=partial(self._on_not_found, name)),
        )

    def forget_wish(self) -> None:
        """Other weights were chosen; a look that is still under way is not answered."""
        if self._look is not None:
            self._jobs.cancel(self._look)
            self._look = None

    def accept(self, name: str) -> None:
        """Accept the licence and download, after what is being downloaded already."""
        self._accepted.add(name)
        if name in self._downloads:
            return
        self._downloads[name] = self._download_jobs.submit(
            partial(_fetch, self._pull, name),
            Continuations(
                on_done=partial(self._on_fetched, name),
                on_failed=partial(self._on_download_failed, name),
                on_cancelled=partial(self._end_download, name),
                on_progress=self._on_progress,
            ),
        )
        if len(self._downloads) == 1:
            self._begin_download()

    def cancel(self) -> None:
        """Stop the running download; what has arrived is kept for the next try."""
        if self._downloads:
            self._download_jobs.cancel(next(iter(self._downloads.values())))

    def cancel_all(self) -> None:
        """Stop the running download, and begin none of those that wait."""
        for job in reversed(list(self._downloads.values())):
            self._download_jobs.cancel(job)

    def _on_found(self, name: str, _folder: Path) -> None:
        self._look = None
        self.found.emit(name)

    def _on_not_found(self, name: str, error: Exception) -> None:
        self._look = None
        if not isinstance(error, LicenceNeededError):
            self.failed.emit(name, error)
        elif name in self._accepted:
            self.accept(name)
        else:
            self.licence_asked.emit(name, error)

    def _on_progress(self, num_done: int, num_total: int) -> None:
        self.download_progressed.emit(self._meter.state(num_done, num_total))

    def _on_fetched(self, name: str, _folder: Path) -> None:
        self._end_download(name)
        self.fetched.emit(name)

    def _on_download_failed(self, name: str, error: Exception) -> None:
        self._end_download(name)
        self.failed.emit(name, error)

    def _begin_download(self) -> None:
        self._meter = DownloadMeter()
        self.download_changed.emit(True)

    def _end_download(self, name: str) -> None:
        was_running = name == self.downloading
        del self._downloads[name]
        if was_running:
            self.download_changed.emit(False)
            if self._downloads:
                self._begin_download()


def _find(pull: Pull, name: str, context: JobContext) -> Path:
    # Without the licence nothing is asked of the network.
    return pull(name, accept_licence=False, cancel=context.is_cancelled)


def _fetch(pull: Pull, name: str, context: JobContext) -> Path:
    return pull(name, accept_licence=True, on_progress=context.report_progress, cancel=context.is_cancelled)
