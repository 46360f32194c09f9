"""Several processes give what one gives: value and gradients, whatever each of them holds."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from tests.train.fit.golden_step import MENDED, SMALL_CONFIG, micro_batches, questions, trained_network
from tests.train.fit.stored_scans import TINY_CONFIG, write_store, write_weights
from tests.train.processes import SHARED_RECIPE, contrast, run_together, whole_step, whole_training
from train.distributed import broadcast_into_clone, gather_rows, sum_over_processes
from train.fit.checkpoint import load_checkpoint
from train.fit.radfinder import fit_radfinder
from train.fit.start import trained_parameters
from train.fit.step import TrainingStep
from train.losses.siglip import siglip_loss


def pairs(num):
    generator = torch.Generator().manual_seed(num)
    return (torch.randn(num, 6, generator=generator, dtype=torch.float64) for _ in range(2))


def alone(image, text):
    image, text = image.clone().requires_grad_(), text.clone().requires_grad_()
    t, b = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (1.3, -2.0))
    loss = siglip_loss(image, text, t, b)
    loss.backward()
    return {"loss": loss.detach(), "image": image.grad, "text": text.grad, "t": t.grad, "b": b.grad}


def together(parts):
    sums = {name: sum(part[name] for part in parts) for name in ("loss", "t", "b")}
    return sums | {name: torch.cat([part[name] for part in parts]) for name in ("image", "text")}


# Cuts of 10 rows: even, an uneven last batch, a process whose reports were all dropped.
@pytest.mark.parametrize("cuts", [[0, 5, 10], [0, 8, 10], [0, 4, 7, 10], [0, 6, 6, 10]], ids=str)
def test_processes_together_have_the_loss_and_gradients_of_one(cuts, tmp_path):
    image, text = pairs(10)
    want = alone(image, text)
    found = together(run_together(contrast, len(cuts) - 1, tmp_path, image, text, cuts, False))
    for name, value in want.items():
        assert torch.allclose(found[name], value, rtol=0, atol=1e-12), name


def test_the_released_broadcast_has_the_right_loss_but_wrong_text_gradients(tmp_path):
    image, text = pairs(10)
    want = alone(image, text)
    found = together(run_together(contrast, 2, tmp_path, image, text, [0, 5, 10], True))
    for name in ("loss", "image", "t", "b"):
        assert torch.allclose(found[name], want[name], rtol=0, atol=1e-12), name
    assert float((found["text"] - want["text"]).abs().max()) > 0.1 * float(want["text"].abs().max())


def test_the_released_broadcast_is_refused_when_processes_hold_different_numbers(tmp_path):
    image, text = pairs(10)
    with pytest.raises(RuntimeError, match="ValueError: Processes hold different numbers of reports"):
        run_together(contrast, 2, tmp_path, image, text, [0, 6, 10], True)


# Scan 3 has a report too short to count; a process may hold nothing else, or nothing at all.
@pytest.mark.parametrize("cuts", [[[[0, 1], [2]], [[3]]], [[[0], [1]], [[2, 3]], []]], ids=["two", "three"])
def test_a_whole_step_of_several_processes_is_that_of_one(cuts, tmp_path):
    network = trained_network(MENDED, SMALL_CONFIG).double()
    report = TrainingStep(network, questions(), MENDED).backward(micro_batches([[0, 1, 2, 3]]))
    results = run_together(whole_step, len(cuts), tmp_path, cuts)
    for result in results:
        told = [report.siglip, report.localization, report.prompts, report.num_pairs]
        assert result["report"] == pytest.approx(told, rel=1e-5)
        for name, parameter in trained_parameters(network).items():
            error = float((result["gradients"][name] - parameter.grad).norm() / parameter.grad.norm())
            assert error < 1e-6, name


def test_one_process_needs_no_group():
    rows = torch.ones(3, 2, requires_grad=True)
    assert gather_rows(rows) == (rows, 0)
    assert broadcast_into_clone(rows) == (rows, 0)
    assert sum_over_processes(rows).tolist() == rows.tolist()


def test_a_training_in_two_processes_goes_as_in_one(tmp_path):
    weights = write_weights(tmp_path / "start", TINY_CONFIG)
    store = write_store(tmp_path / "store", num_scans=40, weights=weights)
    fit_radfinder(SHARED_RECIPE, tmp_path, store, weights, tmp_path / "one", num_steps=6, device="cpu")
    halved = replace(SHARED_RECIPE, step=replace(SHARED_RECIPE.step, num_micro_batches=1))
    run_together(whole_training, 2, tmp_path, tmp_path, "several", halved, 6)
    one, several = (
        [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        for name in ("one", "several")
    )
    # 35 reports to train on, 8 in a step: the fifth step holds 2 in one process and 1 in the other.
    assert min(line["num_pairs"] for line in one if "siglip" in line) <= 3
    assert [line["step"] for line in several] == [line["step"] for line in one]
    for want, found in zip(one, several, strict=True):
        for name in ("siglip", "localization", "prompts", "grad_norm", "mean_rank", "num_pairs"):
            assert found.get(name, 0.0) == pytest.approx(want.get(name, 0.0), rel=1e-3), (want["step"], name)
    want, found = (load_checkpoint(tmp_path / name / "checkpoint.pt") for name in ("one", "several"))
    assert found["facts"]["num_processes"] == 2
    for name, value in want["trained"].items():
        torch.testing.assert_close(found["trained"][name], value, atol=5e-4, rtol=1e-3, msg=name)
