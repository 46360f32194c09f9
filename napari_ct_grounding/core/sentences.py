"""What counts as a sentence that can be grounded."""

from __future__ import annotations

from napari_ct_grounding.core.errors import SentenceError

__all__ = ["MAX_SENTENCE_WORDS", "clean_sentence"]

#: Longer texts are reports; one embedding of a whole report points nowhere.
MAX_SENTENCE_WORDS = 200


def clean_sentence(text: str) -> str:
    """Return `text` with runs of white space folded.

    Raises
    ------
    SentenceError
        When it holds no letter or more than `MAX_SENTENCE_WORDS` words.
    """
    words = text.split()
    if not any(character.isalpha() for word in words for character in word):
        raise SentenceError("The sentence is empty. Type what a report would say, for example: left pleural effusion.")
    if len(words) > MAX_SENTENCE_WORDS:
        raise SentenceError(
            f"The sentence has {len(words)} words; at most {MAX_SENTENCE_WORDS} can point to one place. "
            "Give one sentence at a time."
        )
    return " ".join(words)
