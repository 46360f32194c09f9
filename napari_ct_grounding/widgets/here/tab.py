"""The tab "Here": what is on this slice, an anatomical ruler, and a warning when the volume may be upside down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from napari.utils.notifications import show_warning

from napari_ct_grounding.core.anatomical_order import LandmarkOrder, landmark_order
from napari_ct_grounding.core.errors import SentenceError
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.core.sentences import clean_sentence
from napari_ct_grounding.widgets.here.panel import NUM_PHRASES, HerePanel
from napari_ct_grounding.widgets.here.phrase_bank import LANGUAGES, PhraseBank, edited_bank
from napari_ct_grounding.widgets.here.ruler import RulerMark
from napari_ct_grounding.widgets.here.scan_phrases import PhraseComparison
from napari_ct_grounding.widgets.own_lists import change_own_lists, read_own_lists
from napari_ct_grounding.widgets.panels.colors import PanelColors

if TYPE_CHECKING:
    from napari_ct_grounding.widgets.tabs import TabContext

__all__ = ["HereTab"]

_NOTICE = "upside down"

_NO_SCAN = (
    "Encode the scan, or ask for a sentence. Then the phrases nearest to each slice are listed here while you scroll."
)
_NOWHERE = "No phrase of the bank points to this slice more than to others."
_OUTSIDE = "The viewer stands outside the scan."


class HereTab:
    """Compares landmarks with every scan that is encoded, and the other phrases once the tab is in sight.

    Parameters
    ----------
    context : TabContext
    colors : PanelColors
    """

    title = "Here"
    tool_tip = "What is on this slice? Nearest phrases while you scroll, and the landmarks of the body along the scan"

    def __init__(self, context: TabContext, colors: PanelColors) -> None:
        self._context = context
        self.panel = HerePanel(colors)
        self._comparison = PhraseComparison(context.controller, self._show_known)
        kept = read_own_lists()
        self._language = kept.phrase_language if kept.phrase_language in dict(LANGUAGES) else LANGUAGES[0][0]
        self._own, self._removed = kept.phrases, kept.removed_phrases
        self._bank: PhraseBank | None = None  # read when first needed
        self._bank_phrases: frozenset[str] = frozenset()
        self._warned: WeakSet[Any] = WeakSet()
        self.panel.set_language(self._language)
        self.panel.phrase_chosen.connect(self._draw)
        self.panel.phrase_requested.connect(self._go_to)
        self.panel.phrase_added.connect(self._add)
        self.panel.phrase_removed.connect(self._remove)
        self.panel.restoring_requested.connect(self._restore)
        self.panel.language_chosen.connect(self._choose_language)
        self.panel.going_on_requested.connect(self._go_on)
        self.panel.ruler.mark_requested.connect(lambda mark: context.presenter.jump(mark.z_mm))

    # -- life

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""
        self.panel.set_colors(colors)

    def go_live(self) -> None:
        """Listen, and show what is known."""
        self._context.controller.scan_changed.connect(self._on_scan_changed)
        self._context.controller.diseases_changed.connect(self._compare)
        self._context.follower.position_changed.connect(self._on_position_changed)
        self.panel.shown.connect(self._on_shown)
        self._on_scan_changed()

    def rest(self) -> None:
        """Listen to nothing, stop comparing."""
        self._context.controller.scan_changed.disconnect(self._on_scan_changed)
        self._context.controller.diseases_changed.disconnect(self._compare)
        self._context.follower.position_changed.disconnect(self._on_position_changed)
        self.panel.shown.disconnect(self._on_shown)
        self._comparison.rest()

    def leave(self) -> None:
        """Let go of all that was compared."""
        self._comparison.forget()
        self._context.notices.remove_notice(_NOTICE)

    # -- what is known

    @property
    def bank(self) -> PhraseBank:
        """The phrases to compare."""
        if self._bank is None:
            self._bank = edited_bank(self._language, self._own, self._removed)
            self._bank_phrases = frozenset(self._bank.all_phrases)
        return self._bank

    def _on_shown(self) -> None:
        self._compare()
        self._show_known()

    def _on_scan_changed(self) -> None:
        self._context.notices.remove_notice(_NOTICE)
        self._compare()
        self._show_known()

    def _compare(self) -> None:
        """Ask for what is missing: all phrases in sight, else the landmarks, after what the user waits for."""
        answers = self._context.controller.answers
        if answers is None:
            return
        if self.panel.isVisible():
            self._comparison.want(self.bank.all_phrases)
        elif answers.diseases is not None:
            self._comparison.want(tuple(landmark.phrase for landmark in self.bank.landmarks))

    def _go_on(self) -> None:
        self._comparison.go_on()
        self._show_known()

    def _show_known(self) -> None:
        """Show ruler, warning and how far the comparison is."""
        self._show_ruler()
        known = self._comparison.known
        num_missing = len(self._comparison.missing(self.bank.all_phrases))
        is_stopped = known is not None and known.is_stopped and num_missing > 0
        text = ""
        if self._comparison.is_running or is_stopped:
            num_all = len(self.bank.all_phrases)
            text = f"{num_all - num_missing} of {num_all} phrases compared"
        self.panel.set_state(f"Stopped: {text}" if is_stopped else text, can_go_on=is_stopped)
        self._show_here()

    def _show_ruler(self) -> None:
        source, known = self._context.controller.intent.source, self._comparison.known
        extent_mm = None if source is None else source.geometry.z_extent_mm
        landmarks = self.bank.landmarks
        results = [None if known is None else known.results.get(landmark.phrase) for landmark in landmarks]
        found = [result.z_mm if result is not None and result.has_location else None for result in results]
        order = landmark_order([landmark.height_mm for landmark in landmarks], found)
        self.panel.ruler.set_marks(
            extent_mm,
            [
                RulerMark(landmark.label, z_mm, is_in_order)
                for landmark, z_mm, is_in_order in zip(landmarks, found, order.is_in_order, strict=True)
                # One that is out of order is probably not in the scan. With most of them out of order it is part of the question.
                if z_mm is not None and (is_in_order or order.is_suspicious)
            ],
        )
        is_complete = known is not None and all(landmark.phrase in known.results for landmark in landmarks)
        if is_complete and order.is_suspicious:
            self._warn(order)

    def _warn(self, order: LandmarkOrder) -> None:
        """Say once for each scan that it may be upside down."""
        answers = self._context.controller.answers
        if answers not in self._warned:
            self._warned.add(answers)
            self._context.notices.show_notice(
                _NOTICE,
                f"Is this volume upside down? Only {order.num_in_order} of {order.num_found} landmarks stand in a body's "
                "order (tab Here). Check it in a coronal view. If it is not, these weights do not know such scans.",
                is_closable=True,
            )

    # -- the slice

    def _on_position_changed(self, _slice_index: int | None) -> None:
        if self.panel.isVisible():
            self._show_here()

    def _show_here(self) -> None:
        source, known = self._context.controller.intent.source, self._comparison.known
        index = self._context.follower.slice_index
        if source is None or index is None or known is None or known.ranking is None:
            self.panel.set_hint(
                _OUTSIDE if source is not None and known is not None and index is None else self._waiting()
            )
            self.panel.set_phrases(())
            self.panel.ruler.set_position(None)
            return
        z_mm = source.geometry.z_of_slice(index)
        self.panel.ruler.set_position(z_mm)
        self.panel.set_hint(_NOWHERE)
        self.panel.set_phrases(known.ranking.best_at(z_mm, NUM_PHRASES, self._bank_phrases))

    def _waiting(self) -> str:
        if self._context.controller.answers is None:
            return _NO_SCAN
        known = self._comparison.known
        return "" if known is not None and known.is_stopped else "Comparing the phrases with the scan"

    def _result(self, phrase: str) -> GroundingResult | None:
        known = self._comparison.known
        return None if known is None else known.results.get(phrase)

    def _draw(self, phrase: str) -> None:
        result = self._result(phrase)
        if result is not None:
            self._context.presenter.select(result)

    def _go_to(self, phrase: str) -> None:
        result = self._result(phrase)
        if result is not None:
            self._context.presenter.select(result)
            self._context.presenter.jump(result.z_mm)

    # -- the bank

    def _add(self, text: str) -> None:
        try:
            phrase = clean_sentence(text)
        except SentenceError as error:
            show_warning(str(error))
            return
        self._edit((phrase, *(own for own in self._own if own != phrase)), [p for p in self._removed if p != phrase])

    def _remove(self, phrase: str) -> None:
        if any(landmark.phrase == phrase for landmark in self.bank.landmarks):
            show_warning("Landmarks stay in the bank: the ruler needs them.")
            return
        is_own = phrase in self._own
        removed = self._removed if is_own else (*self._removed, phrase)
        self._edit([own for own in self._own if own != phrase], removed)

    def _restore(self) -> None:
        self._edit(self._own, ())

    def _choose_language(self, code: str) -> None:
        self._language = code
        self._edit(self._own, self._removed)

    def _edit(self, own: Any, removed: Any) -> None:
        """Take another bank, keep it for later, and compare what is new."""
        self._own, self._removed = tuple(own), tuple(removed)
        self._bank = None
        try:
            change_own_lists(phrases=self._own, removed_phrases=self._removed, phrase_language=self._language)
        except OSError as error:
            show_warning(f"The phrases hold until napari is closed; they could not be stored ({error.strerror}).")
        self._compare()
        self._show_known()
