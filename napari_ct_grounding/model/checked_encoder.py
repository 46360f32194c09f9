"""An encoder of another package as a model of ours: what it gives is looked at before anybody draws it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.model.base import GroundingModel, ImageEmbeddings, Progress, TextEmbeddings
from napari_ct_grounding.model.encoders import Encoder

__all__ = ["CheckedEncoder"]

#: How far from 1 the length of a unit vector may be; bfloat16 keeps 0.004.
LENGTH_TOLERANCE = 0.01


class CheckedEncoder(GroundingModel):
    """Passes everything on to an encoder and refuses answers that break the protocol.

    Parameters
    ----------
    encoder : Encoder
    name : str
        Name of the weights, for messages.
    device : torch.device
        Where the encoder was asked to compute.
    """

    encoder: Encoder

    def __init__(self, encoder: Encoder, name: str, device: torch.device) -> None:
        super().__init__()
        # Past the registration as a submodule, where it is one: its device and mode are its own business.
        self.__dict__["encoder"] = encoder
        self.name = name
        self._device = device
        self.coverages = encoder.coverages
        self.preprocessing_version = getattr(encoder, "preprocessing_version", None)
        self._width: int | None = None

    @classmethod
    def from_config(cls, config: dict[str, Any], tokenizer_folder: Any) -> GroundingModel:
        """An encoder is made by its package."""
        raise NotImplementedError("An encoder of another package has no config.json.")

    def encode_volume(
        self,
        volume: CTVolume,
        *,
        coverage: str,
        on_progress: Progress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> ImageEmbeddings:
        """See `GroundingModel.encode_volume`.

        Raises
        ------
        WeightsError
            Listing all that is wrong with the embeddings.
        """
        seen = self.encoder.encode_volume(volume, coverage=coverage, on_progress=on_progress, cancel=cancel)
        self._refuse(_image_problems(seen), "encode_volume")
        self._keep_width(seen.depth.shape[1], "encode_volume")
        return seen

    def embed_sentences(self, sentences: Sequence[str]) -> TextEmbeddings:
        """See `GroundingModel.embed_sentences`.

        Raises
        ------
        WeightsError
            Listing all that is wrong with the embeddings.
        """
        text = self.encoder.embed_sentences(list(sentences))
        self._refuse(_text_problems(text, len(sentences)), "embed_sentences")
        self._keep_width(text.localization.shape[1], "embed_sentences")
        return text

    def unknown_share(self, sentence: str) -> float:
        """Share (0 to 1) of a sentence that the encoder does not know; 0 where it does not say."""
        ask = getattr(self.encoder, "unknown_share", None)
        return 0.0 if ask is None else float(ask(sentence))

    @property
    def device(self) -> torch.device:
        """Where the encoder was asked to compute."""
        return self._device

    def _refuse(self, problems: list[str], method: str) -> None:
        if problems:
            raise WeightsError(
                f"The encoder {self.name!r} breaks the protocol in {method}: {'; '.join(problems)}. Its package must mend it "
                "(docs/own-encoder.md)."
            )

    def _keep_width(self, width: int, method: str) -> None:
        """Scan and sentence must live in one space."""
        if self._width is not None and width != self._width:
            self._refuse([f"vectors have {width} numbers, and had {self._width} before"], method)
        self._width = width


def _image_problems(seen: object) -> list[str]:
    if not isinstance(seen, ImageEmbeddings):
        return [f"it gives a {type(seen).__name__} instead of ImageEmbeddings"]
    depth, depths_mm = np.asarray(seen.depth), np.asarray(seen.depths_mm)
    if depth.ndim != 2 or 0 in depth.shape:
        return [f"depth has the shape {depth.shape}, must be (d, e)"]
    problems = []
    num_depths, width = depth.shape
    for name, array, shape in (
        ("depths_mm", depths_mm, (num_depths,)),
        ("is_valid", np.asarray(seen.is_valid), (num_depths,)),
        ("retrieval", np.asarray(seen.retrieval), (width,)),
        ("disease", np.asarray(seen.disease), (width,)),
    ):
        if array.shape != shape:
            problems.append(f"{name} has the shape {array.shape}, must be {shape}")
    if problems:
        return problems
    is_valid = np.asarray(seen.is_valid)
    if is_valid.dtype != bool or not is_valid.any():
        return [f"is_valid must be Booleans, at least one of them true (is {is_valid.dtype})"]
    problems += _length_problems("depth", depth[is_valid])
    problems += _length_problems("retrieval", np.asarray(seen.retrieval)[None])
    problems += _length_problems("disease", np.asarray(seen.disease)[None])
    if not np.isfinite(depths_mm).all() or (np.diff(depths_mm) <= 0).any():
        problems.append("depths_mm must be finite and grow (most inferior first)")
    if not (np.isfinite(seen.depth_width_mm) and seen.depth_width_mm > 0):
        problems.append(f"depth_width_mm is {seen.depth_width_mm!r}, must be above 0")
    lo, hi = seen.covered_mm
    if not (np.isfinite([lo, hi]).all() and lo < hi):
        problems.append(f"covered_mm is {(lo, hi)}, must be two finite numbers that grow")
    if not 0 <= seen.covered_body_fraction <= 1:
        problems.append(f"covered_body_fraction is {seen.covered_body_fraction!r}, must lie between 0 and 1")
    return problems


def _text_problems(text: object, num_sentences: int) -> list[str]:
    if not isinstance(text, TextEmbeddings):
        return [f"it gives a {type(text).__name__} instead of TextEmbeddings"]
    problems = []
    for name in ("localization", "report"):
        vectors = np.asarray(getattr(text, name))
        if vectors.ndim != 2 or len(vectors) != num_sentences or vectors.shape != np.shape(text.localization):
            problems.append(f"{name} has the shape {vectors.shape}, must be ({num_sentences}, e)")
        else:
            problems += _length_problems(name, vectors)
    return problems


def _length_problems(name: str, vectors: np.ndarray) -> list[str]:
    """What is wrong with unit vectors (n, e)."""
    if vectors.dtype.kind != "f":
        return [f"{name} holds {vectors.dtype}, must hold floats"]
    if not np.isfinite(vectors).all():
        return [f"{name} holds values that are not finite"]
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    worst = lengths[np.argmax(np.abs(lengths - 1))] if len(lengths) else 1.0
    return [f"{name} holds a vector of length {worst:.3g}, must be 1"] if abs(worst - 1) > LENGTH_TOLERANCE else []
