"""Train the slab model on phantoms.

::

    python -m train phantoms --out cache --num 2600 --workers 2
    python -m train fit --recipe train/recipes/bundled.toml --cache cache --out runs/bundled

stops after the recipe's steps or minutes, whichever comes first; the same command goes on where it was stopped or killed.
``--minutes 1`` is enough to see it turn.
The order of events: data, text (see `train.text_pairs`), model, losses, optimizer, loop.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.model.slab.model import SlabModel
from napari_ct_grounding.model.slab.preprocessing import SlabFrame, window_channels
from napari_ct_grounding.model.slab.sentence_encoder import SentenceText
from train.data.batches import Batch, BatchMaker, prefetched
from train.data.detections import detector_names
from train.data.phantoms import CachedPhantom, load_cache
from train.data.text import FrozenText, PromptBank, WordingBank, draw_wordings
from train.effective_rank import dimensions_of_variance, effective_rank, variance_shares
from train.fit.checkpoint import save_checkpoint
from train.fit.run_log import RunLog, trackers
from train.losses.detections import detections_loss
from train.losses.disease_prompts import disease_prompt_loss, positive_weight, prompt_logits
from train.losses.localization import extent_targets, localization_losses
from train.losses.siglip import siglip_loss
from train.recipe import LossRecipe, Recipe
from train.text_pairs import load_encoder, teach

__all__ = ["Criterion", "build_model", "fit", "load_run"]

#: Volume embeddings of the last steps whose rank is told.
_NUM_RANKED = 512

_LONGEST_STEP_S = 30.0


class Criterion(nn.Module):
    """The losses and their learned scales.

    Parameters
    ----------
    recipe : LossRecipe
    positive_weights : Tensor, (18,)
    """

    def __init__(self, recipe: LossRecipe, positive_weights: Tensor) -> None:
        super().__init__()
        self._recipe = recipe
        self.positive_weights: Tensor
        self.register_buffer("positive_weights", positive_weights)
        self.log_localization_scale = nn.Parameter(torch.tensor(2.3026))
        self.nowhere_cosine = nn.Parameter(torch.tensor(0.3))
        self.logit_scale = nn.Parameter(torch.tensor(2.3026))
        self.logit_bias = nn.Parameter(torch.tensor(-3.0))
        self.claim_scale = nn.Parameter(torch.tensor(2.3026))
        self.claim_bias = nn.Parameter(torch.tensor(0.0))

    @property
    def temperature(self) -> float:
        """Tau of the localization cosines."""
        return float(torch.exp(-self.log_localization_scale.detach()))

    def forward(
        self, model: SlabModel, batch: Batch, prompts: Tensor, is_coarse: bool
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Return the losses of a batch, unweighted, and the volume embeddings of its scans.

        Parameters
        ----------
        model : SlabModel
        batch : Batch
        prompts : Tensor
            Sentence vectors of prompts, (18 x variants x 2, h), see `PromptBank.draw`.
        is_coarse : bool
            Whether pixels are halved: a quarter of the work, enough for the first part of training.
        """
        hu = F.avg_pool2d(batch.hu[:, None], 2)[:, 0] if is_coarse else batch.hu
        with torch.autocast(hu.device.type, dtype=torch.bfloat16):
            image = model.encoder(window_channels(hu, model.frame), batch.mask)
        depth, retrieval, disease = image.depth.float(), image.retrieval.float(), image.disease.float()
        text = sentence_text(model)
        sentences = text.localization(batch.hidden)
        targets = extent_targets(
            batch.centre,
            batch.extent,
            batch.mask[batch.owner],
            self._recipe.min_sigma_slabs,
            self._recipe.extent_share,
        )
        targets = F.pad(targets, (0, 1)).where(batch.is_placed[:, None], _nowhere(targets))
        scale = self.log_localization_scale.clamp_max(4.6).exp()
        each = localization_losses(depth, batch.owner, sentences, targets, batch.mask, scale, self.nowhere_cosine)
        losses = {"localization": each.mean()}

        statements = text.report(batch.report_hidden)
        reports = statements.new_zeros((batch.is_same_report.shape[1], statements.shape[1]))
        reports = reports.index_add(0, batch.report_owner, statements)
        losses["siglip"] = siglip_loss(retrieval, reports, self.logit_scale, self.logit_bias, batch.is_same_report)

        pairs = F.normalize(text.report(prompts), dim=-1)
        logits = prompt_logits(
            F.normalize(disease, dim=-1),
            pairs.view(len(CT_RATE_DISEASES), -1, 2, pairs.shape[-1]),
            self.logit_scale,
            self._recipe.prompt_sampling,
        )
        loss = disease_prompt_loss(logits, batch.labels, self.positive_weights)
        losses["disease"] = logits.sum() * 0 if loss is None else loss
        losses["claims"] = self._claims_loss(retrieval, text.report(batch.claim_hidden), batch)
        losses["detections"] = detections_loss(image.detections.float(), batch.mask, batch.detections)
        return losses, retrieval

    def _claims_loss(self, retrieval: Tensor, claims: Tensor, batch: Batch) -> Tensor:
        """Is this sentence true of this scan? What tells pairs apart that differ in side, negation or lobe."""
        cosine = (F.normalize(retrieval, dim=-1)[batch.claim_owner] * F.normalize(claims, dim=-1)).sum(-1)
        return F.binary_cross_entropy_with_logits(
            self.claim_scale.exp() * cosine + self.claim_bias, batch.claim_is_true
        )


