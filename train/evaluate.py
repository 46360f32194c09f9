"""Phantoms and their encodings, held-out wordings and answers: what `evaluate`, `calibrate` and the log of a training share.

Held-out means other seeds and wordings of the test family. The command itself is `train.report_card`; what is measured on
phantoms stands in `train.evaluation`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812

from napari_ct_grounding.core.profile import (
    decode_depth,
    depth_distribution,
    highest_density_interval,
    widened_interval,
)
from napari_ct_grounding.model.slab.model import SlabModel
from napari_ct_grounding.model.slab.preprocessing import window_channels
from napari_ct_grounding.model.weights.card import WeightsCard
from napari_ct_grounding.phantom.scan import Target
from napari_ct_grounding.phantom.sentences import sentence_about
from train.data.batches import MIN_VISIBLE_FRACTION
from train.data.phantoms import CachedPhantom, read_slabs
from train.data.text import draw_language
from train.metrics.bootstrap import NUM_RESAMPLES
from train.metrics.localization import Located, category_prior, localization_summary

__all__ = [
    "Decoding",
    "EncodedPhantom",
    "Profile",
    "encode_cached",
    "held_out_profiles",
    "localization_groups",
    "localize_cached",
    "locate",
    "markdown_table",
    "relative_positions",
    "summary_line",
]


@dataclass(frozen=True)
class Decoding:
    """How a profile is read; the fields of a card of the same names."""

    decoding: str = "median"
    temperature: float = 0.1
    interval_temperature: float = 0.1
    interval_mass: float = 0.8
    interval_radius_mm: float = 0.0

    @classmethod
    def of(cls, card: WeightsCard) -> Decoding:
        """Return what a card says."""
        return cls(**{field.name: getattr(card, field.name) for field in fields(cls)})


@dataclass(frozen=True, eq=False)
class EncodedPhantom:
    """A cached phantom with its vectors, all of unit length."""

    phantom: CachedPhantom
    depth: NDArray[np.float32]
    retrieval: NDArray[np.float32]
    disease: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Profile:
    """Cosines of one held-out wording along one phantom."""

    encoded: EncodedPhantom
    target: Target
    language: str
    values: NDArray[np.float32]


@torch.inference_mode()
def encode_cached(model: SlabModel, cache: Path, phantoms: Sequence[CachedPhantom]) -> list[EncodedPhantom]:
    """Return the vectors of cached phantoms, as `SlabModel.encode_volume` gives them."""
    encoded = []
    for phantom in phantoms:
        slabs = torch.from_numpy(np.array(read_slabs(cache, phantom.seed)))
        mask = torch.ones(1, len(slabs), dtype=torch.bool)
        output = model.encoder(window_channels(slabs, model.frame), mask)
        vectors = (F.normalize(v[0], dim=-1).numpy() for v in (output.depth, output.retrieval, output.disease))
        encoded.append(EncodedPhantom(phantom, *vectors))
    return encoded


def held_out_profiles(model: SlabModel, encoded: Sequence[EncodedPhantom], german_share: float = 0.35) -> list[Profile]:
    """Return a profile for every target that is at least half visible, worded as training never does."""
    wanted: list[tuple[EncodedPhantom, Target, str, str]] = []
    for item in encoded:
        for target in item.phantom.targets:
            if target.visible_fraction < MIN_VISIBLE_FRACTION:
                continue
            rng = np.random.default_rng([item.phantom.seed, zlib.crc32(target.name.encode())])
            language = draw_language(german_share, rng)
            sentence = sentence_about(target, language=language, family="test", rng=rng)
            wanted.append((item, target, language, sentence))
    unique = list(dict.fromkeys(sentence for *_, sentence in wanted))
    vectors = dict(zip(unique, model.embed_sentences(unique).localization, strict=True)) if unique else {}
    return [Profile(item, target, language, item.depth @ vectors[s]) for item, target, language, s in wanted]


def locate(profiles: Sequence[Profile], how: Decoding) -> list[Located]:
    """Return truth and answer of each profile."""
    located = []
    for profile in profiles:
        z_mm = np.array(profile.encoded.phantom.z_mm)
        half = (z_mm[1] - z_mm[0]) / 2
        covered = (float(z_mm[0] - half), float(z_mm[-1] + half))
        probability = depth_distribution(profile.values, how.interval_temperature)
        interval = highest_density_interval(probability, z_mm, how.interval_mass)
        located.append(
            Located(
                scan=profile.encoded.phantom.seed,
                target=profile.target.name,
                is_finding=profile.target.is_finding,
                z_mm=profile.target.z_mm,
                z_lo_mm=profile.target.z_lo_mm,
                z_hi_mm=profile.target.z_hi_mm,
                covered_mm=covered,
                predicted_mm=decode_depth(profile.values, z_mm, how.decoding, how.temperature),
                interval_mm=widened_interval(interval, how.interval_radius_mm, covered, 2 * half),
                score=float(profile.values.max()),
                language=profile.language,
            )
        )
    return located


def localize_cached(
    model: SlabModel, cache: Path, phantoms: Sequence[CachedPhantom], temperature: float
) -> list[Located]:
    """Return truth and answer of held-out wordings on cached phantoms."""
    profiles = held_out_profiles(model, encode_cached(model, cache, phantoms))
    return locate(profiles, Decoding(temperature=temperature, interval_temperature=temperature))


def relative_positions(phantoms: Sequence[CachedPhantom]) -> dict[str, list[float]]:
    """Return where in its scan each target lies, 0 to 1, over phantoms: what the category prior is made of."""
    positions: dict[str, list[float]] = {}
    for phantom in phantoms:
        half = (phantom.z_mm[1] - phantom.z_mm[0]) / 2
        low, high = phantom.z_mm[0] - half, phantom.z_mm[-1] + half
        for target in phantom.targets:
            if target.visible_fraction >= MIN_VISIBLE_FRACTION:
                positions.setdefault(target.name, []).append((target.z_mm - low) / (high - low))
    return positions


def localization_groups(
    located: Sequence[Located], prior_phantoms: Sequence[CachedPhantom], num_resamples: int = NUM_RESAMPLES
) -> dict[str, dict[str, Any] | None]:
    """Return the errors of answers and baselines for all sentences, landmarks, findings, and each language.

    Parameters
    ----------
    located : sequence of Located
    prior_phantoms : sequence of CachedPhantom
        What the category prior is taken from: training phantoms (the scored ones favour that baseline).
    num_resamples : int
    """
    prior = category_prior(relative_positions(prior_phantoms))
    groups = {
        "all": located,
        "landmarks": [item for item in located if not item.is_finding],
        "findings": [item for item in located if item.is_finding],
        "german": [item for item in located if item.language == "de"],
        "english": [item for item in located if item.language == "en"],
    }
    return {name: localization_summary(items, prior, num_resamples) for name, items in groups.items()}


def summary_line(located: Sequence[Located]) -> str:
    """Return one line for the log of a training."""
    parts = []
    for name, is_finding in (("landmarks", False), ("findings", True)):
        chosen = [item for item in located if item.is_finding is is_finding]
        if chosen:
            error = np.array([abs(item.predicted_mm - item.z_mm) for item in chosen])
            middle = np.array([abs(sum(item.covered_mm) / 2 - item.z_mm) for item in chosen])
            parts.append(
                f"{name} {error.mean():.1f} mm (median {np.median(error):.1f}, middle slice {middle.mean():.1f}, n {len(chosen)})"
            )
    return "; ".join(parts)


def markdown_table(groups: Mapping[str, dict[str, Any] | None]) -> str:
    """Return localization summaries as a Markdown table, one row for each group and way of answering."""
    lines = [
        "| sentences | n | answer | mean error mm (95 % CI) | median | within 12 mm | within 24 mm | inside extent |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for group, summary in groups.items():
        if summary is None:
            continue
        for name in ("model", "category_prior", "middle_slice", "random"):
            if name not in summary:
                continue
            row = summary[name]
            low, high = row["mean_mm_ci"]
            lines.append(
                f"| {group} | {summary['num_sentences']} | {name.replace('_', ' ')} "
                f"| {row['mean_mm']:.1f} ({low:.1f}-{high:.1f}) | "
                f"{row['median_mm']:.1f} | {row['within_12_mm']:.0%} | {row['within_24_mm']:.0%} | {row['inside']:.0%} |"
            )
    return "\n".join(lines)
