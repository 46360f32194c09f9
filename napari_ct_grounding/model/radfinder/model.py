"""RadFinder ("Learning to Read Where to Look", arXiv 2603.02026): windows and sentences into one space.

`RadFinderNetwork` holds the parameters under the names of the released weights and computes each stage;
`RadFinderModel` is the face behind which the rest of the package uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from napari_ct_grounding.core.coverage import CoveragePlan, full_plan, paper_plan
from napari_ct_grounding.core.errors import InputError, WeightsError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.resampling import is_upright, spaced_grid
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.core.window_grid import WindowGrid
from napari_ct_grounding.model.base import GroundingModel, ImageEmbeddings, Progress, TextEmbeddings, Workload
from napari_ct_grounding.model.radfinder.combiner import Combiner, depth_mask, grid_mask
from napari_ct_grounding.model.radfinder.config import RadFinderConfig
from napari_ct_grounding.model.radfinder.heads import ProjectionHead
from napari_ct_grounding.model.radfinder.preprocessing import (
    PREPROCESSING_VERSION,
    body_fraction_inside,
    body_positions_mm,
    cut_windows,
)
from napari_ct_grounding.model.radfinder.rope import Grid
from napari_ct_grounding.model.radfinder.text_encoder import (
    TextTokenizer,
    build_text_backbone,
    materialise_text_buffers,
    pool_last,
    pool_mean,
    text_hidden,
)
from napari_ct_grounding.model.radfinder.window_batches import WindowBatches, batch_size
from napari_ct_grounding.model.radfinder.window_encoder import WindowEncoder, WindowFeatures
from napari_ct_grounding.model.upright import upright_geometry, upright_volume

__all__ = ["RadFinderModel", "RadFinderNetwork", "ScanVectors"]

#: Sentences that go through the text encoder at a time.
TEXT_BATCH = 32


class ScanVectors(NamedTuple):
    """What the image side gives for a batch of scans, not normalised.

    Attributes
    ----------
    retrieval, disease : Tensor, (b, e)
        Of the whole scan.
    depth : Tensor, (b, d, e)
        Of each depth position.
    is_valid : Tensor of bool, (b, d)
        False for positions that a scan of the batch does not have.
    """

    retrieval: Tensor
    disease: Tensor
    depth: Tensor
    is_valid: Tensor


class ContrastiveScale(nn.Module):
    """Logarithm of the temperature's inverse, and bias, of the contrastive losses; used in training alone."""

    def __init__(self) -> None:
        super().__init__()
        self.t = nn.Parameter(torch.tensor(2.3026))
        self.b = nn.Parameter(torch.tensor(-10.0))


