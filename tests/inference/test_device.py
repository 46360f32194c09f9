"""Which device computes, and why."""

from __future__ import annotations

import pytest
import torch

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.inference.device import choose_device


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Return a function that pretends what this machine has."""

    def pretend(num_cuda: int = 0, has_mps: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: num_cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: num_cuda)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Test GPU")
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: has_mps)

    return pretend


@pytest.mark.parametrize(
    ("num_cuda", "has_mps", "device", "reason"),
    [(1, True, "cuda", "Test GPU"), (0, True, "mps", "Apple"), (0, False, "cpu", "no GPU found")],
)
def test_auto_takes_the_fastest_there_is_and_says_why(machine, num_cuda, has_mps, device, reason) -> None:
    machine(num_cuda, has_mps)
    choice = choose_device("auto")
    assert choice.device.type == device
    assert reason in choice.reason


@pytest.mark.parametrize("wish", ["cpu", "mps", "cuda", "cuda:1"])
def test_what_was_asked_for_is_given_where_it_exists(machine, wish: str) -> None:
    machine(num_cuda=2, has_mps=True)
    assert choose_device(wish).device == torch.device(wish)


@pytest.mark.parametrize("wish", ["cuda", "cuda:0", "mps"])
def test_a_device_that_is_not_here_is_refused_and_never_replaced(machine, wish: str) -> None:
    machine()
    with pytest.raises(InputError, match="--device cpu or auto"):
        choose_device(wish)


def test_a_gpu_beyond_those_present_is_refused(machine) -> None:
    machine(num_cuda=2)
    with pytest.raises(InputError, match=r"'cuda:2'.*there are 2"):
        choose_device("cuda:2")


@pytest.mark.parametrize("wish", ["gpu", "", "CPU!", "meta", "xpu"])
def test_an_unknown_device_is_refused_with_those_that_are_known(wish: str) -> None:
    with pytest.raises(InputError, match="auto, cpu, mps, cuda"):
        choose_device(wish)
