"""What counts as a sentence."""

from __future__ import annotations

import pytest

from napari_ct_grounding.core.errors import InputError, SentenceError
from napari_ct_grounding.core.sentences import MAX_SENTENCE_WORDS, clean_sentence


def test_white_space_is_folded_and_nothing_else_is_touched() -> None:
    assert clean_sentence("  Kleiner\tErguss \n links, 3:1 mm. ") == "Kleiner Erguss links, 3:1 mm."


@pytest.mark.parametrize("text", ["", "   \n", "12 34", "?!", "—"])
def test_a_text_without_a_letter_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SentenceError, match="for example"):
        clean_sentence(text)


def test_a_report_of_two_thousand_words_is_refused_naming_its_length() -> None:
    with pytest.raises(SentenceError, match=f"2000 words; at most {MAX_SENTENCE_WORDS}"):
        clean_sentence("effusion " * 2000)


def test_the_longest_allowed_sentence_passes() -> None:
    assert len(clean_sentence("word " * MAX_SENTENCE_WORDS).split()) == MAX_SENTENCE_WORDS


def test_a_sentence_error_is_an_input_error() -> None:
    assert issubclass(SentenceError, InputError)
