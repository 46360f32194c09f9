"""The bank of sentences about no place is a fair teacher: the phantoms' own lists, which measure it, hold none of them."""

from __future__ import annotations

import pytest

from napari_ct_grounding.phantom.lexicon import read_words
from train.calibration.cases import placeless_sentences


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_sentence_of_the_bank_is_one_that_phantoms_are_measured_with(language):
    words = read_words(f"statements_{language}")
    bank = placeless_sentences()
    assert len(bank) == len(set(bank)) > 100
    assert not {*words["general"], *words["normal"]} & set(bank)
