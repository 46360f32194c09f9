"""The places of all sentences of a report, some at a time, so that a sentence typed meanwhile is answered soon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from napari_ct_grounding.core.errors import SentenceError
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.answers import ScanAnswers
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.jobs import JobContext

__all__ = ["CHUNK", "ReportGrounding", "ground_chunk"]

#: Sentences to one job. A typed sentence waits for one job at most: about 0.2 s with the bundled weights.
CHUNK = 5

_KIND = "report"


class ReportGrounding:
    """Asks the session for what is not known of the chosen scan; answers are kept with the scan that they are about.

    Parameters
    ----------
    controller : GroundingController
    wanted : callable
        ``wanted()`` gives the cleaned sentences of the report that is shown, in the order in which to ask; asked for again
        before each job, so that edits count.
    on_changed : callable
        ``on_changed()`` when answers came, or the work began or ended.
    on_stopped : callable
        ``on_stopped()`` when the user cancelled: nothing more is wanted.
    """

    def __init__(
        self,
        controller: GroundingController,
        wanted: Callable[[], Sequence[str]],
        on_changed: Callable[[], None],
        on_stopped: Callable[[], None],
    ) -> None:
        self._controller = controller
        self._wanted = wanted
        self._on_changed, self._on_stopped = on_changed, on_stopped
        self._is_running = False
        self._refused: WeakKeyDictionary[ScanAnswers, dict[str, str]] = WeakKeyDictionary()

    @property
    def is_running(self) -> bool:
        """Whether a job is under way."""
        return self._is_running

    def refusal(self, sentence: str) -> str | None:
        """Why a sentence has no answer in the chosen scan; None where it may get one."""
        answers = self._controller.answers
        return None if answers is None else self._refused.get(answers, {}).get(sentence)

    def num_known(self) -> int:
        """How many of the wanted sentences are answered or refused."""
        return len(self._wanted()) - len(self._missing())

    def start(self) -> None:
        """Look for the places of all wanted sentences; encodes the scan first when needed.

        Raises
        ------
        InputError
            When no volume is chosen.
        """
        if self._controller.answers is None:
            self._controller.encode()
        else:
            self.go_on()

    def go_on(self) -> None:
        """Ask for the next few sentences, if the scan is encoded and any are missing."""
        answers = self._controller.answers
        if answers is None or self._is_running:
            return
        sentences = self._missing()[:CHUNK]
        if not sentences:
            return
        self._is_running = True
        total = len(self._wanted())
        self._controller.ask(
            _KIND,
            partial(ground_chunk, sentences, self.num_known(), total),
            partial(self._on_chunk, answers),
            on_failed=self._on_failed,
            on_cancelled=self._on_cancelled,
        )
        self._on_changed()

    def stop(self) -> None:
        """Ask for nothing more; what is known stays."""
        if self._is_running:
            self._controller.stop_asking(_KIND)

    def _missing(self) -> list[str]:
        answers = self._controller.answers
        if answers is None:
            return list(self._wanted())
        refused = self._refused.get(answers, {})
        return [text for text in self._wanted() if answers.find(text) is None and text not in refused]

    def _on_chunk(self, answers: ScanAnswers, chunk: tuple[list[GroundingResult], dict[str, str]]) -> None:
        results, refused = chunk
        answers.aside.update((result.sentence, result) for result in results)
        self._refused.setdefault(answers, {}).update(refused)
        self._is_running = False
        self.go_on()  # of the scan that is chosen now; the rest of another one waits until it is chosen again
        self._on_changed()

    def _on_failed(self, error: Exception) -> None:
        self._is_running = False
        self._on_stopped()
        self._on_changed()
        self._controller.failed.emit(error)

    def _on_cancelled(self) -> None:
        self._is_running = False
        self._on_stopped()
        self._on_changed()


def ground_chunk(
    sentences: Sequence[str], num_done: int, total: int, session: Any, encoded: Any, context: JobContext
) -> tuple[list[GroundingResult], dict[str, str]]:
    """Return (results, reasons of those that cannot be answered). Runs on the inference thread.

    Parameters
    ----------
    sentences : sequence of str
    num_done, total : int
        For the progress: how many were done before, of how many.
    """
    context.report_stage("Report: sentence")
    results: list[GroundingResult] = []
    refused: dict[str, str] = {}
    try:
        results = session.ground(list(sentences), encoded)
    except SentenceError:  # one of them; which one, each alone will tell
        for sentence in sentences:
            try:
                results += session.ground([sentence], encoded)
            except SentenceError as error:
                refused[sentence] = str(error)
    context.report_progress(num_done + len(sentences), total)
    return results, refused
