"""The tab "Why": variants of a sentence, and what each does to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari.utils.notifications import show_warning

from napari_ct_grounding.core.counterfactuals import Effect, Variant, effects_of, variants_of
from napari_ct_grounding.core.errors import Cancelled, InputError, SentenceError
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.core.sentences import clean_sentence
from napari_ct_grounding.widgets.answers import ScanAnswers
from napari_ct_grounding.widgets.jobs import JobContext
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.why.panel import WhyPanel

if TYPE_CHECKING:
    from napari_ct_grounding.widgets.tabs import TabContext

__all__ = ["WhyTab"]

_KIND = "why"
_ASKING = "Asking about the variants"

#: Sentence to (its answer, what its variants did).
_Answered = dict[str, tuple[GroundingResult, list[Effect]]]


class WhyTab:
    """Varies the sentence that was answered last, while the tab is in sight; each sentence once in each scan.

    Parameters
    ----------
    context : TabContext
    colors : PanelColors
    """

    title = "Why"
    tool_tip = "What moves the answer? The sentence with its side, negation, organ exchanged, and each word left out"

    def __init__(self, context: TabContext, colors: PanelColors) -> None:
        self._context = context
        self.panel = WhyPanel(colors)
        self._known: WeakKeyDictionary[ScanAnswers, _Answered] = WeakKeyDictionary()
        self._sentence = ""
        self._running: tuple[ScanAnswers, str] | None = None
        self.panel.sentence_requested.connect(self._vary)
        self.panel.result_chosen.connect(context.presenter.select)
        self.panel.result_requested.connect(self._go_to)

    # -- life

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self.panel.set_colors(colors)

    def go_live(self) -> None:
        """Listen, and show what is known."""
        self._context.controller.answered.connect(self._on_answered)
        self._context.controller.scan_changed.connect(self._on_scan_changed)
        self.panel.shown.connect(self._on_shown)
        self._show()

    def rest(self) -> None:
        """Listen to nothing, stop asking."""
        self._context.controller.answered.disconnect(self._on_answered)
        self._context.controller.scan_changed.disconnect(self._on_scan_changed)
        self.panel.shown.disconnect(self._on_shown)
        self._stop()

    def leave(self) -> None:
        """Let go of all answers."""
        self._stop()
        self._known.clear()
        self._show()

    # -- which sentence

    def _on_answered(self, result: GroundingResult, _is_new: bool) -> None:
        self._sentence = result.sentence
        if self.panel.isVisible():
            self._vary(result.sentence)

    def _on_scan_changed(self) -> None:
        if self.panel.isVisible() and self._sentence and self._context.controller.answers is not None:
            self._vary(self._sentence)
        else:
            self._show()

    def _on_shown(self) -> None:
        """Take the sentence that is drawn, unless it is one of our own variants."""
        drawn = self._context.strip.result
        known = self._known_here().get(self._sentence)
        is_ours = known is not None and any(drawn is effect.result for effect in known[1])
        if drawn is not None and not is_ours:
            self._sentence = drawn.sentence
        if self._sentence and self._context.controller.answers is not None:
            self._vary(self._sentence)
        else:
            self._show()

    # -- asking

    def _vary(self, text: str) -> None:
        try:
            self._sentence = clean_sentence(text)
            self._ask()
        except InputError as error:
            show_warning(str(error))
        self._show()

    def _ask(self) -> None:
        answers = self._context.controller.answers
        if self._sentence in self._known_here():
            return
        if answers is not None and self._running == (answers, self._sentence):
            return
        variants = variants_of(self._sentence)
        ours = (answers, self._sentence)
        self._running = None  # what is stopped by the next question is not told
        self._context.controller.ask(
            _KIND,
            partial(_ground_variants, self._sentence, variants),
            partial(self._on_done, answers, self._sentence),
            on_failed=partial(self._on_failed, ours),
            on_cancelled=partial(self._on_stopped, ours),
        )
        self._running = ours if answers is not None else None

    def _stop(self) -> None:
        self._running = None
        self._context.controller.stop_asking(_KIND)

    def _on_done(self, answers: ScanAnswers, sentence: str, answer: tuple[GroundingResult, list[Effect]]) -> None:
        if self._running == (answers, sentence):
            self._running = None
        self._known.setdefault(answers, {})[sentence] = answer
        if answers is self._context.controller.answers and sentence == self._sentence:
            self._show()

    def _on_failed(self, ours: Any, error: Exception) -> None:
        self._on_stopped(ours)
        self._context.controller.failed.emit(error)

    def _on_stopped(self, ours: Any) -> None:
        if self._running == ours:
            self._running = None
            self._show()

    # -- showing

    def _known_here(self) -> _Answered:
        answers = self._context.controller.answers
        return {} if answers is None else self._known.get(answers, {})

    def _show(self) -> None:
        self.panel.set_sentence(self._sentence)
        known = self._known_here().get(self._sentence)
        is_asking = self._running is not None and self._running[0] is self._context.controller.answers
        self.panel.set_hint(_ASKING if is_asking else "")
        self.panel.set_effects(*(known or (None, [])))

    def _go_to(self, result: GroundingResult) -> None:
        self._context.presenter.select(result)
        self._context.presenter.jump(result.z_mm)


def _ground_variants(
    sentence: str, variants: Sequence[Variant], session: Any, encoded: Any, context: JobContext
) -> tuple[GroundingResult, list[Effect]]:
    """On the inference thread: one sentence after the other, so that it can be stopped between any two.

    Raises
    ------
    SentenceError
        When the sentence itself cannot be read; a variant that cannot is left out.
    Cancelled
    """
    context.report_stage("Asking about the variants")
    original = session.ground([sentence], encoded)[0]
    read: list[tuple[Variant, GroundingResult]] = []
    for num, variant in enumerate(variants):
        if context.is_cancelled():
            raise Cancelled("The job was cancelled.")
        context.report_progress(num, len(variants))
        try:
            read.append((variant, session.ground([variant.sentence], encoded)[0]))
        except SentenceError:
            continue
    return original, effects_of(original, [variant for variant, _ in read], [result for _, result in read])
