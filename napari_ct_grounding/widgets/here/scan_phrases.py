"""Compares the phrases of the bank with a scan, a few at a time, so that a sentence typed meanwhile need not wait for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary

from napari_ct_grounding.core.errors import SentenceError
from napari_ct_grounding.core.phrase_ranking import PhraseRanking
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.answers import ScanAnswers
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.jobs import JobContext

__all__ = ["KnownPhrases", "PhraseComparison"]

_KIND = "here"

#: How long (s) a sentence may wait.
_CHUNK_SECONDS = 0.5


@dataclass(eq=False)
class KnownPhrases:
    """What is known of one scan.

    Parameters
    ----------
    ranking : PhraseRanking or None
        Of the phrases that have a clear location; None before the first were compared.
    results : dict
        From phrase to answer; None where the weights cannot read the phrase.
    is_stopped : bool
        Whether the user, or a failure, stopped the comparison.
    """

    ranking: PhraseRanking | None = None
    results: dict[str, GroundingResult | None] = field(default_factory=dict)
    is_stopped: bool = False


class PhraseComparison:
    """Runs at most one comparison, on the chosen scan.

    Parameters
    ----------
    controller : GroundingController
    on_changed : callable
        ``on_changed()`` when more is known of the chosen scan, or the comparison ended.
    """

    def __init__(self, controller: GroundingController, on_changed: Callable[[], None]) -> None:
        self._controller = controller
        self._on_changed = on_changed
        self._known: WeakKeyDictionary[ScanAnswers, KnownPhrases] = WeakKeyDictionary()
        self._running: ScanAnswers | None = None
        self._wanted: tuple[str, ...] = ()
        self._num_next = 1

    @property
    def known(self) -> KnownPhrases | None:
        """What is known of the chosen scan; None before the first phrases are compared."""
        answers = self._controller.answers
        return None if answers is None else self._known.get(answers)

    @property
    def is_running(self) -> bool:
        """Whether the chosen scan is being compared."""
        return self._running is not None and self._running is self._controller.answers

    def missing(self, phrases: Sequence[str]) -> list[str]:
        """Those of some phrases that were not compared with the chosen scan."""
        known = self.known
        return list(phrases) if known is None else [phrase for phrase in phrases if phrase not in known.results]

    def want(self, phrases: tuple[str, ...]) -> None:
        """Compare these phrases with the chosen scan, in this order, unless that was stopped."""
        self._wanted = phrases
        known = self.known
        if self._controller.answers is not None and not self.is_running and (known is None or not known.is_stopped):
            self._ask_for_next()

    def go_on(self) -> None:
        """Take up what was stopped."""
        if self.known is not None:
            self.known.is_stopped = False
        self.want(self._wanted)

    def rest(self) -> None:
        """Stop; what is known stays."""
        self._running = None
        self._controller.stop_asking(_KIND)

    def forget(self) -> None:
        """Let go of everything."""
        self.rest()
        self._known.clear()

    def _ask_for_next(self) -> None:
        phrases = self.missing(self._wanted)[: self._num_next]
        answers = self._controller.answers
        self._running = answers if phrases else None
        if phrases:
            self._controller.ask(
                _KIND,
                partial(_compare, phrases),
                partial(self._on_compared, answers),
                on_failed=partial(self._on_failed, answers),
                on_progress=_say_nothing,
                on_cancelled=partial(self._on_stopped, answers),
            )

    def _on_compared(self, answers: ScanAnswers, compared: _Compared) -> None:
        known = self._known.setdefault(answers, KnownPhrases())
        if known.ranking is None:
            known.ranking = PhraseRanking(answers.scan.encoded.embeddings.depths_mm, compared.temperature)
        known.results.update(compared.results)
        clear = [result for result in compared.results.values() if result is not None and result.has_location]
        known.ranking.add([result.sentence for result in clear], [result.profile for result in clear])
        speed = len(compared.results) / max(compared.seconds, 1e-3)
        self._num_next = max(1, min(int(speed * _CHUNK_SECONDS), 4 * len(compared.results)))
        if self._running is answers:
            self._running = None
            if answers is self._controller.answers:  # another scan may have been chosen meanwhile
                self._ask_for_next()
                self._on_changed()

    def _on_failed(self, answers: ScanAnswers, error: Exception) -> None:
        self._on_stopped(answers)
        self._controller.failed.emit(error)

    def _on_stopped(self, answers: ScanAnswers) -> None:
        """The user pressed Cancel, or it failed; not when we stopped it ourselves."""
        if self._running is answers:
            self._running = None
            self._known.setdefault(answers, KnownPhrases()).is_stopped = True
            self._on_changed()


@dataclass(frozen=True)
class _Compared:
    results: dict[str, GroundingResult | None]
    temperature: float
    seconds: float


def _compare(phrases: Sequence[str], session: Any, encoded: Any, context: JobContext) -> _Compared:
    """On the inference thread."""
    begun = perf_counter()
    results: dict[str, GroundingResult | None] = {}
    try:
        results.update(zip(phrases, session.ground(list(phrases), encoded), strict=True))
    except SentenceError:  # one of them is of no use to these weights; the others are
        for phrase in phrases:
            results[phrase] = _answer_or_none(session, phrase, encoded)
    return _Compared(results, float(session.card.interval_temperature), perf_counter() - begun)


def _answer_or_none(session: Any, phrase: str, encoded: Any) -> GroundingResult | None:
    try:
        return session.ground([phrase], encoded)[0]
    except SentenceError:
        return None


def _say_nothing(*_: object) -> None:
    pass
