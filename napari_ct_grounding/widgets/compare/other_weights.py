"""Answers of weights that are not the chosen ones, on the inference thread. Touches neither widget nor viewer.

Only one session is held at a time: all that is asked of the second weights is done in one job, since each change between two
weights loads a model. The encoding is kept with the answers, so that the next sentences need the text encoder alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from napari_ct_grounding.core.errors import Cancelled, SentenceError
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.jobs import JobContext
from napari_ct_grounding.widgets.requests import ScanRequest
from napari_ct_grounding.widgets.work import EncodedScan, SessionStore, SlowStart, encode_scan

__all__ = ["OtherAnswers", "answer_with_other_weights"]


@dataclass(frozen=True, eq=False)
class OtherAnswers:
    """What the second weights said.

    Parameters
    ----------
    scan : EncodedScan
    results : dict
        From sentence to result; sentences that these weights cannot read are missing.
    """

    scan: EncodedScan
    results: dict[str, GroundingResult] = field(default_factory=dict)


def answer_with_other_weights(
    store: SessionStore,
    request: ScanRequest,
    scan: EncodedScan | None,
    sentences: Sequence[str],
    is_patient: bool,
    context: JobContext,
) -> OtherAnswers | SlowStart:
    """Return the answers, or how long the encoding would take where nobody has agreed to that yet.

    Parameters
    ----------
    request : ScanRequest
        With the other weights.
    scan : EncodedScan or None
        As those weights encoded it before; None to encode it now.
    is_patient : bool
        Whether somebody has agreed to a long encoding.

    Raises
    ------
    Cancelled
        Between windows or sentences.
    """
    if scan is None:
        encoded = encode_scan(store, request, is_patient, context)
        if isinstance(encoded, SlowStart):
            return encoded
        scan = encoded
    session = store.session_for(request, context)
    answers = OtherAnswers(scan)
    context.report_stage("Comparing")
    for num, sentence in enumerate(sentences):
        if context.is_cancelled():
            raise Cancelled("The job was cancelled.")
        context.report_progress(num, len(sentences))
        try:
            answers.results[sentence] = session.ground([sentence], scan.encoded)[0]
        except SentenceError:  # of other words than ours, perhaps of another language
            continue
    return answers
