"""COLIPRI (Wald et al. 2026, arXiv 2510.15042; package ``colipri``) as an encoder: chest CT and English reports, MIT weights.

Its network reads a cube of 384 mm at 2 mm and gives a text-aligned vector for every 16 mm patch. An axial layer of patches
becomes one depth position: the mean over its patches, each weighted by its share of body. Longer scans are walked in overlapping
cubes. The package's own code for the text side downloads and runs code of the hub; here its tensors are loaded into the BERT that
they belong to, and nothing is run that was not installed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool3d, normalize

from napari_ct_grounding.core.errors import Cancelled, InputError, WeightsError
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.model.base import ImageEmbeddings, Progress, TextEmbeddings
from napari_ct_grounding.model.body import largest_component
from napari_ct_grounding.model.weights.card import WeightsCard
from napari_ct_grounding.model.weights.hub import local_folders
from napari_ct_grounding.model.weights.tensor_files import fingerprint_of, read_tensors, stored_shapes, tensor_files

__all__ = ["ColipriEncoder", "SpacedImage", "load_model", "make_encoder", "window_starts"]

NAME = "colipri"
SPACING_MM = 2.0
#: Voxels of the cube that the network reads, and of a patch, along each axis.
WINDOW, PATCH = 192, 8
#: Layers of patches that neighbouring cubes share at least: a cube's outermost layers know least of what lies around.
OVERLAP = 6
#: Value of air, and of -500 HU, in an image scaled from -1000..1000 HU to -1..1.
AIR, BODY = -1.0, -0.5
SENTENCES_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class SpacedImage:
    """A scan as the network reads it, before it is cut.

    Parameters
    ----------
    values : Tensor, (x, y, z) float32
        RAS at 2 mm isotropic, -1 to 1.
    affine : NDArray[float64], (4, 4)
        Voxel index (x, y, z) to world mm.
    """

    values: Tensor
    affine: NDArray[np.float64]


class ColipriEncoder:
    """The encoder.

    Parameters
    ----------
    model : torch.nn.Module
        ``colipri.model.multimodal.Model``, in evaluation mode on its device.
    prepare : callable
        Turns a volume into a `SpacedImage`, as the package's processor does before it crops.
    tokenize : callable
        Turns sentences into token ids and their mask, (n, t) each.
    device : torch.device
    fingerprint : str
        Of the weights.
    """

    coverages = ("full",)
    preprocessing_version = "colipri-1"
    card = WeightsCard(
        name=NAME,
        description="COLIPRI, chest CT and English reports, microsoft/colipri",
        licence="MIT",
        temperature=0.1,
    )

    def __init__(
        self,
        model: Any,
        prepare: Callable[[CTVolume], SpacedImage],
        tokenize: Callable[[Sequence[str]], tuple[Tensor, Tensor]],
        device: torch.device,
        fingerprint: str,
    ) -> None:
        self._model, self._prepare, self._tokenize = model, prepare, tokenize
        self._device = device
        self.fingerprint = fingerprint

    @torch.no_grad()  # not inference_mode: the package builds layers on the way, which inference tensors do not allow
    def encode_volume(
        self,
        volume: CTVolume,
        *,
        coverage: str,
        on_progress: Progress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> ImageEmbeddings:
        """Encode a scan cube by cube; `cancel` is asked between them.

        Raises
        ------
        Cancelled
        InputError
            When the coverage is another than "full".
        """
        if coverage not in self.coverages:
            raise InputError(
                f"The coverage {coverage!r} is unknown to {NAME!r}; it offers {', '.join(self.coverages)}."
            )
        image = self._prepare(volume)
        num_slices = image.values.shape[2]
        body = largest_component(image.values.numpy() > BODY)
        values, body_share, front, seen_fraction = _fitted(image.values, body)
        starts = window_starts(values.shape[2])
        num_layers = values.shape[2] // PATCH
        depth_sum: Tensor | None = None
        pooled = []
        for done, start in enumerate(starts):
            if cancel is not None and cancel():
                raise Cancelled("The encoding was cancelled.")
            cube = values[None, None, :, :, start : start + WINDOW].to(self._device)
            layers = slice(start // PATCH, (start + WINDOW) // PATCH)
            depth, whole = self._cube_vectors(cube, body_share[:, :, layers])
            if depth_sum is None:
                depth_sum = torch.zeros(num_layers, depth.shape[1])
            depth_sum[layers] += _layer_weights(start, starts)[:, None] * depth
            pooled.append(whole)
            if on_progress is not None:
                on_progress(done + 1, len(starts))
        assert depth_sum is not None
        # Slice that a layer's centre falls on, of the image before it was padded.
        centres = PATCH * np.arange(num_layers) + (PATCH - 1) / 2 - front
        volume_vector = _unit(torch.stack(pooled).mean(dim=0)).numpy()
        lo, hi = _world_z(image, np.array([-0.5, num_slices - 0.5]))
        return ImageEmbeddings(
            depth=_unit(depth_sum).numpy(),
            depths_mm=_world_z(image, centres),
            # Layers that hold some of the scan; padding alone says nothing.
            is_valid=(centres > -0.5 - PATCH / 2) & (centres < num_slices - 0.5 + PATCH / 2),
            depth_width_mm=PATCH * SPACING_MM,
            retrieval=volume_vector,
            disease=volume_vector,
            covered_mm=(float(lo), float(hi)),
            covered_body_fraction=seen_fraction,
        )

    @torch.no_grad()
    def embed_sentences(self, sentences: Sequence[str]) -> TextEmbeddings:
        """Encode sentences; one vector serves localization and reports, as the network has one common space."""
        vectors = []
        for start in range(0, len(sentences), SENTENCES_AT_ONCE):
            ids, mask = self._tokenize(sentences[start : start + SENTENCES_AT_ONCE])
            vectors.append(self._model.encode_text(ids, mask).float().cpu())
        unit = _unit(torch.cat(vectors)).numpy()
        return TextEmbeddings(localization=unit, report=unit)

    def _cube_vectors(self, cube: Tensor, body_share: Tensor) -> tuple[Tensor, Tensor]:
        """Unit vectors of one cube: of its layers (d, e), and of the whole (e,)."""
        # The package's own call gives one or the other, at twice the time for both.
        encoder = self._model.image_encoder
        projected = encoder.projector(self._model.encode_image(cube))
        dense = normalize(encoder.pooler.to_dense()(projected), dim=1)[0].float().cpu()  # (e, x, y, z)
        whole = normalize(encoder.pooler(projected.flatten(2).transpose(1, 2)), dim=1)[0].float().cpu()
        # A layer without any body, above the head or below the table, is the mean of all its patches.
        weights = torch.where(body_share.sum((0, 1)) > 0, body_share, torch.ones_like(body_share))
        return _unit(torch.einsum("exyz,xyz->ze", dense, weights)), whole


def window_starts(num_slices: int) -> list[int]:
    """Return where cubes start along z, for a whole number of patches: evenly, `OVERLAP` layers shared or more."""
    num_layers, layers = num_slices // PATCH, WINDOW // PATCH
    if num_layers <= layers:
        return [0]
    num_steps = -(-(num_layers - layers) // (layers - OVERLAP))
    return [PATCH * round(step * (num_layers - layers) / num_steps) for step in range(num_steps + 1)]


def _layer_weights(start: int, starts: Sequence[int]) -> Tensor:
    """How much the layers of a cube count beside its neighbours': less towards an edge that another cube overlaps."""
    layer = torch.arange(WINDOW // PATCH, dtype=torch.float32) + 0.5
    weight = torch.ones(len(layer))
    if start != starts[0]:
        weight = torch.minimum(weight, layer / OVERLAP)
    if start != starts[-1]:
        weight = torch.minimum(weight, (WINDOW // PATCH - layer) / OVERLAP)
    return weight


def _fitted(values: Tensor, body: NDArray[np.bool_]) -> tuple[Tensor, Tensor, int, float]:
    """Crop and pad to cubes: in x and y to one, centred; along z to one, centred, or to whole patches.

    Returns
    -------
    values : Tensor, (x, y, z)
    body_share : Tensor, (x, y, z) of patches
        Share of body in each patch.
    front : int
        Slices added below.
    seen_fraction : float
        Share of the body inside.
    """
    num_slices = values.shape[2]
    depth = max(WINDOW, -(-num_slices // PATCH) * PATCH)
    front = (depth - num_slices) // 2 if depth == WINDOW else 0
    target, source = [], []
    for have, want, before in zip(values.shape, (WINDOW, WINDOW, depth), (None, None, front), strict=True):
        kept = min(have, want)
        source.append(slice((have - kept) // 2, (have - kept) // 2 + kept))
        offset = (want - kept) // 2 if before is None else before
        target.append(slice(offset, offset + kept))
    fitted = torch.full((WINDOW, WINDOW, depth), AIR)
    inside = torch.zeros(1, 1, WINDOW, WINDOW, depth)
    fitted[tuple(target)] = values[tuple(source)]
    seen = torch.from_numpy(body[tuple(source)].astype(np.float32))
    inside[0, 0][tuple(target)] = seen
    total = int(np.count_nonzero(body))
    return fitted, avg_pool3d(inside, PATCH)[0, 0], front, float(seen.sum()) / total if total else 1.0


def _world_z(image: SpacedImage, index_z: NDArray[np.floating]) -> NDArray[np.float64]:
    """World z (mm) of slices, in the middle of the field of view."""
    x, y, _ = image.values.shape
    row = image.affine[2]
    return row[0] * (x - 1) / 2 + row[1] * (y - 1) / 2 + row[2] * index_z + row[3]


def _unit(vectors: Tensor) -> Tensor:
    return normalize(vectors, dim=-1)


def make_encoder(device: torch.device) -> ColipriEncoder:
    """Make the encoder from weights in the cache; the entry point ``colipri`` of this package.

    Raises
    ------
    WeightsError
        When the package is not installed, or the weights are not here or do not fit.
    """
    try:
        importlib.import_module("colipri")
    except (ImportError, RuntimeError) as error:  # the latter from a torchvision of another build than torch
        raise WeightsError(
            f"The weights {NAME!r} need the package colipri, which cannot be imported ({error}). Install it with pip install "
            "'napari-ct-grounding[colipri]', and torchvision in the same build (CPU or CUDA) as torch."
        ) from error
    folders = local_folders(NAME)
    if len(folders) < 2:
        raise WeightsError(f"The weights {NAME!r} are not on this machine yet. Run 'ct-grounding weights pull {NAME}'.")
    weights, tokenizer = folders
    model = load_model(weights).to(device).eval()
    return ColipriEncoder(
        model, make_preparation(), make_tokenizer(tokenizer), device, fingerprint_of(tensor_files(weights))
    )


def load_model(folder: Path) -> torch.nn.Module:
    """Build the package's network, its text side as a plain BERT of the stored sizes, and load the tensors strictly.

    Raises
    ------
    WeightsError
        When names or shapes do not match.
    """
    from colipri.checkpoint import load_model_config
    from hydra.utils import instantiate

    files = tensor_files(folder)
    shapes = stored_shapes(files)
    config = load_model_config()
    config.text_encoder.backbone = {
        "_target_": "transformers.BertModel",
        "config": {"_target_": "transformers.BertConfig", **_bert_sizes(shapes, folder)},
        "add_pooling_layer": False,
    }
    model: torch.nn.Module = instantiate(config)
    try:
        model.load_state_dict(read_tensors(files), strict=True, assign=True)
    except RuntimeError as error:
        first_line = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise WeightsError(
            f"The tensors in {folder.name!r} do not match the network of the installed package 'colipri' ({first_line[:200]}). "
            "Install the version that belongs to the weights, or fetch them again."
        ) from error
    return model.requires_grad_(False)


def _bert_sizes(shapes: dict[str, tuple[int, ...]], folder: Path) -> dict[str, int]:
    prefix = "text_encoder.backbone."
    try:
        vocabulary, hidden = shapes[f"{prefix}embeddings.word_embeddings.weight"]
        positions, _ = shapes[f"{prefix}embeddings.position_embeddings.weight"]
        intermediate, _ = shapes[f"{prefix}encoder.layer.0.intermediate.dense.weight"]
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"The weights in {folder.name!r} hold no text encoder of COLIPRI. Fetch them again."
        ) from error
    return {
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "max_position_embeddings": positions,
        "intermediate_size": intermediate,
        "num_hidden_layers": len({name.split(".")[4] for name in shapes if name.startswith(f"{prefix}encoder.layer.")}),
        "num_attention_heads": hidden // 64,
    }


def make_preparation() -> Callable[[CTVolume], SpacedImage]:
    """Return the package's own image chain (orientation, spacing, clipping, scaling), less its crop."""
    import torchio
    from colipri.checkpoint import load_processor_config
    from hydra.utils import instantiate

    config = load_processor_config().image_transform
    del config.transforms["crop_or_pad"]
    transform = instantiate(config)

    def prepare(volume: CTVolume) -> SpacedImage:
        values = torch.from_numpy(np.ascontiguousarray(volume.hu.transpose(2, 1, 0), dtype=np.float32))
        image = transform(torchio.ScalarImage(tensor=values[None], affine=volume.geometry.affine))
        return SpacedImage(image.data[0].float(), np.asarray(image.affine, dtype=np.float64))

    return prepare


def make_tokenizer(folder: Path) -> Callable[[Sequence[str]], tuple[Tensor, Tensor]]:
    """Return the tokenizer of the text side; it is BERT's, with a vocabulary of radiology."""
    from transformers import BertTokenizer

    tokenizer = BertTokenizer.from_pretrained(folder)

    def tokenize(sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        encoded = tokenizer(list(sentences), padding=True, truncation=True, max_length=512, return_tensors="pt")
        return encoded["input_ids"], encoded["attention_mask"]

    return tokenize
