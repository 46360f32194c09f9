"""An encoder that sees one thing: how much of each depth position is as bright as metal.

Its answer is exact by construction, so whatever goes wrong between a file's orientation and a slice number shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from napari_ct_grounding.core.errors import Cancelled
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.inference.cache import EmbeddingCache
from napari_ct_grounding.inference.device import choose_device
from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.model.base import GroundingModel, ImageEmbeddings, Progress, TextEmbeddings
from napari_ct_grounding.model.weights.card import WeightsCard

BRIGHT_HU = 1500
DEPTH_WIDTH_MM = 12.0

#: Report vectors of sentences that deny, so that the disease formula has two sides.
_DENIALS = ("no ", "not ")


class OracleModel(GroundingModel):
    """Unit vectors in the plane: (1, 0) is "bright", (0, 1) is "not"."""

    coverages = ("masked", "paper")
    preprocessing_version = "oracle-1"

    def __init__(self) -> None:
        super().__init__()
        self.anchor = torch.nn.Parameter(torch.zeros(1))
        self.num_encoded = 0
        self.embedded_sentences: list[str] = []
        self.coverages_used: list[str] = []

    @classmethod
    def from_config(cls, config: dict[str, Any], tokenizer_folder: Any) -> OracleModel:
        return cls()

    def encode_volume(
        self,
        volume: CTVolume,
        *,
        coverage: str,
        on_progress: Progress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> ImageEmbeddings:
        self.num_encoded += 1
        self.coverages_used.append(coverage)
        thickness_mm = volume.geometry.spacing_mm[0]
        per_position = max(1, round(DEPTH_WIDTH_MM / thickness_mm))
        starts = range(0, volume.hu.shape[0], per_position)
        shares, depths_mm = [], []
        for done, start in enumerate(starts):
            if cancel is not None and cancel():
                raise Cancelled("The encoding was cancelled.")
            part = volume.hu[start : start + per_position]
            shares.append(np.count_nonzero(part > BRIGHT_HU) / part.size)
            depths_mm.append(volume.geometry.z_of_slice(start + (len(part) - 1) / 2))
            if on_progress is not None:
                on_progress(done + 1, len(starts))
        angle = np.pi / 2 * (1 - np.array(shares) / max(max(shares), 1e-9))
        lo, hi = volume.geometry.z_extent_mm
        return ImageEmbeddings(
            depth=np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32),
            depths_mm=np.array(depths_mm),
            is_valid=np.ones(len(depths_mm), dtype=bool),
            depth_width_mm=per_position * thickness_mm,
            retrieval=np.array([1, 0], dtype=np.float32),
            disease=np.array([0.8, 0.6], dtype=np.float32),
            covered_mm=(lo - thickness_mm / 2, hi + thickness_mm / 2),
            covered_body_fraction=1.0,
        )

    def embed_sentences(self, sentences: Sequence[str]) -> TextEmbeddings:
        self.embedded_sentences += sentences
        localization = np.array([[1, 0] if "bright" in s else [0, 1] for s in sentences], dtype=np.float32)
        # Each wording has an angle of its own: a formula that mixes wordings up gives another number.
        angles = [
            (1.2 if any(d in s.lower() for d in _DENIALS) else 0.1) + 0.01 * (sum(s.encode()) % 17) for s in sentences
        ]
        report = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        return TextEmbeddings(localization, report)

    def unknown_share(self, sentence: str) -> float:
        words = sentence.split()
        return sum(word.startswith("xx") for word in words) / len(words)


def oracle_session(
    card: WeightsCard | None = None, coverage: str = "auto", cache: EmbeddingCache | None = None
) -> GroundingSession:
    """Return a session around a fresh oracle whose softmax is sharp, as a trained profile's is."""
    return GroundingSession(
        OracleModel().eval(),
        card or WeightsCard(name="oracle", interval_temperature=0.05),
        weights_name="oracle",
        weights_fingerprint="0" * 32,
        device=choose_device("cpu"),
        coverage=coverage,
        cache=cache,
    )


def body_with_sphere(
    sphere_slice: int = 29,
    shape: tuple[int, int, int] = (40, 24, 28),
    spacing_mm: tuple[float, float, float] = (3.0, 12.0, 11.0),
    origin_mm: tuple[float, float, float] = (-500.0, -140.0, -150.0),
) -> CTVolume:
    """Return an elliptic body of water in air, with a metal sphere off its axis, centred on one slice."""
    geometry = VolumeGeometry.from_spacing(shape, spacing_mm, origin_mm)
    z, y, x = np.meshgrid(*(np.arange(n) * s for n, s in zip(shape, spacing_mm, strict=True)), indexing="ij")
    centre_y, centre_x = (shape[1] - 1) * spacing_mm[1] / 2, (shape[2] - 1) * spacing_mm[2] / 2
    hu = np.full(shape, -1000, dtype=np.int16)
    hu[((y - centre_y) / 110) ** 2 + ((x - centre_x) / 130) ** 2 < 1] = 40
    distance = (z - sphere_slice * spacing_mm[0]) ** 2 + (y - centre_y - 50) ** 2 + (x - centre_x + 60) ** 2
    hu[distance < 20**2] = 3000
    return CTVolume(hu, geometry, name="body")
