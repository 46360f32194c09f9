"""From loose intent to one frozen request, by pure functions.

What is typed and chosen changes all the time; what runs is a value that compares equal when nothing that matters has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.sentences import clean_sentence
from napari_ct_grounding.widgets.sources import LayerSource

__all__ = ["AUTO", "GroundingRequest", "Intent", "ScanRequest", "WeightsChoice", "resolve_scan", "resolve_sentence"]

#: For device, coverage and precision: what the session thinks best.
AUTO = "auto"


@dataclass(frozen=True)
class WeightsChoice:
    """Weights by name or folder."""

    weights: str | Path = "bundled"


@dataclass(frozen=True)
class Intent:
    """What the dock holds at this moment; nothing in it is checked."""

    source: LayerSource | None = None
    weights: WeightsChoice = WeightsChoice()
    device: str = AUTO
    coverage: str = AUTO
    precision: str = AUTO
    is_hu_assumed: bool = False
    is_orientation_unknown: bool = False


@dataclass(frozen=True)
class ScanRequest:
    """A volume to be encoded with these weights on this device, by this walk through the scan and in these numbers."""

    source: LayerSource
    weights: WeightsChoice
    device: str = AUTO
    coverage: str = AUTO
    precision: str = AUTO
    is_hu_assumed: bool = False


@dataclass(frozen=True)
class GroundingRequest:
    """A sentence to be grounded in a scan."""

    scan: ScanRequest
    sentence: str


def resolve_scan(intent: Intent) -> ScanRequest:
    """Return what has to be encoded.

    Raises
    ------
    InputError
        When no volume is chosen, or nobody has said yet which way its axes run.
    """
    if intent.source is None and intent.is_orientation_unknown:
        raise InputError("Which way the axes of this layer run is unknown. Answer the question in the dock first.")
    if intent.source is None:
        raise InputError("No CT is open. Drag a NIfTI file or a DICOM folder into the window, or open the sample.")
    return ScanRequest(
        intent.source, intent.weights, intent.device, intent.coverage, intent.precision, intent.is_hu_assumed
    )


def resolve_sentence(intent: Intent, text: str) -> GroundingRequest:
    """Return what has to be answered; the sentence is checked first, as it costs nothing.

    Raises
    ------
    SentenceError
        When the text is empty or too long.
    InputError
        When no volume is chosen.
    """
    sentence = clean_sentence(text)
    return GroundingRequest(resolve_scan(intent), sentence)