def _nowhere(targets: Tensor) -> Tensor:
    """Return the row (d + 1,) that says "at no place"."""
    return F.one_hot(torch.tensor(targets.shape[1]), targets.shape[1] + 1).to(targets)


def sentence_text(model: SlabModel) -> SentenceText:
    """Return the text side of a model of the second edition.

    Raises
    ------
    InputError
        For the first edition, whose text side is no longer trained.
    """
    if not isinstance(model.text, SentenceText):
        raise InputError("This run is of the first edition, which is no longer trained. Begin anew with --fresh.")
    return model.text


def build_model(recipe: Recipe, text: Path, out: Path, frame: SlabFrame) -> SlabModel:
    """Return a fresh model with the sentence encoder taught in the folder `text`; write config.json to `out`."""
    torch.manual_seed(recipe.seed)
    config: dict[str, Any] = {
        "model_type": "slab",
        "embedding_size": recipe.embedding_size,
        "frame": frame.to_dict(),
        "encoder": {**asdict(recipe.image), "num_detectors": len(detector_names())},
        "text": {
            "encoder": recipe.text_encoder.encoder_config(),
            "head_width": recipe.text.head_width,
            "dropout": recipe.text.dropout,
        },
    }
    (out / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    model = SlabModel.from_config(config, out)
    sentence_text(model).encoder.load_state_dict(load_encoder(text).state_dict(), strict=True)
    return model


def load_run(run: Path) -> tuple[SlabModel, dict[str, Any]]:
    """Return the averaged model of a run's last checkpoint, in eval mode, and the checkpoint."""
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    checkpoint = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)
    model = SlabModel.from_config(config, run)
    model.load_state_dict(checkpoint["average"])
    return model.eval(), checkpoint


