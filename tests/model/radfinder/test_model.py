from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from napari_ct_grounding.core.errors import Cancelled, InputError, WeightsError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.model.radfinder.model import RadFinderModel

DATA = Path(__file__).resolve().parents[2] / "data" / "radfinder"


def test_the_full_size_model_has_exactly_the_names_and_shapes_of_the_released_weights():
    manifest = json.loads((DATA / "state_dict_manifest.json").read_text())
    with torch.device("meta"):
        model = RadFinderModel.from_config({"model_type": "radfinder"}, None)
    assert {name: list(tensor.shape) for name, tensor in model.state_dict().items()} == manifest
    assert sum(tensor.numel() for tensor in model.state_dict().values()) == 1_029_802_680


def test_the_seeded_weights_are_those_of_the_figures(golden_facts, small_network):
    state = small_network.state_dict()
    assert {name: list(tensor.shape) for name, tensor in state.items()} == {
        name: facts["shape"] for name, facts in golden_facts["state_dict"].items()
    }
    for name, facts in golden_facts["state_dict"].items():
        np.testing.assert_allclose(state[name].flatten()[:4], facts["first"], rtol=2e-5, err_msg=name)
        np.testing.assert_allclose(state[name].double().sum(), facts["sum"], rtol=2e-5, atol=1e-4, err_msg=name)


