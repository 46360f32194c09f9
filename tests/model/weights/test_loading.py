from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.model.radfinder.model import RadFinderModel
from napari_ct_grounding.model.weights import hub, loading
from napari_ct_grounding.model.weights.loading import load_weights, resolve_weights


@pytest.fixture
def model(tiny_model: RadFinderModel) -> RadFinderModel:
    return tiny_model


@pytest.fixture
def folder(weights_folder: Path) -> Path:
    return weights_folder


def shard(folder: Path) -> None:
    """Turn the single file into two shards with an index, as files beyond 4 GB come."""
    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors)
    weight_map = {}
    for number, part in enumerate((names[::2], names[1::2]), start=1):
        file_name = f"model-{number:05d}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, folder / file_name)
        weight_map |= dict.fromkeys(part, file_name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    (folder / "model.safetensors").unlink()


def rewrite(folder: Path, **changes: torch.Tensor | None) -> None:
    """Store the tensors again with some replaced, added, or (None) left out."""
    tensors = load_file(folder / "model.safetensors") | changes
    save_file({name: value for name, value in tensors.items() if value is not None}, folder / "model.safetensors")


def assert_same_model(loaded: torch.nn.Module, source: torch.nn.Module) -> None:
    state = loaded.state_dict()
    assert state.keys() == source.state_dict().keys()
    for name, value in source.state_dict().items():
        torch.testing.assert_close(state[name], value, rtol=0, atol=0, msg=name)
    assert not any(tensor.is_meta for tensor in (*loaded.parameters(), *loaded.buffers()))


def test_a_single_file_loads_ready_for_use(folder, model):
    loaded = load_weights(folder)
    assert_same_model(loaded.model, model)
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    assert loaded.name == "weights"
    digests = [
        hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("model.safetensors", "config.json")
    ]
    assert loaded.fingerprint == hashlib.sha256("".join(digests).encode()).hexdigest()[:16]
    assert loaded.card.decoding == "argmax"


def test_a_loaded_model_gives_what_the_saved_one_gave(folder, model):
    """Buffers that no file holds (the text encoder's rotary frequencies) must be right too."""
    ids, mask = torch.tensor([[2, 4, 0]]), torch.ones(1, 3)
    loaded = load_weights(folder).model
    with torch.inference_mode():
        torch.testing.assert_close(loaded.model.embed_texts(ids, mask), model.model.embed_texts(ids, mask))
    assert loaded.embed_sentences(["left kidney"]).report.shape == (1, 8)


def test_the_same_tensors_under_another_configuration_are_other_weights(folder):
    before = load_weights(folder).fingerprint
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"note": "any change"}), encoding="utf-8")
    assert load_weights(folder).fingerprint != before


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system does not tell what is mapped")
def test_weights_turned_into_another_type_let_go_of_their_file(folder):
    def is_mapped() -> bool:
        return str(folder / "model.safetensors") in Path("/proc/self/maps").read_text()

    model = load_weights(folder).model
    assert is_mapped()  # the parameters are the file's pages, not a copy of them
    model.set_precision("bfloat16")
    assert not is_mapped()


def test_shards_load_like_a_single_file(folder, model):
    single = load_weights(folder).fingerprint
    shard(folder)
    loaded = load_weights(folder)
    assert_same_model(loaded.model, model)
    assert loaded.fingerprint == load_weights(folder).fingerprint != single


def test_a_path_to_the_tensor_file_means_its_folder(folder):
    assert resolve_weights(folder / "model.safetensors") == folder


def test_a_tokenizer_in_a_second_folder_serves_when_none_lies_beside_the_weights(folder, tmp_path):
    second = tmp_path / "tokenizer"
    second.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).rename(second / name)
    with pytest.raises(WeightsError, match=r"no tokenizer.*somebody/some-tokenizer.*--tokenizer"):
        load_weights(folder)
    assert load_weights(folder, tokenizer=second).model.embed_sentences(["liver"]).localization.shape == (1, 8)


def test_a_tokenizer_in_the_hub_cache_serves_last(folder, tmp_path, monkeypatch):
    cached = tmp_path / "cached"
    cached.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).rename(cached / name)
    asked = []
    monkeypatch.setattr(loading, "tokenizer_from_cache", lambda name: (asked.append(name), cached)[1])
    assert load_weights(folder).model.unknown_share("left") == 0
    assert asked == ["somebody/some-tokenizer"]


def test_loaded_weights_hold_the_low_rank_update_once(folder, model):
    """The merged weight is used as stored; scaling a factor of the loaded model changes nothing."""
    loaded = load_weights(folder).model
    loaded.train()
    loaded.eval()
    ids, mask = torch.tensor([[2, 4, 0]]), torch.ones(1, 3)
    with torch.no_grad():
        for name, parameter in loaded.named_parameters():
            if name.endswith("lora_A"):
                parameter.mul_(10)
        torch.testing.assert_close(loaded.model.embed_texts(ids, mask), model.model.embed_texts(ids, mask))


