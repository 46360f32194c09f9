from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from napari_ct_grounding.core.errors import Cancelled, InputError, WeightsError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.model.radfinder.preprocessing import body_positions_mm
from napari_ct_grounding.model.slab.model import SlabModel
from napari_ct_grounding.model.slab.preprocessing import SlabFrame, prepare_slabs, window_channels
from napari_ct_grounding.model.slab.text import split_parts
from napari_ct_grounding.model.upright import upright_volume
from napari_ct_grounding.model.weights.probe import probe_volume

LETTERS = "abcdefghijklmnopqrstuvwxyz."
NUM_PIECES = 2 + 2 * len(LETTERS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tokenizer that spells: every letter is a piece."""
    path = tmp_path_factory.mktemp("weights")
    pieces = ["[PAD]", "[UNK]", *LETTERS, *(f"##{c}" for c in LETTERS)]
    tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(path / "tokenizer.json"))
    return path


def config(vocab_size=NUM_PIECES):
    bert = {
        "vocab_size": vocab_size,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 128,
    }
    return {
        "model_type": "slab",
        "embedding_size": 8,
        "frame": SlabFrame().to_dict(),
        "encoder": {
            "channels": [8, 8, 8, 16],
            "map_channels": 4,
            "map_shape": [6, 7],
            "width": 32,
            "dilations": [1, 2],
        },
        "text": {"bert": bert, "num_buckets": 64, "hashed_width": 8, "hidden_width": 16},
    }


@pytest.fixture(scope="module")
def model(folder):
    torch.manual_seed(0)
    return SlabModel.from_config(json.loads(json.dumps(config())), folder)


def test_a_scan_becomes_unit_vectors_at_world_positions(model):
    volume = probe_volume()
    image = model.encode_volume(volume, coverage="masked")
    assert image.depth.shape == (24, 8)
    assert image.is_valid.all()
    for vectors in (image.depth, image.retrieval[None], image.disease[None]):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(image.depths_mm, [volume.geometry.z_of_slice(i) for i in range(24)], atol=1e-9)


@torch.inference_mode()
def test_the_session_feeds_what_training_feeds_bit_for_bit(model, monkeypatch):
    volume = probe_volume()
    fed = []
    features = model.encoder.features.forward
    monkeypatch.setattr(model.encoder.features, "forward", lambda x: (fed.append(x.clone()), features(x))[1])
    model.encode_volume(volume, coverage="masked")
    # Training reads the slabs back from disk as int16 and windows whole scans.
    stored = torch.from_numpy(prepare_slabs(volume, model.frame).hu)
    assert torch.equal(torch.cat(fed), window_channels(stored, model.frame))
    assert torch.equal(torch.cat(fed), window_channels(stored.float(), model.frame))


def test_progress_is_told_and_cancel_stops_between_chunks(model):
    told = []
    model.encode_volume(probe_volume(), coverage="masked", on_progress=lambda done, total: told.append((done, total)))
    assert told == [(16, 24), (24, 24)]
    answers = iter([False, False, True])
    with pytest.raises(Cancelled, match="after 16 of 24"):
        model.encode_volume(probe_volume(), coverage="masked", cancel=lambda: next(answers))


def test_an_unknown_coverage_is_refused(model):
    with pytest.raises(InputError, match="masked"):
        model.encode_volume(probe_volume(), coverage="paper")


def test_sentences_become_unit_vectors_whatever_company_they_keep(model):
    sentences = ["the left kidney.", "spleen", "no effusion. the liver is normal."]
    together = model.embed_sentences(sentences)
    np.testing.assert_allclose(np.linalg.norm(together.localization, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together.report, axis=1), 1.0, rtol=1e-5)
    for row, sentence in enumerate(sentences):
        np.testing.assert_allclose(model.embed_sentences([sentence]).report[0], together.report[row], atol=1e-5)


def test_a_long_text_is_read_sentence_by_sentence(model):
    assert split_parts("One. Two?\nThree") == ["One.", "Two?", "Three"]
    assert np.isfinite(model.embed_sentences(["word " * 2000]).report).all()


def test_other_scripts_are_unknown_and_words_are_not(model):
    assert model.unknown_share("spleen.") == 0.0
    assert model.unknown_share("脾臓 肝臓") == 1.0


def test_half_precision_parameters_are_computed_with_in_single(model, folder):
    half = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    other = SlabModel.from_config(config(), folder)
    other.load_state_dict(half, strict=True, assign=True)
    assert {p.dtype for p in other.parameters()} == {torch.float32}


def test_descriptions_that_do_not_fit_are_refused(folder, tmp_path):
    with pytest.raises(WeightsError, match="knows 56 pieces"):
        SlabModel.from_config(config(vocab_size=9), folder)
    with pytest.raises(WeightsError, match="holds no tokenizer"):
        SlabModel.from_config(config(), tmp_path)
    with pytest.raises(WeightsError, match="encoder"):
        SlabModel.from_config({k: v for k, v in config().items() if k != "encoder"}, folder)


def leaning(volume: CTVolume, angle_deg: float) -> CTVolume:
    angle, (step_z, step_y, step_x) = np.radians(angle_deg), volume.geometry.spacing_mm
    affine = np.diag([step_x, step_y, step_z, 1.0])
    affine[:3, 1] = step_y * np.array([0, np.cos(angle), np.sin(angle)])
    return CTVolume(volume.hu, VolumeGeometry(affine, volume.hu.shape))


def test_a_sheared_scan_is_read_as_the_upright_one_that_it_is_resampled_to(model):
    volume = leaning(probe_volume(), 15)
    upright = upright_volume(volume, (2.5, 2.0, 2.0), body_positions_mm(volume), (-1024, 3071))
    found, expected = (model.encode_volume(v, coverage="masked") for v in (volume, upright))
    np.testing.assert_array_equal(found.depth, expected.depth)
    np.testing.assert_array_equal(found.depths_mm, expected.depths_mm)
    assert not np.allclose(found.depths_mm[0], leaning(probe_volume(), 0.3).geometry.z_of_slice(0), atol=1.0)


def test_a_lean_of_less_than_half_a_degree_is_left_alone(model):
    found = model.encode_volume(leaning(probe_volume(), 0.3), coverage="masked")
    # The slabs' thickness along the normal is a little less; nothing else changes.
    np.testing.assert_allclose(found.depth, model.encode_volume(probe_volume(), coverage="masked").depth, atol=0.02)


@pytest.mark.parametrize("angle_deg", [0, 15])
def test_the_workload_is_the_number_of_slabs_to_come(model, angle_deg):
    volume = leaning(probe_volume(), angle_deg)
    work = model.workload(volume, "masked")
    assert work.num_windows == len(model.encode_volume(volume, coverage="masked").depth)
    assert work.left_out_mm == 0
    assert work.flops > 1e5
