"""A fixed sentence and a fixed volume: do the loaded weights still say what they said when they were exported?

Strict loading catches missing and misshaped tensors; the probe catches the rest (random weights, a damaged file, a library
whose arithmetic changed). Weights without a record in their card are compared with what they said when they were first loaded on
this machine.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.model.base import GroundingModel

__all__ = [
    "PROBE_SENTENCE",
    "check_first_probe",
    "check_probe",
    "compute_probe",
    "first_probe_path",
    "one_window_volume",
    "probe_volume",
]

logger = logging.getLogger(__name__)

PROBE_SENTENCE = "Level of the carina."

#: Smallest cosine between recorded and computed vectors; bfloat16 keeps 0.9999 (SPEC, golden "observed").
MIN_PROBE_COSINE = 0.999


def probe_volume() -> CTVolume:
    """Return a smooth synthetic volume (24, 48, 48) at 5 x 8 x 8 mm: an elliptic body with a wave of densities in air."""
    shape, spacing_mm = (24, 48, 48), (5.0, 8.0, 8.0)
    axes = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(shape, spacing_mm, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    wave = 60 + 500 * np.sin(z / 31) * np.cos(x / 53) - 300 * np.cos(y / 47 + z / 90)
    hu = np.where((x / 150) ** 2 + (y / 105) ** 2 < 1, wave, -1000.0)
    return CTVolume(np.rint(hu).astype(np.int16), VolumeGeometry.from_spacing(shape, spacing_mm), name="probe")


def one_window_volume() -> CTVolume:
    """Return a cube of 96 mm inside the body of `probe_volume`, (24, 24, 24) at 4 mm: one window of the released model.

    The large volume takes 32 of them, minutes on a laptop; this one is for probes that run at every load.
    """
    shape, spacing_mm = (24, 24, 24), (4.0, 4.0, 4.0)
    z, y, x = np.meshgrid(*[(np.arange(24) - 11.5) * 4.0] * 3, indexing="ij", sparse=True)
    hu = 60 + 500 * np.sin(z / 31) * np.cos(x / 53) - 300 * np.cos(y / 47 + z / 90)
    return CTVolume(np.rint(hu).astype(np.int16), VolumeGeometry.from_spacing(shape, spacing_mm), name="probe")


def compute_probe(
    model: GroundingModel, sentence: str = PROBE_SENTENCE, volume: CTVolume | None = None
) -> dict[str, Any]:
    """Return a record: the text vector of the sentence and the retrieval vector of the volume (`probe_volume` by default)."""
    text = model.embed_sentences([sentence]).localization[0]
    image = model.encode_volume(volume or probe_volume(), coverage=model.coverages[0]).retrieval
    return {
        "sentence": sentence,
        "text": [round(float(v), 6) for v in text],
        "image": [round(float(v), 6) for v in image],
    }


def check_probe(model: GroundingModel, recorded: dict[str, Any]) -> None:
    """Raise when the model's probe differs from the one recorded in its card.

    Raises
    ------
    WeightsError
        Naming the side (text or image) and the cosine found.
    """
    difference = _difference(recorded, compute_probe(model, recorded["sentence"]))
    if difference:
        raise WeightsError(
            f"The loaded weights do not give the {difference[0]} embedding recorded in their card (cosine {difference[1]:.4f}, "
            f"at least {MIN_PROBE_COSINE} is needed). The file is damaged or was changed; fetch or export the weights again."
        )


def check_first_probe(model: GroundingModel, fingerprint: str) -> None:
    """Compare weights whose card records no probe with what they gave at their first load here; record it at that load.

    Parameters
    ----------
    model : GroundingModel
    fingerprint : str
        Of the weights.

    Raises
    ------
    WeightsError
        Naming the side (text or image), the cosine found, and the record.
    """
    path = first_probe_path(fingerprint)
    computed = compute_probe(model, volume=one_window_volume())
    recorded = _read_first_probe(path)
    if recorded is None:
        _write_first_probe(path, computed)
        return
    difference = _difference(recorded, computed)
    if difference:
        raise WeightsError(
            f"The loaded weights do not give the {difference[0]} embedding that they gave when they were first loaded here "
            f"(cosine {difference[1]:.4f}, at least {MIN_PROBE_COSINE} is needed). Check their files with 'ct-grounding weights "
            f"verify' and fetch them again; if they are right, torch or transformers changed, and the record {path.name} in "
            f"{str(path.parent)!r} may be deleted."
        )


def first_probe_path(fingerprint: str) -> Path:
    """Return where the first probe of weights is recorded."""
    return platformdirs.user_cache_path("napari-ct-grounding", appauthor=False) / "probes" / f"{fingerprint}.json"


def _difference(recorded: dict[str, Any], computed: dict[str, Any]) -> tuple[str, float] | None:
    """The first side (text or image) that differs, and its cosine."""
    for side in ("text", "image"):
        a, b = np.asarray(recorded[side]), np.asarray(computed[side])
        length = np.linalg.norm(a) * np.linalg.norm(b) if a.shape == b.shape else 0.0
        cosine = float(a @ b / length) if length > 0 else 0.0
        if not cosine >= MIN_PROBE_COSINE:
            return side, cosine
    return None


def _read_first_probe(path: Path) -> dict[str, Any] | None:
    """The record; None where there is none, or none that can be read (the next one replaces it)."""
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        for side in ("text", "image"):
            np.asarray(recorded[side], dtype=np.float64)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return recorded


def _write_first_probe(path: Path, record: dict[str, Any]) -> None:
    """Keep the record, all of it or nothing; a machine without a place for it works on."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps(record), encoding="utf-8")
        new.replace(path)
    except OSError as error:
        logger.warning("the probe of the weights could not be recorded (%s)", error.strerror or type(error).__name__)
