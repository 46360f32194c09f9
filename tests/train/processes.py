"""Work done in several processes that train together over gloo; each writes what it found to a file.

A fork server imports torch once for all of them.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from tests.train.fit.golden_step import MENDED, SMALL_CONFIG, micro_batches, questions, trained_network
from train.distributed import GradientTouch, broadcast_into_clone, gather_rows
from train.fit.start import trained_parameters
from train.fit.step import TrainingStep
from train.losses.siglip import siglip_share
from train.radfinder_recipe import AdamRecipe, NetworkRecipe, ObjectiveRecipe, RadFinderRecipe, ReportRecipe, StepRecipe

SECONDS = 30

#: Nothing in it is drawn in a process by itself, so that the number of processes can change nothing.
SHARED_RECIPE = RadFinderRecipe(
    epochs=4,
    num_threads=1,
    precision="float32",
    validate_every=2,
    num_held_out=4,
    network=NetworkRecipe(rope_rescale=1.0, lora_dropout=0.0),
    report=ReportRecipe(min_tokens=8),
    step=StepRecipe(micro_batch=4, num_micro_batches=2, texts_at_once=5),
    loss=ObjectiveRecipe(prompts=1.0, prompt_sampling="mean_all"),
    optimizer=AdamRecipe(learning_rate=1e-3),
)


def run_together(job: Callable[..., Any], num: int, folder: Path, *arguments: Any) -> list[Any]:
    """Return what ``job(process, *arguments)`` gave in each of `num` processes.

    Raises
    ------
    RuntimeError
        When one of them failed or did not end.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    processes = [context.Process(target=_one, args=(job, i, num, folder, arguments)) for i in range(num)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(SECONDS)
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
    if codes != [0] * num:
        told = [path.read_text() for path in sorted(folder.glob("*.txt"))]
        raise RuntimeError(f"{job.__name__} ended with {codes} in {num} processes: {told}")
    return [torch.load(folder / f"{i}.pt", weights_only=False) for i in range(num)]


def killed_when(job: Callable[..., Any], has_come: Callable[[], bool], *arguments: Any) -> None:
    """Run a job in a process of its own and kill it (signal 9) as soon as something has come."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_alone, args=(job, arguments))
    process.start()
    while process.is_alive() and not has_come():
        process.join(0.002)
    process.kill()
    process.join(SECONDS)
    if process.exitcode != -signal.SIGKILL:
        raise RuntimeError(f"{job.__name__} ended by itself with {process.exitcode}")


def _alone(job: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    job(0, *arguments)


def _one(job: Callable[..., Any], process: int, num: int, folder: Path, arguments: tuple[Any, ...]) -> None:
    # What torchrun tells a process.
    os.environ.update(RANK=str(process), LOCAL_RANK=str(process), WORLD_SIZE=str(num), LOCAL_WORLD_SIZE=str(num))
    torch.set_num_threads(1)
    # Where a process that waits for ever stands is told like an error.
    faulthandler.dump_traceback_later(0.8 * SECONDS, file=(folder / f"{process}.txt").open("w"))
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=process, world_size=num)
    try:
        torch.save(job(process, *arguments), folder / f"{process}.pt")
    except Exception as error:
        (folder / f"{process}.txt").write_text(f"{type(error).__name__}: {error}")
        os._exit(1)
    os._exit(0)  # at once: to end a group of gloo in order takes a second, see `leave_group`


def contrast(process: int, image: torch.Tensor, text: torch.Tensor, cuts: list[int], has_fault: bool) -> dict[str, Any]:
    """Return value and gradients of this process's share of the contrastive loss; it holds the rows between two cuts."""
    own = slice(cuts[process], cuts[process + 1])
    image, text = image[own].clone().requires_grad_(), text[own].clone().requires_grad_()
    t, b = (torch.tensor(value, dtype=image.dtype, requires_grad=True) for value in (1.3, -2.0))
    texts, first = (broadcast_into_clone if has_fault else gather_rows)(text)
    share = siglip_share(image, texts, first, t, b, columns_at_once=4)
    share.backward()
    return {"loss": share.detach(), "image": image.grad, "text": text.grad, "t": t.grad, "b": b.grad}


def whole_step(process: int, cuts: list[list[list[int]]]) -> dict[str, Any]:
    """Return the gradients of a step after DistributedDataParallel has averaged them; this process holds `cuts[process]`."""
    network = trained_network(MENDED, SMALL_CONFIG).double()
    training = TrainingStep(network, questions(process, len(cuts)), MENDED)
    touch = torch.nn.parallel.DistributedDataParallel(GradientTouch(network))
    report = training.backward(micro_batches(cuts[process]) if cuts[process] else [])
    touch().backward()
    gradients = {name: parameter.grad for name, parameter in trained_parameters(network).items()}
    return {"gradients": gradients, "report": [report.siglip, report.localization, report.prompts, report.num_pairs]}


def whole_training(process: int, folder: Path, out: str, recipe: RadFinderRecipe, num_steps: int) -> None:
    """Train for some steps as `torchrun` would have each process do."""
    from train.fit.radfinder import fit_radfinder

    options = {"num_steps": num_steps, "device": "cpu"}
    fit_radfinder(recipe, folder, folder / "store", folder / "start", folder / out, **options)
