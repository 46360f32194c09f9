"""Train a released-type network on stored features.

::

    python -m train features --help                                        # first: features of all scans, once
    python -m train fit --recipe train/recipes/radfinder.toml --features STORE --weights WEIGHTS --out runs/big
    torchrun --nproc-per-node 4 -m train fit ...                           # the same with several GPUs

The window encoder is neither loaded nor trained; combiner, heads, low-rank updates of the text encoder, temperature and bias are.
The same command goes on where it was stopped or killed, and ends with the same weights. ``--steps 3`` is enough to see it turn.

The order of events: processes, data, network, optimizer, what a killed run left, loop.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from accelerate import Accelerator
from torch import nn

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.model.radfinder.config import RadFinderConfig
from napari_ct_grounding.model.radfinder.model import RadFinderNetwork
from napari_ct_grounding.model.radfinder.text_encoder import TextTokenizer
from napari_ct_grounding.model.weights.loading import resolve_weights, tokenizer_folder
from napari_ct_grounding.model.weights.tensor_files import fingerprint_of, tensor_files
from train.data.encoder_identity import check_window_encoder
from train.data.stored_features import UNKNOWN, FeatureStore
from train.distributed import GradientTouch, leave_group, num_processes, process_index
from train.effective_rank import dimensions_of_variance, effective_rank, variance_shares
from train.fit.checkpoint import load_checkpoint, save_checkpoint
from train.fit.micro_batches import StepMaker, Tokenizer, Tokens
from train.fit.questions import make_questions
from train.fit.run_log import RunLog, trackers
from train.fit.schedule import learning_rate, parameter_groups
from train.fit.selection import held_out_scans, text_to_image_mean_rank
from train.fit.start import start_network, trained_parameters
from train.fit.step import StepReport, TrainingStep
from train.radfinder_recipe import RadFinderRecipe

__all__ = ["BEST", "CHECKPOINT", "RUN_FACTS", "fit_radfinder"]

CHECKPOINT, BEST, RUN_FACTS = "checkpoint.pt", "best.pt", "run.json"

#: Fields of a recipe that may change while a run is under way.
_FREE_FIELDS = ("num_threads", "checkpoint_minutes")


def fit_radfinder(
    recipe: RadFinderRecipe,
    recipe_folder: Path,
    features: Path,
    start: Path | str,
    out: Path,
    *,
    tokenizer: Path | None = None,
    num_steps: int | None = None,
    is_fresh: bool = False,
    device: str = "auto",
) -> None:
    """Train for the recipe's epochs, or until step `num_steps`; go on from what `out` holds.

    Leaves ``checkpoint.pt`` (to go on), ``best.pt`` (to export), ``run.json`` and ``log.jsonl`` in `out`, and
    TensorBoard's files.

    Parameters
    ----------
    recipe : RadFinderRecipe
    recipe_folder : Path
        That the recipe's file of prompts is sought in.
    features : Path
        Folder of stored features.
    start : Path or str
        Weights to begin with.
    out : Path
        Folder of the run.
    tokenizer : Path, optional
        Folder of tokenizer files, for weights without.
    num_steps : int, optional
        Stop there; the schedule stays that of all epochs.
    is_fresh : bool
        Begin anew instead.
    device : str
        "auto" takes a GPU where there is one; "cpu".

    Raises
    ------
    InputError
        When features, starting weights, recipe and what `out` holds do not belong together.
    """
    # Processes. Started by torchrun there are several; accelerate finds the others, and the device of each.
    is_own_group = not dist.is_initialized()
    accelerator = Accelerator(cpu=device == "cpu", log_with=trackers(), project_dir=out)
    torch.set_num_threads(recipe.num_threads)
    out.mkdir(parents=True, exist_ok=True)

    # Data.
    weights = resolve_weights(start)
    store = FeatureStore(features, forgets_padding=recipe.released.forgets_padding)
    config = RadFinderConfig.from_dict(json.loads((weights / "config.json").read_text(encoding="utf-8")))
    _check_store(store, config, weights.name)
    check_window_encoder(store.header, weights)
    scans, watched = held_out_scans(store, store.chosen(split="train"), recipe.num_held_out)
    read = partial(_tokenizer, tokenizer_folder(weights, tokenizer), config.text.backbone["model_type"])
    tokenize = read(recipe.report.max_tokens)
    # Labels that no scan knows are not asked about: their prompts would be encoded for nothing.
    columns = np.flatnonzero((store.labels[scans] != UNKNOWN).any(axis=0)).tolist()
    maker = StepMaker(store, scans, tokenize, recipe, columns, process_index(), num_processes())
    last_step = maker.steps_per_epoch * recipe.epochs
    stop_at = last_step if num_steps is None else min(num_steps, last_step)

    # Network.
    network = start_network(weights, recipe.network, accelerator.device, recipe.seed)
    autocast = _autocast(recipe.precision, accelerator.device)
    ask = read(recipe.report.max_prompt_tokens)
    names, labels = [store.label_names[i] for i in columns], store.labels[scans][:, columns]
    questions = make_questions(names, labels, ask, recipe, recipe_folder, process_index(), num_processes())
    training = TrainingStep(network, questions, recipe, autocast)
    touch = accelerator.prepare(GradientTouch(network))

    # Optimizer.
    trained = trained_parameters(network)
    adam = recipe.optimizer
    optimizer = torch.optim.AdamW(
        parameter_groups(trained, adam), lr=adam.learning_rate, betas=(adam.beta1, adam.beta2)
    )
    num_warmup = round(adam.warmup_epochs * maker.steps_per_epoch)

    # What a stopped or killed run left.
    facts = _facts(recipe, store, weights, start)
    state = None if is_fresh else _state_of(out, facts)
    step, best = 0, float("inf")
    if state is not None:
        _restore(state, trained, optimizer)
        step, best = int(state["step"]), float(state["best"])
    if accelerator.is_main_process:
        if is_fresh:
            for name in (CHECKPOINT, BEST):
                (out / name).unlink(missing_ok=True)
        _write_facts(out, facts)
    log = RunLog(accelerator, out, step, stop_at)

    # The loop.
    saved_at = time.monotonic()
    while step < stop_at:
        started = time.perf_counter()
        rate = learning_rate(step, last_step, num_warmup, adam.learning_rate, adam.min_learning_rate)
        for group in optimizer.param_groups:
            group["lr"] = rate
        # Every step begins with a random state of its own, so none need be stored.
        torch.manual_seed(_seed_of(recipe.seed, step))
        optimizer.zero_grad(set_to_none=True)
        epoch, number = divmod(step, maker.steps_per_epoch)
        if recipe.released.leaks_leftovers and epoch > 0 and number == 0:
            training.localization_backward(maker.leftovers(epoch - 1))
        batches = maker.micro_batches(step)
        report = training.backward(batches)
        if num_processes() > 1:
            touch().backward()  # DistributedDataParallel averages what each process has summed
        norm = float(nn.utils.clip_grad_norm_(trained.values(), adam.clip_norm))
        optimizer.step()
        step += 1

        figures = _figures(report, network)
        log.write(step, {**figures, "lr": rate, "grad_norm": norm, "seconds": time.perf_counter() - started})
        log.advance({name: figures[name] for name in ("siglip", "localization", "prompts")})
        is_last = step == stop_at
        is_better = False
        if watched and (step % recipe.validate_every == 0 or step == last_step):
            mean_rank = text_to_image_mean_rank(
                network, store, watched, tokenize, recipe.report.min_tokens, recipe.step.micro_batch, autocast
            )
            is_better, best = mean_rank < best, min(mean_rank, best)
            log.write(step, {"mean_rank": mean_rank, "num_held_out": len(watched)})
        if accelerator.is_main_process:
            if is_better or (is_last and not watched):
                save_checkpoint(out / BEST, {"trained": _values(trained), "step": step, "mean_rank": best})
            if is_last or time.monotonic() - saved_at > 60 * recipe.checkpoint_minutes:
                save_checkpoint(out / CHECKPOINT, _state(facts, step, best, trained, optimizer))
                saved_at = time.monotonic()
    log.close()
    if is_own_group:
        leave_group()


def _figures(report: StepReport, network: RadFinderNetwork) -> dict[str, float]:
    shares = variance_shares(report.embeddings)
    return {
        "siglip": report.siglip,
        "localization": report.localization,
        "prompts": report.prompts,
        "num_pairs": float(report.num_pairs),
        "num_sentences": float(report.num_sentences),
        "num_labels": float(report.num_labels),
        "effective_rank": effective_rank(shares),
        "dimensions_of_90_percent": float(dimensions_of_variance(shares)),
        "t": float(network.criterion.t.detach()),
        "b": float(network.criterion.b.detach()),
    }


def _check_store(store: FeatureStore, config: RadFinderConfig, name: str) -> None:
    """Raise unless the features are such as the network reads."""
    wanted = (config.encoder.dim, config.window_hwd[2] // config.patch_hwd[2])
    found = (store.header.width, store.header.positions_per_window)
    if wanted != found:
        raise InputError(
            f"The features have {found[0]} numbers per vector and {found[1]} depth positions per window; the weights "
            f"{name!r} read {wanted[0]} and {wanted[1]}. Encode the scans with these weights."
        )


def _tokenizer(folder: Path, kind: str, max_tokens: int) -> Tokenizer:
    tokenizer = TextTokenizer(folder, max_tokens, kind)
    return lambda texts: Tokens(*tokenizer(texts))


def _autocast(precision: str, device: torch.device) -> Callable[[], AbstractContextManager[object]]:
    if precision == "float32":
        return nullcontext
    return partial(torch.autocast, device.type, torch.bfloat16)


def _seed_of(seed: int, step: int) -> int:
    return (seed + 42) * 1_000_003 + step * 65_537 + process_index()


def _facts(recipe: RadFinderRecipe, store: FeatureStore, weights: Path, start: Path | str) -> dict[str, Any]:
    """Return what a run is: two runs of the same facts end with the same weights."""
    return {
        "model": "radfinder",
        "recipe": asdict(recipe),
        "features": store.header.weights,
        "num_scans": len(store),
        "start": str(start),
        "start_fingerprint": fingerprint_of([*tensor_files(weights), weights / "config.json"]),
        "num_processes": num_processes(),
    }


def _write_facts(out: Path, facts: dict[str, Any]) -> None:
    partial_file = out / f".{RUN_FACTS}.partial"
    partial_file.write_text(json.dumps(facts, indent=2), encoding="utf-8")
    partial_file.replace(out / RUN_FACTS)


def _state_of(out: Path, facts: dict[str, Any]) -> dict[str, Any] | None:
    """Return the checkpoint of a run, if there is one, and it is of the same run."""
    if not (out / CHECKPOINT).is_file():
        return None
    state = load_checkpoint(out / CHECKPOINT)
    before, now = (_comparable(of) for of in (state["facts"], facts))
    differing = [name for name in now if before.get(name) != now[name]]
    if differing:
        raise InputError(
            f"{out.name!r} holds a run that differs in {', '.join(differing)}. Choose another folder for this one, or "
            "begin anew with --fresh."
        )
    return state


def _comparable(facts: dict[str, Any]) -> dict[str, Any]:
    recipe = {f"recipe.{name}": value for name, value in facts["recipe"].items() if name not in _FREE_FIELDS}
    return {**{name: value for name, value in facts.items() if name not in ("recipe", "start")}, **recipe}


def _values(trained: dict[str, nn.Parameter]) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().cpu() for name, parameter in trained.items()}


def _state(
    facts: dict[str, Any], step: int, best: float, trained: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    return {
        "facts": facts, "step": step, "best": best, "trained": _values(trained), "optimizer": optimizer.state_dict()
    }  # fmt: skip


@torch.no_grad()
def _restore(state: dict[str, Any], trained: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
    for name, parameter in trained.items():
        parameter.copy_(state["trained"][name])
    optimizer.load_state_dict(state["optimizer"])
