from __future__ import annotations

import pytest
import torch

from napari_ct_grounding.model.slab.sentence_encoder import SentenceEncoder, SentenceText
from napari_ct_grounding.model.slab.words import word_batch

SIZES = {"num_buckets": 512, "width": 16, "num_layers": 1, "num_heads": 2, "hidden_width": 24}


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return SentenceEncoder(**SIZES).eval()


@torch.inference_mode()
def test_company_in_a_batch_does_not_change_a_sentence(encoder):
    alone = encoder.encode(["no effusion"])
    among = encoder.encode(["no effusion", "a much longer sentence about the left kidney and the spleen"])
    assert torch.allclose(alone[0], among[0], atol=1e-5)


@torch.inference_mode()
def test_the_order_of_words_counts(encoder):
    first, second = encoder.encode(["no left effusion right", "left effusion no right"])
    assert not torch.allclose(first, second, atol=1e-3)


def test_pieces_left_out_change_the_vector(encoder):
    batch = word_batch(["left kidney"], 512)
    assert not torch.allclose(encoder(batch), encoder(batch, piece_dropout=0.6))


@torch.inference_mode()
def test_a_report_is_the_mean_of_what_its_sentences_say():
    torch.manual_seed(0)
    text = SentenceText(encoder=SIZES, embedding_size=8, head_width=12).eval()
    report = text.embed(["No effusion. Left nodule."])[1][0]
    parts = text(text.encoder.encode(["No effusion.", "Left nodule."]))[1].sum(0)
    assert torch.allclose(report, parts / parts.norm(), atol=1e-5)
