"""The command `evaluate`: phantoms, weights, figures, and the card that keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from napari_ct_grounding.inference.batch import run_batch
from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.model.slab.model import SlabModel
from napari_ct_grounding.model.weights.loading import LoadedWeights, load_weights
from train.data.phantoms import CachedPhantom, generate_cache, load_cache
from train.evaluate import (
    Decoding,
    encode_cached,
    evaluate_phantoms,
    evaluate_real,
    held_out_profiles,
    locate,
    markdown_table,
    real_cases,
)
from train.evaluation.files import write_measured
from train.evaluation.tasks import Measured, from_phantoms, localization_task
from train.export import read_card_record, write_card_record

__all__ = ["evaluate_command"]


def evaluate_command(
    weights: Path,
    *,
    num_phantoms: int,
    seed0: int,
    cache: Path,
    num_workers: int,
    real: Path | None = None,
    data: Path | None = None,
    into_card: bool = False,
    prior: Path | None = None,
    results: Path | None = None,
    out: Path | None = None,
    against: Path | None = None,
) -> dict[str, Any]:
    """Print the tables of weights and return all figures; with `into_card` the card keeps their summaries.

    `results` is a file for the answers to the real sentences, one by one, in the form that `ct-grounding batch` writes; scans
    that it holds already are not asked again. `out` is a folder for a file and a plot per task (`evaluation.files`), `against`
    that of another model.

    Raises
    ------
    ValueError
        When real sentences are given without the folder of their scans.
    """
    if real is not None and data is None:
        raise ValueError("--real names sentences about scans; say with --data in which folder the scans lie.")
    loaded, model = _loaded(weights)
    card = loaded.card
    how = Decoding.of(card)
    figures: dict[str, Any] = {}
    measured: list[Measured] = []
    if num_phantoms:
        phantoms = _phantoms(model, cache, range(seed0, seed0 + num_phantoms), num_workers)
        encoded = encode_cached(model, cache, tqdm(phantoms, desc="Phantoms"))
        located = locate(held_out_profiles(model, encoded), how)
        prior_phantoms = None if prior is None else load_cache(prior)
        figures["phantoms"] = evaluate_phantoms(model, cache, phantoms, how, prior_phantoms, encoded, located)
        if out is not None:
            groups = figures["phantoms"]["localization"]
            measured += from_phantoms(encoded, located, groups, model, card, (loaded.name, loaded.fingerprint))
        print(markdown_table(figures["phantoms"]["localization"]))
        interval, auroc = figures["phantoms"]["interval"], figures["phantoms"]["disease_auroc"]
        print(
            f"\ninterval of {interval['mass']:.0%} holds the truth in {interval['covers']:.0%}, "
            f"median width {interval['median_width_mm']:.0f} mm; disease AUROC (macro) {auroc['macro']}; "
            f"retrieval {figures['phantoms']['retrieval']}"
        )
    if real is not None and data is not None:
        figures["real"] = evaluate_real(model, real, data, how)
        print(markdown_table(figures["real"]["localization"]))
        for case in figures["real"]["cases"]:
            print(
                f"{case['error_mm']:7.1f} mm  {case['volume']}: {case['sentence']} "
                f"({case['z_lo_mm']} to {case['z_hi_mm']}, answered {case['predicted_mm']})"
            )
        if results is not None:
            session = GroundingSession.from_pretrained(weights)
            run_batch(real_cases(real, data), results, session, resume=results.exists())
        if out is not None:
            errors = np.array([case["error_mm"] for case in figures["real"]["cases"]])
            scans = np.array([case["volume"] for case in figures["real"]["cases"]])
            groups = {
                name.removeprefix("real ").replace("real", "all"): s
                for name, s in figures["real"]["localization"].items()
            }
            names = (loaded.name, loaded.fingerprint)
            measured.append(localization_task(real.stem, groups, names, {"error_mm": errors, "scan": scans}))
    if out is not None:
        print(write_measured(measured, out, against))
    if into_card:
        record = read_card_record(weights)
        # Of real scans the summary only: sentences and places of a case belong to its file, not to the weights.
        kept = {name: {k: v for k, v in part.items() if k != "cases"} for name, part in figures.items()}
        record["metrics"] = {**record.get("metrics", {}), **kept}
        write_card_record(weights, record)
    return figures


def _loaded(weights: Path) -> tuple[LoadedWeights, SlabModel]:
    loaded = load_weights(weights)
    if not isinstance(loaded.model, SlabModel):
        raise ValueError(
            f"The weights in {weights} are a {type(loaded.model).__name__}; this command reads slab models."
        )
    return loaded, loaded.model


def _phantoms(model: SlabModel, cache: Path, seeds: Sequence[int], num_workers: int) -> list[CachedPhantom]:
    generate_cache(cache, seeds, model.frame, num_workers)
    return load_cache(cache, seeds)
