"""Learns when to say "no clear location": a `LocationRule` from located, outside and placeless questions.

Chosen on phantoms (LOG.md): the best cosine alone tells 61 % of outside and 32 % of placeless sentences at the price of 10 % of
located ones. Five figures of the profile tell more outside ones, levels of the body more again, and nothing in a profile tells
placeless sentences well, so the sentence itself is asked: a direction in the space of sentence vectors.

All figures that are reported, and the threshold, come from scans that the rule at hand was not fitted on (five folds by scan; the
direction of sentences: five folds by sentence).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict

from napari_ct_grounding.core.location import FIGURES, LocationRule, location_terms
from train.calibration.cases import KINDS, CalibrationSet

__all__ = ["LocationErrors", "fit_location_rule", "location_errors"]

#: Of located sentences, lost at most; the issue's limit is 10 %.
MAX_LOST = 0.09

NUM_LEVELS = 24
_LEVEL_TEMPERATURE = 0.06
_MAX_VECTORS = 6000
_NUM_FOLDS = 5


@dataclass(frozen=True)
class LocationErrors:
    """Both errors of the rule.

    Parameters
    ----------
    located_lost : float
        Share of located sentences told as "no clear location".
    outside_told, placeless_told : float
        Share of the others told so; NaN where there were none.
    """

    located_lost: float
    outside_told: float
    placeless_told: float


def fit_location_rule(
    cases: CalibrationSet, vectors: dict[str, NDArray[np.float32]], temperature: float, seed: int = 0
) -> tuple[LocationRule, LocationErrors]:
    """Return the rule and its cross-validated errors.

    Parameters
    ----------
    cases : CalibrationSet
        With all three kinds of question.
    vectors : dict
        Sentence to its localization vector.
    temperature : float
        Of the interval's softmax.
    seed : int
    """
    missing = [kind for kind in KINDS if not cases.of_kind(kind)]
    if missing:
        raise ValueError(f"No question is {' or '.join(missing)}; the rule is learned from all three kinds.")
    kinds = np.array([question.kind for question in cases.questions])
    groups = np.array([question.group for question in cases.questions])
    direction, unseen = _named_direction(cases, vectors, seed)
    draft = LocationRule(
        temperature=temperature,
        level_temperature=_LEVEL_TEMPERATURE,
        levels=_levels(cases, seed),
        named=direction,
        mean=np.zeros(len(FIGURES)),
        scale=np.ones(len(FIGURES)),
        weights=np.zeros(location_terms(np.zeros(len(FIGURES))).size),
        threshold=0.0,
    )
    figures = question_figures(draft, cases, vectors)
    figures[:, FIGURES.index("named")] = [unseen[question.sentence] for question in cases.questions]
    mean, scale = figures.mean(axis=0), np.maximum(figures.std(axis=0), 1e-6)
    # The constant belongs to the terms, so the fit needs none of its own.
    terms, is_located = location_terms((figures - mean) / scale), kinds == "located"
    share = {"located": 0.5, "outside": 0.25, "placeless": 0.25}
    weight = np.array([share[kind] * len(kinds) / (kinds == kind).sum() for kind in KINDS])[
        np.searchsorted(KINDS, kinds)
    ]
    model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=5000)
    folds = GroupKFold(min(_NUM_FOLDS, len(np.unique(groups))))
    unseen_logits = cross_val_predict(
        model, terms, is_located, groups=groups, cv=folds, method="decision_function", params={"sample_weight": weight}
    )
    model.fit(terms, is_located, sample_weight=weight)
    threshold = float(np.quantile(unseen_logits[is_located], MAX_LOST))
    rule = replace(draft, mean=mean, scale=scale, weights=model.coef_[0].astype(np.float64), threshold=threshold)
    return rule, location_errors(unseen_logits >= threshold, kinds)


def question_figures(
    rule: LocationRule, cases: CalibrationSet, vectors: dict[str, NDArray[np.float32]]
) -> NDArray[np.float64]:
    """Return the figures (n, 7) of all questions."""
    rows = []
    for question in cases.questions:
        scan, vector = cases.scans[question.scan], vectors[question.sentence]
        rows.append(rule.figures(scan.depth @ vector, scan.depths_mm, scan.depth, vector, scan.is_valid))
    return np.array(rows)


def location_errors(has_location: NDArray[np.bool_], kinds: NDArray) -> LocationErrors:
    """Return both errors of answers (n,) to questions of `kinds` (n,)."""

    def told(kind: str) -> float:
        chosen = ~has_location[kinds == kind]
        return float(chosen.mean()) if chosen.size else float("nan")

    return LocationErrors(told("located"), told("outside"), told("placeless"))


def _levels(cases: CalibrationSet, seed: int) -> NDArray[np.float32]:
    """Typical depth vectors, unit length."""
    rows = np.concatenate([scan.depth[scan.is_valid] for scan in cases.scans[: cases.num_whole]])
    chosen = rows[np.random.default_rng(seed).permutation(len(rows))[:_MAX_VECTORS]]
    centres = (
        KMeans(min(NUM_LEVELS, len(chosen)), n_init=1, max_iter=50, random_state=seed).fit(chosen).cluster_centers_
    )
    return (centres / np.linalg.norm(centres, axis=1, keepdims=True)).astype(np.float32)


def _named_direction(
    cases: CalibrationSet, vectors: dict[str, NDArray[np.float32]], seed: int
) -> tuple[NDArray[np.float32], dict[str, float]]:
    """The direction from placeless sentences to all others, and each sentence's place on one that was learned without it."""
    placeless = {question.sentence for question in cases.of_kind("placeless")}
    sentences = sorted({question.sentence for question in cases.questions})
    sentences = [sentences[i] for i in np.random.default_rng(seed).permutation(len(sentences))]
    rows, is_named = np.stack([vectors[s] for s in sentences]), np.array([s not in placeless for s in sentences])
    model = LogisticRegression(C=3.0, class_weight="balanced", fit_intercept=False, max_iter=5000)
    folds = max(2, min(_NUM_FOLDS, int(is_named.sum()), int((~is_named).sum())))
    unseen = cross_val_predict(model, rows, is_named, cv=folds, method="decision_function")
    model.fit(rows, is_named)
    return model.coef_[0].astype(np.float32), dict(zip(sentences, unseen.tolist(), strict=True))
