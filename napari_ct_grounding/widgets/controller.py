"""What has to run, and what is known: the state behind the dock, without Qt.

The dock tells what is chosen and asks for answers; the controller turns that into frozen requests, runs only what is not known
yet, and keeps the answers of each scan, so that going back to a volume or to other weights costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from psygnal import Signal

from napari_ct_grounding.core.errors import DeviceMemoryError, InputError, NotHounsfieldError
from napari_ct_grounding.core.results import DiseaseScore, GroundingResult
from napari_ct_grounding.widgets.answers import AnswerStore, ScanAnswers
from napari_ct_grounding.widgets.asking import SessionAsking, SessionWork
from napari_ct_grounding.widgets.choices import Choices
from napari_ct_grounding.widgets.compare.other_weights import OtherAnswers, answer_with_other_weights
from napari_ct_grounding.widgets.encoding import ScanEncoding
from napari_ct_grounding.widgets.grounding import SentenceGrounding
from napari_ct_grounding.widgets.jobs import Jobs
from napari_ct_grounding.widgets.requests import (
    AUTO,
    GroundingRequest,
    Intent,
    ScanRequest,
    WeightsChoice,
    resolve_scan,
    resolve_sentence,
)
from napari_ct_grounding.widgets.scoring import DiseaseScoring
from napari_ct_grounding.widgets.sources import LayerSource
from napari_ct_grounding.widgets.work import EncodedScan, SessionFacts, SessionStore, SlowStart

__all__ = ["GroundingController"]


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
    #: (done, total) windows of the running encoding, or diseases.
    progressed = Signal(int, int)
    #: (is_working) Sentences or diseases began to be computed, or all are done.
    working_changed = Signal(bool)
    #: (text) What the running job does now.
    stage_changed = Signal(str)
    #: (result, is_new) The answer that the user waits for.
    answered = Signal(object, bool)
    diseases_changed = Signal()
    #: (exception) Something failed; told once.
    failed = Signal(object)
    #: (exception) The values do not look like HU; the user may insist through `assume_hu`.
    hounsfield_asked = Signal(object)
    #: (SlowStart) Encoding would take long; the user may begin it through `start_slow`.
    slow_start_asked = Signal(object)
    #: (exception) The device has too little memory; the user may go on with another through `go_on_with_device`.
    memory_asked = Signal(object)

    def __init__(self, jobs: Jobs, store: SessionStore) -> None:
        self._choices = Choices()
        self._answers = AnswerStore()
        self._waiting: list[str] = []  # sentences for the chosen scan, once it is encoded
        self._is_working = False
        self._encoding = ScanEncoding(
            jobs,
            store,
            self.encoding_changed.emit,
            self._on_encoded,
            self._on_encoding_failed,
            self.progressed.emit,
            self.stage_changed.emit,
        )
        self._grounding = SentenceGrounding(
            jobs, store, self._on_grounded, self._on_grounding_failed, self.stage_changed.emit
        )
        self._scoring = DiseaseScoring(
            jobs, store, self._on_diseases, self._on_scoring_failed, self._on_scoring_progress
        )
        self._asking = SessionAsking(jobs, store, self.stage_changed.emit, self._tell_working)

    # -- what is chosen

    @property
    def intent(self) -> Intent:
        """What is chosen now."""
        return self._choices.intent

    @property
    def answers(self) -> ScanAnswers | None:
        """What is known of the chosen scan; None before it is encoded."""
        return None if self.intent.source is None else self._answers.of(resolve_scan(self.intent))

    @property
    def facts(self) -> SessionFacts | None:
        """What is known of the chosen weights; None before they were loaded."""
        return self._answers.facts_of(self.intent.weights)

    @property
    def slow_start(self) -> SlowStart | None:
        """The open question whether the chosen scan shall be encoded although it takes long."""
        return None if self.intent.source is None else self._answers.slow_start_of(resolve_scan(self.intent))

    @property
    def is_encoding(self) -> bool:
        """Whether an encoding is under way."""
        return self._encoding.request is not None

    @property
    def is_working(self) -> bool:
        """Whether sentences, diseases or answers for the tabs are being computed."""
        return self._grounding.is_running or self._scoring.is_running or self._asking.is_running

    def choose_source(self, source: LayerSource | None, *, is_orientation_unknown: bool = False) -> None:
        """Take another volume; None where there is none, or where its orientation must be asked first."""
        self._choose(self._choices.with_source(source, is_orientation_unknown=is_orientation_unknown))

    def choose_weights(self, weights: WeightsChoice) -> None:
        """Take other weights, with the coverage and precision that were last chosen for them."""
        self._choose(self._choices.with_weights(weights))

    def choose_device(self, device: str) -> None:
        """Compute elsewhere."""
        self._choose(self._choices.with_device(device))

    def choose_coverage(self, coverage: str) -> None:
        """Walk the scans otherwise, as long as these weights are used."""
        self._choose(self._with_coverage(coverage))

    def prefer_coverage(self, coverage: str) -> None:
        """Walk the scans so wherever the weights offer it and nobody has chosen otherwise for them."""
        self._choose(self._choices.with_preferred_coverage(coverage))

    def choose_precision(self, precision: str) -> None:
        """Compute in other numbers, as long as these weights are used."""
        self._choose(self._choices.with_precision(precision))

    def assume_hu(self) -> None:
        """Insist that the chosen volume holds Hounsfield units, and go on with what waits."""
        if self.intent.source is not None:
            self._go_on(self._choices.with_hu_assumed())

    def start_slow(self, coverage: str | None = None) -> None:
        """Agree to a long encoding, now and later with these weights on this device, and go on with what waits.

        Parameters
        ----------
        coverage : str, optional
            Another than the one chosen.
        """
        self._choices.agree_to_wait()
        self._answers.forget_slow_start()
        self._go_on(self.intent if coverage is None else self._with_coverage(coverage))

    def go_on_with_device(self, device: str) -> None:
        """Compute elsewhere, and go on with what waits."""
        self._go_on(self._choices.with_device(device))

    def forget_layer(self, layer_id: Hashable) -> bool:
        """Drop all that belongs to a removed layer; returns whether an encoding of it was under way."""
        is_lost = self._encoding.cancel(layer_id)
        self._answers.forget_layer(layer_id)
        self._cancel_sentences(layer_id)
        self._choices.forget_layer(layer_id)
        if self.intent.source is not None and self.intent.source.layer_id == layer_id:
            self.choose_source(None)
        return is_lost

    def layer_ids(self) -> set[Hashable]:
        """All layers of which anything is kept."""
        ids = self._answers.layer_ids()
        return ids if self.intent.source is None else ids | {self.intent.source.layer_id}

    def _with_coverage(self, coverage: str) -> Intent:
        if self.facts is not None and coverage == self.facts.coverages[0]:
            coverage = AUTO  # one name for one thing: what is known under it is found again
        return self._choices.with_coverage(coverage)

    def _choose(self, intent: Intent) -> None:
        if intent == self.intent:
            return
        self._choices.intent = intent
        self._waiting = []  # they were meant for what was chosen before
        if intent.source is None or self._encoding.request != resolve_scan(intent):
            self._encoding.cancel()
        self.scan_changed.emit()

    def _go_on(self, intent: Intent) -> None:
        """Take an intent that mends what stopped the work, and do what waits."""
        waiting = self._waiting
        self._choose(intent)
        self._waiting = waiting
        self.encode()

    # -- what is asked

    def encode(self) -> None:
        """Encode the chosen scan, unless it is encoded or being encoded.

        Raises
        ------
        InputError
            When no volume is chosen.
        """
        request = resolve_scan(self.intent)
        answers = self._answers.of(request)
        if answers is not None:
            self._answer_waiting(request, answers)
            return
        if self._encoding.request == request:
            return
        is_patient = self._choices.is_patient(request)
        if self.slow_start is not None and not is_patient:
            self.slow_start_asked.emit(self.slow_start)  # the answer is still awaited
            return
        self._encoding.start(request, is_patient=is_patient)

    def ground(self, text: str) -> None:
        """Answer a sentence; encodes the scan first when needed. What is known already is answered at once.

        Raises
        ------
        InputError
            When the sentence is empty or too long, or no volume is chosen.
        """
        request = resolve_sentence(self.intent, text)
        answers = self._answers.of(request.scan)
        known = None if answers is None else answers.find(request.sentence)
        if answers is not None and known is not None:
            is_listed = request.sentence in answers.results
            answers.results[request.sentence] = known
            self.answered.emit(known, not is_listed)
            return
        if request.sentence not in self._waiting:
            self._waiting.append(request.sentence)
        self.encode()

    def ask(
        self,
        kind: str,
        work: SessionWork,
        on_done: Callable[[Any], None],
        *,
        on_failed: Callable[[Exception], None] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        on_cancelled: Callable[[], None] | None = None,
    ) -> None:
        """Do something else in the session, on the inference thread, with the chosen scan; the latest of each kind counts.

        Parameters
        ----------
        kind : str
            Names what is asked; older work of the same kind is stopped.
        work : callable
            ``work(session, encoded, context)`` on the inference thread; touches neither widget nor viewer.
        on_done, on_failed, on_progress, on_cancelled : callable
            On this thread: ``(answer)``, ``(exception)``, ``(done, total)``, ``()``. A failure is told by `failed` by default.

        Raises
        ------
        InputError
            When the scan is not encoded yet.
        """
        request = resolve_scan(self.intent)
        answers = self._answers.of(request)
        if answers is None:
            raise InputError("The scan is not encoded yet. Press Encode first.")
        self._asking.start(
            kind,
            request,
            answers.scan.encoded,
            work,
            on_done,
            on_failed or self.failed.emit,
            on_progress or self.progressed.emit,
            on_cancelled or _nothing,
        )

    def answers_with(self, weights: WeightsChoice) -> ScanAnswers | None:
        """What is known of the chosen scan with other weights; None before they have encoded it."""
        if self.intent.source is None:
            return None
        return self._answers.of(resolve_scan(self._choices.with_weights(weights)))

    def ask_other_weights(
        self,
        kind: str,
        weights: WeightsChoice,
        sentences: Sequence[str],
        on_done: Callable[[ScanAnswers | SlowStart], None],
        *,
        is_patient: bool = False,
        on_failed: Callable[[Exception], None] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        on_cancelled: Callable[[], None] | None = None,
    ) -> None:
        """Answer cleaned sentences about the chosen scan with other weights; what is chosen stays chosen.

        The answers are kept aside, for `answers_with` and for whoever chooses those weights later. Otherwise as `ask`; on_done
        gets a `SlowStart` where the encoding would take long and `is_patient` is False.

        Raises
        ------
        InputError
            When no volume is chosen.
        """
        request = resolve_scan(self._choices.with_weights(weights))
        answers = self._answers.of(request)
        missing = [text for text in sentences if answers is None or answers.find(text) is None]
        if answers is not None and not missing:
            on_done(answers)
            return

        def work(store: SessionStore, request: ScanRequest, context: Any) -> Any:
            scan = None if answers is None else answers.scan
            return answer_with_other_weights(store, request, scan, missing, is_patient, context)

        def keep(answer: OtherAnswers | SlowStart) -> None:
            if isinstance(answer, SlowStart):
                on_done(answer)
                return
            self._answers.keep_facts(weights, answer.scan.facts)
            kept = self._answers.keep(request, answer.scan)
            kept.aside.update(answer.results)
            on_done(kept)

        told = (keep, on_failed or self.failed.emit, on_progress or self.progressed.emit, on_cancelled or _nothing)
        self._asking.start_with_store(kind, request, work, *told)

    def stop_asking(self, kind: str) -> None:
        """Stop the work of one kind that `ask` began, if it still runs."""
        self._asking.cancel(kind)

    def cancel(self) -> None:
        """Stop all that runs; sentences that wait are let go, answers that are there stay."""
        self._waiting = []
        self._encoding.cancel()
        self._cancel_sentences()

    def remove_result(self, sentence: str) -> None:
        """Take one sentence off the list."""
        if self.answers is not None and self.answers.results.pop(sentence, None) is not None:
            self.scan_changed.emit()

    def _cancel_sentences(self, layer_id: Hashable | None = None) -> None:
        """Stop the sentences and scores of all scans, or of one layer's."""
        self._grounding.cancel(layer_id)
        self._scoring.cancel(layer_id)
        self._asking.cancel_all(layer_id)
        self._tell_working()

    def _answer_waiting(self, request: ScanRequest, answers: ScanAnswers) -> None:
        waiting, self._waiting = self._waiting, []
        for sentence in waiting:
            if sentence not in answers.results:
                self._grounding.start(GroundingRequest(request, sentence), answers.scan.encoded)
        if answers.diseases is None:
            self._scoring.start(request, answers.scan.encoded)
        self._tell_working()

    def _tell_working(self) -> None:
        if self.is_working != self._is_working:
            self._is_working = self.is_working
            self.working_changed.emit(self._is_working)

    # -- what comes back

    def _on_encoded(self, request: ScanRequest, answer: EncodedScan | SlowStart) -> None:
        self._answers.keep_facts(request.weights, answer.facts)
        if isinstance(answer, SlowStart):
            self._answers.keep_slow_start(request, answer)
            self.slow_start_asked.emit(answer)
            return
        answers = self._answers.keep(request, answer)
        self.scan_changed.emit()
        self._answer_waiting(request, answers)

    def _on_encoding_failed(self, error: Exception) -> None:
        if isinstance(error, NotHounsfieldError) and not self.intent.is_hu_assumed:
            self.hounsfield_asked.emit(error)
        elif _has_way_out(error):
            self.memory_asked.emit(error)
        else:
            self._waiting = []
            self.failed.emit(error)

    def _on_grounded(self, asked: GroundingRequest, result: GroundingResult) -> None:
        answers = self._answers.of(asked.scan)
        if answers is not None:
            answers.results[asked.sentence] = result
            if answers is self.answers:
                self.answered.emit(result, True)
        self._tell_working()

    def _on_grounding_failed(self, asked: GroundingRequest, error: Exception) -> None:
        self._tell_working()
        if _has_way_out(error) and self._answers.of(asked.scan) is self.answers:
            self._waiting.append(asked.sentence)
            self.memory_asked.emit(error)
        else:
            self.failed.emit(error)

    def _on_diseases(self, request: ScanRequest, scores: list[DiseaseScore]) -> None:
        answers = self._answers.of(request)
        if answers is not None:
            answers.diseases = scores
            if answers is self.answers:
                self.diseases_changed.emit()
        self._tell_working()

    def _on_scoring_progress(self, done: int, total: int) -> None:
        if not self.is_encoding:
            self.stage_changed.emit("Scoring the diseases")
            self.progressed.emit(done, total)

    def _on_scoring_failed(self, request: ScanRequest, error: Exception) -> None:
        answers = self._answers.of(request)
        if answers is not None:
            answers.diseases = []  # told once; not tried again at every sentence
        self._tell_working()
        self.failed.emit(error)


def _has_way_out(error: Exception) -> bool:
    """Whether a device ran out of memory that is not the last resort."""
    return isinstance(error, DeviceMemoryError) and not error.device.startswith("cpu")


def _nothing() -> None:
    pass
