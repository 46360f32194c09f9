"""A small scan with a bright ball, and a walk through it, for all tests of the take-away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.results import DiseaseScore, GroundingResult
from napari_ct_grounding.core.volume import CTVolume, SliceRecord
from napari_ct_grounding.export.walk import Finding, ReferenceMark, ScanFacts, Walk

NUM_SLICES = 20
SECRET = "Mustermann_Erika_1964"
MASS = "Raumforderung im linken Hilus, 3 cm groß"


def a_volume(**changes: Any) -> CTVolume:
    """A box of water in air; bright: a ball on the patient's right front at slice 12."""
    hu = np.full((NUM_SLICES, 24, 32), -1000, dtype=np.int16)
    hu[:, 4:20, 4:28] = 40
    hu[11:14, 15:19, 22:26] = 1000  # growing indices: anterior, right
    geometry = VolumeGeometry.from_spacing(hu.shape, (5.0, 10.0, 10.0), (-100.0, -120.0, -160.0))
    table = tuple(SliceRecord(NUM_SLICES - 1 - i, NUM_SLICES - i, 4, f"1.2.3.{i}") for i in range(NUM_SLICES))
    return CTVolume(**{"hu": hu, "geometry": geometry, "slice_table": table, "name": SECRET, **changes})


def a_result(sentence: str = MASS, slice_index: int = 12, **changes: Any) -> GroundingResult:
    z_mm = -100.0 + 5.0 * slice_index
    depths = -100.0 + 5.0 * np.arange(NUM_SLICES) + 1 / 3
    profile = np.exp(-(((depths - z_mm) / 20) ** 2)).astype(np.float32)
    profile[:2] = np.nan
    fields: dict[str, Any] = {
        "sentence": sentence, "z_mm": z_mm, "slice_index": slice_index, "image_number": NUM_SLICES - slice_index,
        "score": float(np.nanmax(profile)), "interval_mm": (z_mm - 10 / 3, z_mm + 8.0), "covered_mm": (-90.0, 0.0),
        "depths_mm": depths, "profile": profile, "peaks_mm": (z_mm,), "has_location": True, "is_calibrated": False,
        "depth_width_mm": 5.0, "file_index": NUM_SLICES - 1 - slice_index,
    }  # fmt: skip
    return GroundingResult(**{**fields, **changes})


def a_walk(*findings: Finding, volume: CTVolume | None = None, **changes: Any) -> Walk:
    volume = volume or a_volume()
    scan = ScanFacts(volume.name, volume.fingerprint, volume.geometry, volume.slice_table, ("A note <b>.",))
    diseases = (DiseaseScore("Emphysema", 0.61, None, 97.0), DiseaseScore("Hernia", 0.2, 0.1))
    return replace(
        Walk(scan, "bundled", "ab" * 16, "full", "float32", findings or FINDINGS, diseases), **changes
    )  # fmt: skip


REFERENCES = (ReferenceMark("(4:8)", -45.0, 5.0), ReferenceMark("(9:1)", reason="no series 9"))
FINDINGS = (
    Finding(MASS, a_result(), section="findings", references=REFERENCES),
    Finding("No pleural effusion.", a_result("No pleural effusion.", 3), section="findings", is_negated=True),
    Finding("=HYPERLINK(1)", a_result("=HYPERLINK(1)", 16), is_uncertain=True, is_prior=True),
    Finding("<script>alert(1)</script> spleen", a_result("spleen", 5)),
    Finding("The spleen is unremarkable.", a_result("spleen", 5), is_normal=True),
    Finding("Comparison with 2019.", None, "It holds no place.", section="comparison", is_prior=True, is_localizable=False),
    Finding("Something somewhere.", a_result("Something somewhere.", 9, has_location=False, image_number=None)),
)  # fmt: skip

#: Places in `FINDINGS`, counted from 1, that have a key image.
KEY_NUMBERS = [1, 3, 4]
