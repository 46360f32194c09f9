"""What the inference thread does. Nothing here touches a widget or the viewer; plain values in, plain values out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_ct_grounding.core.errors import Cancelled, NotHounsfieldError
from napari_ct_grounding.core.results import DiseaseScore, GroundingResult
from napari_ct_grounding.core.volume import check_hounsfield
from napari_ct_grounding.widgets.jobs import JobContext
from napari_ct_grounding.widgets.requests import ScanRequest, WeightsChoice

__all__ = [
    "EncodedScan",
    "SessionFactory",
    "SessionFacts",
    "SessionStore",
    "encode_scan",
    "ground_sentences",
    "open_series",
    "score_diseases",
]

#: Builds a session: ``factory(weights, device, accept_licence)``.
SessionFactory = Callable[[str | Path, str, bool], Any]


@dataclass(frozen=True)
class SessionFacts:
    """What the status line says about a session."""

    weights_name: str
    description: str
    licence: str
    device: str
    device_reason: str
    coverage: str
    is_calibrated: bool


@dataclass(frozen=True, eq=False)
class EncodedScan:
    """Answer of `encode_scan`: the encoded volume, which session made it, and what to know about the volume."""

    encoded: Any
    facts: SessionFacts


def _from_pretrained(weights: str | Path, device: str, accept_licence: bool) -> Any:
    # Here and not at the top: this import loads torch.
    from napari_ct_grounding.inference.session import GroundingSession

    return GroundingSession.from_pretrained(weights, device=device, accept_licence=accept_licence)


class SessionStore:
    """Keeps the last session, so that weights load once. Only the inference thread may touch it.

    Parameters
    ----------
    factory : callable, optional
        Builds a session; `GroundingSession.from_pretrained` by default.
    """

    def __init__(self, factory: SessionFactory | None = None) -> None:
        self._factory = factory or _from_pretrained
        self._key: tuple[str | Path, str] | None = None
        self._session: Any = None

    def session_for(self, weights: WeightsChoice, device: str, context: JobContext) -> Any:
        """Return the session for these weights on this device; loads it when it is not the last one."""
        key = (weights.weights, device)
        if key != self._key:
            context.report_stage("Loading weights")
            # The old one goes first: two large models may not fit into memory together.
            self._key = self._session = None
            self._session = self._factory(weights.weights, device, weights.is_licence_accepted)
            self._key = key
        return self._session


def encode_scan(store: SessionStore, request: ScanRequest, context: JobContext) -> EncodedScan:
    """Load the weights and the volume and run the image side once.

    Raises
    ------
    NotHounsfieldError
        When the values are not HU and nobody insists.
    Cancelled
    """
    context.report_stage("Reading the volume")
    volume = request.source.load()
    if not request.is_hu_assumed:
        check_hounsfield(volume.hu)
    session = store.session_for(request.weights, request.device, context)
    if context.is_cancelled():
        raise Cancelled("The encoding was cancelled.")
    context.report_stage("Encoding")
    encoded = session.encode(volume, on_progress=context.report_progress, cancel=context.is_cancelled)
    return EncodedScan(encoded, _facts(session))


def ground_sentences(
    store: SessionStore, request: ScanRequest, encoded: Any, sentences: Sequence[str], context: JobContext
) -> list[GroundingResult]:
    """Return one result for each sentence."""
    return store.session_for(request.weights, request.device, context).ground(list(sentences), encoded)


def score_diseases(store: SessionStore, request: ScanRequest, encoded: Any, context: JobContext) -> list[DiseaseScore]:
    """Return the scores of the 18 diseases, highest first."""
    return store.session_for(request.weights, request.device, context).score_diseases(encoded=encoded)


def open_series(path: Any, key: str, context: JobContext) -> Any:
    """Return the napari layer tuple of one series at a path."""
    from napari_ct_grounding.readers.napari_reader import layer_of_volume
    from napari_ct_grounding.readers.reading import open_scan

    question = None
    try:
        scan = open_scan(path, series=key)
    except NotHounsfieldError as error:
        question = str(error)
        scan = open_scan(path, series=key, assume_hu=True)
    return layer_of_volume(
        scan.volume, ct_series=scan.series, ct_series_key=scan.key, ct_source=path, ct_question=question
    )


def _facts(session: Any) -> SessionFacts:
    return SessionFacts(
        weights_name=str(session.weights_name),
        description=session.card.description,
        licence=session.card.licence,
        device=str(session.device.device),
        device_reason=session.device.reason,
        coverage=session.coverage,
        is_calibrated=session.card.is_calibrated,
    )
