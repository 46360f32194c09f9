"""Every protocol of the released evaluation gives its figures again, on the same seeded arrays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from train.metrics.bootstrap import Estimate
from train.metrics.classification import disease_figures
from train.metrics.positions import middle_position, per_scan_figures, position_figures, random_position
from train.metrics.retrieval import pool_retrieval, ranking_of, retrieval_figures, volume_retrieval

GOLDEN = json.loads((Path(__file__).parents[2] / "data" / "radfinder_evaluation" / "evaluation.json").read_text())
OURS_TO_RELEASED = {
    **{f"recall_at_{k}": f"r{k}" for k in (1, 5, 10, 50, 100)},
    "median_rank": "medr",
    "mean_rank": "meanr",
    "auroc": "auc",
    "sensitivity": "sens",
    "specificity": "spec",
    "precision": "prec",
    "balanced_accuracy": "acc",
    "mean_mm": "loc_mae_mm",
    "median_mm": "loc_median_mm",
    "mean_positions": "loc_mae_positions",
    "exact": "loc_acc_exact",
    "within_12_mm": "loc_acc_within_12mm",
    "within_24_mm": "loc_acc_within_24mm",
}


def embeddings(normalised: bool = True) -> tuple[np.ndarray, np.ndarray]:
    image = np.random.default_rng(81).standard_normal((150, 32))
    text = 0.6 * image + np.random.default_rng(82).standard_normal((150, 32))
    if normalised:
        image, text = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (image, text))
    return image, text


def disease_arrays() -> tuple[np.ndarray, np.ndarray]:
    labels = (np.random.default_rng(83).random((150, 18)) < 0.15).astype(int)
    return labels, np.random.default_rng(84).random((150, 18)) * 0.6 + 0.3 * labels


def positions() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    predicted = np.random.default_rng(85).integers(0, 20, 200)
    target = np.clip(predicted + np.random.default_rng(86).integers(-4, 5, 200), 0, 19)
    return predicted, target, np.random.default_rng(87).integers(0, 40, 200)


def same(estimate: Estimate, released: dict, key: str, has_interval: bool = True) -> None:
    # Mean ranks are float32 means in the released code.
    assert estimate.value == pytest.approx(released[key], rel=3e-8 if key == "meanr" else 1e-12), key
    if has_interval:
        assert estimate.low == pytest.approx(released[f"{key}_ci_lo"], rel=1e-12), key
        assert estimate.high == pytest.approx(released[f"{key}_ci_hi"], rel=1e-12), key
        assert estimate.half_width == pytest.approx(released[f"{key}_ci_half"], rel=1e-9, abs=1e-12), key


@pytest.mark.parametrize("direction", ["t2i", "i2t"])
def test_report_retrieval(direction):
    image, text = embeddings()
    ranking = ranking_of(text, image) if direction == "t2i" else ranking_of(image, text)
    figures = retrieval_figures(ranking, num_resamples=1000 if direction == "t2i" else 0)
    released = GOLDEN["retrieval"]
    for name, estimate in figures.items():
        same(estimate, released[direction], OURS_TO_RELEASED[name], has_interval=False)
        if direction == "t2i":
            same(estimate, released["bootstrap_t2i_1000"], OURS_TO_RELEASED[name])
    if direction == "t2i":
        assert ranking.rank.sum() == released["ranks_t2i_sum"]


def test_retrieval_in_small_pools():
    figures = pool_retrieval(*embeddings(normalised=False), num_repeats=20)
    released = GOLDEN["pool"]["ci"]
    assert {name.replace("recall_at_", "r") for name in figures} == set(GOLDEN["pool"]["metrics"])
    for name, estimate in figures.items():
        same(estimate, released, name.replace("recall_at_", "r"))


def test_retrieval_of_scans_alike():
    figures, num_scans = volume_retrieval(embeddings()[0], disease_arrays()[0], num_resamples=500)
    assert num_scans == GOLDEN["volume"]["n"]
    for k in (5, 10, 50):
        same(figures[f"map_at_{k}"], GOLDEN["volume"]["boot"], f"vol_map{k}")


def test_diseases_without_training_on_them():
    released = GOLDEN["disease"]
    figures = disease_figures(*disease_arrays(), CT_RATE_DISEASES, num_resamples=200)
    for name, of_class in figures.by_class.items():
        for figure, estimate in of_class.items():
            key = f"{name}_{OURS_TO_RELEASED.get(figure, figure)}"
            same(estimate, released["aux"], key, has_interval=False)
    keys = {"auroc": "auroc", "sensitivity": "sens", "specificity": "spec", "precision": "prec", "f1": "f1",
            "balanced_accuracy": "acc"}  # fmt: skip
    for figure, short in keys.items():
        same(figures.macro[figure], released["main"], f"mean_{short}", has_interval=False)
        if figure not in ("sensitivity", "specificity"):
            same(figures.macro[figure], released["boot200"], f"mean_{short}")


def test_localization_in_positions():
    predicted, target, scans = positions()
    released = GOLDEN["localization_metrics"]
    for name, estimate in position_figures(predicted, target, num_resamples=1000).items():
        same(estimate, released["boot1000"], OURS_TO_RELEASED[name])
    per_scan = per_scan_figures(predicted, target, scans)
    assert per_scan.pop("num_scans") == released["perscan"]["n_scans_with_snippets"]
    for name, value in per_scan.items():
        assert value == pytest.approx(
            released["perscan"][OURS_TO_RELEASED[name].replace("loc_", "loc_perscan_")], rel=1e-12
        )


@pytest.mark.parametrize(("baseline", "answer"), [("random", random_position), ("middle", middle_position)])
def test_localization_baselines(baseline, answer):
    _, target, _ = positions()
    first, last = np.zeros(200, int), np.full(200, 23)
    for name, estimate in position_figures(answer(first, last), target, num_resamples=0).items():
        same(estimate, GOLDEN["localization_metrics"][baseline], OURS_TO_RELEASED[name], has_interval=False)
