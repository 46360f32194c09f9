"""What a config.json in the released layout says about a RadFinder network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from napari_ct_grounding.core.errors import WeightsError

__all__ = ["EncoderConfig", "RadFinderConfig", "TextConfig"]

#: Qwen3-Embedding-0.6B, which the released config.json names but does not spell out (transformers' names).
RELEASED_TEXT = {
    "model_type": "qwen3",
    "vocab_size": 151669,
    "hidden_size": 1024,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 3072,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1_000_000.0,
    "max_position_embeddings": 32768,
}
LORA_KEYWORDS = ("q_proj", "k_proj", "v_proj", "o_proj")


@dataclass(frozen=True)
class EncoderConfig:
    """Size of an image transformer.

    Parameters
    ----------
    dim, num_layers, num_heads : int
        Channels of a token, blocks, attention heads.
    mlp_ratio : float
        Hidden channels of the feed-forward parts per channel.
    rope_base : float
        Base of the rotary periods.
    """

    dim: int = 1080
    num_layers: int = 24
    num_heads: int = 12
    mlp_ratio: float = 4.0
    rope_base: float = 1000.0


@dataclass(frozen=True)
class TextConfig:
    """The text encoder.

    Parameters
    ----------
    backbone : dict
        Configuration of the transformers model; ``model_type`` is "qwen3" or "bert".
    max_length : int
        Tokens after which a text is cut.
    lora_rank : int
        Rank of the low-rank updates; 0 for none.
    lora_alpha, lora_dropout : float
        Scale times rank, and dropout in training, of the updates.
    lora_keywords : tuple of str
        Linear layers whose dotted name holds one of these are adapted.
    """

    backbone: dict[str, Any] = field(default_factory=lambda: dict(RELEASED_TEXT))
    max_length: int = 4096
    lora_rank: int = 16
    lora_alpha: float = 64.0
    lora_dropout: float = 0.05
    lora_keywords: tuple[str, ...] = LORA_KEYWORDS


@dataclass(frozen=True)
class RadFinderConfig:
    """The whole network; the defaults are the released one. Triples marked hwd are in the network's order (h, w, d) =
    RAS (x, y, z).

    Parameters
    ----------
    window_hwd, patch_hwd : tuple of int
        Voxels of a window, and of a patch as the stored kernel has it.
    spacing_hwd_mm : tuple of float
        Voxel spacing that the network reads, mm.
    encoder, combiner : EncoderConfig
        Window encoder and combiner.
    text : TextConfig
        Text encoder.
    embedding_dim, hidden_dim, bottleneck_dim : int
        Channels of the common space, and inside the projection heads.
    """

    window_hwd: tuple[int, int, int] = (128, 128, 32)
    patch_hwd: tuple[int, int, int] = (16, 16, 4)
    spacing_hwd_mm: tuple[float, float, float] = (0.75, 0.75, 3.0)
    encoder: EncoderConfig = EncoderConfig()
    combiner: EncoderConfig = EncoderConfig(num_layers=4, rope_base=100.0)
    text: TextConfig = TextConfig()
    embedding_dim: int = 512
    hidden_dim: int = 2048
    bottleneck_dim: int = 256

    @classmethod
    def from_dict(cls, config: dict[str, Any]) -> RadFinderConfig:
        """Read a config.json in the released layout; what it leaves out has the released value.

        Three keys of ours in `radfinder_model_config` make other sizes possible: ``text_backbone_config`` (a
        transformers configuration with ``model_type``), ``projection_hidden_dim`` and ``projection_bottleneck_dim``.

        Raises
        ------
        WeightsError
            Listing everything in it that this network cannot do.
        """
        try:
            parsed = cls._parse(config)
        except (TypeError, ValueError, AttributeError) as error:
            raise WeightsError(f"config.json does not describe a RadFinder network: {error}.") from error
        problems = parsed._problems(config)
        if problems:
            raise WeightsError(
                f"config.json describes a network that this program cannot build: {'; '.join(problems)}."
            )
        return parsed

    @classmethod
    def _parse(cls, config: dict[str, Any]) -> RadFinderConfig:
        model = config.get("radfinder_model_config") or {}
        image = config.get("image_preprocessing") or {}
        backbone = model.get("backbone_kwargs") or {}
        text = model.get("text_backbone_kwargs") or {}
        default = cls()
        patch = list(backbone.get("patch_size", (16, 16, 8)))
        if backbone.get("half_patch_embed", True):
            # The release names the kernel before its depth taps were summed in pairs; what is stored is half as deep.
            patch[2] //= 2
        encoder = EncoderConfig(
            dim=int(backbone.get("embed_dim", default.encoder.dim)),
            num_layers=int(backbone.get("depth", default.encoder.num_layers)),
            num_heads=int(backbone.get("num_heads", default.encoder.num_heads)),
            mlp_ratio=float(backbone.get("mlp_ratio", default.encoder.mlp_ratio)),
            rope_base=float((backbone.get("rope_kwargs") or {}).get("base", default.encoder.rope_base)),
        )
        combiner_options = model.get("feature_combiner_kwargs") or {}
        combiner = EncoderConfig(
            dim=int(model.get("feature_comb_embed_dim", default.combiner.dim)),
            num_layers=int(model.get("feature_comb_num_layers", default.combiner.num_layers)),
            num_heads=int(model.get("feature_comb_num_heads", default.combiner.num_heads)),
            mlp_ratio=float(combiner_options.get("mlp_ratio", default.combiner.mlp_ratio)),
            rope_base=float((combiner_options.get("rope_kwargs") or {}).get("base", default.combiner.rope_base)),
        )
        hidden_size = model.get("text_hidden_size")
        text_backbone = model.get("text_backbone_config") or {
            **RELEASED_TEXT,
            **({"hidden_size": int(hidden_size)} if hidden_size else {}),
        }
        return cls(
            window_hwd=_triple(
                image.get("sliding_window_size") or backbone.get("sliding_window_size"), default.window_hwd, int
            ),
            patch_hwd=_triple(patch, default.patch_hwd, int),
            spacing_hwd_mm=_triple(image.get("pixdim") or backbone.get("pixdim"), default.spacing_hwd_mm, float),
            encoder=encoder,
            combiner=combiner,
            text=TextConfig(
                backbone=dict(text_backbone),
                max_length=int(text.get("tokenizer_max_length", default.text.max_length)),
                lora_rank=int(text.get("lora_r", default.text.lora_rank)) if text.get("use_lora", True) else 0,
                lora_alpha=float(text.get("lora_alpha", default.text.lora_alpha)),
                lora_dropout=float(text.get("lora_dropout", default.text.lora_dropout)),
                lora_keywords=tuple(text.get("lora_target_keywords") or LORA_KEYWORDS),
            ),
            embedding_dim=int(model.get("projection_dim", default.embedding_dim)),
            hidden_dim=int(model.get("projection_hidden_dim", default.hidden_dim)),
            bottleneck_dim=int(model.get("projection_bottleneck_dim", default.bottleneck_dim)),
        )

    def _problems(self, config: dict[str, Any]) -> list[str]:
        """Return what cannot be built, in words."""
        problems = []
        for name, encoder in (("the image backbone", self.encoder), ("the feature combiner", self.combiner)):
            if encoder.dim % (6 * encoder.num_heads):
                problems.append(
                    f"{name} has {encoder.dim} channels and {encoder.num_heads} heads, but rotary positions over "
                    "three axes need heads of a multiple of 6 channels"
                )
        if any(window % patch for window, patch in zip(self.window_hwd, self.patch_hwd, strict=True)):
            problems.append(f"windows of {self.window_hwd} voxels do not divide into patches of {self.patch_hwd}")
        if self.text.backbone.get("model_type") not in ("qwen3", "bert"):
            problems.append(f"text model_type is {self.text.backbone.get('model_type')!r}, must be 'qwen3' or 'bert'")
        if float((config.get("image_preprocessing") or {}).get("min_area_for_padding") or 0) > 0:
            problems.append("min_area_for_padding is above 0, which these windows do not do")
        alignment = config.get("do_snippet_alignment") or {}
        wanted = {"snippet_mode": "axis_localization", "rope_mode": "physical"}
        for key, value in wanted.items():
            if isinstance(alignment, dict) and alignment.get(key, value) != value:
                problems.append(f"{key} is {alignment[key]!r}, must be {value!r}")
        return problems


def _triple(values: Any, default: tuple, number: type) -> tuple:
    if values is None:
        return default
    triple = tuple(number(value) for value in values)
    if len(triple) != 3 or min(triple) <= 0:
        raise ValueError(f"{list(values)} is not three positive numbers")
    return triple
