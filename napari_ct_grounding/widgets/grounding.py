"""The sentences that are being answered, each of them once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.jobs import Continuations, Jobs
from napari_ct_grounding.widgets.requests import GroundingRequest
from napari_ct_grounding.widgets.work import SessionStore, ground_sentence

__all__ = ["SentenceGrounding"]


class SentenceGrounding:
    """Runs at most one job for each sentence in each scan.

    Parameters
    ----------
    jobs : Jobs
    store : SessionStore
        Handed to the work; never touched here.
    on_done : callable
        ``on_done(request, result)``.
    on_failed : callable
        ``on_failed(request, exception)``.
    on_stage : callable
        ``on_stage(text)``: what the running job does now.
    """

    def __init__(
        self,
        jobs: Jobs,
        store: SessionStore,
        on_done: Callable[[GroundingRequest, GroundingResult], None],
        on_failed: Callable[[GroundingRequest, Exception], None],
        on_stage: Callable[[str], None],
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._on_done, self._on_failed, self._on_stage = on_done, on_failed, on_stage
        self._running: dict[GroundingRequest, int] = {}

    @property
    def is_running(self) -> bool:
        """Whether any sentence is being answered."""
        return bool(self._running)

    def start(self, request: GroundingRequest, encoded: Any) -> None:
        """Answer a sentence, unless that is under way."""
        if request in self._running:
            return
        self._running[request] = self._jobs.submit(
            partial(ground_sentence, self._store, request.scan, encoded, request.sentence),
            Continuations(
                on_done=partial(self._end, request, self._on_done),
                on_failed=partial(self._end, request, self._on_failed),
                on_cancelled=partial(self._running.pop, request, None),
                on_stage=self._on_stage,
            ),
        )

    def cancel(self, layer_id: Hashable | None = None) -> None:
        """Stop all sentences, or those of one layer."""
        for request in [r for r in self._running if layer_id is None or r.scan.source.layer_id == layer_id]:
            self._jobs.cancel(self._running.pop(request))

    def _end(self, request: GroundingRequest, tell: Callable[[GroundingRequest, Any], None], answer: Any) -> None:
        del self._running[request]
        tell(request, answer)
