"""What has to run, and what is known: the state behind the dock, without Qt.

The dock tells what is chosen and asks for answers; the controller turns that into frozen requests, runs only what is not known
yet, and keeps the answers of each scan, so that going back to a volume or to other weights costs nothing.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from psygnal import Signal

from napari_ct_grounding.core.errors import NotHounsfieldError
from napari_ct_grounding.core.results import DiseaseScore, GroundingResult
from napari_ct_grounding.widgets.jobs import Continuations, Task
from napari_ct_grounding.widgets.requests import (
    GroundingRequest,
    Intent,
    ScanRequest,
    WeightsChoice,
    resolve_scan,
    resolve_sentence,
)
from napari_ct_grounding.widgets.sources import LayerSource
from napari_ct_grounding.widgets.work import EncodedScan, SessionStore, encode_scan, ground_sentences, score_diseases

__all__ = ["GroundingController", "Jobs", "ScanAnswers"]


class Jobs(Protocol):
    """The part of `InferenceThread` that the controller needs."""

    def submit(self, task: Task, continuations: Continuations) -> int: ...  # noqa: D102
    def cancel(self, job_id: int) -> None: ...  # noqa: D102


@dataclass(eq=False)
class ScanAnswers:
    """All that is known of one scan with one pair of weights.

    Parameters
    ----------
    scan : EncodedScan
    results : dict
        From cleaned sentence to result, in the order of asking.
    diseases : list of DiseaseScore
        Empty until they are there.
    """

    scan: EncodedScan
    results: dict[str, GroundingResult] = field(default_factory=dict)
    diseases: list[DiseaseScore] = field(default_factory=list)


class GroundingController:
    """Holds the intent of one dock and its answers.

    Parameters
    ----------
    jobs : Jobs
        Where work runs.
    store : SessionStore
        Handed to the work; never touched here.
    """

    #: Another volume, other weights or another device was chosen, or answers were dropped: show `answers` afresh.
    scan_changed = Signal()
    #: (is_running) An encoding began or ended.
    encoding_changed = Signal(bool)
    #: (done, total) windows of the running encoding.
    encoding_progressed = Signal(int, int)
    #: (text) What the running job does now.
    stage_changed = Signal(str)
    #: (result, is_new) The answer that the user waits for.
    answered = Signal(object, bool)
    diseases_changed = Signal()
    #: (exception) Something failed; told once.
    failed = Signal(object)
    #: (exception) The values do not look like HU; the user may insist through `assume_hu`.
    hounsfield_asked = Signal(object)

    def __init__(self, jobs: Jobs, store: SessionStore) -> None:
        self._jobs = jobs
        self._store = store
        self._intent = Intent()
        self._hu_assumed: set[Hashable] = set()
        self._answers: dict[ScanRequest, ScanAnswers] = {}
        self._encoding: tuple[int, ScanRequest] | None = None
        self._waiting: list[str] = []
        self._asked: dict[GroundingRequest, int] = {}

    # -- what is chosen

    @property
    def intent(self) -> Intent:
        """What is chosen now."""
        return self._intent

    @property
    def answers(self) -> ScanAnswers | None:
        """What is known of the chosen scan; None before it is encoded."""
        return None if self._intent.source is None else self._answers.get(resolve_scan(self._intent))

    @property
    def is_encoding(self) -> bool:
        """Whether an encoding is under way."""
        return self._encoding is not None

    def choose_source(self, source: LayerSource | None, *, is_orientation_unknown: bool = False) -> None:
        """Take another volume; None where there is none, or where its orientation must be asked first."""
        is_assumed = source is not None and source.layer_id in self._hu_assumed
        intent = replace(
            self._intent, source=source, is_hu_assumed=is_assumed, is_orientation_unknown=is_orientation_unknown
        )
        self._choose(intent)

    def choose_weights(self, weights: WeightsChoice) -> None:
        """Take other weights."""
        self._choose(replace(self._intent, weights=weights))

    def choose_device(self, device: str) -> None:
        """Compute elsewhere."""
        self._choose(replace(self._intent, device=device))

    def assume_hu(self) -> None:
        """Insist that the chosen volume holds Hounsfield units, and go on with what waits."""
        if self._intent.source is not None:
            self._hu_assumed.add(self._intent.source.layer_id)
            waiting, self._waiting = self._waiting, []
            self._choose(replace(self._intent, is_hu_assumed=True))
            self._waiting = waiting
            self.encode()

    def forget_layer(self, layer_id: Hashable) -> bool:
        """Drop all that belongs to a removed layer; returns whether an encoding of it was under way."""
        is_lost = self._encoding is not None and self._encoding[1].source.layer_id == layer_id
        if is_lost:
            self.cancel()
        self._answers = {scan: kept for scan, kept in self._answers.items() if scan.source.layer_id != layer_id}
        self._asked = {request: job for request, job in self._asked.items() if request.scan.source.layer_id != layer_id}
        self._hu_assumed.discard(layer_id)
        if self._intent.source is not None and self._intent.source.layer_id == layer_id:
            self.choose_source(None)
        return is_lost

    def layer_ids(self) -> set[Hashable]:
        """All layers of which anything is kept."""
        ids = {scan.source.layer_id for scan in self._answers}
        return ids if self._intent.source is None else ids | {self._intent.source.layer_id}

    def _choose(self, intent: Intent) -> None:
        if intent == self._intent:
            return
        self._intent = intent
        self._waiting = []  # they were meant for what was chosen before
        if self._encoding is not None and (intent.source is None or self._encoding[1] != resolve_scan(intent)):
            self.cancel()
        self.scan_changed.emit()

    # -- what is asked

    def encode(self) -> None:
        """Encode the chosen scan, unless it is encoded or being encoded.

        Raises
        ------
        InputError
            When no volume is chosen.
        """
        request = resolve_scan(self._intent)
        if request in self._answers or (self._encoding is not None and self._encoding[1] == request):
            return
        self.cancel(keep_waiting=True)
        continuations = Continuations(
            on_done=partial(self._on_encoded, request),
            on_failed=self._on_encoding_failed,
            on_cancelled=self._on_encoding_cancelled,
            on_progress=self.encoding_progressed.emit,
            on_stage=self.stage_changed.emit,
        )
        self._encoding = (self._jobs.submit(partial(encode_scan, self._store, request), continuations), request)
        self.encoding_changed.emit(True)

    def ground(self, text: str) -> None:
        """Answer a sentence; encodes the scan first when needed. What is known already is answered at once.

        Raises
        ------
        InputError
            When the sentence is empty or too long, or no volume is chosen.
        """
        request = resolve_sentence(self._intent, text)
        answers = self._answers.get(request.scan)
        if answers is None:
            if request.sentence not in self._waiting:
                self._waiting.append(request.sentence)
            self.encode()
        elif request.sentence in answers.results:
            self.answered.emit(answers.results[request.sentence], False)
        else:
            self._submit_sentences(request.scan, [request.sentence])

    def cancel(self, *, keep_waiting: bool = False) -> None:
        """Stop the running encoding; sentences that waited for it are let go."""
        if not keep_waiting:
            self._waiting = []
        if self._encoding is not None:
            self._jobs.cancel(self._encoding[0])

    def remove_result(self, sentence: str) -> None:
        """Take one sentence off the list."""
        if self.answers is not None and self.answers.results.pop(sentence, None) is not None:
            self.scan_changed.emit()

    # -- what comes back

    def _on_encoded(self, request: ScanRequest, scan: EncodedScan) -> None:
        self._encoding = None
        self._answers[request] = ScanAnswers(scan)
        self.encoding_changed.emit(False)
        self.scan_changed.emit()
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._submit_sentences(request, waiting)
        self._jobs.submit(
            partial(score_diseases, self._store, request, scan.encoded),
            Continuations(on_done=partial(self._on_diseases, request), on_failed=self.failed.emit),
        )

    def _on_encoding_failed(self, error: Exception) -> None:
        self._encoding = None
        self.encoding_changed.emit(False)
        if isinstance(error, NotHounsfieldError) and not self._intent.is_hu_assumed:
            self.hounsfield_asked.emit(error)
            return
        self._waiting = []
        self.failed.emit(error)

    def _on_encoding_cancelled(self) -> None:
        self._encoding = None
        self.encoding_changed.emit(False)

    def _submit_sentences(self, request: ScanRequest, sentences: list[str]) -> None:
        new = [sentence for sentence in sentences if GroundingRequest(request, sentence) not in self._asked]
        if not new:
            return
        encoded = self._answers[request].scan.encoded
        asked = [GroundingRequest(request, sentence) for sentence in new]
        job = self._jobs.submit(
            partial(ground_sentences, self._store, request, encoded, new),
            Continuations(
                on_done=partial(self._on_grounded, asked), on_failed=partial(self._on_grounding_failed, asked)
            ),
        )
        self._asked.update(dict.fromkeys(asked, job))

    def _on_grounded(self, asked: list[GroundingRequest], results: list[GroundingResult]) -> None:
        for request, result in zip(asked, results, strict=True):
            if self._asked.pop(request, None) is None:
                continue  # the layer was removed meanwhile
            answers = self._answers.get(request.scan)
            if answers is not None:
                answers.results[request.sentence] = result
                if answers is self.answers:
                    self.answered.emit(result, True)

    def _on_grounding_failed(self, asked: list[GroundingRequest], error: Exception) -> None:
        for request in asked:
            self._asked.pop(request, None)
        self.failed.emit(error)

    def _on_diseases(self, request: ScanRequest, scores: list[DiseaseScore]) -> None:
        answers: Any = self._answers.get(request)
        if answers is not None:
            answers.diseases = scores
            if answers is self.answers:
                self.diseases_changed.emit()