def test_retrieval_disease_and_depth_vectors_agree_with_the_released_figures(case, arranged, golden, small_network):
    with torch.inference_mode():
        vectors = small_network.embed_scans(*arranged, case["grids"])
    name, valid = case["name"], vectors.is_valid
    np.testing.assert_array_equal(valid, golden[f"{name}/valid_depth"])
    np.testing.assert_allclose(vectors.retrieval, golden[f"{name}/image_embeddings"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(vectors.disease, golden[f"{name}/image_embeddings_disease"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(vectors.depth[valid], golden[f"{name}/slice_emb"][valid], atol=1e-4, rtol=0)


def test_cosines_and_the_best_depth_agree_with_the_released_figures(case, arranged, golden, small_network):
    ids, mask = (torch.from_numpy(golden[f"text/right/{part}"]) for part in ("ids", "mask"))
    with torch.inference_mode():
        vectors = small_network.embed_scans(*arranged, case["grids"])
        localization, report = small_network.embed_texts(ids, mask)
    name = case["name"]
    profile = normalize(localization, dim=-1) @ normalize(vectors.depth, dim=-1).transpose(1, 2)
    valid = vectors.is_valid[:, None].expand_as(profile)
    np.testing.assert_allclose(profile[valid], golden[f"{name}/cosine"][valid], atol=1e-5, rtol=0)
    best = profile.masked_fill(~valid, -torch.inf).argmax(-1)
    np.testing.assert_array_equal(best, golden[f"{name}/argmax"])
    for image, key in ((vectors.retrieval, "retrieval_cosine"), (vectors.disease, "disease_cosine")):
        cosine = normalize(image, dim=-1) @ normalize(report, dim=-1).T
        np.testing.assert_allclose(cosine, golden[f"{name}/{key}"], atol=1e-5, rtol=0)


@pytest.fixture
def tiny_model(tiny_config, tiny_tokenizer_folder) -> RadFinderModel:
    torch.manual_seed(0)
    return RadFinderModel.from_config(tiny_config, tiny_tokenizer_folder).eval()


@pytest.fixture
def scan() -> CTVolume:
    hu = np.random.default_rng(0).integers(-1000, 1000, (70, 50, 80)).astype(np.int16)
    return CTVolume(hu, VolumeGeometry.from_spacing(hu.shape, (1.5, 0.9, 0.9), (100.0, -20.0, 5.0)))


def test_a_scan_comes_back_as_unit_vectors_with_their_places_in_the_world(tiny_model, scan):
    calls = []
    seen = tiny_model.encode_volume(scan, coverage="paper", on_progress=lambda *call: calls.append(call))
    # 70 x 1.5 mm are 36 slices of 3 mm: 4 windows of 8 slices, 2 positions each; 1 x 3 windows in plane.
    total = len(calls)
    assert calls == [(i + 1, total) for i in range(total)]
    assert total == 4 * 1 * 3
    assert seen.depth.shape == (8, 8)
    assert seen.depth_width_mm == pytest.approx(12.0)
    assert np.diff(seen.depths_mm) == pytest.approx(12.0)
    assert seen.depths_mm[0] == pytest.approx(100 + 3 * (1.5 + 18 - 16))
    for vectors in (seen.depth, seen.retrieval, seen.disease):
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1, atol=1e-6)
    assert seen.is_valid.all()
    assert 0 < seen.covered_body_fraction < 1
    lo, hi = scan.geometry.z_extent_mm
    assert lo < seen.covered_mm[0] < seen.covered_mm[1] < hi


def test_another_precision_leaves_the_rotary_positions_of_both_encoders_in_float32(tiny_model):
    sentences = ["left kidney", "right lung lower lobe nodule"]
    full = tiny_model.embed_sentences(sentences).localization
    tiny_model.set_precision("bfloat16")
    assert tiny_model.dtype == torch.bfloat16
    assert tiny_model.model.backbone_image.rope.periods.dtype == torch.float32
    assert tiny_model.model.backbone_text.rotary_emb.inv_freq.dtype == torch.float32
    half = tiny_model.embed_sentences(sentences).localization
    assert half.dtype == np.float32
    assert ((full * half).sum(-1) > 0.995).all()
    assert (full != half).any()


def test_encoding_stops_between_windows_when_asked_to(tiny_model, scan):
    done = []
    with pytest.raises(Cancelled, match="after 2 of 12 windows"):
        tiny_model.encode_volume(
            scan, coverage="paper", on_progress=lambda n, _: done.append(n), cancel=lambda: len(done) == 2
        )
    assert done == [1, 2]


def test_a_wish_to_stop_that_comes_during_the_last_window_is_heard(tiny_model, scan):
    done = []
    with pytest.raises(Cancelled):
        tiny_model.encode_volume(
            scan, coverage="paper", on_progress=lambda n, _: done.append(n), cancel=lambda: len(done) == 12
        )


def test_depth_positions_that_hold_some_of_a_short_scan_are_valid(tiny_model):
    hu = np.zeros((3, 60, 60), dtype=np.int16)
    short = CTVolume(hu, VolumeGeometry.from_spacing(hu.shape, (3.0, 0.75, 0.75)))
    seen = tiny_model.encode_volume(short, coverage="full")
    # Three slices stand in the middle of a window of eight: voxels 2 to 4, so both positions (0 to 3, 4 to 7) hold some.
    np.testing.assert_allclose(seen.depths_mm, [-1.5, 10.5])
    assert seen.is_valid.tolist() == [True, True]
    assert seen.covered_mm == (0.0, 6.0)


def test_an_unknown_coverage_is_refused_by_name(tiny_model, scan):
    with pytest.raises(InputError, match=r"'masked'.*full, paper"):
        tiny_model.encode_volume(scan, coverage="masked")


def test_half_precision_weights_take_the_float16_windows(tiny_model, scan):
    full = tiny_model.encode_volume(scan, coverage="paper")
    half = tiny_model.to(torch.bfloat16).encode_volume(scan, coverage="paper")
    assert tiny_model.model.backbone_image.rope.periods.dtype == torch.float32
    cosine = float(full.retrieval @ half.retrieval)
    assert 0.99 < cosine < 1 - 1e-9


def test_sentences_come_back_in_the_order_given_whatever_their_length(tiny_model):
    sentences = ["left kidney", "liver", "right lung lower lobe nodule", "liver"]
    together = tiny_model.embed_sentences(sentences)
    for row, sentence in enumerate(sentences):
        alone = tiny_model.embed_sentences([sentence])
        np.testing.assert_allclose(together.localization[row], alone.localization[0], atol=1e-5)
        np.testing.assert_allclose(together.report[row], alone.report[0], atol=1e-5)
    assert not np.allclose(together.localization[0], together.localization[1], atol=1e-2)
    assert not np.allclose(together.localization[0], together.report[0], atol=1e-2)


def test_no_sentences_give_no_vectors(tiny_model):
    assert tiny_model.embed_sentences([]).localization.shape == (0, 8)


def test_the_unknown_share_of_a_sentence_is_counted(tiny_model):
    assert tiny_model.unknown_share("left kidney") == 0
    assert tiny_model.unknown_share("left zzyzx") == 0.5


def test_a_model_without_tokenizer_says_what_to_do(tiny_config):
    with pytest.raises(WeightsError, match="without a tokenizer"):
        RadFinderModel.from_config(tiny_config, None).embed_sentences(["liver"])


def test_a_tokenizer_with_more_pieces_than_the_weights_is_refused(tiny_config, tiny_tokenizer_folder):
    tiny_config["radfinder_model_config"]["text_backbone_config"]["vocab_size"] = 5
    with pytest.raises(WeightsError, match="pieces"):
        RadFinderModel.from_config(tiny_config, tiny_tokenizer_folder)


def test_a_bert_type_text_encoder_pools_the_mean_over_real_tokens(tiny_config, tiny_tokenizer_folder):
    tiny_config["radfinder_model_config"]["text_backbone_config"] = {
        "model_type": "bert",
        "vocab_size": 64,
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 48,
    }
    tiny_config["radfinder_model_config"]["text_backbone_kwargs"] = {"lora_target_keywords": ["query", "value"]}
    torch.manual_seed(0)
    model = RadFinderModel.from_config(tiny_config, tiny_tokenizer_folder).eval()
    ids, mask = torch.tensor([[5, 6, 7, 0, 0]]), torch.tensor([[1, 1, 1, 0, 0]])
    with torch.inference_mode():
        padded = model.model.embed_texts(ids, mask)
        alone = model.model.embed_texts(ids[:, :3], mask[:, :3])
        hidden = model.model.backbone_text(input_ids=ids[:, :3]).last_hidden_state.mean(1)
        torch.testing.assert_close(alone[0], model.model.projection_text_copy(hidden))
    torch.testing.assert_close(padded, alone, atol=1e-5, rtol=0)
    assert any(name.endswith("query.lora_A") for name in model.state_dict())