class RadFinderNetwork(nn.Module):
    """All parameters, and each stage as a function.

    Parameters
    ----------
    config : RadFinderConfig
        Sizes.
    """

    def __init__(self, config: RadFinderConfig) -> None:
        super().__init__()
        self.config = config
        image, combiner = config.encoder, config.combiner
        self.backbone_image = WindowEncoder(
            config.patch_hwd, image.dim, image.num_layers, image.num_heads, image.mlp_ratio, image.rope_base
        )
        self.feature_comb_image = Combiner(
            image.dim, combiner.dim, combiner.num_layers, combiner.num_heads, combiner.mlp_ratio, combiner.rope_base
        )
        self.backbone_text = build_text_backbone(config.text)
        text_dim = int(config.text.backbone["hidden_size"])
        sizes = (config.embedding_dim, config.hidden_dim, config.bottleneck_dim)
        self.projection_image = ProjectionHead(2 * combiner.dim, *sizes)
        self.projection_text = ProjectionHead(text_dim, *sizes)
        self.projection_image_copy = ProjectionHead(2 * combiner.dim, *sizes)
        self.projection_text_copy = ProjectionHead(text_dim, *sizes)
        self.criterion = ContrastiveScale()

    @property
    def positions_per_window(self) -> int:
        """Depth positions in one window."""
        return self.config.window_hwd[2] // self.config.patch_hwd[2]

    @property
    def head_dtype(self) -> torch.dtype:
        """Type of combiner and heads, which may be finer than that of the encoders before them."""
        return self.feature_comb_image.cls_token.dtype

    def whole_vector(self, cls: Tensor, patch_average: Tensor, grids: Sequence[Grid]) -> Tensor:
        """Return [cls ; mean over windows] (b, 2 c) of window features (b, H, W, D, c) that are zero-padded to a
        common grid.
        """
        scan_cls, tokens = self.feature_comb_image.whole(cls, patch_average, grids)
        mask = grid_mask(grids, tokens.device)[..., None]
        pooled = (tokens * mask).sum(dim=(1, 2, 3)) / mask.sum(dim=(1, 2, 3))
        return torch.cat([scan_cls, pooled], dim=-1)

    def depth_vectors(self, depth: Tensor, grids: Sequence[Grid]) -> Tensor:
        """Return [cls ; mean over h and w] (b, d, 2 c) per depth position of window features (b, H, W, D, k, c)."""
        scan_cls, tokens = self.feature_comb_image.depths(depth, grids)
        mask = grid_mask(grids, tokens.device).repeat_interleave(depth.shape[4], dim=3)[..., None]
        pooled = (tokens * mask).sum(dim=(1, 2)) / mask.sum(dim=(1, 2)).clamp_min(1)
        return torch.cat([scan_cls[:, None].expand_as(pooled), pooled], dim=-1)

    def embed_scans(self, cls: Tensor, patch_average: Tensor, depth: Tensor, grids: Sequence[Grid]) -> ScanVectors:
        """Return the vectors of scans from their window features, arranged and zero-padded (b, H, W, D, [k,] c)."""
        cls, patch_average, depth = (features.to(self.head_dtype) for features in (cls, patch_average, depth))
        whole = self.whole_vector(cls, patch_average, grids)
        return ScanVectors(
            retrieval=self.projection_image(whole),
            disease=self.projection_image_copy(whole),
            depth=self.projection_image_copy(self.depth_vectors(depth, grids)),
            is_valid=depth_mask(grids, self.positions_per_window, depth.device),
        )

    def embed_texts(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return (localization, report) vectors (n, e), not normalised, of token ids (n, tokens)."""
        hidden = text_hidden(self.backbone_text, ids, mask)
        pooled = (pool_last if self.config.text.backbone["model_type"] == "qwen3" else pool_mean)(hidden, mask)
        pooled = pooled.to(self.head_dtype)
        return self.projection_text_copy(pooled), self.projection_text(pooled)


class RadFinderModel(GroundingModel):
    """A RadFinder network with its tokenizer.

    Parameters
    ----------
    config : RadFinderConfig
        Sizes.
    tokenizer_folder : Path or None
        Folder of tokenizer files; without one the model encodes scans but no sentences.
    """

    coverages = ("full", "paper")
    matmul_share = 0.6
    precisions = ("float32", "bfloat16")
    preprocessing_version = PREPROCESSING_VERSION

    def __init__(self, config: RadFinderConfig, tokenizer_folder: Path | None) -> None:
        super().__init__()
        self.config = config
        self.model = RadFinderNetwork(config)
        text = config.text
        self._tokenizer: TextTokenizer | None = None
        if tokenizer_folder is not None:
            self._tokenizer = TextTokenizer(Path(tokenizer_folder), text.max_length, text.backbone["model_type"])
        num_rows = int(text.backbone["vocab_size"])
        if self._tokenizer is not None and self._tokenizer.num_pieces > num_rows:
            raise WeightsError(
                f"The tokenizer knows {self._tokenizer.num_pieces} pieces, but the weights hold embeddings of "
                f"{num_rows}; the two must be of one model. Name the right tokenizer folder."
            )

    @classmethod
    def from_config(cls, config: dict[str, Any], tokenizer_folder: Any) -> RadFinderModel:
        """Build the randomly initialised network of a config.json in the released layout.

        Raises
        ------
        WeightsError
            When the config describes another network, or the tokenizer does not fit.
        """
        return cls(RadFinderConfig.from_dict(config), tokenizer_folder)

    def materialise_buffers(self) -> None:
        """Compute the buffers that no weights file holds; called after weights were assigned to a model built without
        memory.
        """
        materialise_text_buffers(self.model.backbone_text)

    def set_precision(self, precision: str) -> None:
        """Turn the two large encoders into another type. Combiner, heads and rotary positions stay float32: they cost
        next to nothing, and rounding them, too, moves more answers (docs/benchmarks.md).
        """
        device = self.device
        self.to(torch.float32)
        if precision == "bfloat16":
            self.model.backbone_image.to(torch.bfloat16)
            self.model.backbone_text.to(torch.bfloat16)
            for parameter in self.parameters():
                if parameter.dtype == torch.float32:  # one that stays as it is would keep the whole file mapped
                    parameter.data = parameter.data.clone()
        self.materialise_buffers()
        self.to(device)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the image side's weights; windows are cast to it."""
        return self.model.backbone_image.cls_token.dtype

    @torch.inference_mode()
    def encode_volume(
        self,
        volume: CTVolume,
        *,
        coverage: str = "full",
        on_progress: Progress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> ImageEmbeddings:
        """Encode a scan window by window, on a GPU in batches of windows; `cancel` is asked between them.

        Coverage "paper" is the released, centre-cropped pass; "full" walks all of the scan, in two such passes where one
        would leave something out, and mixes them (`core.coverage`). Each pass goes through the whole image side on its
        own, because the combiner looks at all windows of a pass at once. A tilted or sheared scan is resampled upright
        first in "full"; "paper" reads it in its own frame, as released.

        Depth positions that lie wholly in the padding of a scan below one window are not valid in "full"; "paper" counts
        them, as the released code does.

        Raises
        ------
        Cancelled
            When `cancel` said so.
        InputError
            When the coverage is neither.
        """
        if coverage not in self.coverages:
            raise InputError(
                f"The coverage {coverage!r} is unknown to these weights; they offer {', '.join(self.coverages)}."
            )
        body_mm = body_positions_mm(volume)
        if self.resamples_upright(volume.geometry, coverage):
            volume = upright_volume(volume, self._spacing_mm, body_mm, cancel=cancel)
        plan = self._plan(volume.geometry, coverage, body_mm)
        encode_windows = WindowBatches(
            self.model.backbone_image,
            self.device,
            self.dtype,
            size=batch_size(self.model.backbone_image, self.config.window_hwd, self.device),
            num_total=plan.num_windows,
            on_progress=on_progress,
            cancel=cancel,
        )
        # Cut in the loop and not before it: the windows of one pass at a time are enough to hold.
        vectors = [self._pass_vectors(encode_windows(cut_windows(volume.hu, grid)), grid) for grid in plan.passes]
        depth, retrieval, disease = zip(*vectors, strict=True)
        return ImageEmbeddings(
            depth=plan.mixed(depth),
            depths_mm=plan.depths_mm,
            is_valid=plan.is_inside,
            depth_width_mm=plan.depth_width_mm,
            retrieval=np.mean(retrieval, axis=0),
            disease=np.mean(disease, axis=0),
            covered_mm=plan.covered_mm,
            covered_body_fraction=body_fraction_inside(body_mm, plan.passes),
        )

    def resamples_upright(self, geometry: VolumeGeometry, coverage: str) -> bool:
        """Whether a scan on this grid is resampled upright before it is encoded."""
        return coverage == "full" and not is_upright(geometry)

    def workload(self, scan: CTVolume | VolumeGeometry, coverage: str) -> Workload:
        """See `GroundingModel.workload`."""
        geometry = scan.geometry if isinstance(scan, CTVolume) else scan
        body_mm = body_positions_mm(scan) if isinstance(scan, CTVolume) and coverage == "full" else np.zeros((0, 3))
        lo, hi = geometry.z_extent_mm
        if self.resamples_upright(geometry, coverage):
            geometry = upright_geometry(geometry, self._spacing_mm, body_mm)
        plan = self._plan(geometry, coverage, body_mm)
        covered_lo, covered_hi = plan.covered_mm
        left_out_mm = max(0.0, covered_lo - lo) + max(0.0, hi - covered_hi)
        return Workload(plan.num_windows, self.model.backbone_image.count_flops(self.config.window_hwd), left_out_mm)

    @property
    def window_length_mm(self) -> float:
        """See `GroundingModel.window_length_mm`."""
        return self.config.window_hwd[2] * self._spacing_mm[0]

    @property
    def _spacing_mm(self) -> tuple[float, float, float]:
        """The network's spacing, mm (z, y, x)."""
        x, y, z = self.config.spacing_hwd_mm
        return z, y, x

    def _plan(self, geometry: VolumeGeometry, coverage: str, body_mm: NDArray[np.float64]) -> CoveragePlan:
        width, height, window_depth = self.config.window_hwd
        spaced, window = spaced_grid(geometry, self._spacing_mm), (window_depth, height, width)
        voxels_per_position = self.config.patch_hwd[2]
        if coverage == "paper":
            return paper_plan(spaced, window, voxels_per_position)
        return full_plan(spaced, window, body_mm, voxels_per_position)

    def _pass_vectors(
        self, features: WindowFeatures, grid: WindowGrid
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Unit vectors of one pass: depth (d, e), retrieval (e,), disease (e,)."""
        z, y, x = grid.num_windows
        cls, patch_average, depth = (feature.unflatten(0, (x, y, z))[None] for feature in features)
        vectors = self.model.embed_scans(cls, patch_average, depth, [(x, y, z)])
        return _unit(vectors.depth[0]), _unit(vectors.retrieval[0]), _unit(vectors.disease[0])

    @torch.inference_mode()
    def embed_sentences(self, sentences: Sequence[str]) -> TextEmbeddings:
        """Encode sentences as they are; sentences of similar length share a batch.

        Raises
        ------
        WeightsError
            When the weights were loaded without a tokenizer.
        """
        tokenizer = self._need_tokenizer()
        localization = np.zeros((len(sentences), self.config.embedding_dim), dtype=np.float32)
        report = np.zeros_like(localization)
        by_length = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
        for start in range(0, len(by_length), TEXT_BATCH):
            rows = by_length[start : start + TEXT_BATCH]
            ids, mask = tokenizer([sentences[i] for i in rows])
            vectors = self.model.embed_texts(ids.to(self.device), mask.to(self.device))
            localization[rows], report[rows] = _unit(vectors[0]), _unit(vectors[1])
        return TextEmbeddings(localization, report)

    def unknown_share(self, sentence: str) -> float:
        """Return the share (0 to 1) of a sentence's pieces that the tokenizer does not know."""
        return self._need_tokenizer().unknown_share(sentence)

    def _need_tokenizer(self) -> TextTokenizer:
        if self._tokenizer is None:
            raise WeightsError(
                "The weights were loaded without a tokenizer, so sentences cannot be encoded. Put the tokenizer "
                "files beside the weights, or name their folder (--tokenizer)."
            )
        return self._tokenizer


def _unit(vectors: Tensor) -> NDArray[np.float32]:
    return functional.normalize(vectors.float(), dim=-1).cpu().numpy()
