"""What is known of scans and weights, kept so that going back to a volume or to other weights costs nothing."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from napari_ct_grounding.core.results import DiseaseScore, GroundingResult
from napari_ct_grounding.widgets.requests import ScanRequest, WeightsChoice
from napari_ct_grounding.widgets.work import EncodedScan, SessionFacts, SlowStart

__all__ = ["AnswerStore", "ScanAnswers"]


@dataclass(eq=False)
class ScanAnswers:
    """All that is known of one scan with one pair of weights.

    Parameters
    ----------
    scan : EncodedScan
    results : dict
        From cleaned sentence to result, in the order of asking: the list of answers.
    aside : dict
        The same for sentences that nobody typed, as those of a whole report; known, but not listed.
    diseases : list of DiseaseScore or None
        None until they are there; empty where they could not be computed.
    """

    scan: EncodedScan
    results: dict[str, GroundingResult] = field(default_factory=dict)
    aside: dict[str, GroundingResult] = field(default_factory=dict)
    diseases: list[DiseaseScore] | None = None

    def find(self, sentence: str) -> GroundingResult | None:
        """Return what is known of a cleaned sentence, listed or not."""
        return self.results.get(sentence) or self.aside.get(sentence)

    def is_known(self, result: GroundingResult | None) -> bool:
        """Whether a result is one of these."""
        return result is not None and self.find(result.sentence) is result


class AnswerStore:
    """Answers by the scan and weights that they belong to, and facts by weights."""

    def __init__(self) -> None:
        self._answers: dict[ScanRequest, ScanAnswers] = {}
        self._slow: dict[ScanRequest, SlowStart] = {}
        self._facts: dict[WeightsChoice, SessionFacts] = {}

    def of(self, request: ScanRequest) -> ScanAnswers | None:
        """What is known of a scan; None before it is encoded."""
        return self._answers.get(request)

    def keep(self, request: ScanRequest, scan: EncodedScan) -> ScanAnswers:
        """Keep an encoded scan, and return the place for its answers."""
        return self._answers.setdefault(request, ScanAnswers(scan))

    def slow_start_of(self, request: ScanRequest) -> SlowStart | None:
        """How long encoding a scan would take, where nobody has said yet whether it may."""
        return self._slow.get(request)

    def keep_slow_start(self, request: ScanRequest, slow: SlowStart) -> None:
        """Keep an estimate until somebody has said whether the scan may take so long."""
        self._slow = {request: slow}  # one question at a time

    def forget_slow_start(self) -> None:
        """The question was answered."""
        self._slow = {}

    def facts_of(self, weights: WeightsChoice) -> SessionFacts | None:
        """What is known of weights; None before they were loaded."""
        return self._facts.get(weights)

    def keep_facts(self, weights: WeightsChoice, facts: SessionFacts) -> None:
        """Keep what a session said of its weights."""
        self._facts[weights] = facts

    def forget_layer(self, layer_id: Hashable) -> None:
        """Drop all that is known about a removed layer."""
        self._answers = {scan: kept for scan, kept in self._answers.items() if scan.source.layer_id != layer_id}
        self._slow = {scan: slow for scan, slow in self._slow.items() if scan.source.layer_id != layer_id}

    def layer_ids(self) -> set[Hashable]:
        """All layers about which there are answers."""
        return {scan.source.layer_id for scan in self._answers}
