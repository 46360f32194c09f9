"""The page: what stands in it, that it asks the network for nothing, and that no sentence becomes markup."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from napari_ct_grounding.core.errors import Cancelled
from napari_ct_grounding.export.html_report import html_report, write_html_report
from napari_ct_grounding.export.walk import Finding, Patient
from tests.export.walks import FINDINGS, KEY_NUMBERS, MASS, SECRET, a_result, a_volume, a_walk


class Page(HTMLParser):
    """Tags, attributes and words of a page."""

    VOID = ("meta", "img", "br", "image", "rect", "line", "path")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def source() -> str:
    return html_report(a_walk().without_identity(), a_volume())


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def test_every_tag_is_closed_in_its_place(page: Page) -> None:
    assert page.open == []


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(page: Page, source: str) -> None:
    addresses = [value for _, name, value in page.attributes if name in ("src", "href", "srcset", "data", "action")]
    assert addresses
    assert all(value.startswith(("data:image/jpeg;base64,", "#")) for value in addresses)
    assert not re.search(r"url\(|@import|https?:", source)
    assert not page.tags["script"]
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "default-src 'none'" in source


def test_a_sentence_is_shown_as_it_is_and_never_becomes_markup(page: Page) -> None:
    assert "<script>alert(1)</script> spleen" in page.text
    assert "A note <b>." in page.text


def test_every_clear_finding_has_its_picture_place_interval_and_profile(page: Page) -> None:
    assert page.tags["img"] == len(KEY_NUMBERS)
    assert page.tags["svg"] == len(KEY_NUMBERS) + 1  # and the overview
    assert MASS in page.text
    assert "Series 4, image 8 · z \u221240.0 mm" in page.text
    assert "\u221243 to \u221232 mm (images 6 to 9, not calibrated)" in page.text
    assert "(4:8): z \u221245.0 mm; predicted 5.0 mm above" in page.text
    assert "(9:1): no series 9" in page.text


def test_every_link_leads_to_a_finding_of_the_page(page: Page) -> None:
    targets = {value for _, name, value in page.attributes if name == "id"}
    links = {value[1:] for tag, name, value in page.attributes if tag == "a" and name == "href"}
    assert links == targets == {f"f{number}" for number in KEY_NUMBERS}


def test_sentences_without_a_key_image_are_listed_with_the_reason(page: Page) -> None:
    for text in ("negated", "normal", "It holds no place.", "no clear location"):
        assert text in page.text


def test_it_says_that_it_is_for_research_and_which_weights_answered(page: Page) -> None:
    assert page.text.count("Research use only.") == 2
    assert "bundled (abababababababab)" in page.text
    assert "full; the model saw z \u221290.0 mm to 0.0 mm" in page.text


def test_scores_stand_with_probability_and_percentile_where_known(page: Page) -> None:
    assert "Emphysema 0.610 \u2013 97" in page.text
    assert "Hernia 0.200 0.10 \u2013" in page.text


def test_pictures_have_words_for_those_who_do_not_see_them(page: Page) -> None:
    texts = [value for tag, name, value in page.attributes if (tag, name) in (("img", "alt"), ("svg", "aria-label"))]
    assert len(texts) == page.tags["img"] + page.tags["svg"]
    assert all("z \u2212" in text or "overview" in text for text in texts)


def test_the_patient_stands_in_it_only_when_asked_for(source: str) -> None:
    assert SECRET not in source
    assert "1.2.3." not in source
    named = html_report(replace(a_walk(), patient=Patient("Erika Mustermann", "4711", "19640812")), a_volume())
    assert "Erika Mustermann, ID 4711, born 19640812" in named
    assert SECRET in named


def test_a_walk_that_leads_nowhere_gives_a_page_that_says_so() -> None:
    page = Page(html_report(a_walk(FINDINGS[1]), a_volume()))
    assert "No sentence points at a slice of this scan." in page.text
    assert page.tags["img"] == 0


def test_a_scan_outside_the_covered_range_is_marked_as_unseen(source: str) -> None:
    assert source.count('class="unseen"') == len(KEY_NUMBERS)


def test_many_findings_at_one_height_keep_their_numbers_apart() -> None:
    walk = a_walk(*(Finding("Mass.", a_result()) for _ in range(12)))
    page = Page(html_report(walk, a_volume()))
    heights = [float(value) for tag, name, value in page.attributes if (tag, name) == ("text", "y")]
    beside = sorted(heights[1 : 1 + 12])  # after the letter R
    assert min(high - low for low, high in pairwise(beside)) >= 18


def test_progress_is_told_and_a_cancelled_page_leaves_nothing(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    html_report(a_walk(), a_volume(), lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(Cancelled):
        write_html_report(tmp_path / "report.html", a_walk(), a_volume(), cancel=lambda: True)
    assert list(tmp_path.iterdir()) == []
