"""From a run of a released-type network to weights that the package opens."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from napari_ct_grounding.core.errors import InputError, WeightsError
from napari_ct_grounding.model.weights.loading import load_weights
from napari_ct_grounding.model.weights.probe import check_probe
from tests.train.fit.stored_scans import TINY_CONFIG, write_store, write_weights
from tests.train.fit.test_radfinder import RECIPE
from train.__main__ import main
from train.fit.checkpoint import load_checkpoint
from train.fit.radfinder import fit_radfinder
from train.radfinder_export import UNMERGED_FILE, export_radfinder, is_radfinder_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    weights = write_weights(folder / "start", TINY_CONFIG)
    store = write_store(folder / "store", weights=weights)
    fit_radfinder(RECIPE, folder, store, weights, folder / "run", num_steps=4, device="cpu")
    export_radfinder(folder / "run", folder / "merged", name="tiny")
    export_radfinder(folder / "run", folder / "unmerged", name="tiny", is_merged=False)
    return folder


def test_the_package_opens_merged_weights_and_their_probe_holds(folder):
    assert is_radfinder_run(folder / "run")
    loaded = load_weights(folder / "merged")
    check_probe(loaded.model, loaded.card.probe)
    assert loaded.card.name == "tiny"
    assert loaded.card.is_calibrated is False
    record = json.loads((folder / "merged" / "card.json").read_text())
    assert record["steps"] == load_checkpoint(folder / "run" / "best.pt")["step"]


def test_trained_parts_are_those_of_the_best_checkpoint_and_the_rest_is_that_of_the_start(folder):
    before, after = (load_file(folder / name / "model.safetensors") for name in ("start", "merged"))
    trained = load_checkpoint(folder / "run" / "best.pt")["trained"]
    assert before.keys() == after.keys()
    for name, value in after.items():
        own = name.removeprefix("model.")
        if own in trained:
            assert torch.equal(value, trained[own]), name
        elif not own.endswith("_proj.weight"):
            assert torch.equal(value, before[name]), name


def test_the_update_counts_once_in_merged_and_not_in_unmerged_weights(folder):
    start = load_file(folder / "start" / "model.safetensors")
    merged = load_file(folder / "merged" / "model.safetensors")
    unmerged = load_file(folder / "unmerged" / UNMERGED_FILE)
    adapted = [name for name in merged if name.endswith("_proj.weight") and "self_attn" in name]
    assert len(adapted) == 8
    for name in adapted:
        a, b = (name.replace("weight", f"lora_{part}") for part in "AB")
        base = start[name] - 2.0 * start[b] @ start[a]
        torch.testing.assert_close(unmerged[name], base, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(merged[name], base + 2.0 * merged[b] @ merged[a], atol=1e-6, rtol=1e-5)
        assert not torch.allclose(merged[name], unmerged[name], atol=1e-3)
    assert all(torch.equal(unmerged[name], value) for name, value in merged.items() if name not in adapted)


def test_unmerged_weights_cannot_be_taken_for_merged_ones(folder):
    with pytest.raises(WeightsError, match=r"holds no model\.safetensors"):
        load_weights(folder / "unmerged")


def test_training_goes_on_from_exported_weights(folder, tmp_path):
    fit_radfinder(RECIPE, tmp_path, folder / "store", folder / "merged", tmp_path / "run", num_steps=1, device="cpu")
    assert load_checkpoint(tmp_path / "run" / "checkpoint.pt")["step"] == 1


def test_other_starting_weights_are_refused(folder, tmp_path):
    other = write_weights(tmp_path / "other", TINY_CONFIG)
    (other / "config.json").write_text(json.dumps({**TINY_CONFIG, "note": "another"}))
    with pytest.raises(InputError, match="began with other weights"):
        export_radfinder(folder / "run", tmp_path / "out", name="tiny", start=other)


def test_the_commands_fit_and_export_do_the_same_from_the_shell(folder, tmp_path, capsys):
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(
        'model = "radfinder"\nseed = 42\nepochs = 4\nnum_threads = 1\nprecision = "float32"\nvalidate_every = 2\n'
        "num_held_out = 1\n[network]\nlora_dropout = 0.2\n[report]\nmin_tokens = 8\n"
        "[step]\nmicro_batch = 2\nnum_micro_batches = 2\ntexts_at_once = 5\n[loss]\nprompts = 1.0\n"
        "[optimizer]\nlearning_rate = 1e-3\n"
    )
    options = ["--features", str(folder / "store"), "--weights", str(folder / "start"), "--device", "cpu"]
    main(["fit", "--recipe", str(recipe), "--out", str(tmp_path / "run"), "--steps", "4", *options])
    main(["export", "--run", str(tmp_path / "run"), "--out", str(tmp_path / "weights"), "--name", "tiny"])
    want, found = (load_file(place / "model.safetensors") for place in (folder / "merged", tmp_path / "weights"))
    assert all(torch.equal(value, found[name]) for name, value in want.items())
    with pytest.raises(SystemExit):
        main(["fit", "--recipe", str(recipe), "--out", str(tmp_path / "run")])
    assert "needs --features and --weights" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(
            ["fit", "--recipe", str(recipe), "--out", str(tmp_path / "run"), "--fresh", *options[:2], "--weights", "no"]
        )
    assert caught.value.code == 2
    assert "There are no weights 'no'" in capsys.readouterr().err
