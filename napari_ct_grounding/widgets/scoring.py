"""The scores of the diseases, a few at a time, so that a sentence typed meanwhile need not wait for all of them.

Each disease is fourteen prompts. A large text encoder on a CPU takes seconds for them, a small one is faster the more it gets at
once: as many are asked for together as take about a second.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.results import DiseaseScore
from napari_ct_grounding.widgets.jobs import Continuations, Jobs
from napari_ct_grounding.widgets.requests import ScanRequest
from napari_ct_grounding.widgets.work import SessionStore, score_diseases

__all__ = ["DiseaseScoring"]


#: How long (s) a sentence may wait.
_CHUNK_SECONDS = 1.0


@dataclass(eq=False)
class _Run:
    """A scan whose diseases are being scored; the next job takes `num_next` of them."""

    encoded: Any
    job: int = 0
    num_next: int = 1
    scores: list[DiseaseScore] = field(default_factory=list)


class DiseaseScoring:
    """Runs at most one scoring for each scan.

    Parameters
    ----------
    jobs : Jobs
    store : SessionStore
        Handed to the work; never touched here.
    on_done : callable
        ``on_done(request, scores)``, highest score first.
    on_failed : callable
        ``on_failed(request, exception)``.
    on_progress : callable
        ``on_progress(done, total)``.
    """

    def __init__(
        self,
        jobs: Jobs,
        store: SessionStore,
        on_done: Callable[[ScanRequest, list[DiseaseScore]], None],
        on_failed: Callable[[ScanRequest, Exception], None],
        on_progress: Callable[[int, int], None],
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._on_done, self._on_failed, self._on_progress = on_done, on_failed, on_progress
        self._runs: dict[ScanRequest, _Run] = {}

    @property
    def is_running(self) -> bool:
        """Whether any scan is being scored."""
        return bool(self._runs)

    def start(self, request: ScanRequest, encoded: Any) -> None:
        """Score a scan, unless that is under way."""
        if request not in self._runs:
            self._runs[request] = _Run(encoded)
            self._submit_next(request)

    def cancel(self, layer_id: Hashable | None = None) -> None:
        """Stop all scorings, or those of one layer."""
        for request in [r for r in self._runs if layer_id is None or r.source.layer_id == layer_id]:
            self._jobs.cancel(self._runs.pop(request).job)

    def _submit_next(self, request: ScanRequest) -> None:
        run = self._runs[request]
        names = CT_RATE_DISEASES[len(run.scores) :][: run.num_next]
        run.job = self._jobs.submit(
            partial(score_diseases, self._store, request, run.encoded, names),
            Continuations(
                on_done=partial(self._on_scored, request),
                on_failed=partial(self._on_run_failed, request),
                on_cancelled=partial(self._runs.pop, request, None),
            ),
        )
        self._on_progress(len(run.scores), len(CT_RATE_DISEASES))

    def _on_scored(self, request: ScanRequest, answer: tuple[list[DiseaseScore], float]) -> None:
        run = self._runs[request]
        scores, seconds = answer
        run.scores += scores
        run.num_next = max(1, min(len(CT_RATE_DISEASES), int(len(scores) * _CHUNK_SECONDS / max(seconds, 1e-3))))
        if len(run.scores) < len(CT_RATE_DISEASES):
            self._submit_next(request)
        else:
            del self._runs[request]
            self._on_done(request, sorted(run.scores, key=lambda entry: -entry.score))

    def _on_run_failed(self, request: ScanRequest, error: Exception) -> None:
        del self._runs[request]
        self._on_failed(request, error)
