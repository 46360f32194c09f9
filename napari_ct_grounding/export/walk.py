"""A walk: the sentences of a report and where they point in one scan. Every form of take-away is made from this one value.

What could tell who the patient is stands in few places, and `Walk.without_identity` clears them all: the patient, the name of the
scan (file names often hold names) and the SOPInstanceUIDs, which lead to the study. Sentences are the user's own words and stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.provenance import Program, this_program
from napari_ct_grounding.core.report import ReportSentence
from napari_ct_grounding.core.results import DiseaseScore, GroundingResult
from napari_ct_grounding.core.volume import CTVolume, SliceRecord

__all__ = ["EncodedScanFacts", "Finding", "Patient", "ReferenceMark", "ScanFacts", "Walk"]


class EncodedScanFacts(Protocol):
    """The part of `inference.EncodedVolume` that a walk keeps."""

    @property
    def geometry(self) -> VolumeGeometry: ...  # noqa: D102
    @property
    def slice_table(self) -> tuple[SliceRecord, ...]: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def volume_fingerprint(self) -> str: ...  # noqa: D102
    @property
    def weights_fingerprint(self) -> str: ...  # noqa: D102
    @property
    def coverage(self) -> str: ...  # noqa: D102
    @property
    def notes(self) -> tuple[str, ...]: ...  # noqa: D102


@dataclass(frozen=True)
class Patient:
    """Whose scan it is, as the DICOM headers say; only ever there because somebody asked for it."""

    name: str
    patient_id: str
    birth_date: str


@dataclass(frozen=True, eq=False)
class ScanFacts:
    """The scan that was walked through, without its voxels.

    Parameters
    ----------
    name : str
        Of the volume.
    fingerprint : str
        `CTVolume.fingerprint`: tells whether a scan that is opened later is the same.
    geometry : VolumeGeometry
    slice_table : tuple of SliceRecord
    notes : tuple of str
        What a reader of the picture should know ("slices are tilted by 12.0 degrees").
    """

    name: str
    fingerprint: str
    geometry: VolumeGeometry
    slice_table: tuple[SliceRecord, ...]
    notes: tuple[str, ...] = ()

    def slice_name(self, slice_index: int) -> str:
        """What a radiologist calls the slice ("Series 4, image 38"); its index where images bear no numbers."""
        record = self.slice_table[slice_index]
        if record.image_number is None:
            return f"Slice {slice_index}"
        series = "" if record.series_number is None else f"Series {record.series_number}, "
        return f"{series}image {record.image_number}" if series else f"Image {record.image_number}"


@dataclass(frozen=True)
class ReferenceMark:
    """An image that a sentence names ("series 4, image 38"), resolved in this scan, or the reason why not.

    Parameters
    ----------
    text : str
        As the report says it.
    z_mm : float or None
        World z of the image (the middle of a range of images); None where it is not in this scan.
    difference_mm : float or None
        Predicted minus referenced z.
    reason : str or None
        Why it was not resolved; None where it was.
    """

    text: str
    z_mm: float | None = None
    difference_mm: float | None = None
    reason: str | None = None


@dataclass(frozen=True, eq=False)
class Finding:
    """One sentence of the walk.

    Parameters
    ----------
    sentence : str
    result : GroundingResult or None
        None where the sentence was not grounded.
    message : str or None
        Why it was not grounded.
    section : str or None
        Section of the report ("findings"); None for a sentence that stands alone.
    is_negated, is_normal, is_uncertain, is_prior, is_localizable : bool
        What kind of sentence it is, as `core.report.ReportSentence` says.
    references : tuple of ReferenceMark
    """

    sentence: str
    result: GroundingResult | None = None
    message: str | None = None
    section: str | None = None
    is_negated: bool = False
    is_normal: bool = False
    is_uncertain: bool = False
    is_prior: bool = False
    is_localizable: bool = True
    references: tuple[ReferenceMark, ...] = ()

    @classmethod
    def of_report(
        cls,
        sentence: ReportSentence,
        result: GroundingResult | None = None,
        message: str | None = None,
        references: Iterable[ReferenceMark] = (),
    ) -> Finding:
        """Return a finding of a report that was split."""
        return cls(
            sentence.text,
            result,
            message,
            section=sentence.section or None,
            is_negated=sentence.is_negated,
            is_normal=sentence.is_normal,
            is_uncertain=sentence.is_uncertain,
            is_prior=sentence.is_prior,
            is_localizable=sentence.is_localizable,
            references=tuple(references),
        )

    @property
    def has_key_image(self) -> bool:
        """Whether there is a slice worth showing: the clear place of something that is neither denied nor normal."""
        is_worth = self.is_localizable and not (self.is_negated or self.is_normal)
        return is_worth and self.result is not None and self.result.has_location


@dataclass(frozen=True, eq=False)
class Walk:
    """All sentences asked of one scan, and what they were answered with.

    Parameters
    ----------
    scan : ScanFacts
    weights_name, weights_fingerprint : str
    coverage, precision : str
        How the model walked the scan, and in which arithmetic.
    findings : tuple of Finding
        In the order of the report.
    diseases : tuple of DiseaseScore
    patient : Patient or None
    created : str
        ISO 8601, UTC.
    program : Program
    """

    scan: ScanFacts
    weights_name: str
    weights_fingerprint: str
    coverage: str
    precision: str
    findings: tuple[Finding, ...] = ()
    diseases: tuple[DiseaseScore, ...] = ()
    patient: Patient | None = None
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    program: Program = field(default_factory=this_program)

    @classmethod
    def from_encoded(
        cls,
        encoded: EncodedScanFacts,
        findings: Iterable[Finding],
        *,
        weights_name: str,
        precision: str,
        diseases: Sequence[DiseaseScore] = (),
    ) -> Walk:
        """Return the walk through a scan that a session encoded."""
        scan = ScanFacts(
            encoded.name, encoded.volume_fingerprint, encoded.geometry, encoded.slice_table, tuple(encoded.notes)
        )
        return cls(
            scan=scan,
            weights_name=weights_name,
            weights_fingerprint=encoded.weights_fingerprint,
            coverage=encoded.coverage,
            precision=precision,
            findings=tuple(findings),
            diseases=tuple(diseases),
        )

    @property
    def key_findings(self) -> tuple[tuple[int, Finding], ...]:
        """The findings that have a key image, with their numbers: places in `findings`, counted from 1."""
        return tuple((number, finding) for number, finding in enumerate(self.findings, 1) if finding.has_key_image)

    @property
    def results(self) -> list[GroundingResult]:
        """All answers, in the order of the report."""
        return [finding.result for finding in self.findings if finding.result is not None]

    def is_of(self, volume: CTVolume) -> bool:
        """Whether the walk was made on this very volume: same voxels, same places."""
        return self.scan.fingerprint == volume.fingerprint

    def without_identity(self) -> Walk:
        """Return the walk without patient, name of the scan and SOPInstanceUIDs."""
        table = tuple(replace(record, sop_instance_uid=None) for record in self.scan.slice_table)
        scan = replace(self.scan, name=f"CT {self.scan.fingerprint[:8]}", slice_table=table)
        return replace(self, scan=scan, patient=None)
