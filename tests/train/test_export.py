"""From a recipe to weights that the package opens: two steps of training, then everything that follows."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.model.weights.loading import load_weights
from napari_ct_grounding.model.weights.probe import check_probe, probe_volume
from train.calibration.command import calibrate_command
from train.data.batches import BatchSettings
from train.export import export
from train.fit import slab
from train.fit.checkpoint import load_checkpoint, save_checkpoint
from train.fit.slab import fit, load_run
from train.recipe import EncoderRecipe, ImageRecipe, Recipe, TextRecipe
from train.report_card import evaluate_command

RECIPE = Recipe(
    num_threads=1,
    steps=2,
    embedding_size=32,
    text_encoder=EncoderRecipe(
        num_buckets=512, width=16, num_layers=1, num_heads=2, hidden_width=32, batch_size=16, steps=2
    ),
    image=ImageRecipe(channels=[8, 8, 8, 8], map_channels=2, width=16, dilations=[1], fine_channels=2),
    text=TextRecipe(head_width=16, num_wordings=1),
    batch=BatchSettings(num_scans=2, max_slabs=24, num_other_reports=2),
)


@pytest.fixture(scope="module")
def run(cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    fit(RECIPE, cache, folder)
    return folder


@pytest.fixture(scope="module")
def weights(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    export(run, folder, name="tiny")
    return folder


def test_resuming_goes_on_at_the_step_where_training_stopped(run, cache, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    fit(replace(RECIPE, steps=3), cache, tmp_path / "run")
    assert load_run(run)[1]["step"] == 2
    assert load_run(tmp_path / "run")[1]["step"] == 3
    with pytest.raises(InputError, match="holds a run whose recipe differs in seed"):
        fit(replace(RECIPE, seed=2), cache, tmp_path / "run")


def test_a_killed_run_ends_with_the_same_bits(run, cache, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def killing(path, state):
        if state["step"] == 3:
            raise Killed
        save_checkpoint(path, state)

    monkeypatch.setattr(slab, "_watch", lambda *arguments: None)
    # Without a limit of time the schedule goes by steps alone.
    recipe = replace(RECIPE, steps=4, minutes=float("inf"), checkpoint_seconds=0.0)
    fit(recipe, cache, tmp_path / "whole")
    monkeypatch.setattr(slab, "save_checkpoint", killing)
    with pytest.raises(Killed):
        fit(recipe, cache, tmp_path / "killed")
    monkeypatch.setattr(slab, "save_checkpoint", save_checkpoint)
    assert load_run(tmp_path / "killed")[1]["step"] == 2
    fit(recipe, cache, tmp_path / "killed")
    want, found = (load_checkpoint(tmp_path / name / "checkpoint.pt") for name in ("whole", "killed"))
    assert found["step"] == 4
    for part in ("model", "average", "criterion"):
        assert all(torch.equal(value, found[part][name]) for name, value in want[part].items())
    assert list((tmp_path / "whole" / "tensorboard").glob("events.*"))


def test_the_package_opens_what_was_exported_and_it_says_the_same(run, weights):
    loaded = load_weights(weights)
    assert loaded.card.name == "tiny"
    assert loaded.card.is_calibrated is False
    check_probe(loaded.model, loaded.card.probe)
    trained, _ = load_run(run)
    for sentence in ("left kidney", "Kein Pleuraerguss."):
        a, b = (m.embed_sentences([sentence]).localization[0] for m in (trained, loaded.model))
        assert float(a @ b) > 0.999
    a, b = (m.encode_volume(probe_volume(), coverage="masked").depth for m in (trained, loaded.model))
    assert float((a * b).sum(axis=1).min()) > 0.999


def test_calibration_and_figures_come_into_the_card(weights, cache, capsys):
    calibrate_command(weights, num_phantoms=3, seed0=0, cache=cache, num_workers=1)
    figures = evaluate_command(weights, num_phantoms=4, seed0=0, cache=cache, num_workers=1, into_card=True)
    printed = capsys.readouterr().out
    assert "| landmarks |" in printed
    assert "| category_prior |" in printed
    card = load_weights(weights).card
    assert card.is_calibrated
    assert card.location_threshold is not None
    record = json.loads((weights / "card.json").read_text())
    # Three phantoms and a network of two steps: held out in turn, they are far from each other.
    assert record["calibration"]["interval_covers"] == pytest.approx(0.8, abs=0.25)
    assert record["metrics"]["phantoms"]["num_phantoms"] == 4
    assert np.isfinite(figures["phantoms"]["localization"]["all"]["model"]["mean_mm"])


def test_a_command_line_error_and_help_are_plain(capsys):
    from train.__main__ import main

    with pytest.raises(SystemExit) as caught:
        main(["fit", "--help"])
    assert caught.value.code == 0
    assert "--fresh" in capsys.readouterr().out
