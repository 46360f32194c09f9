"""Writing into pictures: letters of both languages, lines that fit."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from napari_ct_grounding.export.lettering import font, text_width, wrapped, write


def drawn(character: str) -> bytes:
    picture = Image.new("L", (40, 40))
    write(ImageDraw.Draw(picture), (5, 5), character, 24, 255)
    return np.asarray(picture).tobytes()


@pytest.mark.parametrize("character", "äöüÄÖÜß\u2212·\u2013…°±µéè„“")
def test_every_letter_that_reports_and_captions_use_can_be_written(character: str) -> None:
    assert drawn(character) != drawn("\uffff")  # the box that stands for an unknown letter


def test_lines_are_no_wider_than_asked_and_hold_all_words() -> None:
    text = "Große spikulierte Raumforderung im linken Hilus mit Kontakt zur Aorta"
    lines = wrapped(text, 15, 200, max_lines=9)
    assert " ".join(lines) == text
    assert len(lines) > 1
    assert max(text_width(line, 15) for line in lines) <= 200


def test_what_does_not_fit_ends_in_an_ellipsis() -> None:
    lines = wrapped("word " * 100, 15, 200, max_lines=2)
    assert len(lines) == 2
    assert lines[-1].endswith("\u2026")
    assert text_width(lines[-1], 15) <= 200


def test_a_word_wider_than_the_line_is_cut() -> None:
    (line,) = wrapped("W" * 100, 15, 100, max_lines=1)
    assert line.endswith("\u2026")
    assert text_width(line, 15) <= 100


def test_nothing_gives_no_lines() -> None:
    assert wrapped("  ", 15, 100, max_lines=2) == []


def test_a_size_is_read_from_the_file_once() -> None:
    assert font(13) is font(13)
