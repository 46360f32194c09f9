"""A fixed sentence and a fixed volume: do the loaded weights still say what they said when they were exported?

Strict loading catches missing and misshaped tensors; the probe catches the rest (random weights, a damaged file, a library
whose arithmetic changed).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.model.base import GroundingModel

__all__ = ["PROBE_SENTENCE", "check_probe", "compute_probe", "probe_volume"]

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


def compute_probe(model: GroundingModel, sentence: str = PROBE_SENTENCE) -> dict[str, Any]:
    """Return the record that a card keeps: the text vector of the sentence and the retrieval vector of the volume."""
    text = model.embed_sentences([sentence]).localization[0]
    image = model.encode_volume(probe_volume(), coverage=model.coverages[0]).retrieval
    return {
        "sentence": sentence,
        "text": [round(float(v), 6) for v in text],
        "image": [round(float(v), 6) for v in image],
    }


def check_probe(model: GroundingModel, recorded: dict[str, Any]) -> None:
    """Raise when the model's probe differs from the recorded one.

    Raises
    ------
    WeightsError
        Naming the side (text or image) and the cosine found.
    """
    computed = compute_probe(model, recorded["sentence"])
    for side in ("text", "image"):
        a, b = np.asarray(recorded[side]), np.asarray(computed[side])
        length = np.linalg.norm(a) * np.linalg.norm(b)
        cosine = float(a @ b / length) if a.shape == b.shape and length > 0 else 0.0
        if not cosine >= MIN_PROBE_COSINE:
            raise WeightsError(
                f"The loaded weights do not give the {side} embedding recorded in their card (cosine {cosine:.4f}, at least "
                f"{MIN_PROBE_COSINE} is needed). The file is damaged or was changed; fetch or export the weights again."
            )
