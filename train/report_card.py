"""The command `evaluate`: phantoms, weights, figures, and the card that keeps them.

::

    python -m train evaluate --weights weights --cache eval_cache --out figures                    # 200 held-out phantoms
    python -m train evaluate --weights weights --cache eval_cache --pool 1000 --out figures        # reports sought among 1,000
    python -m train evaluate --weights weights --phantoms 0 --real sentences.json --data ct --out figures

prints Markdown tables; with ``--out`` every task leaves a JSON file, a plot and its rows there (`train.evaluation.files`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.inference.batch import run_batch
from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.model.slab.model import SlabModel
from napari_ct_grounding.model.weights.loading import LoadedWeights, load_weights
from train.data.phantoms import CachedPhantom, generate_cache, load_cache
from train.evaluate import (
    Decoding,
    encode_cached,
    held_out_profiles,
    localization_groups,
    locate,
    markdown_table,
)
from train.evaluation.files import write_measured
from train.evaluation.real_sentences import evaluate_real, real_cases
from train.evaluation.tables import markdown_report
from train.evaluation.tasks import Measured, from_phantoms, localization_task
from train.export import read_card_record, write_card_record
from train.metrics.bootstrap import NUM_RESAMPLES

__all__ = ["card_summary", "evaluate_command"]


def evaluate_command(
    weights: Path,
    *,
    num_phantoms: int,
    seed0: int,
    cache: Path,
    num_workers: int,
    pool: int = 0,
    real: Path | None = None,
    data: Path | None = None,
    into_card: bool = False,
    prior: Path | None = None,
    results: Path | None = None,
    out: Path | None = None,
    against: Path | None = None,
    num_resamples: int = NUM_RESAMPLES,
) -> dict[str, Any]:
    """Print the tables of weights and return their summary; with `into_card` the card keeps it.

    Parameters
    ----------
    weights : Path
    num_phantoms, seed0 : int
        Held-out phantoms, and the first one's seed.
    cache : Path
        Where phantoms are kept; missing ones are generated.
    num_workers : int
        Processes that do so.
    pool : int
        Phantoms among which reports seek their scan, from `seed0` on; at least `num_phantoms`.
    real, data : Path, optional
        Sentences about real scans, and the folder of the scans.
    into_card : bool
    prior : Path, optional
        Cache of training phantoms that the category prior is taken from; by default the scored ones, which favours it.
    results : Path, optional
        File for the answers to the real sentences, one by one, as `ct-grounding batch` writes it; scans that it holds already are
        not asked again.
    out, against : Path, optional
        Folder of this evaluation (`evaluation.files`), and that of another model.
    num_resamples : int
        Of the intervals.

    Raises
    ------
    InputError
        When real sentences are given without the folder of their scans.
    """
    if real is not None and data is None:
        raise InputError("--real names sentences about scans; say with --data in which folder the scans lie.")
    loaded, model = _loaded(weights)
    card, names = loaded.card, (loaded.name, loaded.fingerprint)
    how = Decoding.of(card)
    figures: dict[str, Any] = {}
    measured: list[Measured] = []
    if num_phantoms:
        phantoms = _phantoms(model, cache, range(seed0, seed0 + max(num_phantoms, pool)), num_workers)
        everyone = encode_cached(model, cache, tqdm(phantoms, desc="Phantoms"))
        encoded = everyone[:num_phantoms]
        located = locate(held_out_profiles(model, encoded), how)
        prior_phantoms = phantoms[:num_phantoms] if prior is None else load_cache(prior)
        groups = localization_groups(located, prior_phantoms, num_resamples)
        measured = from_phantoms(encoded, located, groups, model, card, names, num_resamples, everyone)
        figures["phantoms"] = {"num_phantoms": num_phantoms, "localization": groups, **card_summary(measured)}
        if out is None:
            print(markdown_report([item.results for item in measured]))
    if real is not None and data is not None:
        figures["real"] = evaluate_real(model, real, data, how, num_resamples)
        _print_real(figures["real"])
        if results is not None:
            session = GroundingSession.from_pretrained(weights)
            run_batch(real_cases(real, data), results, session, resume=results.exists())
        cases = figures["real"]["cases"]
        groups = {
            name.removeprefix("real ").replace("real", "all"): summary
            for name, summary in figures["real"]["localization"].items()
        }
        rows = {
            "error_mm": np.array([case["error_mm"] for case in cases]),
            "scan": np.array([case["volume"] for case in cases]),
        }
        measured.append(localization_task(real.stem, groups, names, rows))
    if out is not None:
        print(write_measured(measured, out, against))
    if into_card:
        record = read_card_record(weights)
        # Of real scans the summary only: sentences and places of a case belong to its file, not to the weights.
        kept = {name: {k: v for k, v in part.items() if k != "cases"} for name, part in figures.items()}
        record["metrics"] = {**record.get("metrics", {}), **kept}
        write_card_record(weights, record)
    return figures


def card_summary(measured: Sequence[Measured]) -> dict[str, Any]:
    """What a card keeps of each task on phantoms besides localization."""
    tasks = {item.results.task: item.results for item in measured}

    def values(task: str, group: str = "all") -> dict[str, float | None]:
        return {f.name: f.value for f in tasks[task].figures if (f.group, f.answer) == (group, "model")}

    by_class = {name: found for name in CT_RATE_DISEASES if (found := tasks["disease"].figure("auroc", name))}
    macro = tasks["disease"].figure("auroc")
    oracle = tasks["report_retrieval"].figure("recall_at_10", "text to image", "oracle")
    summary: dict[str, Any] = {
        "interval": values("interval"),
        "disease_auroc": {
            "macro": macro and macro.value,
            "by_class": {name: figure.value for name, figure in by_class.items()},
        },
        "retrieval": {
            **values("report_retrieval", "text to image"),
            "oracle_recall_at_10": oracle and oracle.value,
            "pool": tasks["report_retrieval"].counts["scans"],
        },
    }
    if "pairs" in tasks:
        groups = dict.fromkeys(figure.group for figure in tasks["pairs"].figures)
        summary["pairs"] = {group: values("pairs", group) for group in groups}
    return summary | ({"location": values("location")} if "location" in tasks else {})


def _print_real(figures: dict[str, Any]) -> None:
    print(markdown_table(figures["localization"]))
    interval, ratio = figures["interval"], figures["localization"]["real"]["ratio_to_middle"]
    print(
        f"\nmean error {ratio:.2f} of the middle slice's, largest {figures['largest_mm']:.0f} mm; the interval of "
        f"{interval['mass']:.0%} holds the truth in {interval['covers']:.0%}, median width {interval['median_width_mm']:.0f} mm\n"
    )
    for case in figures["cases"]:
        print(
            f"{case['error_mm']:7.1f} mm  {case['volume']}: {case['sentence']} "
            f"({case['z_lo_mm']} to {case['z_hi_mm']}, answered {case['predicted_mm']})"
        )


def _loaded(weights: Path) -> tuple[LoadedWeights, SlabModel]:
    loaded = load_weights(weights)
    if not isinstance(loaded.model, SlabModel):
        raise InputError(
            f"The weights in {weights.name} are a {type(loaded.model).__name__}; on phantoms slab models are measured. For "
            "others say with --features which stored features to measure on."
        )
    return loaded, loaded.model


def _phantoms(model: SlabModel, cache: Path, seeds: Sequence[int], num_workers: int) -> list[CachedPhantom]:
    generate_cache(cache, seeds, model.frame, num_workers)
    return load_cache(cache, seeds)
