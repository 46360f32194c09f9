"""A whole training of a tiny released-type network on stored features."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from napari_ct_grounding.core.errors import InputError
from tests.train.fit.stored_scans import TINY_CONFIG, write_store, write_weights
from tests.train.processes import killed_when, whole_training
from train.fit import radfinder
from train.fit.checkpoint import load_checkpoint, save_checkpoint
from train.fit.radfinder import fit_radfinder
from train.radfinder_recipe import (
    AdamRecipe,
    NetworkRecipe,
    ObjectiveRecipe,
    RadFinderRecipe,
    ReleasedFaults,
    ReportRecipe,
    StepRecipe,
)

RECIPE = RadFinderRecipe(
    epochs=4,
    num_threads=1,
    precision="float32",
    validate_every=2,
    num_held_out=1,
    network=NetworkRecipe(lora_dropout=0.2),
    report=ReportRecipe(min_tokens=8),
    step=StepRecipe(micro_batch=2, num_micro_batches=2, texts_at_once=5),
    loss=ObjectiveRecipe(prompts=1.0),
    optimizer=AdamRecipe(learning_rate=1e-3),
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_weights(tmp_path_factory.mktemp("start") / "weights", TINY_CONFIG)


@pytest.fixture(scope="module")
def store(tmp_path_factory, weights):
    return write_store(tmp_path_factory.mktemp("store"), weights=weights)


@pytest.fixture
def train(store, weights, tmp_path):
    def run(out, recipe=RECIPE, **options):
        fit_radfinder(recipe, tmp_path, store, weights, tmp_path / out, device="cpu", **options)
        return load_checkpoint(tmp_path / out / "checkpoint.pt")

    return run


def log_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def same(a, b):
    """Whether two checkpoints hold the same bits."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def test_ten_steps_are_five_and_a_resumed_five_bit_for_bit(train, tmp_path):
    whole = train("whole", num_steps=10)
    train("parts", num_steps=5)
    parts = train("parts", num_steps=10)
    assert whole["step"] == parts["step"] == 10
    assert same(whole, parts)
    assert same(load_checkpoint(tmp_path / "whole" / "best.pt"), load_checkpoint(tmp_path / "parts" / "best.pt"))
    steps = [line["step"] for line in log_of(tmp_path / "parts") if "siglip" in line]
    assert steps == list(range(1, 11))


def test_a_run_killed_after_its_last_checkpoint_ends_the_same(train, tmp_path, monkeypatch):
    whole = train("whole", num_steps=6)

    class Killed(BaseException):
        pass

    def killing(path, state):
        if path.name == "checkpoint.pt" and state["step"] == 4:
            (path.with_name(".checkpoint.pt.partial")).write_bytes(b"half a file")
            raise Killed
        save_checkpoint(path, state)

    monkeypatch.setattr(radfinder, "save_checkpoint", killing)
    often = replace(RECIPE, checkpoint_minutes=1e-9)
    with pytest.raises(Killed):
        train("killed", often, num_steps=6)
    monkeypatch.undo()
    assert load_checkpoint(tmp_path / "killed" / "checkpoint.pt")["step"] == 3
    again = train("killed", often, num_steps=6)
    assert same({**again, "facts": whole["facts"]}, whole)
    assert [line["step"] for line in log_of(tmp_path / "killed") if "siglip" in line] == [1, 2, 3, 4, 5, 6]


def test_a_process_killed_at_any_moment_ends_the_same_when_run_again(tmp_path):
    weights = write_weights(tmp_path / "start", TINY_CONFIG)
    write_store(tmp_path / "store", weights=weights)
    often, last = replace(RECIPE, checkpoint_minutes=0.0, epochs=8), 24
    whole_training(0, tmp_path, "whole", often, last)
    log = tmp_path / "killed" / "log.jsonl"
    for num_lines in (2, 7):
        killed_when(
            whole_training,
            lambda: log.is_file() and len(log.read_text().splitlines()) >= num_lines,  # noqa: B023
            tmp_path,
            "killed",
            often,
            last,
        )
    assert load_checkpoint(tmp_path / "killed" / "checkpoint.pt")["step"] < last
    whole_training(0, tmp_path, "killed", often, last)
    for file in ("checkpoint.pt", "best.pt"):
        assert same(*(load_checkpoint(tmp_path / name / file) for name in ("whole", "killed")))
    for name in ("whole", "killed"):
        steps = [line["step"] for line in log_of(tmp_path / name) if "siglip" in line]
        assert steps == list(range(1, last + 1))