def fit(
    recipe: Recipe,
    cache: Path,
    out: Path,
    *,
    minutes: float | None = None,
    is_fresh: bool = False,
    stop_after_minutes: float | None = None,
) -> None:
    """Train for the recipe's steps, or its minutes (or `minutes`) where these end first; go on from what `out` holds.

    Leaves ``checkpoint.pt``, ``log.jsonl``, ``config.json`` and the folder ``text`` in `out`.

    Parameters
    ----------
    recipe : Recipe
    cache : Path
        Folder of phantoms.
    out : Path
        Folder of the run.
    minutes : float, optional
        Instead of the recipe's.
    is_fresh : bool
        Begin anew.
    stop_after_minutes : float, optional
        Leave this long after the call with a checkpoint; the schedule stays that of the whole training.

    Raises
    ------
    InputError
        When `out` holds a run of another recipe.
    """
    called = time.perf_counter()
    stop_after = float("inf") if stop_after_minutes is None else 60.0 * stop_after_minutes
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # A GPU leaves the cores to the makers of batches, one each.
    torch.set_num_threads(1 if device.type == "cuda" else recipe.num_threads)
    num_makers = max(1, (os.cpu_count() or 2) - 1) if device.type == "cuda" else 1
    out.mkdir(parents=True, exist_ok=True)
    seconds = 60.0 * (recipe.minutes if minutes is None else minutes)
    frame = recipe.frame.slab_frame()

    # Data. The last phantoms of the cache tell how training goes; they are not trained on.
    phantoms = load_cache(cache)
    num_watched = max(2, min(40, len(phantoms) // 10))
    watched, phantoms = phantoms[-num_watched:], phantoms[:-num_watched]
    print(f"{len(phantoms)} phantoms to train on, {num_watched} to watch")

    # Text: the sentence encoder is taught first, and then stays.
    text_minutes = recipe.text_encoder.minutes if minutes is None else min(minutes, recipe.text_encoder.minutes)
    teach(recipe.text_encoder, out / "text", seed=recipe.seed, minutes=text_minutes)
    checkpoint: dict[str, Any] | None = None
    if (out / "checkpoint.pt").is_file() and not is_fresh:
        model, checkpoint = load_run(out)
        _check_recipe(recipe, checkpoint, out)
        model.load_state_dict(checkpoint["model"])
    else:
        model = build_model(recipe, out / "text", out, frame)
    started = time.perf_counter()
    model.to(device)
    encoder = sentence_text(model).encoder.requires_grad_(False).eval()
    wordings = draw_wordings(phantoms, recipe.text.num_wordings, recipe.text.german_share, recipe.seed)
    frozen = FrozenText(encoder)
    bank = WordingBank(frozen, wordings)
    maker = BatchMaker(cache, phantoms, bank, frozen, recipe.batch, recipe.seed)
    prompts = PromptBank(frozen)
    print(f"{len(frozen.sentences)} sentences encoded in {time.perf_counter() - started:.0f} s", flush=True)

    # Losses and optimizer.
    labels = torch.tensor([[name in p.diseases for name in CT_RATE_DISEASES] for p in phantoms]).long()
    criterion = Criterion(recipe.loss, positive_weight(labels, recipe.loss.max_positive_weight)).to(device)
    optimizer = torch.optim.AdamW(_parameter_groups(model, criterion, recipe), betas=(0.9, 0.98))
    average = {name: value.detach().clone() for name, value in model.state_dict().items()}
    step, elapsed = 0, 0.0
    if checkpoint is not None:
        criterion.load_state_dict(checkpoint["criterion"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        average = {name: value.to(device) for name, value in checkpoint["average"].items()}
        step, elapsed = int(checkpoint["step"]), float(checkpoint["elapsed_s"])
    weights = {
        name: getattr(recipe.loss, name) for name in ("localization", "siglip", "disease", "claims", "detections")
    }

    # The loop.
    model.train()
    encoder.eval()
    last_step = last_saved = last_told = time.perf_counter()
    sums: dict[str, float] = {}
    recent: deque[Tensor] = deque(maxlen=_NUM_RANKED // recipe.batch.num_scans + 1)
    accelerator = Accelerator(cpu=device.type == "cpu", log_with=trackers(), project_dir=out)
    log = RunLog(accelerator, out, step, recipe.steps)
    for batch in prefetched(maker, step, num_makers):
        # A machine that slept or a process that was halted has not trained meanwhile.
        elapsed += min(time.perf_counter() - last_step, _LONGEST_STEP_S)
        last_step = time.perf_counter()
        progress = max(step / recipe.steps, elapsed / seconds)
        if progress >= 1 or last_step - called > stop_after:
            break
        torch.manual_seed(1_000_003 * recipe.seed + step)  # dropout of a step is the same whether or not it was resumed
        rate = _learning_rate(progress, recipe)
        for group in optimizer.param_groups:
            group["lr"] = rate
        drawn = prompts.draw(recipe.loss.num_prompts, np.random.default_rng([recipe.seed, 17, step]))
        is_coarse = progress < recipe.coarse_share
        losses, embeddings = criterion(model, batch.to(device), drawn.to(device), is_coarse)
        recent.append(embeddings.detach())
        loss = sum((weights[name] * value for name, value in losses.items()), torch.zeros((), device=device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], recipe.optimizer.clip_norm)
        optimizer.step()
        step += 1
        _update_average(average, model, min(recipe.optimizer.ema_decay, step / (step + 10)))

        values = {name: float(value.detach()) for name, value in losses.items()}
        log.advance(values)
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + value
        sums["steps"] = sums.get("steps", 0) + 1
        now = time.perf_counter()
        if now - last_told > 20:
            means = {name: value / sums["steps"] for name, value in sums.items() if name != "steps"}
            shares = variance_shares(torch.cat(list(recent)))
            entry = {"elapsed_s": elapsed, "lr": rate, **means, "s_per_step": (now - last_told) / sums["steps"],
                     "temperature": criterion.temperature, "effective_rank": effective_rank(shares),
                     "dimensions_of_90_percent": float(dimensions_of_variance(shares))}  # fmt: skip
            log.write(step, entry)
            log.say(f"step {step}: " + ", ".join(f"{name} {value:.4g}" for name, value in entry.items()))
            sums, last_told = {}, now
        if now - last_saved > recipe.checkpoint_seconds:
            _save(out, recipe, model, average, criterion, optimizer, step, elapsed)
            _watch(out, cache, watched, criterion.temperature, log, step)
            last_saved = last_told = time.perf_counter()
    _save(out, recipe, model, average, criterion, optimizer, step, elapsed)
    _watch(out, cache, watched, criterion.temperature, log, step)
    log.say(f"step {step}: " + ("training has ended" if progress >= 1 else "stopped; the same command goes on"))
    log.close()


def _learning_rate(progress: float, recipe: Recipe) -> float:
    """Linear warm-up, then a half cosine down to a hundredth."""
    peak, warmup = recipe.optimizer.learning_rate, recipe.optimizer.warmup_share
    if progress < warmup:
        return peak * (0.02 + 0.98 * progress / warmup)
    return peak * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * (progress - warmup) / (1 - warmup)))))


def _parameter_groups(model: SlabModel, criterion: Criterion, recipe: Recipe) -> list[dict[str, Any]]:
    """Matrices decay; vectors (biases, norms) and the scales of the losses do not."""
    trained = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": recipe.optimizer.weight_decay},
        {"params": [p for p in trained if p.ndim < 2] + list(criterion.parameters()), "weight_decay": 0.0},
    ]


