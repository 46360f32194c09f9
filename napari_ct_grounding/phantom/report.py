"""A report over a phantom scan, in the layout of CT-RATE: "Findings: ...", then "Impressions: ..."."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.phantom.catalogue import FINDINGS, split_target
from napari_ct_grounding.phantom.lexicon import Family, Language, category_of
from napari_ct_grounding.phantom.sentences import (
    capitalized,
    general_sentence,
    negated_sentence_for,
    normal_sentences,
    sentence_for,
)

__all__ = ["ReportTarget", "reference_phrase", "write_report"]

#: A finding of which less than this is in the scan goes unmentioned.
MIN_VISIBLE_FRACTION = 0.5
#: Order of a report, and the landmarks that deserve a word when nothing is wrong with their system.
_ORDER = (
    "airways", "lung", "pleura", "mediastinum", "heart", "thoracic_vessels", "neck", "chest_wall", "shoulder", "liver", "spleen",
    "pancreas", "kidneys", "bowel", "abdominal_vessels", "abdominal_wall", "pelvis", "spine",
)  # fmt: skip
_NORMAL_SHARE = 0.35
_NEGATION_SHARE = 0.6
_REFERENCE_SHARE = 0.7
#: Forms of "series N, image N" in use; {s} series, {i} image.
_REFERENCES = {
    "en": (
        "(series {s}, image {i})", "(series {s} image {i})", "(image {i}, series {s})", "(image {i} of series {s})",
        "(se {s}, im {i})", "(Ser {s} / Img {i})", "[series {s}, image {i}]", "(series {s}/image {i})", "series {s}, image {i}",
        "({s}:{i})", "(#{s}, image #{i})",
    ),
    "de": (
        "(Serie {s}, Bild {i})", "(Bild {i} der Serie {s})", "(Serie {s} Bild {i})", "(Ser. {s} / Im. {i})",
        "[Serie {s}, Bild {i}]", "(Serie {s}, Schicht {i})", "(S {s}, B {i})", "(Bild {i}, Serie {s})", "Serie {s}, Bild {i}",
        "(IMA {i}, Serie {s})",
    ),
}  # fmt: skip


class ReportTarget(Protocol):
    """What a report must know of a target; `phantom.scan.Target` has it."""

    @property
    def name(self) -> str:
        """Name in the catalogue."""

    @property
    def visible_fraction(self) -> float:
        """Share inside the scan."""

    @property
    def size_mm(self) -> float | None:
        """Diameter or depth in mm, where one is meant."""


def reference_phrase(series: int, image: int, language: Language, rng: np.random.Generator) -> str:
    """Return "(series 3, image 41)" in one of the forms that reports of a language use."""
    forms = _REFERENCES[language]
    return forms[int(rng.random() * len(forms))].format(s=series, i=image)


def _written(text: str) -> str:
    """Return a sentence as a report prints it: capital letter, full stop, no shouting or typing in a hurry."""
    text = capitalized(text.lower() if text.isupper() and len(text) > 6 else text)
    return text if text[-1] in ".?!" else f"{text}."


def _normals(
    targets: Iterable[ReportTarget], taken: set[str], rng: np.random.Generator, language: Language, family: Family
) -> dict[str, list[str]]:
    """Return normal statements by category: landmarks wholly in the scan, in systems without a finding."""
    by_category: dict[str, list[ReportTarget]] = {}
    for target in targets:
        kind, _ = split_target(target.name)
        category = category_of(target.name)
        if kind not in FINDINGS and category not in taken and target.visible_fraction > 0.9:
            by_category.setdefault(category, []).append(target)
    said = {}
    for category, candidates in by_category.items():
        if rng.random() < _NORMAL_SHARE or category in ("liver", "lung", "heart"):
            target = candidates[int(rng.random() * len(candidates))]
            said[category] = [
                _written(sentence_for(target.name, language=language, family=family, rng=rng, is_query=False))
            ]
    return said


def write_report(
    targets: Sequence[ReportTarget],
    diseases: Iterable[str],
    rng: np.random.Generator,
    language: Language = "en",
    family: Family = "train",
    refer: Callable[[ReportTarget], str] | None = None,
) -> str:
    r"""Return a report: findings by organ with normal statements and denials of absent diseases, then impressions.

    Parameters
    ----------
    targets : sequence of ReportTarget
        Landmarks and findings of the scan.
    diseases : iterable of str
        CT-RATE abnormalities that are present; none of these is denied.
    rng : numpy.random.Generator
    language, family
        As in `sentences.sentence_for`.
    refer : callable, optional
        Returns the words that point to an image of a target (`dicom_export.ExportedStudy.reference`); about two thirds of the
        findings then end with them.

    Returns
    -------
    str
        ``"Findings: ...\nImpressions: ...\n"``.
    """
    present = [t for t in targets if split_target(t.name)[0] in FINDINGS and t.visible_fraction >= MIN_VISIBLE_FRACTION]
    body: dict[str, list[str]] = {}
    for target in present:
        sentence = _sentence(target, rng, language, family)
        if refer is not None and rng.random() < _REFERENCE_SHARE:
            sentence = f"{sentence[:-1]} {refer(target)}."
        body.setdefault(category_of(target.name), []).append(sentence)
    for category, sentences in _normals(targets, set(body), rng, language, family).items():
        body.setdefault(category, []).extend(sentences)
    text = [sentence for category in _ORDER for sentence in body.get(category, ())]
    true = set(diseases) | {
        FINDINGS[split_target(t.name)[0]].disease for t in targets if split_target(t.name)[0] in FINDINGS
    }
    denied = [name for name in CT_RATE_DISEASES if name not in true and rng.random() < _NEGATION_SHARE]
    for name in denied:
        denial = _written(negated_sentence_for(name, language=language, family=family, rng=rng))
        text.insert(int(rng.random() * (len(text) + 1)), denial)
    text.insert(0, _written(general_sentence(language, family=family, rng=rng)))
    impressions = [_sentence(t, rng, language, family) for t in present[:4]]
    if not impressions:
        normal = normal_sentences(language, family)
        impressions = [normal[int(rng.random() * len(normal))]]
    return f"Findings: {' '.join(text)}\nImpressions: {' '.join(impressions)}\n"


def _sentence(target: ReportTarget, rng: np.random.Generator, language: Language, family: Family) -> str:
    return _written(
        sentence_for(
            target.name,
            language=language,
            family=family,
            rng=rng,
            size_mm=target.size_mm,
            is_query=False,
            severity=getattr(target, "severity", None),
            traits=getattr(target, "traits", None) or None,
        )
    )
