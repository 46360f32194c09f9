"""The scan that is being encoded: one at a time, since nobody looks at two."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial

from napari_ct_grounding.widgets.jobs import Continuations, Jobs
from napari_ct_grounding.widgets.requests import ScanRequest
from napari_ct_grounding.widgets.work import EncodedScan, SessionStore, SlowStart, encode_scan

__all__ = ["ScanEncoding"]


class ScanEncoding:
    """Runs at most one encoding; another one takes its place.

    Parameters
    ----------
    jobs : Jobs
    store : SessionStore
        Handed to the work; never touched here.
    on_changed : callable
        ``on_changed(is_running)``: an encoding began or ended.
    on_done : callable
        ``on_done(request, answer)``, as `encode_scan` answers.
    on_failed : callable
        ``on_failed(exception)``.
    on_progress : callable
        ``on_progress(done, total)`` windows.
    on_stage : callable
        ``on_stage(text)``: what the job does now.
    """

    def __init__(
        self,
        jobs: Jobs,
        store: SessionStore,
        on_changed: Callable[[bool], None],
        on_done: Callable[[ScanRequest, EncodedScan | SlowStart], None],
        on_failed: Callable[[Exception], None],
        on_progress: Callable[[int, int], None],
        on_stage: Callable[[str], None],
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._on_changed, self._on_done, self._on_failed = on_changed, on_done, on_failed
        self._on_progress, self._on_stage = on_progress, on_stage
        self._running: tuple[int, ScanRequest] | None = None

    @property
    def request(self) -> ScanRequest | None:
        """What is being encoded; None for nothing."""
        return None if self._running is None else self._running[1]

    def start(self, request: ScanRequest, *, is_patient: bool) -> None:
        """Encode a scan instead of the one that is being encoded. `is_patient` as in `encode_scan`."""
        self.cancel()
        continuations = Continuations(
            on_done=partial(self._end_well, request),
            on_failed=self._end_badly,
            on_cancelled=self._end,
            on_progress=self._on_progress,
            on_stage=self._on_stage,
        )
        job = self._jobs.submit(partial(encode_scan, self._store, request, is_patient), continuations)
        self._running = (job, request)
        self._on_changed(True)

    def cancel(self, layer_id: Hashable | None = None) -> bool:
        """Stop the encoding of any scan, or of one layer's; return whether there was one."""
        if self._running is None:
            return False
        job, request = self._running
        is_meant = layer_id is None or request.source.layer_id == layer_id
        if is_meant:
            self._jobs.cancel(job)
        return is_meant

    def _end(self) -> None:
        self._running = None
        self._on_changed(False)

    def _end_well(self, request: ScanRequest, answer: EncodedScan | SlowStart) -> None:
        self._end()
        self._on_done(request, answer)

    def _end_badly(self, error: Exception) -> None:
        self._end()
        self._on_failed(error)