def test_weights_of_bert_type_load_with_their_unstored_buffers(folder, tiny_config):
    tiny_config["radfinder_model_config"]["text_backbone_config"] = {
        "model_type": "bert",
        "vocab_size": 64,
        "hidden_size": 24,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 40,
    }
    tiny_config["radfinder_model_config"]["text_backbone_kwargs"] = {"use_lora": False}
    source = RadFinderModel.from_config(tiny_config, folder).eval()
    (folder / "config.json").write_text(json.dumps(tiny_config))
    save_file(source.state_dict(), folder / "model.safetensors")
    loaded = load_weights(folder).model
    assert_same_model(loaded, source)
    sentences = ["left kidney", "liver"]
    np.testing.assert_allclose(
        loaded.embed_sentences(sentences).report, source.embed_sentences(sentences).report, atol=1e-6
    )


def test_every_tensor_that_does_not_match_is_counted_in_one_message(folder):
    rewrite(
        folder,
        **{
            "model.backbone_image.cls_token": None,
            "model.criterion.t": None,
            "model.backbone_image.norm.bias": torch.zeros(25),
            "model.something_else": torch.zeros(1),
        },
    )
    with pytest.raises(WeightsError) as caught:
        load_weights(folder)
    message = str(caught.value)
    assert "2 missing (model.backbone_image.cls_token, model.criterion.t)" in message
    assert "1 unexpected (model.something_else)" in message
    assert "1 of a wrong shape (model.backbone_image.norm.bias (25,) instead of (24,))" in message


def test_only_the_first_few_names_are_listed(folder):
    tensors = load_file(folder / "model.safetensors")
    heads = {name: None for name in tensors if "projection" in name}
    rewrite(folder, **heads)
    with pytest.raises(WeightsError, match=rf"{len(heads)} missing \(.*and {len(heads) - 3} more\)"):
        load_weights(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "checkpoint.pt", "model.pth", "last.ckpt"])
def test_a_folder_of_pickles_is_refused_and_none_is_opened(folder, name, tmp_path):
    (folder / "model.safetensors").unlink()
    touched = tmp_path / "touched"

    class Trap:
        def __reduce__(self):
            return (Path.touch, (touched,))

    (folder / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(WeightsError, match=rf"{name}, a pickle.*only safetensors"):
        load_weights(folder)
    assert not touched.exists()


def test_a_pickle_named_safetensors_is_refused(folder):
    torch.save({"model.criterion.t": torch.zeros(())}, folder / "model.safetensors")
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        load_weights(folder)


def test_a_checkpoint_file_is_refused(folder):
    checkpoint = folder / "checkpoint.pt"
    torch.save({}, checkpoint)
    with pytest.raises(WeightsError, match=r"checkpoint\.pt is a file.*refused"):
        load_weights(checkpoint)


def test_a_file_that_was_cut_short_is_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        load_weights(folder)


def test_a_missing_shard_is_named(folder):
    shard(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"2 files; missing: model-00002-of-00002\.safetensors"):
        load_weights(folder)


@pytest.mark.parametrize("name", ["../model.safetensors", "pytorch_model-00001.bin"])
def test_an_index_that_names_other_files_is_refused(folder, name):
    shard(folder)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(WeightsError, match="only safetensors files of the same folder"):
        load_weights(folder)


def test_a_tensor_in_two_shards_is_refused(folder):
    shard(folder)
    second = folder / "model-00002-of-00002.safetensors"
    save_file(load_file(second) | load_file(folder / "model-00001-of-00002.safetensors"), second)
    with pytest.raises(WeightsError, match="Two shards hold"):
        load_weights(folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no config.json"),
        ("{", "not valid JSON"),
        ("[]", "holds no object"),
        ('{"model_type": "llama"}', "model_type 'llama'"),
        ('{"model_type": "radfinder", "radfinder_model_config": 3}', "does not describe a RadFinder network"),
    ],
)
def test_a_config_that_cannot_be_used_is_refused_in_words(folder, content, words):
    if content is None:
        (folder / "config.json").unlink()
    else:
        (folder / "config.json").write_text(content)
    with pytest.raises(WeightsError, match=words):
        load_weights(folder)


def test_an_unknown_name_says_which_names_there_are():
    with pytest.raises(WeightsError, match=r"'nonsense'.*'bundled', 'radfinder', .*or a folder"):
        resolve_weights("nonsense")


def test_missing_bundled_weights_are_said_to_be_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "BUNDLED_FOLDER", tmp_path)
    with pytest.raises(WeightsError, match="bundled weights are missing"):
        resolve_weights("bundled")


def test_the_released_name_says_its_licence_though_the_folder_holds_no_card(folder, monkeypatch):
    monkeypatch.setattr(loading, "pull", lambda name, *, accept_licence: folder)
    loaded = load_weights("radfinder")
    assert loaded.name == loaded.card.name == "radfinder"
    assert loaded.card.licence == "CC BY-NC-SA 4.0"
    assert loaded.card.decoding == "argmax"


def test_the_bundled_name_means_the_folder_in_the_package(folder, monkeypatch):
    monkeypatch.setattr(hub, "BUNDLED_FOLDER", folder)
    assert load_weights("bundled").name == "bundled"
