"""The user's own disease prompts: kept, and scored in every scan after the 18 diseases, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from napari.utils.notifications import show_warning

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.errors import SentenceError
from napari_ct_grounding.core.results import DiseaseScore
from napari_ct_grounding.core.sentences import clean_sentence
from napari_ct_grounding.widgets.answers import ScanAnswers
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.jobs import JobContext
from napari_ct_grounding.widgets.own_lists import change_own_lists, read_own_lists
from napari_ct_grounding.widgets.panels.disease_panel import DiseasePanel

__all__ = ["OwnDiseases"]

_KIND = "own diseases"


class OwnDiseases:
    """Adds scores of the user's prompts to those of each scan.

    Parameters
    ----------
    controller : GroundingController
        Its `answers.diseases` grow by the prompts' scores.
    panel : DiseasePanel
    """

    def __init__(self, controller: GroundingController, panel: DiseasePanel) -> None:
        self._controller = controller
        self._panel = panel
        self._prompts = read_own_lists().diseases
        self._unreadable: WeakKeyDictionary[ScanAnswers, set[str]] = WeakKeyDictionary()
        self._running: tuple[ScanAnswers, str] | None = None
        panel.set_own(self._prompts)
        panel.prompt_added.connect(self._add)
        panel.prompt_removed.connect(self._remove)
        controller.diseases_changed.connect(self._score_next)
        controller.scan_changed.connect(self._score_next)

    @property
    def prompts(self) -> tuple[str, ...]:
        """The user's own, the newest first."""
        return self._prompts

    def _add(self, text: str) -> None:
        try:
            prompt = clean_sentence(text.rstrip(" ."))
        except SentenceError as error:
            show_warning(str(error))
            return
        known = {name.casefold() for name in (*CT_RATE_DISEASES, *self._prompts)}
        if prompt.casefold() in known:
            show_warning(f"\u201c{prompt}\u201d is in the list already.")
            return
        self._keep((prompt, *self._prompts))
        self._score_next()

    def _remove(self, prompt: str) -> None:
        self._keep(tuple(other for other in self._prompts if other != prompt))
        self._controller.diseases_changed.emit()

    def _keep(self, prompts: tuple[str, ...]) -> None:
        self._prompts = prompts
        self._panel.set_own(prompts)
        try:
            change_own_lists(diseases=prompts)
        except OSError as error:
            show_warning(f"Your diseases hold until napari is closed; they could not be stored ({error.strerror}).")

    def _score_next(self) -> None:
        """Score the first prompt that the chosen scan lacks; take out those that were removed."""
        answers = self._controller.answers
        if answers is None or not answers.diseases:  # the 18 come first
            return
        wanted = {*CT_RATE_DISEASES, *self._prompts}
        if any(entry.name not in wanted for entry in answers.diseases):
            answers.diseases = [entry for entry in answers.diseases if entry.name in wanted]
            self._controller.diseases_changed.emit()
            return
        known = {entry.name for entry in answers.diseases} | self._unreadable.get(answers, set())
        missing = next((prompt for prompt in self._prompts if prompt not in known), None)
        if missing is not None and self._running != (answers, missing):
            self._running = None  # what the next question stops is not told
            self._controller.ask(
                _KIND,
                partial(_score, missing),
                partial(self._on_scored, answers),
                on_failed=partial(self._on_failed, answers, missing),
                on_progress=_say_nothing,
                on_cancelled=self._on_cancelled,
            )
            self._running = (answers, missing)

    def _on_scored(self, answers: ScanAnswers, scores: Sequence[DiseaseScore]) -> None:
        self._running = None
        if answers.diseases:
            answers.diseases = [*answers.diseases, *scores]
            if answers is self._controller.answers:
                self._controller.diseases_changed.emit()

    def _on_failed(self, answers: ScanAnswers, prompt: str, error: Exception) -> None:
        self._running = None
        self._unreadable.setdefault(answers, set()).add(prompt)  # told once for each scan
        self._controller.failed.emit(error)
        self._score_next()

    def _on_cancelled(self) -> None:
        self._running = None


def _score(prompt: str, session: Any, encoded: Any, context: JobContext) -> list[DiseaseScore]:
    """On the inference thread."""
    context.report_stage("Scoring your diseases")
    scores: list[DiseaseScore] = session.score_diseases([prompt], encoded)
    return scores


def _say_nothing(*_: object) -> None:
    pass