@torch.no_grad()
def _update_average(average: dict[str, Tensor], model: SlabModel, decay: float) -> None:
    for name, value in model.state_dict().items():
        if name.startswith("text.encoder.") or not value.is_floating_point():
            continue
        average[name].lerp_(value, 1 - decay)


def _check_recipe(recipe: Recipe, checkpoint: dict[str, Any], out: Path) -> None:
    """Raise when a run was begun with another recipe; how long it lasts may change."""
    before = checkpoint.get("recipe", {})
    now = asdict(recipe)
    free = ("steps", "minutes", "num_threads", "checkpoint_seconds")
    differing = [name for name in now if name not in free and name in before and before[name] != now[name]]
    if differing:
        raise InputError(
            f"{out.name!r} holds a run whose recipe differs in {', '.join(differing)}. Choose another folder for this "
            "one, or begin anew with --fresh."
        )


def _save(
    out: Path,
    recipe: Recipe,
    model: SlabModel,
    average: dict[str, Tensor],
    criterion: Criterion,
    optimizer: torch.optim.Optimizer,
    step: int,
    elapsed: float,
) -> None:
    save_checkpoint(
        out / "checkpoint.pt",
        {
            "recipe": asdict(recipe),
            "model": model.state_dict(),
            "average": average,
            "criterion": criterion.state_dict(),
            "optimizer": optimizer.state_dict(),
            "step": step,
            "elapsed_s": elapsed,
            "temperature": criterion.temperature,
        },
    )


def _watch(
    out: Path, cache: Path, watched: Sequence[CachedPhantom], temperature: float, log: RunLog, step: int
) -> None:
    """Tell how far the averaged model is off on phantoms and wordings that it has not seen."""
    from train.evaluate import localize_cached, summary_line

    model, _ = load_run(out)
    truths = localize_cached(model, cache, watched, temperature)
    line = summary_line(truths)
    errors = {
        name: [abs(item.predicted_mm - item.z_mm) for item in truths if item.is_finding is is_finding]
        for name, is_finding in (("landmarks", False), ("findings", True))
    }
    log.write(step, {f"watched_{name}_mm": float(np.mean(of)) for name, of in errors.items() if of})
    log.say(f"step {step}: {line}")
