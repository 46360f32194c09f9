"""Two sentences that differ in one thing, one true of a scan and one not: does the scan prefer the true one?

Why: a model that hears no more than the organ finds the right slice and ranks scans well; only such pairs show whether it heard
"left", "lower lobe" or "no". Share of pairs in which the true sentence scores higher; equal scores count one half, and so does
guessing.

- *side*, *lobe* (or pole, or vertebra): a finding that the scan shows, and the same sentence with another place. Left out where
  the scan shows a finding of that kind on both sides or, for side, on the other one; for lobe, anywhere else (places overlap).
- *negation*: for every finding shown, its denial; and for as many that are absent, the claim that they are there. So a model
  that always prefers what is said, or what is denied, gets one half.

Three readings: ``told_apart`` by the cosine of the sentence's report vector with the scan's retrieval vector;
``by_disease_vector`` with its disease vector; ``by_profile``, for side and lobe, by the best localization cosine among the slabs
of the finding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.evaluation_results import Figure
from napari_ct_grounding.model.base import TextEmbeddings
from napari_ct_grounding.phantom.catalogue import FINDINGS, finding_target, split_target
from napari_ct_grounding.phantom.lexicon import Language
from napari_ct_grounding.phantom.scan import Target
from napari_ct_grounding.phantom.statements import Contrast, contrasts, side_of, statement_for
from train.data.batches import MIN_VISIBLE_FRACTION
from train.data.phantoms import CachedPhantom
from train.data.text import LANGUAGES
from train.evaluate import EncodedPhantom
from train.metrics.bootstrap import NUM_RESAMPLES, bootstrap_scans, estimates
from train.metrics.retrieval import TIE_TOLERANCE

__all__ = ["KINDS", "READINGS", "SentencePair", "pair_figures", "sentence_pairs", "told_apart"]

KINDS: tuple[Contrast, ...] = ("side", "negation", "lobe")
READINGS = ("told_apart", "by_disease_vector", "by_profile")


@dataclass(frozen=True)
class SentencePair:
    """Two sentences about a scan.

    Parameters
    ----------
    scan : int
        Index of the scan.
    kind : str
        One of `KINDS`.
    language : {"en", "de"}
    true, false : str
    extent_mm : (float, float) or None
        World z of the finding; None where it is absent.
    """

    scan: int
    kind: Contrast
    language: Language
    true: str
    false: str
    extent_mm: tuple[float, float] | None


def sentence_pairs(phantoms: Sequence[CachedPhantom], seed: int = 0) -> list[SentencePair]:
    """Return the pairs of all scans, each in both languages, in wordings of the test family."""
    pairs = []
    for scan, phantom in enumerate(phantoms):
        rng = np.random.default_rng([seed, phantom.seed, 23])
        shown = [target for target in phantom.targets if target.is_finding]
        seen = [target for target in shown if target.visible_fraction >= MIN_VISIBLE_FRACTION]
        for target in seen:
            for language in LANGUAGES:
                said = statement_for(
                    target.name,
                    language=language,
                    family="test",
                    rng=rng,
                    size_mm=target.size_mm,
                    severity=target.severity,
                    traits=target.traits or None,
                )
                extent = (target.z_lo_mm, target.z_hi_mm)
                for kind, other in contrasts(said).items():
                    if kind in KINDS and (kind == "negation" or _is_untrue(kind, other.target, target, shown)):
                        pairs.append(SentencePair(scan, kind, language, said.text, other.text, extent))
        for name in _absent(phantom, len(seen), rng):
            for language in LANGUAGES:
                denied = statement_for(name, language=language, family="test", rng=rng, is_negated=True)
                claim = contrasts(denied).get("negation")
                if claim is not None:
                    pairs.append(SentencePair(scan, "negation", language, denied.text, claim.text, None))
    return pairs


def told_apart(
    pairs: Sequence[SentencePair],
    encoded: Sequence[EncodedPhantom],
    embed: Callable[[Sequence[str]], TextEmbeddings],
) -> NDArray[np.float64]:
    """Return 1 where the true sentence scores higher, 0.5 where both score alike, else 0: (pairs, `READINGS`), NaN where unasked.

    Parameters
    ----------
    pairs : sequence of SentencePair
    encoded : sequence of EncodedPhantom
        The scans that they count.
    embed : callable
        From sentences to `TextEmbeddings`.
    """
    sentences = list(dict.fromkeys(text for pair in pairs for text in (pair.true, pair.false)))
    vectors = embed(sentences)
    row = {sentence: number for number, sentence in enumerate(sentences)}
    told = np.full((len(pairs), len(READINGS)), np.nan)
    for number, pair in enumerate(pairs):
        scan, both = encoded[pair.scan], [row[pair.true], row[pair.false]]
        told[number, 0] = _preference(vectors.report[both] @ scan.retrieval)
        told[number, 1] = _preference(vectors.report[both] @ scan.disease)
        if pair.kind != "negation" and pair.extent_mm is not None:
            slabs = _slabs_of(pair.extent_mm, np.array(scan.phantom.z_mm))
            told[number, 2] = _preference((vectors.localization[both] @ scan.depth[slabs].T).max(axis=1))
    return told


def pair_figures(
    pairs: Sequence[SentencePair], told: NDArray[np.float64], num_resamples: int = NUM_RESAMPLES
) -> list[Figure]:
    """Return every reading for each kind, kind and language, and for denials of what is shown and what is absent.

    Intervals come from resampled scans.
    """
    scans = np.array([pair.scan for pair in pairs])
    groups: dict[str, NDArray[np.bool_]] = {}
    for kind in KINDS:
        of_kind = np.array([pair.kind == kind for pair in pairs])
        groups[kind] = of_kind
        for language in LANGUAGES:
            groups[f"{kind}, {language}"] = of_kind & np.array([pair.language == language for pair in pairs])
    is_shown = np.array([pair.extent_mm is not None for pair in pairs])
    groups["negation, shown"] = groups["negation"] & is_shown
    groups["negation, absent"] = groups["negation"] & ~is_shown
    figures = []
    for group, chosen in groups.items():
        for name, values in zip(READINGS, told.T, strict=True):
            asked = chosen & np.isfinite(values)
            if not asked.any():
                continue
            resampled = bootstrap_scans(values[asked], scans[asked], num_resamples)
            found = estimates({name: float(values[asked].mean())}, {name: resampled})[name]
            figures.append(Figure(name, found.value, found.low, found.high, group))
        if chosen.any():
            figures.append(Figure("told_apart", 0.5, group=group, answer="random"))
    return figures


def _is_untrue(kind: Contrast, said: str | None, target: Target, shown: Sequence[Target]) -> bool:
    """Whether the scan does not show, anywhere, what the sentence with the other place says."""
    if said is None:
        return False
    finding = split_target(target.name)[0]
    others = [t.name for t in shown if t.name != target.name and split_target(t.name)[0] == finding]
    if kind == "side":
        return not any(side_of(name) in (side_of(said), "both") for name in others)
    return not others


def _absent(phantom: CachedPhantom, num: int, rng: np.random.Generator) -> list[str]:
    """Draw targets of kinds that the scan does not show, not even cut off."""
    shown = {split_target(target.name)[0] for target in phantom.targets}
    kinds = [k for k in FINDINGS.values() if k.name not in shown and k.disease not in phantom.diseases]
    chosen = [kinds[int(i)] for i in rng.permutation(len(kinds))[:num]]
    return [finding_target(kind.name, kind.places[int(rng.integers(len(kind.places)))]) for kind in chosen]


def _preference(true_and_false: NDArray) -> float:
    difference = float(true_and_false[0]) - float(true_and_false[1])
    return 0.5 if abs(difference) < TIE_TOLERANCE else float(difference > 0)


def _slabs_of(extent_mm: tuple[float, float], z_mm: NDArray[np.float64]) -> NDArray[np.intp]:
    """Slabs that a finding reaches into; at least the nearest one."""
    half = (z_mm[1] - z_mm[0]) / 2
    inside = np.flatnonzero((z_mm + half > extent_mm[0]) & (z_mm - half < extent_mm[1]))
    return inside if inside.size else np.array([np.argmin(np.abs(z_mm - sum(extent_mm) / 2))])
