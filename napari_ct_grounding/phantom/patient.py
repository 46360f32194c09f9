"""One call for a whole synthetic patient: volume, report, sentences and exact truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.phantom.lexicon import Family, Language, category_of
from napari_ct_grounding.phantom.report import write_report
from napari_ct_grounding.phantom.sentences import sentence_about

if TYPE_CHECKING:
    from napari_ct_grounding.core.volume import CTVolume
    from napari_ct_grounding.phantom.scan import Target

__all__ = ["Finding", "Phantom", "generate"]

_WORDS_SEED = 0x5E47


@dataclass(frozen=True)
class Finding:
    """A sentence and the place that it speaks of; landmarks have the same record.

    Parameters
    ----------
    sentence : str
    label : str
        Target name of the catalogue, for example ``"lung_nodule@right_upper_lobe"``.
    z_lo_mm, z_hi_mm, z_mm : float
        Extent of the visible part and its centre; world millimetres, RAS+.
    side : {"right", "left", "both", ""}
    organ : str
        Organ or system (`category_of`).
    """

    sentence: str
    label: str
    z_lo_mm: float
    z_hi_mm: float
    z_mm: float
    side: str
    organ: str


@dataclass(frozen=True)
class Phantom:
    """A synthetic CT with its words.

    Parameters
    ----------
    volume : CTVolume
    report : str
    findings, landmarks : tuple of Finding
    diseases : tuple of str
        CT-RATE abnormalities that are present.
    """

    volume: CTVolume
    report: str
    findings: tuple[Finding, ...]
    landmarks: tuple[Finding, ...]
    diseases: tuple[str, ...]


def _told(
    targets: Sequence[Target], language: Language, family: Family, rng: np.random.Generator
) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            sentence=sentence_about(target, language=language, family=family, rng=rng),
            label=target.name,
            z_lo_mm=target.z_lo_mm,
            z_hi_mm=target.z_hi_mm,
            z_mm=target.z_mm,
            side=target.side or "",
            organ=category_of(target.name),
        )
        for target in targets
    )


def generate(seed: int = 0, *, language: Language = "en", family: Family = "train", **scan_options: Any) -> Phantom:
    """Return a synthetic patient: the same arguments give the same voxels and the same words.

    Parameters
    ----------
    seed : int
    language : "en" or "de"
        Of the report and the sentences.
    family : "train", "test" or "all"
        Of the wordings.
    **scan_options
        Passed to `phantom.scan.generate_scan`: spacing, range, wished findings.
    """
    from napari_ct_grounding.phantom.scan import generate_scan

    scan = generate_scan(seed, **scan_options)
    rng = np.random.default_rng([seed, _WORDS_SEED])
    diseases = tuple(name for name in CT_RATE_DISEASES if name in scan.diseases)
    return Phantom(
        volume=scan.volume,
        report=write_report(scan.targets, diseases, rng, language, family),
        findings=_told([t for t in scan.targets if t.kind == "finding"], language, family, rng),
        landmarks=_told([t for t in scan.targets if t.kind == "landmark"], language, family, rng),
        diseases=diseases,
    )
