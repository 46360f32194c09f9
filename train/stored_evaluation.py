"""Measure weights of the released type on stored scans, by the protocols of the released evaluation.

::

    python -m train evaluate --weights runs/big/weights --features stores/radfinder --split valid --out figures

Every data set is measured by itself: report retrieval in both directions (CT-RATE in all its pools), small pools, volume
retrieval, zero-shot diseases, and the localization of placed sentences beside its baselines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.provenance import this_program
from napari_ct_grounding.inference.device import choose_device
from napari_ct_grounding.model.radfinder.model import RadFinderModel
from napari_ct_grounding.model.weights.loading import load_weights
from train.data.encoder_identity import check_window_encoder
from train.data.stored_features import UNKNOWN, FeatureStore
from train.metrics.bootstrap import NUM_RESAMPLES, Estimate
from train.metrics.classification import disease_figures
from train.metrics.ct_rate_pools import SELECTIONS, pool_rows
from train.metrics.positions import best_position, middle_position, per_scan_figures, position_figures, random_position
from train.metrics.rad_chest import PROTOCOL_DISEASES, standard_protocol
from train.metrics.retrieval import VOLUME_KS, pool_retrieval, ranking_of, retrieval_figures, volume_retrieval
from train.metrics.zero_shot import disease_scores
from train.stored_vectors import StoredVectors, embed_stored

__all__ = ["PUBLISHED", "evaluate_stored", "figures_of", "markdown_tables"]

Figures = dict[str, Any]

CT_RATE, MERLIN, RAD_CHEST = "ct-rate", "merlin", "rad-chestct"
#: What RadFinder's authors report: data set, protocol, figure; anywhere else nothing is published that could be compared.
PUBLISHED = {
    (CT_RATE, "text to image, first_all", "recall_at_10"): "0.315",
    (CT_RATE, "diseases", "auroc"): "0.838",
    (RAD_CHEST, "diseases", "auroc"): "0.770",
    (MERLIN, "small pools, first", "pool128_recall_at_1"): "0.690",
}


def evaluate_stored(
    weights: Path,
    features: Path,
    *,
    split: str = "valid",
    device: str = "auto",
    num_resamples: int = NUM_RESAMPLES,
) -> Figures:
    """Return all figures, data set by data set, with what they were computed from.

    Raises
    ------
    InputError
        When the weights are of another type or did not make the features, or the store has no scan of that split.
    """
    loaded = load_weights(weights, choose_device(device).device)
    if not isinstance(loaded.model, RadFinderModel):
        raise InputError(
            f"The weights {Path(weights).name!r} have no window encoder; stored features are read by RadFinder's type."
        )
    store = FeatureStore(features)
    check_window_encoder(store.header, Path(weights))
    program = this_program()
    by_dataset: Figures = {}
    for dataset in dict.fromkeys(record.dataset for record in store.records):
        scans = store.chosen(split=split, dataset=dataset)
        if scans:
            vectors = embed_stored(store, scans, loaded.model)
            by_dataset[dataset] = figures_of(vectors, store.label_names, loaded.model, num_resamples)
    if not by_dataset:
        raise InputError(f"The store {features.name!r} holds no scan of the split {split!r}.")
    return {
        "split": split,
        "weights": {"name": loaded.name, "fingerprint": loaded.fingerprint},
        "program": {"version": program.version, "commit": program.commit},
        "datasets": by_dataset,
    }


def figures_of(
    vectors: StoredVectors, label_names: tuple[str, ...], model: RadFinderModel, num_resamples: int = NUM_RESAMPLES
) -> Figures:
    """Return the figures of one data set; a protocol that its scans do not allow is left out."""
    figures: Figures = {"num_scans": len(vectors.records)}
    if retrieval := _report_retrieval(vectors, num_resamples):
        figures["report_retrieval"] = retrieval
    labels = np.stack([record.labels for record in vectors.records])
    similar, num_labelled = volume_retrieval(vectors.retrieval, labels, num_resamples=num_resamples)
    if similar:
        figures["volume_retrieval"] = {"num_scans": num_labelled, **similar}
    if diseases := _diseases(vectors, labels, label_names, model, num_resamples):
        figures["diseases"] = diseases
    if placed := _localization(vectors, model, num_resamples):
        figures["localization"] = placed
    return figures


def markdown_tables(figures: Figures) -> str:
    """Return the main figures as Markdown, a table for each data set."""
    lines = []
    for dataset, found in figures["datasets"].items():
        lines += [f"### {dataset}, {figures['split']}, {found['num_scans']} scans", ""]
        lines += ["| protocol | n | figure | value (95 % CI) | RadFinder, published |", "|---|---|---|---|---|"]
        for protocol, count, name, estimate in _rows(found):
            published = PUBLISHED.get((dataset, protocol, name), "")
            lines.append(f"| {protocol} | {count} | {name} | {_written(estimate)} | {published} |")
        lines.append("")
    return "\n".join(lines)


def _report_retrieval(vectors: StoredVectors, num_resamples: int) -> Figures:
    """Figures of every pool; scans without a report take no part."""
    has_report = np.array([bool(r.texts.findings or r.texts.impressions) for r in vectors.records])
    pools = {name: rows[has_report[rows]] for name, rows in _pools(vectors).items()}
    found: Figures = {}
    for name, rows in pools.items():
        if len(rows) < 2:
            continue
        image, text = vectors.retrieval[rows], vectors.report[rows]
        found[name] = {
            "num_scans": len(rows),
            "text_to_image": retrieval_figures(ranking_of(text, image), num_resamples=num_resamples),
            "image_to_text": retrieval_figures(ranking_of(image, text), num_resamples=num_resamples),
        }
        sizes = [size for size in (32, 64, 128) if size <= len(rows)]
        if sizes:
            found[name]["small_pools"] = pool_retrieval(image, text, sizes)
    return found


def _pools(vectors: StoredVectors) -> dict[str, NDArray[np.intp]]:
    """Rows of each pool: those of CT-RATE by their names, else the first scan of each report."""
    records = vectors.records
    if records[0].dataset != CT_RATE:
        firsts = {record.report_id: row for row, record in reversed(list(enumerate(records)))}
        return {"first": np.array(sorted(firsts.values()), dtype=np.intp)}
    names = [record.scan_id for record in records]
    no_chest = {record.scan_id for record in records if record.facts.get("no_chest")}
    findings = [record.texts.findings for record in records]
    spacing_mm = np.array([float(record.facts.get("xy_spacing_mm", np.inf)) for record in records])
    pools = {}
    for selection in SELECTIONS:
        pools[f"{selection}_all"] = pool_rows(names, selection, findings=findings, spacing_mm=spacing_mm)
        if no_chest:
            pools[f"{selection}_nohead"] = pool_rows(
                names, selection, no_chest=no_chest, findings=findings, spacing_mm=spacing_mm
            )
    return pools


def _diseases(
    vectors: StoredVectors,
    labels: NDArray[np.int8],
    label_names: tuple[str, ...],
    model: RadFinderModel,
    num_resamples: int,
) -> Figures:
    """Figures of the 18 classes of CT-RATE (of Rad-ChestCT those 16 that it tells apart) of which both values occur."""
    names: tuple[str, ...] = CT_RATE_DISEASES
    known = np.full((len(labels), len(names)), UNKNOWN, dtype=np.int64)
    for column, name in enumerate(names):
        if name in label_names:
            known[:, column] = labels[:, label_names.index(name)]
    if not ((known == 0).any(axis=0) & (known == 1).any(axis=0)).any():
        return {}
    scores = disease_scores(vectors.disease, lambda texts: model.embed_sentences(texts).report, names)
    if vectors.records[0].dataset == RAD_CHEST:
        known, scores = standard_protocol(known, scores)
        names = PROTOCOL_DISEASES
    found = disease_figures(known, scores, names, num_resamples=num_resamples)
    return {
        "macro": found.macro,
        "auroc": {name: of_class["auroc"] for name, of_class in found.by_class.items()},
        "left_out": list(found.left_out),
    }


def _localization(vectors: StoredVectors, model: RadFinderModel, num_resamples: int) -> Figures:
    """Figures over all placed sentences, and over one of each scan as released."""
    placed = [
        (scan, number, snippet)
        for scan, record in enumerate(vectors.records)
        for number, snippet in enumerate(record.snippets)
    ]
    if not placed:
        return {}
    texts = model.embed_sentences([snippet.sentences[0] for _, _, snippet in placed]).localization
    most = max(len(depth) for depth in vectors.depth)
    cosine, valid = np.zeros((len(placed), most)), np.zeros((len(placed), most), dtype=bool)
    for row, (scan, _, _) in enumerate(placed):
        depth = vectors.depth[scan]
        cosine[row, : len(depth)] = depth @ texts[row]
        valid[row, : len(depth)] = vectors.records[scan].place.is_valid
    target = np.array([snippet.depth for _, _, snippet in placed])
    scans = np.array([scan for scan, _, _ in placed])
    first, last = valid.argmax(axis=1), most - 1 - valid[:, ::-1].argmax(axis=1)
    answers = {
        "model": best_position(cosine, valid),
        "middle": middle_position(first, last),
        "random": random_position(first, last),
    }
    found: Figures = {}
    for name, rows in {
        "all": np.arange(len(placed)),
        "first_of_scan": np.flatnonzero([n == 0 for _, n, _ in placed]),
    }.items():
        found[name] = {"num_sentences": len(rows)}
        for who, predicted in answers.items():
            found[name][who] = {
                **position_figures(predicted[rows], target[rows], num_resamples),
                "per_scan": per_scan_figures(predicted[rows], target[rows], scans[rows]),
            }
    return found


def _rows(found: Figures) -> list[tuple[str, int, str, Estimate]]:
    """Protocol, size, name and value of the main figures."""
    rows = []
    for pool, of_pool in found.get("report_retrieval", {}).items():
        count = of_pool["num_scans"]
        for name in ("recall_at_1", "recall_at_10", "median_rank"):
            rows.append((f"text to image, {pool}", count, name, of_pool["text_to_image"][name]))
        rows += [(f"small pools, {pool}", count, name, value) for name, value in of_pool.get("small_pools", {}).items()]
    if "volume_retrieval" in found:
        similar = found["volume_retrieval"]
        rows += [("volume retrieval", similar["num_scans"], f"map_at_{k}", similar[f"map_at_{k}"]) for k in VOLUME_KS]
    if "diseases" in found:
        count = len(found["diseases"]["auroc"]) - len(found["diseases"]["left_out"])
        rows.append(("diseases", count, "auroc", found["diseases"]["macro"]["auroc"]))
    for name, of_group in found.get("localization", {}).items():
        for who in ("model", "middle", "random"):
            rows.append(
                (f"localization, {name}, {who}", of_group["num_sentences"], "mean_mm", of_group[who]["mean_mm"])
            )
    return rows


def _written(estimate: Estimate) -> str:
    return f"{estimate.value:.3g} ({estimate.low:.3g} to {estimate.high:.3g})"
