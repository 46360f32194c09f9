"""The gradient of one optimizer step of a released-type network: three losses over all micro-batches of all processes.

The contrastive and the prompt loss need the embeddings of all scans; `cached_backward` computes them once over all
and keeps the graph of one micro-batch at a time. The localization loss asks one scan at a time, so each micro-batch
adds its own. Means run over everything that the step holds in all processes: how it is cut does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from napari_ct_grounding.model.radfinder.model import RadFinderNetwork
from train.accumulation import Embeddings, cached_backward, scale_gradient
from train.distributed import broadcast_into_clone, gather_rows, num_processes, sum_over_processes
from train.fit.micro_batches import MicroBatch, Snippets, StoredGrids, Tokens
from train.fit.questions import Questions
from train.losses.disease_prompts import disease_prompt_terms, prompt_logits
from train.losses.localization import blurred_one_hot, extent_targets, localization_losses, range_targets
from train.losses.siglip import siglip_share
from train.radfinder_recipe import RadFinderRecipe

__all__ = ["StepReport", "TrainingStep"]


@dataclass
class StepReport:
    """What a step computed, summed over all processes.

    Parameters
    ----------
    siglip, localization, prompts : float
        The three losses, unweighted; 0 where nothing was asked.
    num_pairs, num_sentences, num_labels : int
        What they are means over.
    embeddings : Tensor, (n, e)
        Retrieval vectors of this process's scans.
    """

    siglip: float = 0.0
    localization: float = 0.0
    prompts: float = 0.0
    num_pairs: int = 0
    num_sentences: int = 0
    num_labels: int = 0
    embeddings: Tensor = field(default_factory=lambda: torch.zeros(0, 1))


class TrainingStep:
    """Computes gradients; the optimizer is somebody else's.

    Parameters
    ----------
    network : RadFinderNetwork
        Its window encoder is never asked.
    questions : Questions
    recipe : RadFinderRecipe
    autocast : callable, optional
        Gives the context in which the network computes.
    """

    def __init__(
        self,
        network: RadFinderNetwork,
        questions: Questions,
        recipe: RadFinderRecipe,
        autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._network = network
        self._questions = questions
        self._recipe = recipe
        self._autocast = autocast
        self._device = network.criterion.t.device
        self._last_read: tuple[MicroBatch, StoredGrids] | None = None

    def backward(self, batches: Sequence[MicroBatch]) -> StepReport:
        """Add the gradient of a step to the parameters, times the number of processes: their mean is the step's gradient.

        Parameters
        ----------
        batches : sequence of MicroBatch
            This process's share; it may be empty while others' are not.
        """
        report = StepReport()
        num_sentences = self._count(sum(len(b.snippets.owner) for b in batches if b.snippets is not None))
        # One loop embeds scans and prompts: to the cache a piece is a piece.
        scans = [partial(self._embed_scans, batch) for batch in batches]
        prompts = [partial(self._embed_prompts, tokens) for tokens in self._questions.pieces]

        def loss_of(cached: list[Embeddings]) -> Tensor:
            return self._joint_loss(batches, cached[: len(scans)], cached[len(scans) :], report)

        def own_loss_of(piece: int) -> Tensor | None:
            if piece >= len(scans):
                return None
            return self._localization(batches[piece], num_sentences, report)

        cached_backward(
            [*scans, *prompts],
            loss_of,
            own_loss_of if num_sentences and self._recipe.loss.localization else None,
            restores_random_state=not self._recipe.released.redraws_dropout,
        )
        self._last_read = None
        report.num_sentences = num_sentences
        report.localization = float(sum_over_processes(torch.tensor(report.localization, device=self._device)))
        return report

    def localization_backward(self, batches: Sequence[MicroBatch]) -> None:
        """Add the gradient of the localization loss alone, as the released code does with the leftovers of an epoch."""
        num_sentences = self._count(sum(len(b.snippets.owner) for b in batches if b.snippets is not None))
        for batch in batches:
            loss = self._localization(batch, num_sentences, StepReport())
            if loss is not None:
                loss.backward()

    def _embed_scans(self, batch: MicroBatch) -> Embeddings:
        """Return retrieval vectors (r, e) and report vectors (r, e) of the pairs, disease vectors (b, e) of all scans."""
        network, features = self._network, self._features(batch)
        with self._autocast():
            whole = network.whole_vector(features.cls, features.patch_average, features.grids)
            retrieval = network.projection_image(whole[batch.report_rows.to(self._device)])
            disease = network.projection_image_copy(whole)
        return _full(retrieval), self._embed_report(batch.reports), _full(disease)

    def _features(self, batch: MicroBatch) -> StoredGrids:
        """Return a micro-batch's features; the last ones stay, since its own loss follows upon its embedding."""
        if self._last_read is None or self._last_read[0] is not batch:
            cls, patch_average, depth, grids = batch.features(self._device)
            dtype = self._network.head_dtype
            self._last_read = batch, StoredGrids(cls.to(dtype), patch_average.to(dtype), depth.to(dtype), grids)
        return self._last_read[1]

    def _embed_prompts(self, tokens: Tokens) -> Embeddings:
        return (self._embed_report(tokens),)

    def _embed_report(self, tokens: Tokens) -> Tensor:
        """Return vectors (n, e) of reports or prompts, which go through the same head."""
        if not len(tokens.ids):
            return self._rows([])
        with self._autocast():
            return _full(self._network.embed_texts(*tokens.to(self._device))[1])

    def _joint_loss(
        self, batches: Sequence[MicroBatch], scans: list[Embeddings], prompts: list[Embeddings], report: StepReport
    ) -> Tensor:
        """Return this process's share of the two losses that need all scans, times the number of processes."""
        loss = self._recipe.loss
        image, text, disease = (self._rows([of[i] for of in scans]) for i in range(3))
        report.embeddings = image.detach()
        # Every process gathers, whatever it holds: a process that stayed away would leave the others waiting.
        total = loss.siglip * self._siglip_share(batches, image, text, report)
        if loss.prompts:
            prompt_rows, _ = gather_rows(self._rows([of[0] for of in prompts]))
            labels = self._rows([batch.labels for batch in batches], (self._questions.shape[0],), torch.int8)
            total = total + loss.prompts * self._prompt_share(disease, prompt_rows, labels, report)
        return total

    def _siglip_share(self, batches: Sequence[MicroBatch], image: Tensor, text: Tensor, report: StepReport) -> Tensor:
        released, criterion = self._recipe.released, self._network.criterion
        gather = broadcast_into_clone if released.broadcast_into_clone else gather_rows
        texts, first_row = gather(text)
        keys = self._rows([batch.report_keys for batch in batches], (), torch.int64)
        all_keys, _ = gather_rows(keys)
        # The released code computes the loss anew for every micro-batch, and t and b get its gradient each time.
        factor = float(len(batches)) if released.repeats_scale_gradient else 1.0
        share = siglip_share(
            image,
            texts,
            first_row,
            scale_gradient(criterion.t, factor),
            scale_gradient(criterion.b, factor),
            all_keys if self._recipe.loss.excludes_same_reports else None,
        )
        report.num_pairs = len(texts)
        report.siglip = float(sum_over_processes(share))
        return share * num_processes()

    def _prompt_share(self, disease: Tensor, prompts: Tensor, labels: Tensor, report: StepReport) -> Tensor:
        loss, released, questions = self._recipe.loss, self._recipe.released, self._questions
        prompts = F.normalize(prompts, dim=-1)[questions.order.to(self._device)]
        prompts = prompts.view(*questions.shape, 2, prompts.shape[-1])
        t = self._network.criterion.t
        logits = prompt_logits(F.normalize(disease, dim=-1), prompts, t, loss.prompt_sampling)
        weights = (questions.positive_weights.to(self._device), questions.weights.to(self._device))
        terms = disease_prompt_terms(logits, labels, *weights, loss.label_smoothing)
        is_known = labels != -1
        num_known = self._count(int(is_known.sum()))
        report.num_labels = num_known
        report.prompts = float(sum_over_processes(terms.sum())) / max(num_known, 1)
        if not released.sums_micro_batches:
            return terms.sum() / max(num_known, 1) * num_processes()
        groups = zip(terms.split(released.prompt_group), is_known.split(released.prompt_group), strict=True)
        # Each process has its own groups, and DistributedDataParallel averages over processes, as released.
        return sum((of.sum() / known.sum().clamp_min(1) for of, known in groups), terms.sum() * 0)

    def _localization(self, batch: MicroBatch, num_sentences: int, report: StepReport) -> Tensor | None:
        """Return a micro-batch's part of the weighted localization loss, times the number of processes."""
        if batch.snippets is None:
            return None
        network, snippets, loss = self._network, batch.snippets, self._recipe.loss
        features = self._features(batch)
        with self._autocast():
            depths = network.depth_vectors(features.depth, features.grids)
            slices = network.projection_image_copy(depths)
            sentences = network.embed_texts(*snippets.tokens.to(self._device))[0]
        is_valid, owner = batch.is_valid.to(self._device), snippets.owner.to(self._device)
        targets = self._targets(snippets, is_valid[owner])
        losses = localization_losses(_full(slices), owner, _full(sentences), targets, is_valid, 1 / loss.temperature)
        report.localization += float(losses.detach().sum()) / num_sentences
        if self._recipe.released.sums_micro_batches:
            return loss.localization * losses.mean()
        return loss.localization * losses.sum() / num_sentences * num_processes()

    def _targets(self, snippets: Snippets, is_valid: Tensor) -> Tensor:
        loss = self._recipe.loss
        low, high = snippets.low.to(self._device), snippets.high.to(self._device)
        if loss.target == "position":
            return blurred_one_hot(snippets.depth.to(self._device), is_valid, loss.sigma)
        if loss.target == "extent":
            return extent_targets((low + high) / 2, high - low, is_valid, loss.sigma, loss.extent_share)
        return range_targets(low, high, is_valid, loss.sigma)

    def _rows(
        self, parts: Sequence[Tensor], width: tuple[int, ...] | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        """Return all rows as one tensor; without any, an empty one that takes part in the backward pass all the same."""
        if parts:
            return torch.cat([part.to(self._device) for part in parts])
        width = (self._network.config.embedding_dim,) if width is None else width
        empty = torch.zeros(0, *width, device=self._device, dtype=dtype or self._network.head_dtype)
        return empty.requires_grad_(empty.is_floating_point())

    def _count(self, own: int) -> int:
        """Return the sum of a count over all processes."""
        return int(sum_over_processes(torch.tensor(own, device=self._device)))


def _full(value: Tensor) -> Tensor:
    """Return embeddings in the precision that losses are computed in."""
    return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