def test_losses_fall_and_the_log_tells_what_matters(train, tmp_path):
    train("run", replace(RECIPE, epochs=12))
    lines = [line for line in log_of(tmp_path / "run") if "siglip" in line]
    assert {"siglip", "localization", "prompts", "effective_rank", "lr", "grad_norm", "t", "b"} <= lines[0].keys()
    for name in ("siglip", "prompts"):
        first, last = (sum(line[name] for line in part) for part in (lines[:6], lines[-6:]))
        assert last < first, name
    ranks = [line["mean_rank"] for line in log_of(tmp_path / "run") if "mean_rank" in line]
    assert load_checkpoint(tmp_path / "run" / "best.pt")["mean_rank"] == pytest.approx(min(ranks))
    assert list((tmp_path / "run" / "tensorboard").glob("events.*"))


def test_only_trained_parts_are_in_a_checkpoint_and_all_of_them_move(train, weights):
    first, last = train("run", num_steps=1), train("run", num_steps=6)
    names = first["trained"]
    assert not any(
        name.startswith("backbone_image") or name.endswith("_proj.weight") for name in names if "text" in name
    )
    moved = [name for name in names if not torch.equal(first["trained"][name], last["trained"][name])]
    assert set(moved) == set(names)


@pytest.mark.parametrize(
    "change",
    [
        {"precision": "bfloat16"},
        {"network": replace(RECIPE.network, checkpoint_activations=True, fresh=["combiner", "heads", "lora", "scale"])},
        {"loss": replace(RECIPE.loss, target="extent", prompts=0.0, localization=0.0)},
        {"released": ReleasedFaults(*[True] * 6, prompt_group=3)},
    ],
    ids=["bfloat16", "fresh", "contrast alone", "all faults"],
)
def test_every_kind_of_recipe_trains(train, tmp_path, change):
    state = train("run", replace(RECIPE, **change), num_steps=4)
    assert all(bool(torch.isfinite(value).all()) for value in state["trained"].values())
    if change.get("precision"):
        assert all(value.dtype == torch.float32 for value in state["trained"].values())
    if "released" in change:
        assert state["step"] == 4
        assert all(line["num_pairs"] <= 4 for line in log_of(tmp_path / "run") if "siglip" in line)


def test_a_folder_of_another_run_is_refused_unless_begun_anew(train, tmp_path):
    train("run", num_steps=2)
    other = replace(RECIPE, seed=1, checkpoint_minutes=1.0)
    with pytest.raises(InputError, match=r"differs in recipe\.seed\. Choose another folder"):
        train("run", other, num_steps=2)
    assert (tmp_path / "run" / "best.pt").is_file()
    assert train("run", other, num_steps=1, is_fresh=True)["facts"]["recipe"]["seed"] == 1
    assert not (tmp_path / "run" / "best.pt").is_file()  # it was the other run's
    assert [line["step"] for line in log_of(tmp_path / "run")] == [1]


def test_features_of_another_window_encoder_of_the_same_size_are_refused(tmp_path, weights):
    with pytest.raises(InputError, match="made by the window encoder 0000000000000000"):
        fit_radfinder(RECIPE, tmp_path, write_store(tmp_path / "store"), weights, tmp_path / "run", device="cpu")


def test_features_of_other_weights_are_refused(tmp_path, store, weights):
    config = json.loads(json.dumps(TINY_CONFIG))
    config["radfinder_model_config"]["backbone_kwargs"] |= {"embed_dim": 36, "num_heads": 3}
    other = write_weights(tmp_path / "other", config)
    with pytest.raises(InputError, match="The features have 24 numbers per vector"):
        fit_radfinder(RECIPE, tmp_path, store, other, tmp_path / "run", device="cpu")
