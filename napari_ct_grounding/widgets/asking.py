"""What the tabs ask of the session, beside single sentences and diseases: the latest question of each kind counts."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from napari_ct_grounding.widgets.jobs import Continuations, JobContext, Jobs, Task
from napari_ct_grounding.widgets.requests import ScanRequest
from napari_ct_grounding.widgets.work import SessionStore

__all__ = ["SessionAsking", "SessionWork", "StoreWork"]

#: Runs on the inference thread: ``work(session, encoded, context)``; touches neither widget nor viewer.
SessionWork = Callable[[Any, Any, JobContext], Any]

#: Runs on the inference thread, and asks the store for the session that it needs: ``work(store, request, context)``.
StoreWork = Callable[[SessionStore, ScanRequest, JobContext], Any]


class SessionAsking:
    """Runs at most one piece of work of each kind.

    Parameters
    ----------
    jobs : Jobs
    store : SessionStore
        Handed to the work; never touched here.
    on_stage : callable
        ``on_stage(text)``: what the running job does now.
    on_changed : callable
        ``on_changed()`` when a job began or ended.
    """

    def __init__(
        self, jobs: Jobs, store: SessionStore, on_stage: Callable[[str], None], on_changed: Callable[[], None]
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._on_stage, self._on_changed = on_stage, on_changed
        self._running: dict[str, tuple[int, ScanRequest]] = {}

    @property
    def is_running(self) -> bool:
        """Whether anything is being computed."""
        return bool(self._running)

    def start(
        self,
        kind: str,
        request: ScanRequest,
        encoded: Any,
        work: SessionWork,
        on_done: Callable[[Any], None],
        on_failed: Callable[[Exception], None],
        on_progress: Callable[[int, int], None],
        on_cancelled: Callable[[], None],
    ) -> None:
        """Begin; older work of the same kind is stopped."""
        task = partial(_work_in_session, self._store, request, encoded, work)
        self.run(kind, request, task, on_done, on_failed, on_progress, on_cancelled)

    def start_with_store(self, kind: str, request: ScanRequest, work: StoreWork, *continuations: Any) -> None:
        """Begin work that loads weights itself: ``work(store, request, context)``; the rest as in `start`."""
        self.run(kind, request, partial(work, self._store, request), *continuations)

    def run(
        self,
        kind: str,
        request: ScanRequest,
        task: Task,
        on_done: Callable[[Any], None],
        on_failed: Callable[[Exception], None],
        on_progress: Callable[[int, int], None],
        on_cancelled: Callable[[], None],
    ) -> None:
        """Begin a task; older work of the same kind is stopped."""
        self.cancel(kind)
        job = self._jobs.submit(
            task,
            Continuations(
                on_done=partial(self._end, kind, on_done),
                on_failed=partial(self._end, kind, on_failed),
                on_cancelled=partial(self._end, kind, lambda _: on_cancelled(), None),
                on_progress=on_progress,
                on_stage=self._on_stage,
            ),
        )
        self._running[kind] = (job, request)
        self._on_changed()

    def cancel(self, kind: str) -> None:
        """Stop the work of one kind, if there is any."""
        if kind in self._running:
            self._jobs.cancel(self._running[kind][0])

    def cancel_all(self, layer_id: Hashable | None = None) -> None:
        """Stop all work, or that on one layer."""
        for kind, (_, request) in list(self._running.items()):
            if layer_id is None or request.source.layer_id == layer_id:
                self.cancel(kind)

    def _end(self, kind: str, tell: Callable[[Any], None], answer: Any) -> None:
        self._running.pop(kind, None)
        tell(answer)
        self._on_changed()


def _work_in_session(
    store: SessionStore, request: ScanRequest, encoded: Any, work: SessionWork, context: JobContext
) -> Any:
    return work(store.session_for(request, context), encoded, context)
