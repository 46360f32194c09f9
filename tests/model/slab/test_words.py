from __future__ import annotations

import torch

from napari_ct_grounding.model.slab.words import MAX_WORDS, split_words, uncovered_share, word_batch, word_buckets


def test_words_are_the_same_with_or_without_umlauts_and_capitals():
    assert split_words("Erguss über dem Zwerchfell, Größe 12 mm.") == split_words(
        "erguss UEBER dem zwerchfell  groesse 12 mm"
    )


def test_letters_and_digits_part_so_that_levels_keep_their_number():
    assert split_words("T12") == ["t", "12"]
    assert split_words("L3") != split_words("L4")


def test_long_texts_are_cut_off_and_empty_ones_have_one_empty_word():
    batch = word_batch(["a " * 100, ""], 64)
    assert batch.mask.sum(1).tolist() == [MAX_WORDS, 1]


def test_a_compound_shares_pieces_with_its_parts():
    compound, part, other = (set(word_buckets(word, 1 << 30)) for word in ("pleuraerguss", "erguss", "milz"))
    assert len(compound & part) >= 6
    assert not compound & other


def test_pieces_lie_word_after_word():
    batch = word_batch(["left kidney", "spleen"], 4096)
    assert batch.mask.tolist() == [[True, True], [True, False]]
    first = torch.tensor(word_buckets("left", 4096))
    assert torch.equal(batch.buckets[: len(first)], first)
    assert batch.offsets.tolist()[1] == len(first)


def test_other_scripts_are_told_as_unread():
    assert uncovered_share("Herz") == 0.0
    assert uncovered_share("Größe über dem Ösophagus") == 0.0
    assert uncovered_share("左肺") == 1.0
