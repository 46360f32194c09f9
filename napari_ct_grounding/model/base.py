"""The one face behind which every model stands: volume to depth embeddings, sentence to text embeddings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume

__all__ = ["GroundingModel", "ImageEmbeddings", "Progress", "TextEmbeddings", "Workload"]

#: ``on_progress(done, total)`` after each window (or slab); plain numbers, called on the caller's thread.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class ImageEmbeddings:
    """What the image side keeps of a scan: a few hundred kB.

    Vectors have unit length, except where two passes over the scan were mixed (coverage "full" of released-type
    weights): a mean of unit vectors is shorter and stays so, since its dot product with a text vector is then the same
    mean of the passes' cosines.

    Parameters
    ----------
    depth : NDArray[float32], (d, e)
        Localization embedding of each depth position, most inferior first.
    depths_mm : NDArray[float64], (d,)
        World z of each position's centre (middle of the field of view), growing; evenly, but for the topmost step of a
        scan walked in two passes.
    is_valid : NDArray[bool], (d,)
        False where the position lies outside the scan.
    depth_width_mm : float
        Thickness of one position along the slice normal.
    retrieval, disease : NDArray[float32], (e,)
        Whole-scan embeddings for report retrieval and for disease prompts.
    covered_mm : tuple of float
        (lo, hi) world z of what the model saw.
    covered_body_fraction : float
        Share of the body's voxels (largest component above -500 HU) that the model saw, 0 to 1.
    """

    depth: NDArray[np.float32]
    depths_mm: NDArray[np.float64]
    is_valid: NDArray[np.bool_]
    depth_width_mm: float
    retrieval: NDArray[np.float32]
    disease: NDArray[np.float32]
    covered_mm: tuple[float, float]
    covered_body_fraction: float


@dataclass(frozen=True, eq=False)
class TextEmbeddings:
    """Unit vectors of n sentences.

    Parameters
    ----------
    localization : NDArray[float32], (n, e)
        To be compared with `ImageEmbeddings.depth`.
    report : NDArray[float32], (n, e)
        To be compared with `ImageEmbeddings.retrieval` and, for disease prompts, `ImageEmbeddings.disease`.
    """

    localization: NDArray[np.float32]
    report: NDArray[np.float32]


@dataclass(frozen=True)
class Workload:
    """What encoding a scan takes, known before it begins.

    Parameters
    ----------
    num_windows : int
        Windows, or slabs: what the time grows with.
    flops : float
        Floating-point operations of the image side for one of them; 0 where they are not known.
    left_out_mm : float
        How much of the scan, along z and at both ends together, is not seen.
    """

    num_windows: int
    flops: float
    left_out_mm: float = 0.0


class GroundingModel(ABC, torch.nn.Module):
    """A trained pair of encoders.

    Subclasses keep their own configuration; `coverages` names the ways in which they can walk a scan, the default first
    ("full": all of the scan, in two passes of whole windows where needed; "paper": one centre-cropped pass as released;
    "masked": one pass over everything).

    `preprocessing_version` names the chain from voxels to network input; it is part of the key of embeddings kept on disk and
    changes whenever that chain moves a value. None, for a model that names no version: nothing is kept.

    `precisions` names the types of number in which a model may compute; it is loaded in the first.
    """

    coverages: tuple[str, ...]
    precisions: tuple[str, ...] = ("float32",)
    #: Share of a device's matrix-product rate that the image side reaches, all its other work counted in; for estimates of time.
    matmul_share: float = 0.5
    preprocessing_version: str | None = None

    @classmethod
    @abstractmethod
    def from_config(cls, config: dict[str, Any], tokenizer_folder: Any) -> GroundingModel:
        """Build the (randomly initialised) network that a weights folder's config.json describes."""

    def set_precision(self, precision: str) -> None:
        """Compute in another of the model's `precisions` from now on."""

    @abstractmethod
    def encode_volume(
        self,
        volume: CTVolume,
        *,
        coverage: str,
        on_progress: Progress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> ImageEmbeddings:
        """Encode a scan on the model's device; `cancel` is asked between windows and ends in `Cancelled`."""

    @abstractmethod
    def embed_sentences(self, sentences: Sequence[str]) -> TextEmbeddings:
        """Encode sentences as they are (no prefix) on the model's device."""

    def workload(self, scan: CTVolume | VolumeGeometry, coverage: str) -> Workload:
        """Return what encoding a scan will take; exact for a volume, for a geometry as if its body lay within the crop.

        By default the time is taken to grow with the number of slices, at a rate that only a first run can show.
        """
        geometry = scan.geometry if isinstance(scan, CTVolume) else scan
        return Workload(num_windows=geometry.shape[0], flops=0.0)

    @property
    def window_length_mm(self) -> float | None:
        """Length along z (mm) of the window that a shorter scan is filled up to with air; None where nothing is filled up."""
        return None

    def resamples_upright(self, geometry: VolumeGeometry, coverage: str) -> bool:
        """Whether a scan on this grid is resampled along the patient's axes before it is encoded."""
        return False

    def unknown_share(self, sentence: str) -> float:
        """Share (0 to 1) of a sentence's pieces that the tokenizer does not know; 0 for byte-level tokenizers."""
        return 0.0

    @property
    def device(self) -> torch.device:
        """Where the parameters live."""
        return next(self.parameters()).device
