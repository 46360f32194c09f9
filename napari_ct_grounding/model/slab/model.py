"""The bundled model: slabs of the whole scan in one pass, sentences through a small encoder with hashed words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from napari_ct_grounding.core.errors import Cancelled, InputError, WeightsError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.resampling import is_upright
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.model.base import GroundingModel, ImageEmbeddings, Progress, TextEmbeddings, Workload
from napari_ct_grounding.model.radfinder.preprocessing import body_positions_mm
from napari_ct_grounding.model.slab.encoder import SlabEncoder, neighbour_rows
from napari_ct_grounding.model.slab.preprocessing import (
    AIR_HU,
    MAX_HU,
    PREPROCESSING_VERSION,
    SlabFrame,
    count_slabs,
    prepare_slabs,
    window_channels,
)
from napari_ct_grounding.model.slab.sentence_encoder import SentenceText
from napari_ct_grounding.model.slab.text import SlabText
from napari_ct_grounding.model.upright import upright_geometry, upright_volume

__all__ = ["SlabModel"]

#: Slabs that go through the 2-D part at a time; between two such chunks progress is told and cancel asked.
_CHUNK = 16


class SlabModel(GroundingModel):
    """Compact slab encoder and text encoder of one size of embedding.

    Parameters
    ----------
    frame : SlabFrame
        The grid of the image side.
    encoder : SlabEncoder
    text : SentenceText or SlabText
    """

    coverages = ("masked",)
    matmul_share = 0.1  # small convolutions, and slabs cost more to prepare than to encode
    preprocessing_version = PREPROCESSING_VERSION

    def __init__(self, frame: SlabFrame, encoder: SlabEncoder, text: SentenceText | SlabText) -> None:
        super().__init__()
        self.frame = frame
        self.encoder = encoder
        self.text = text

    @classmethod
    def from_config(cls, config: dict[str, Any], tokenizer_folder: Any) -> SlabModel:
        """Build the randomly initialised network of a weights folder's config.json.

        Parameters
        ----------
        config : dict
            With the objects "frame", "encoder", "text" and the number "embedding_size".
        tokenizer_folder : Path
            Where tokenizer.json lies.

        Raises
        ------
        WeightsError
            When an entry is missing or cannot be used.
        """
        try:
            frame = SlabFrame.from_dict(config["frame"])
            size = int(config["embedding_size"])
            encoder = SlabEncoder(in_channels=len(frame.windows_hu), embedding_size=size, **config["encoder"])
            text = (
                SlabText(embedding_size=size, tokenizer_folder=Path(tokenizer_folder), **config["text"])
                if "bert" in config["text"]  # the first edition
                else SentenceText(embedding_size=size, **config["text"])
            )
        except (KeyError, TypeError) as error:
            raise WeightsError(
                f"config.json does not describe a slab model ({error}); it needs frame, encoder, text and embedding_size."
            ) from error
        return cls(frame, encoder, text).eval()

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load parameters; those stored in half precision to save space are computed with in single precision."""
        single = {name: value.float() if value.is_floating_point() else value for name, value in state_dict.items()}
        return super().load_state_dict(single, strict=strict, assign=assign)

    @torch.inference_mode()
    def encode_volume(
        self,
        volume: CTVolume,
        *,
        coverage: str,
        on_progress: Progress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> ImageEmbeddings:
        """Encode a scan; `cancel` is asked before every chunk of slabs.

        Raises
        ------
        Cancelled
            When `cancel` said so.
        InputError
            When the coverage is not "masked".
        """
        if coverage not in self.coverages:
            raise InputError(
                f"The coverage {coverage!r} is unknown to these weights; they offer {self.coverages[0]!r}."
            )
        if cancel is not None and cancel():
            raise Cancelled("Encoding was stopped before it began.")
        if self.resamples_upright(volume.geometry, coverage):
            volume = upright_volume(
                volume, self._upright_spacing_mm, body_positions_mm(volume), (AIR_HU, MAX_HU), cancel
            )
        slabs = prepare_slabs(volume, self.frame)
        total = len(slabs.hu)
        tokens = []
        for start in range(0, total, _CHUNK):
            if cancel is not None and cancel():
                raise Cancelled(f"Encoding was stopped after {start} of {total} slabs.")
            tokens.append(self.encoder.features(self._channels(slabs.hu, start, min(start + _CHUNK, total))))
            if on_progress is not None:
                on_progress(min(start + _CHUNK, total), total)
        mask = torch.ones(1, total, dtype=torch.bool, device=self.device)
        output = self.encoder.heads(torch.cat(tokens).unsqueeze(0), mask)
        return ImageEmbeddings(
            depth=_unit(output.depth[0]),
            depths_mm=slabs.z_mm,
            is_valid=np.ones(total, dtype=np.bool_),
            depth_width_mm=self.frame.spacing_mm[0],
            retrieval=_unit(output.retrieval[0]),
            disease=_unit(output.disease[0]),
            covered_mm=slabs.covered_mm,
            covered_body_fraction=slabs.covered_body_fraction,
        )

    def _channels(self, hu: np.ndarray, start: int, end: int) -> torch.Tensor:
        """Return the channels of slabs `start` to `end`, beside each its neighbours'."""
        rows = neighbour_rows([len(hu)], self.encoder.num_neighbours)[start:end]
        first, last = int(rows.min()), int(rows.max())
        chunk = torch.from_numpy(hu[first : last + 1]).to(self.device)
        return window_channels(chunk, self.frame)[(rows - first).to(self.device)].flatten(1, 2)

    def resamples_upright(self, geometry: VolumeGeometry, coverage: str) -> bool:
        """Whether a scan on this grid is resampled along the patient's axes before it is encoded.

        The network was trained on upright scans. On phantoms tilted by 20 degrees it errs by half as much again (`train/LOG.md`)
        when it reads their slices as they are, and not at all more when they are resampled first.
        """
        return not is_upright(geometry)

    def workload(self, scan: CTVolume | VolumeGeometry, coverage: str) -> Workload:
        """See `GroundingModel.workload`."""
        geometry = scan.geometry if isinstance(scan, CTVolume) else scan
        if self.resamples_upright(geometry, coverage):
            body_mm = body_positions_mm(scan) if isinstance(scan, CTVolume) else np.zeros((0, 3))
            geometry = upright_geometry(geometry, self._upright_spacing_mm, body_mm)
        return Workload(count_slabs(geometry, self.frame), self._slab_flops)

    @cached_property
    def _slab_flops(self) -> float:
        """Floating-point operations for one slab, counted by torch in a run over an empty one."""
        from torch.utils.flop_counter import FlopCounterMode

        channels = len(self.frame.windows_hu) * (2 * self.encoder.num_neighbours + 1)
        slab = torch.zeros(1, channels, *self.frame.shape, device=self.device)
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            self.encoder.features(slab)
        return float(counter.get_total_flops())

    @property
    def _upright_spacing_mm(self) -> tuple[float, float, float]:
        """Half the network's spacing (z, y, x), so that its averaging still averages."""
        z, y, x = self.frame.spacing_mm
        return z / 2, y / 2, x / 2

    @torch.inference_mode()
    def embed_sentences(self, sentences: Sequence[str]) -> TextEmbeddings:
        """Encode sentences (or whole reports) as they are."""
        localization, report = self.text.embed(sentences)
        return TextEmbeddings(localization.cpu().numpy(), report.cpu().numpy())

    def unknown_share(self, sentence: str) -> float:
        """Return the share of a sentence's pieces that the tokenizer does not know, 0 to 1."""
        return self.text.unknown_share(sentence)


def _unit(vectors: torch.Tensor) -> np.ndarray:
    return F.normalize(vectors.float(), dim=-1).cpu().numpy()
