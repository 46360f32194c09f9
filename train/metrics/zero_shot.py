"""Scores of diseases from sentences alone: the vector of a scan against sentences that say yes and no.

Three ways, as in the released evaluation (named there t3, mean7 and rate):

- `single`: one pair, "There is X." / "There is no X.";
- `mean`: the seven pairs of `core.diseases.prompt_pairs`, unit vectors averaged for each sign and made unit again;
- `rate_disease_scores`: questions of the RATE list, the largest score of those that a disease is mapped to.

A score of the first two is the softmax over the two raw cosines, P(yes), without a temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES, prompt_pairs

__all__ = ["TEMPLATES", "disease_scores", "question_scores", "rate_disease_scores"]

#: Which pairs of `prompt_pairs` each way of scoring takes.
TEMPLATES: dict[str, slice] = {"single": slice(2, 3), "mean": slice(None)}


def disease_scores(
    disease: NDArray,
    embed: Callable[[Sequence[str]], NDArray],
    names: Sequence[str] = CT_RATE_DISEASES,
    template: str = "mean",
) -> NDArray[np.float64]:
    """Return P(yes) (n, q) of each disease.

    Parameters
    ----------
    disease : (n, e)
        Disease embeddings of the scans, unit length.
    embed : callable
        From sentences to unit vectors (m, e); `TextEmbeddings.report`.
    names : sequence of str
        Inserted as they are written.
    template : {"mean", "single"}
    """
    if template not in TEMPLATES:
        raise ValueError(f"template is {template!r}; it must be one of {', '.join(TEMPLATES)}.")
    pairs = [prompt_pairs(name)[TEMPLATES[template]] for name in names]
    vectors = np.asarray(embed([text for of_name in pairs for pair in of_name for text in pair]), dtype=np.float64)
    yes, no = _mean_pairs(vectors.reshape(len(names), -1, 2, vectors.shape[-1]))
    return _sigmoid(disease @ (yes - no).T)


def question_scores(
    disease: NDArray, prompts: NDArray, logit_scale: float, released_fault: bool = False
) -> NDArray[np.float64]:
    """Return the probability (n, q) of "yes" to each RATE question: sigmoid(exp(t) (cos yes - cos no)).

    Parameters
    ----------
    disease : (n, e)
        Unit length.
    prompts : (q, v, 2, e)
        v wordings of (yes, no), unit length; averaged and made unit again.
    logit_scale : float
        t of the trained model.
    released_fault : bool
        Use exp(-t), as the released evaluation does. It squeezes all probabilities towards one half; neither AUROC nor the
        figures at 0.5 can tell.
    """
    yes, no = _mean_pairs(np.asarray(prompts, dtype=np.float64))
    return _sigmoid(np.exp(-logit_scale if released_fault else logit_scale) * (disease @ (yes - no).T))


def rate_disease_scores(
    questions: NDArray, mapping: Mapping[str, Sequence[int]], names: Sequence[str] = CT_RATE_DISEASES
) -> NDArray[np.float64]:
    """Return the scores (n, len(names)) of diseases: the largest of the questions mapped to each; NaN where none is.

    Parameters
    ----------
    questions : (n, q)
        From `question_scores`.
    mapping : mapping
        Disease to columns of `questions`.
    names : sequence of str
    """
    nothing = np.full(len(questions), np.nan)
    columns = [questions[:, list(mapping[name])].max(axis=1) if mapping.get(name) else nothing for name in names]
    return np.stack(columns, axis=1)


def _mean_pairs(prompts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors (q, e) of yes and no from wordings (q, v, 2, e)."""
    mean = (prompts / np.linalg.norm(prompts, axis=-1, keepdims=True)).mean(axis=1)
    mean /= np.linalg.norm(mean, axis=-1, keepdims=True)
    return mean[:, 0], mean[:, 1]


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(-np.logaddexp(0.0, -x))
