"""What the inference thread does. Nothing here touches a widget or the viewer; plain values in, plain values out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from napari_ct_grounding.core.errors import Cancelled
from napari_ct_grounding.core.results import DiseaseScore, GroundingResult
from napari_ct_grounding.core.volume import check_hounsfield
from napari_ct_grounding.widgets.jobs import JobContext
from napari_ct_grounding.widgets.requests import ScanRequest

__all__ = [
    "EncodedScan",
    "SessionFactory",
    "SessionFacts",
    "SessionStore",
    "SlowStart",
    "encode_scan",
    "ground_sentence",
    "score_diseases",
    "user_cache",
]

#: Builds a session: ``factory(weights, device, precision)``.
SessionFactory = Callable[[str | Path, str, str], Any]

#: An encoding longer than this (s) is begun only when somebody has said that it may be.
PATIENCE_SECONDS = 20.0

#: The shorter way is offered when it takes at most this share of the time.
WORTHWHILE_SHARE = 0.85


@dataclass(frozen=True)
class SessionFacts:
    """What the dock says about a session.

    Parameters
    ----------
    coverages : tuple of str
        The ways in which the weights can walk a scan, the default first.
    precision : str
        In which the session computes.
    precisions : tuple of str
        In which it could.
    window_length_mm : float or None
        Length along z below which a scan does not fill one window of the model; None where that is of no meaning.
    """

    weights_name: str
    description: str
    licence: str
    device: str
    device_reason: str
    coverages: tuple[str, ...]
    precision: str
    precisions: tuple[str, ...]
    is_calibrated: bool
    window_length_mm: float | None = None


@dataclass(frozen=True, eq=False)
class EncodedScan:
    """Answer of `encode_scan`: the encoded volume, which session made it, and what to know about the volume."""

    encoded: Any
    facts: SessionFacts


@dataclass(frozen=True)
class SlowStart:
    """Answer of `encode_scan` when nothing was encoded, as it would take long and nobody has agreed to that yet.

    Parameters
    ----------
    seconds : float
        Estimate for the coverage that was asked for.
    facts : SessionFacts
    paper_seconds : float or None
        Estimate for the coverage "paper"; None where it is not offered or saves little.
    left_out_mm : float
        How much of the scan (mm along z, both ends together) "paper" would leave out.
    """

    seconds: float
    facts: SessionFacts
    paper_seconds: float | None = None
    left_out_mm: float = 0.0


def _from_pretrained(weights: str | Path, device: str, precision: str) -> Any:
    # Here and not at the top: this import loads torch.
    from napari_ct_grounding.inference.session import GroundingSession

    return GroundingSession.from_pretrained(weights, device=device, precision=precision)


def user_cache() -> Any:
    """Return the user's `EmbeddingCache`; None where the environment switches it off."""
    from napari_ct_grounding.inference.cache import default_cache

    return default_cache()


class SessionStore:
    """Keeps the last session, so that weights load once. Only the inference thread may touch it.

    Parameters
    ----------
    factory : callable, optional
        Builds a session; `GroundingSession.from_pretrained` by default. It may not use the network: weights that must be
        downloaded end in `LicenceNeededError`.
    """

    def __init__(self, factory: SessionFactory | None = None) -> None:
        self._factory = factory or _from_pretrained
        self._key: tuple[str | Path, str, str] | None = None
        self._session: Any = None
        #: Whether sessions may keep embeddings on disk; the one thing that any thread may set.
        self.keeps_embeddings = True

    def session_for(self, request: ScanRequest, context: JobContext) -> Any:
        """Return the session for these weights, device and precision; loads it when it is not the last one.

        Raises
        ------
        Cancelled
            When the job was cancelled meanwhile. The session is kept for the next one.
        """
        key = (request.weights.weights, request.device, request.precision)
        if key != self._key:
            context.report_stage("Loading weights")
            # The old one goes first: two large models may not fit into memory together.
            self._key = self._session = None
            self._session = self._factory(*key)
            self._key = key
        session = self._session
        _stop_if_cancelled(context)
        session.cache = user_cache() if self.keeps_embeddings else None
        return session

    def release(self) -> None:
        """Let the session go, and its memory; called when no more jobs come, from any thread."""
        self._key = self._session = None


def encode_scan(
    store: SessionStore, request: ScanRequest, is_patient: bool, context: JobContext
) -> EncodedScan | SlowStart:
    """Load the weights and the volume and run the image side once, unless that would take long.

    Parameters
    ----------
    is_patient : bool
        Whether somebody has agreed to a long encoding.

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
    _stop_if_cancelled(context)
    session = store.session_for(request, context)
    # A preference holds for all weights; those that do not offer it walk the scan in their own way.
    coverage = request.coverage if request.coverage in session.model.coverages else None
    if not is_patient:
        context.report_stage("Estimating the time")
        slow = _slow_start(session, volume, coverage)
        if slow is not None:
            return slow
    context.report_stage("Encoding")
    encoded = session.encode(
        volume, on_progress=context.report_progress, cancel=context.is_cancelled, coverage=coverage
    )
    return EncodedScan(encoded, _facts(session))


def _slow_start(session: Any, volume: Any, coverage: str | None) -> SlowStart | None:
    estimate = session.estimate(volume, coverage=coverage)
    if estimate.is_cached or estimate.seconds <= PATIENCE_SECONDS:
        return None
    if estimate.coverage != "paper" and "paper" in session.model.coverages:
        paper = session.estimate(volume, coverage="paper")
        if paper.seconds <= WORTHWHILE_SHARE * estimate.seconds:
            return SlowStart(estimate.seconds, _facts(session), paper.seconds, paper.left_out_mm)
    return SlowStart(estimate.seconds, _facts(session))


def ground_sentence(
    store: SessionStore, request: ScanRequest, encoded: Any, sentence: str, context: JobContext
) -> GroundingResult:
    """Return the result of one sentence."""
    session = store.session_for(request, context)
    context.report_stage("Finding the place")
    return session.ground([sentence], encoded)[0]


def score_diseases(
    store: SessionStore, request: ScanRequest, encoded: Any, names: Sequence[str], context: JobContext
) -> tuple[list[DiseaseScore], float]:
    """Return the scores of some diseases, and how long (s) they took."""
    session = store.session_for(request, context)
    begun = perf_counter()
    scores = session.score_diseases(list(names), encoded)
    return scores, perf_counter() - begun


def _stop_if_cancelled(context: JobContext) -> None:
    if context.is_cancelled():
        raise Cancelled("The job was cancelled.")


def _facts(session: Any) -> SessionFacts:
    return SessionFacts(
        weights_name=str(session.weights_name),
        description=session.card.description,
        licence=session.card.licence,
        device=str(session.device.device),
        device_reason=session.device.reason,
        coverages=tuple(session.model.coverages),
        precision=session.precision,
        precisions=tuple(session.model.precisions),
        is_calibrated=session.card.is_calibrated,
        window_length_mm=session.model.window_length_mm,
    )
