"""The tab "Compare": a second pair of weights answers what the chosen ones have answered, and both profiles share the strip."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info, show_warning
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog

from napari_ct_grounding.core.comparison import ComparedAnswers, compare_answers, comparison_table, summary_of
from napari_ct_grounding.core.errors import InputError, LicenceNeededError
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.core.whole_file import write_whole
from napari_ct_grounding.widgets.answers import ScanAnswers
from napari_ct_grounding.widgets.compare.panel import ComparePanel, summary_text
from napari_ct_grounding.widgets.jobs import Continuations
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.requests import WeightsChoice
from napari_ct_grounding.widgets.weights_list import list_weights
from napari_ct_grounding.widgets.wording import duration_text, error_text
from napari_ct_grounding.widgets.work import SlowStart

if TYPE_CHECKING:
    from napari_ct_grounding.widgets.tabs import TabContext

__all__ = ["CompareTab"]

_KIND = "compare"
_SLOW = "compare slow"

_NO_WEIGHTS = "Choose second weights, then Compare: both answer the same sentences, and the disagreements are listed."
_NOTHING_ASKED = "Ask about sentences first, or open a report. The second weights are then asked the same."
_READY = "Press Compare: the second weights answer the same sentences."
_SAME = "These weights answer already. Choose others, to compare them with."


class CompareTab:
    """Shows what both weights said of the chosen scan; the second are asked only when the user wants that.

    Parameters
    ----------
    context : TabContext
    colors : PanelColors
    """

    title = "Compare"
    tool_tip = "Two weights, the same scan and sentences: where do they disagree?"

    def __init__(self, context: TabContext, colors: PanelColors) -> None:
        self._context = context
        self.panel = ComparePanel(colors)
        self._weights: WeightsChoice | None = None
        self._is_running = False
        self._problem = ""
        panel = self.panel
        panel.weights.weights_chosen.connect(self._on_weights_chosen)
        panel.compare_requested.connect(self.compare)
        panel.stop_requested.connect(self._stop)
        panel.pair_chosen.connect(self._on_pair_chosen)
        panel.copy_requested.connect(self._on_copy_requested)
        panel.save_requested.connect(self._on_save_requested)

    # -- life

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self.panel.set_colors(colors)
        self._show()

    def go_live(self) -> None:
        """Listen, and show what is known."""
        self._context.controller.answered.connect(self._on_answered)
        self._context.controller.scan_changed.connect(self._on_scan_changed)
        self._context.controller.working_changed.connect(self._on_answered)
        self.panel.shown.connect(self._on_shown)
        self._show()

    def rest(self) -> None:
        """Listen to nothing, stop asking."""
        self._context.controller.answered.disconnect(self._on_answered)
        self._context.controller.scan_changed.disconnect(self._on_scan_changed)
        self._context.controller.working_changed.disconnect(self._on_answered)
        self.panel.shown.disconnect(self._on_shown)
        self._stop()

    def leave(self) -> None:
        """Let go of all answers."""
        self._stop()
        self.panel.set_pairs([], "", "")

    def _on_shown(self) -> None:
        self._context.file_jobs.submit(list_weights, Continuations(on_done=self.panel.weights.set_entries))
        self._show()

    def _on_answered(self, *_: object) -> None:
        if self.panel.isVisible():
            self._show()

    def _on_scan_changed(self) -> None:
        self._problem = ""
        self._context.notices.remove_notice(_SLOW)
        self._stop()
        self._show()

    # -- asking

    def _on_weights_chosen(self, weights: str | Path) -> None:
        self._weights = WeightsChoice(weights)
        self._on_scan_changed()

    def compare(self, *, is_patient: bool = False) -> None:
        """Ask the second weights what the chosen ones have answered.

        Parameters
        ----------
        is_patient : bool
            Whether somebody has agreed to a long encoding.
        """
        answers = self._context.controller.answers
        if self._weights is None or answers is None or self._is_same(answers):
            self._show()
            return
        self._problem = ""
        self._context.notices.remove_notice(_SLOW)
        self._stop()
        self._is_running = True
        try:
            self._context.controller.ask_other_weights(
                _KIND,
                self._weights,
                [result.sentence for result in _known(answers)],
                partial(self._on_done, self._weights),
                is_patient=is_patient,
                on_failed=self._on_failed,
                on_cancelled=self._on_ended,
            )
        except InputError as error:
            self._problem, self._is_running = str(error), False
        self._show()

    def _stop(self) -> None:
        if self._is_running:
            self._context.controller.stop_asking(_KIND)

    def _on_ended(self) -> None:
        self._is_running = False
        self._show()

    def _on_done(self, weights: WeightsChoice, answer: ScanAnswers | SlowStart) -> None:
        if isinstance(answer, SlowStart):
            time = duration_text(answer.seconds)
            self._context.notices.show_notice(
                _SLOW,
                f"Encoding this scan with the second weights takes about {time}.",
                [("Encode", partial(self.compare, is_patient=True)), ("Not now", self._show)],
                is_warning=False,
            )
        self._on_ended()

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, LicenceNeededError):
            self._problem = (
                "These weights are not on this computer. Choose them under Model once: they are downloaded then."
            )
        else:
            self._problem = error_text(error)
        self._on_ended()

    # -- showing

    def _is_same(self, answers: ScanAnswers) -> bool:
        """Whether the second weights are the chosen ones, by name or by what is in them."""
        if self._weights == self._context.controller.intent.weights:
            return True
        other = None if self._weights is None else self._context.controller.answers_with(self._weights)
        return other is not None and _fingerprint(other) is not None and _fingerprint(other) == _fingerprint(answers)

    def _pairs(self) -> list[ComparedAnswers]:
        answers = self._context.controller.answers
        other = None if self._weights is None else self._context.controller.answers_with(self._weights)
        if answers is None or other is None or self._is_same(answers):
            return []
        return compare_answers(_known(answers), _known(other))

    def _show(self) -> None:
        panel, answers = self.panel, self._context.controller.answers
        pairs = self._pairs()
        num_asked = 0 if answers is None else len(_known(answers))
        is_same = answers is not None and self._weights is not None and self._is_same(answers)
        first, second = self._names()
        panel.set_running(self._is_running)
        panel.set_pairs(pairs, first, second)
        panel.button.setEnabled(self._is_running or (self._weights is not None and num_asked > 0 and not is_same))
        panel.set_message(
            self._problem or (_SAME if is_same else summary_text(summary_of(pairs), num_asked - len(pairs)))
        )
        if self._is_running:
            panel.set_hint(f"Asking {second}\u2026")
        elif self._weights is None:
            panel.set_hint(_NO_WEIGHTS)
        else:
            panel.set_hint(_READY if num_asked else _NOTHING_ASKED)

    def _names(self) -> tuple[str, str]:
        chosen = self._context.controller.intent.weights
        first, second = _name(chosen), "the second weights" if self._weights is None else _name(self._weights)
        # Two folders may bear the same name.
        return (first, second) if first != second else (f"{first} (1)", f"{second} (2)")

    def _on_pair_chosen(self, pair: ComparedAnswers, result: GroundingResult) -> None:
        self._context.presenter.select(pair.first)
        self._context.strip.set_overlays([pair.second])
        if result.has_location:
            self._context.presenter.jump(result.z_mm)

    # -- taking away

    def _on_copy_requested(self) -> None:
        QGuiApplication.clipboard().setText(comparison_table(self._pairs(), *self._names(), delimiter="\t"))
        show_info("The table was copied.")

    def _on_save_requested(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self.panel, "Save the comparison", "comparison.csv", "CSV (*.csv)")
        if name:
            self.save(Path(name).with_suffix(".csv"))

    def save(self, path: Path) -> None:
        """Write the table as CSV; a place that cannot be written to is told."""
        try:
            write_whole(path, comparison_table(self._pairs(), *self._names()))
        except OSError as error:
            show_warning(f"{path.name} cannot be written ({error.strerror}). Choose another place.")


def _known(answers: ScanAnswers) -> list[GroundingResult]:
    """Each sentence once, those of the list first."""
    others = {text: result for text, result in answers.aside.items() if text not in answers.results}
    return [*answers.results.values(), *others.values()]


def _fingerprint(answers: ScanAnswers) -> Any:
    return getattr(answers.scan.encoded, "weights_fingerprint", None)


def _name(weights: WeightsChoice) -> str:
    return Path(weights.weights).name if isinstance(weights.weights, Path) else str(weights.weights)
