"""Figures of every task as `core.evaluation_results` keeps them, from phantoms, real sentences, stored features or a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.evaluation_results import EvaluationResults, Figure
from napari_ct_grounding.core.localization_results import LocalizationResults
from napari_ct_grounding.phantom.sentences import general_sentence
from train.calibration.cases import CalibrationSet, Question, phantom_cases
from train.calibration.location import question_figures
from train.data.text import draw_language, phantom_report
from train.evaluate import EncodedPhantom
from train.evaluation.pairs import pair_figures, sentence_pairs, told_apart
from train.evaluation.pool import oracle_ranking, pool_baselines
from train.metrics.bootstrap import NUM_RESAMPLES, Estimate, bootstrap_scans, estimates
from train.metrics.classification import disease_figures
from train.metrics.localization import Located
from train.metrics.retrieval import ranking_of, retrieval_figures, volume_retrieval
from train.metrics.zero_shot import disease_scores

__all__ = ["Measured", "from_batch", "from_phantoms", "from_stored", "localization_task"]

_NUM_GENERAL = 4


@dataclass(frozen=True, eq=False)
class Measured:
    """Figures of one task, and the rows that two models are compared by.

    Parameters
    ----------
    results : EvaluationResults
    rows : dict
        Arrays with one entry per query, sentence or scan; empty where a task has none.
    """

    results: EvaluationResults
    rows: dict[str, NDArray] = field(default_factory=dict)


def from_phantoms(
    encoded: Sequence[EncodedPhantom],
    located: Sequence[Located],
    summaries: Mapping[str, dict[str, Any] | None],
    model: Any,
    card: Any,
    weights: tuple[str, str],
    num_resamples: int = NUM_RESAMPLES,
    pool: Sequence[EncodedPhantom] | None = None,
) -> list[Measured]:
    """Return all tasks that phantoms allow.

    Parameters
    ----------
    encoded : sequence of EncodedPhantom
    located : sequence of Located
        Answers to held-out wordings.
    summaries : mapping
        Group to what `localization_summary` gave.
    model, card
        Text side, and how profiles are read.
    weights : tuple of str
        Name and fingerprint.
    num_resamples : int
    pool : sequence of EncodedPhantom, optional
        Among which scans are found by their reports; `encoded` by default.
    """
    pool = encoded if pool is None else pool
    counts = {"scans": len(encoded), "sentences": len(located)}

    def task(name: str, figures: Sequence[Figure], left_out: Sequence[str] = (), **rows: NDArray) -> Measured:
        counted = {"scans": len(pool)} if name == "report_retrieval" else counts
        return Measured(
            EvaluationResults(name, "phantoms", *weights, tuple(figures), counted, tuple(left_out)), dict(rows)
        )

    truth, answer = (np.array([getattr(item, name) for item in located]) for name in ("z_mm", "predicted_mm"))
    scans = np.array([item.scan for item in located])
    measured = [task("localization", _summary_figures(summaries), error_mm=np.abs(answer - truth), scan=scans)]
    inside = np.array([item.interval_mm[0] <= item.z_mm <= item.interval_mm[1] for item in located], dtype=np.float64)
    widths = np.array([item.interval_mm[1] - item.interval_mm[0] for item in located])
    covers = {"covers": float(inside.mean())}
    covered = estimates(covers, {"covers": bootstrap_scans(inside, scans, num_resamples)})
    lengths = np.array([item.covered_mm[1] - item.covered_mm[0] for item in located])
    measured.append(
        task(
            "interval",
            [
                *_figures(covered),
                Figure("median_width_mm", float(np.median(widths))),
                Figure("median_share_of_scan", float(np.median(widths / lengths))),
            ],
            inside=inside,
            scan=scans,
        )
    )
    if card.location_rule is not None:
        measured.append(task("location", _location_figures(encoded, model, card.location_rule, num_resamples)))

    labels = np.array([[name in e.phantom.diseases for name in CT_RATE_DISEASES] for e in encoded]).astype(np.int64)
    scores = disease_scores(np.stack([e.disease for e in encoded]), lambda t: model.embed_sentences(t).report)
    found = disease_figures(labels, scores, CT_RATE_DISEASES, num_resamples=num_resamples)
    by_class = [figure for name, of_class in found.by_class.items() for figure in _figures(of_class, name)]
    guessed = Figure("auroc", 0.5, answer="random")
    macro = [*_figures(found.macro), guessed, *by_class]
    measured.append(task("disease", macro, found.left_out, labels=labels, scores=scores))

    pairs = sentence_pairs([e.phantom for e in encoded])
    if pairs:
        told = told_apart(pairs, encoded, model.embed_sentences)
        by_kind = pair_figures(pairs, told, num_resamples)
        measured.append(task("pairs", by_kind, told_apart=told[:, 0], scan=np.array([pair.scan for pair in pairs])))

    images = np.stack([e.retrieval for e in pool])
    reports = model.embed_sentences([phantom_report(e.phantom, seed=0, family="test") for e in pool]).report
    ranking = ranking_of(reports, images)
    both = [
        *_figures(retrieval_figures(ranking, num_resamples=num_resamples), "text to image"),
        *pool_baselines(ranking, oracle_ranking([e.phantom for e in pool]), "text to image", num_resamples),
        *_figures(retrieval_figures(ranking_of(images, reports), num_resamples=num_resamples), "image to text"),
    ]
    measured.append(task("report_retrieval", both, rank=ranking.rank))
    similar, _ = volume_retrieval(np.stack([e.retrieval for e in encoded]), labels, num_resamples=num_resamples)
    if similar:
        measured.append(task("volume_retrieval", _figures(similar)))
    return measured


def localization_task(
    dataset: str, summaries: Mapping[str, dict[str, Any] | None], weights: tuple[str, str], rows: dict[str, NDArray]
) -> Measured:
    """Return the localization figures of groups of sentences, from what `localization_summary` gave."""
    known = [summary for summary in summaries.values() if summary is not None]
    counts = {"scans": known[0]["num_scans"], "sentences": known[0]["num_sentences"]} if known else {}
    return Measured(
        EvaluationResults("localization", dataset, *weights, tuple(_summary_figures(summaries)), counts), rows
    )


def from_batch(results: LocalizationResults, dataset: str, num_resamples: int = NUM_RESAMPLES) -> Measured:
    """Return localization figures of the rows of a batch that have a truth; the error is 0 within the true range.

    Groups: all, and each category. Failed rows are counted and have no error.
    """
    answered = [row for row in results.rows if row.error_mm is not None]
    error = np.array([row.error_mm for row in answered], dtype=np.float64)
    scans = np.array([f"{row.case.scan} {row.case.series} {row.case.frame}" for row in answered])
    category = np.array([row.case.category or "" for row in answered])
    figures: list[Figure] = []
    for group in ("all", *sorted({name for name in category.tolist() if name})):
        chosen = np.ones(len(error), bool) if group == "all" else category == group
        if not chosen.any():
            continue
        columns = np.stack([error, error <= 12, error <= 24], axis=1)[chosen].astype(np.float64)
        names = ("mean_mm", "within_12_mm", "within_24_mm")
        resampled = bootstrap_scans(columns, scans[chosen], num_resamples)
        found = estimates(
            dict(zip(names, columns.mean(axis=0), strict=True)), dict(zip(names, resampled.T, strict=True))
        )
        figures += [*_figures(found, group), Figure("median_mm", float(np.median(error[chosen])), group=group)]
    counts = {
        "sentences": len(answered),
        "scans": len(set(scans.tolist())),
        "failed": sum(row.prediction is None for row in results.rows),
    }
    weights = results.weights_name, results.weights_fingerprint
    return Measured(
        EvaluationResults("localization", dataset, *weights, tuple(figures), counts), {"error_mm": error, "scan": scans}
    )


def from_stored(figures: Mapping[str, Any]) -> list[Measured]:
    """Return the tasks of `stored_evaluation.evaluate_stored`, data set by data set."""
    weights = figures["weights"]["name"], figures["weights"]["fingerprint"]
    measured = []
    for name, found in figures["datasets"].items():
        dataset, parts = f"{name} {figures['split']}", dict[str, list[Figure]]()
        counts, left_out = {"scans": found["num_scans"]}, tuple(found.get("diseases", {}).get("left_out", ()))
        for pool, of_pool in found.get("report_retrieval", {}).items():
            counts[f"scans, {pool}"] = of_pool["num_scans"]
            report = parts.setdefault("report_retrieval", [])
            report += _figures(of_pool["text_to_image"], f"text to image, {pool}")
            report += _figures(of_pool["image_to_text"], f"image to text, {pool}")
            if of_pool.get("small_pools"):
                parts.setdefault("pool_retrieval", []).extend(_figures(of_pool["small_pools"], pool))
        if "volume_retrieval" in found:
            parts["volume_retrieval"] = _figures(found["volume_retrieval"])
        if "diseases" in found:
            parts["disease"] = _figures(found["diseases"]["macro"])
            parts["disease"] += [_figure("auroc", value, group) for group, value in found["diseases"]["auroc"].items()]
        for group, of_group in found.get("localization", {}).items():
            for who in ("model", "middle", "random"):
                listed = parts.setdefault("localization", [])
                listed += _figures(of_group[who], group, who)
                listed += [
                    Figure(f"per_scan_{figure}", float(value), group=group, answer=who)
                    for figure, value in of_group[who]["per_scan"].items()
                    if figure != "num_scans"
                ]
        for task, listed in parts.items():
            kept = left_out if task == "disease" else ()
            measured.append(Measured(EvaluationResults(task, dataset, *weights, tuple(listed), counts, kept)))
    return measured


def _location_figures(encoded: Sequence[EncodedPhantom], model: Any, rule: Any, num_resamples: int) -> list[Figure]:
    """How often a card's rule says "no clear location", by kind of question; intervals from resampled scans.

    Its placeless sentences are of the lexicon's test family, which calibration never sees.
    """
    cases = phantom_cases(encoded, seed=1)
    questions = [question for question in cases.questions if question.kind != "placeless"]
    rng = np.random.default_rng(1)
    for index in range(len(encoded)):
        for _ in range(_NUM_GENERAL):
            sentence = general_sentence(draw_language(0.35, rng), family="test", rng=rng)
            questions.append(Question(index, sentence, "placeless", np.nan, index))
    asked = CalibrationSet(cases.scans, questions, cases.num_whole, cases.source)
    sentences = sorted({question.sentence for question in questions})
    vectors = dict(zip(sentences, model.embed_sentences(sentences).localization, strict=True))
    told = rule.logit(question_figures(rule, asked, vectors)) < rule.threshold
    kinds, scans = (np.array([getattr(question, name) for question in questions]) for name in ("kind", "group"))
    figures = []
    for kind, name in (("located", "located_lost"), ("outside", "outside_told"), ("placeless", "placeless_told")):
        chosen = kinds == kind
        if chosen.any():
            values = told[chosen].astype(np.float64)
            resampled = {name: bootstrap_scans(values, scans[chosen], num_resamples)}
            figures += _figures(estimates({name: float(values.mean())}, resampled))
    return figures


def _summary_figures(summaries: Mapping[str, dict[str, Any] | None]) -> list[Figure]:
    figures = []
    for group, summary in summaries.items():
        for who, of_answer in (summary or {}).items():
            if not isinstance(of_answer, dict):
                continue
            name = {"middle_slice": "middle"}.get(who, who)
            low, high = of_answer["mean_mm_ci"]
            figures.append(Figure("mean_mm", of_answer["mean_mm"], low, high, group, name))
            others = (key for key in of_answer if not key.startswith("mean_mm"))
            figures += [Figure(key, of_answer[key], group=group, answer=name) for key in others]
    return figures


def _figures(found: Mapping[str, Any], group: str = "all", answer: str = "model") -> list[Figure]:
    return [_figure(name, value, group, answer) for name, value in found.items() if isinstance(value, Estimate)]


def _figure(name: str, value: Estimate, group: str, answer: str = "model") -> Figure:
    low, high = (float(end) if np.isfinite(end) else None for end in (value.low, value.high))
    return Figure(name, value.value if np.isfinite(value.value) else None, low, high, group, answer)
