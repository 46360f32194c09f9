"""What is chosen, and what was said about the things that can be chosen. Without jobs and without Qt."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from napari_ct_grounding.widgets.requests import AUTO, Intent, ScanRequest, WeightsChoice
from napari_ct_grounding.widgets.sources import LayerSource

__all__ = ["Choices"]


class Choices:
    """The intent, and a memory: a layer or weights that are chosen again come back as they were left.

    The methods named ``with_...`` return another intent and choose nothing: that is the controller's, which sets `intent`.
    """

    def __init__(self) -> None:
        #: What is chosen now.
        self.intent = Intent()
        self._coverage = AUTO  # of weights for which none was chosen
        self._hu_assumed: set[Hashable] = set()
        self._ways: dict[WeightsChoice, tuple[str, str]] = {}  # (coverage, precision)
        self._patient: set[tuple[WeightsChoice, str]] = set()  # with a device

    def with_source(self, source: LayerSource | None, *, is_orientation_unknown: bool) -> Intent:
        """Another volume, taken for HU if somebody said so of it."""
        is_assumed = source is not None and source.layer_id in self._hu_assumed
        return replace(
            self.intent, source=source, is_hu_assumed=is_assumed, is_orientation_unknown=is_orientation_unknown
        )

    def with_weights(self, weights: WeightsChoice) -> Intent:
        """Other weights, with the coverage and precision that were last chosen for them."""
        coverage, precision = self._ways.get(weights, (self._coverage, AUTO))
        return replace(self.intent, weights=weights, coverage=coverage, precision=precision)

    def with_device(self, device: str) -> Intent:
        """Another device."""
        return replace(self.intent, device=device)

    def with_coverage(self, coverage: str) -> Intent:
        """Another coverage, remembered for the weights."""
        self._ways[self.intent.weights] = (coverage, self.intent.precision)
        return replace(self.intent, coverage=coverage)

    def with_preferred_coverage(self, coverage: str) -> Intent:
        """Another coverage for all weights for which none was chosen."""
        self._coverage = coverage
        return self.with_weights(self.intent.weights)

    def with_precision(self, precision: str) -> Intent:
        """Another precision, remembered for the weights."""
        self._ways[self.intent.weights] = (self.intent.coverage, precision)
        return replace(self.intent, precision=precision)

    def with_hu_assumed(self) -> Intent:
        """The same volume taken for HU, now and whenever it is chosen again."""
        if self.intent.source is not None:
            self._hu_assumed.add(self.intent.source.layer_id)
        return replace(self.intent, is_hu_assumed=True)

    def agree_to_wait(self) -> None:
        """Remember that the chosen weights may take long on the chosen device."""
        self._patient.add((self.intent.weights, self.intent.device))

    def is_patient(self, request: ScanRequest) -> bool:
        """Whether somebody agreed to wait for these weights on this device."""
        return (request.weights, request.device) in self._patient

    def forget_layer(self, layer_id: Hashable) -> None:
        """Drop what was said about a removed layer."""
        self._hu_assumed.discard(layer_id)
