"""In which type of number a model computes, and why."""

from __future__ import annotations

import pytest
import torch

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.inference.precision import choose_precision

BOTH = ("float32", "bfloat16")


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch):
    """Return a function that pretends which instructions the CPU has."""

    def pretend(**capabilities: bool) -> torch.device:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
        return torch.device("cpu")

    return pretend


@pytest.mark.parametrize("instruction", ["amx_bf16", "avx512_bf16", "bf16"])
def test_auto_takes_bfloat16_on_a_cpu_that_has_instructions_for_it(cpu, instruction) -> None:
    choice = choose_precision("auto", cpu(avx512_f=True, **{instruction: True}), BOTH)
    assert choice.precision == "bfloat16"
    assert "twice as fast" in choice.reason


def test_auto_takes_float32_on_other_cpus(cpu) -> None:
    assert choose_precision("auto", cpu(avx2=True, avx512_bf16=False), BOTH).precision == "float32"


@pytest.mark.parametrize("has_bfloat16", [True, False])
def test_auto_asks_a_gpu_for_instructions_and_not_for_emulation(monkeypatch, has_bfloat16) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bfloat16)
    choice = choose_precision("auto", torch.device("cuda"), BOTH)
    assert choice.precision == ("bfloat16" if has_bfloat16 else "float32")


def test_auto_takes_float32_on_an_apple_gpu() -> None:
    assert choose_precision("auto", torch.device("mps"), BOTH).precision == "float32"


def test_auto_leaves_a_model_that_offers_float32_alone_as_it_is(cpu) -> None:
    assert choose_precision("auto", cpu(avx512_bf16=True), ("float32",)).precision == "float32"


@pytest.mark.parametrize("wish", BOTH)
def test_what_was_asked_for_is_given(cpu, wish) -> None:
    choice = choose_precision(wish, cpu(), BOTH)
    assert (choice.precision, choice.reason) == (wish, "as asked")


def test_what_a_model_does_not_offer_is_refused_with_what_it_does(cpu) -> None:
    with pytest.raises(InputError, match=r"'bfloat16' is not offered.*offer float32"):
        choose_precision("bfloat16", cpu(), ("float32",))


@pytest.mark.parametrize("wish", ["float16", "half", "", "BFLOAT16"])
def test_an_unknown_precision_is_refused_with_those_that_are_known(cpu, wish) -> None:
    with pytest.raises(InputError, match="auto, float32 or bfloat16"):
        choose_precision(wish, cpu(), BOTH)
