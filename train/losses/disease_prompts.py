"""Is a disease there: a volume against pairs of sentences that say yes and no.

RadFinder (arXiv 2603.02026, section 2.2): the difference of two cosines is the logit, so the classifier is text and takes any
wording at inference.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

__all__ = ["SAMPLINGS", "disease_prompt_loss", "disease_prompt_terms", "positive_weight", "prompt_logits"]

#: How variants of a question's sentences are used: the first; all, averaged; one drawn for each sample and question; or the
#: mean of a random number of draws.
SAMPLINGS = ("first_only", "mean_all", "random_1", "random_1_to_n")


def positive_weight(labels: Tensor, largest: float = 20.0) -> Tensor:
    """Return min(n_negative / n_positive, largest) of each question; 1 where nothing is positive.

    Parameters
    ----------
    labels : Tensor, (n, q)
        1, 0, or -1 for unknown, over the training scans.
    """
    positives = (labels == 1).sum(0).float()
    negatives = (labels == 0).sum(0).float()
    weight = (negatives / positives.clamp_min(1)).clamp_max(largest)
    return torch.where(positives > 0, weight, torch.ones_like(weight))


def prompt_logits(
    image: Tensor,
    prompts: Tensor,
    logit_scale: Tensor,
    sampling: str,
    index: Tensor | None = None,
    count: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return x = exp(t) (cos(image, yes) - cos(image, no)), (n, q).

    Yes and no of a variant are drawn together. The vectors are taken as they are (unit length is the caller's task).

    Parameters
    ----------
    image : Tensor, (n, e)
    prompts : Tensor, (q, v, 2, e)
        v variants of a question, each (yes, no).
    logit_scale : Tensor, ()
        t, shared with the contrastive loss; its bias cancels.
    sampling : str
        One of `SAMPLINGS`.
    index : Tensor[int], (n, q) or (n, q, v), optional
        The draws of "random_1" and "random_1_to_n"; drawn here by default.
    count : Tensor[int], (n, q), optional
        For "random_1_to_n": how many of the draws count, 1 to v.
    generator : torch.Generator, optional
    """
    num_samples, (num_questions, num_variants) = len(image), prompts.shape[:2]
    # cos(image, yes) - cos(image, no) = image . (yes - no): half the products
    logits = logit_scale.exp() * torch.einsum("ne,qve->nqv", image, prompts[:, :, 0] - prompts[:, :, 1])
    if sampling == "first_only":
        return logits[:, :, 0]
    if sampling == "mean_all":
        return logits.mean(dim=2)
    if sampling not in SAMPLINGS:
        raise ValueError(f"sampling is {sampling!r}; it must be one of {SAMPLINGS}.")
    is_single = sampling == "random_1"
    if index is None:
        size = (num_samples, num_questions) if is_single else (num_samples, num_questions, num_variants)
        index = torch.randint(num_variants, size, generator=generator).to(logits.device)
    if is_single:
        return logits.gather(2, index[..., None])[..., 0]
    if count is None:
        count = torch.randint(1, num_variants + 1, (num_samples, num_questions), generator=generator).to(logits.device)
    drawn = logits.gather(2, index)
    counts = torch.arange(num_variants, device=logits.device) < count[..., None]
    return (drawn * counts).sum(2) / count


def disease_prompt_loss(
    logits: Tensor,
    labels: Tensor,
    positive_weights: Tensor,
    question_weights: Tensor | None = None,
    smoothing: float = 0.0,
) -> Tensor | None:
    """Return the weighted binary cross-entropy, or None where no label is known.

    ::

        loss = sum_known( w_q BCE(x, y; pos_weight_q) ) / number of known labels,   y <- y (1 - 2 eps) + eps

    The weights are not in the denominator, as released.

    Parameters
    ----------
    logits : Tensor, (n, q)
    labels : Tensor, (n, q)
        1, 0, or -1 for unknown.
    positive_weights : Tensor, (q,)
        See `positive_weight`.
    question_weights : Tensor, (q,), optional
        1 by default; the released recipe gives the 18 CT-RATE questions 5.
    smoothing : float
        eps, 0 in the release.
    """
    num_known = (labels != -1).sum()
    if not bool(num_known):
        return None
    return disease_prompt_terms(logits, labels, positive_weights, question_weights, smoothing).sum() / num_known


def disease_prompt_terms(
    logits: Tensor,
    labels: Tensor,
    positive_weights: Tensor,
    question_weights: Tensor | None = None,
    smoothing: float = 0.0,
) -> Tensor:
    """Return the summands (n, q) of `disease_prompt_loss`, 0 where a label is unknown; `labels` stays as it is.

    Apart from the sum, because the known labels of all processes are its denominator.
    """
    targets = labels.to(logits.dtype) * (1 - 2 * smoothing) + smoothing
    terms = F.binary_cross_entropy_with_logits(logits, targets, pos_weight=positive_weights, reduction="none")
    if question_weights is not None:
        terms = terms * question_weights
    return terms.masked_fill(labels == -1, 0.0)
