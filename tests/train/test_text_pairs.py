from __future__ import annotations

from dataclasses import replace

import torch

from train.text_pairs import EncoderRecipe, FactReader, load_encoder, measure, teach

RECIPE = EncoderRecipe(
    num_buckets=512, width=16, num_layers=1, num_heads=2, hidden_width=32, batch_size=12, steps=2, minutes=float("inf")
)


def test_what_was_stopped_goes_on_and_ends_with_the_same_bits(tmp_path):
    # Half the steps teach at another rate; so the whole schedule is run twice, once from its own checkpoint.
    teach(RECIPE, tmp_path / "whole")
    teach(RECIPE, tmp_path / "again")
    first, second = (load_encoder(tmp_path / name).state_dict() for name in ("whole", "again"))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    teach(replace(RECIPE, steps=3), tmp_path / "again")
    assert not torch.equal(load_encoder(tmp_path / "again").position, first["position"])


def test_an_untaught_encoder_knows_nothing_and_is_told_so():
    torch.manual_seed(0)
    figures = measure(FactReader(RECIPE).eval(), num=60, num_pairs=10)
    assert figures["en"]["target"] < 0.2
    assert set(figures["de"]["pairs"]) == {"side", "negation", "lobe"}
