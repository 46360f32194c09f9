"""What the list of a report says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_ct_grounding.core.references import ImageReference
from napari_ct_grounding.widgets.report.lines import NO_LOCATION, lines_of, lines_text, status_text, walkable
from napari_ct_grounding.widgets.report.placed_references import PlacedReference
from napari_ct_grounding.widgets.report.rows import rows_of

REPORT = """Technique: Contrast-enhanced CT of the chest.
Findings: Mass in the left hilum. No pericardial effusion. Scar in the right apex.
Impression: Left hilar mass."""


def _lines(result=None, refusal=None, references=(), **options):
    return lines_of(
        rows_of(REPORT),
        lambda row: result,
        lambda row: refusal,
        lambda row: references,
        is_waiting=options.pop("is_waiting", False),
        **options,
    )


def _reference(*images, series=4, is_range=False):
    return ImageReference(series, images, is_range, False, 0, 1, "series then image")


def test_headings_stand_before_their_sections():
    assert [line.text for line in _lines() if line.row is None] == ["Technique", "Findings", "Impression"]
    assert [line.row for line in _lines()] == [None, 0, None, 1, 2, 3, None, 4]


def test_the_filter_leaves_sentences_without_a_place_out_and_headings_without_sentences():
    lines = _lines(only_localizable=True)
    assert [line.row for line in lines] == [None, 1, 3, None, 4]
    assert status_text(lines, 2, None)[1].startswith("3 sentences, 0 of them findings with a place, 2 hidden")


def test_a_place_is_told_in_figures_and_the_arrow_keys_stop_at_findings_only(result):
    lines = _lines(result)
    image, z, interval, score = lines[3].figures
    assert image == str(result.image_number)
    assert z == f"\u2212{abs(result.z_mm):.0f}"
    assert "\u2026" in interval
    assert score == f"{result.score:.2f}"
    assert [line.row for line in lines if walkable(line)] == [1, 3, 4]


def test_slices_without_image_numbers_are_named_by_their_index(result):
    assert _lines(replace(result, image_number=None))[3].figures[0] == str(result.slice_index)


@pytest.mark.parametrize(
    ("options", "remark"),
    [({}, ""), ({"is_waiting": True}, "\u2026"), ({"refusal": "90% unknown."}, "not understood")],
)
def test_where_there_is_no_answer_the_line_says_why(options, remark):
    assert _lines(**options)[3].remark == remark


def test_no_clear_location_stands_in_place_of_figures(result):
    line = _lines(replace(result, has_location=False))[3]
    assert line.figures == ()
    assert line.remark == NO_LOCATION
    assert not walkable(line)


@pytest.mark.parametrize(
    ("places_mm", "is_range", "difference"),
    [
        ((-12.4,), False, 12.4),
        ((7.0,), False, -7.0),
        ((-30.0, -4.0), False, 4.0),
        ((-30.0, 5.0), True, 0.0),
        ((2.0, 9.0), True, -2.0),
    ],
)
def test_the_difference_counts_to_the_nearest_image_and_is_nothing_inside_a_range(
    result, places_mm, is_range, difference
):
    place = PlacedReference(_reference(38, 42, is_range=is_range), places_mm)
    assert place.difference_mm(replace(result, z_mm=0.0)) == pytest.approx(difference)
    assert place.difference_mm(replace(result, z_mm=0.0, has_location=False)) is None
    assert place.difference_mm(None) is None


def test_references_stand_beside_the_prediction_with_the_difference_in_mm(result):
    place = PlacedReference(_reference(38), (result.z_mm + 12.0,))
    line = _lines(result, references=[place])[3]
    assert line.reference == "\u221212 mm"
    assert "the prediction lies 12 mm below it" in line.tool_tip


def test_a_reference_without_a_place_says_why(result):
    place = PlacedReference(_reference(38), reason="The volume that is open is series 2.", short_reason="other series")
    line = _lines(result, references=[place])[3]
    assert line.reference == "other series"
    assert "The volume that is open is series 2." in line.tool_tip
    mark = place.to_mark(result)
    assert (mark.text, mark.z_mm, mark.difference_mm) == ("series 4, image 38", None, None)
    assert mark.reason == place.reason


def test_references_are_named_as_reports_do():
    assert PlacedReference(_reference(38)).name == "4:38"
    assert PlacedReference(_reference(38, 39, 40, is_range=True)).name == "4:38\u201340"
    assert PlacedReference(_reference(38, 42)).long_name == "series 4, images 38, 42"
    assert PlacedReference(_reference(38, series=None)).name == "im 38"


def test_the_table_for_a_spreadsheet_has_a_line_for_each_sentence(result):
    head, *rows = [line.split("\t") for line in lines_text(_lines(result)).split("\n")]
    assert len(rows) == 5
    assert {len(row) for row in rows} == {len(head)}
    assert rows[2][:3] == ["Findings", "No pericardial effusion.", "negated"]
    assert float(rows[1][head.index("z mm")]) == pytest.approx(result.z_mm, abs=0.05)


def test_the_status_counts_findings_and_progress(result):
    assert status_text(_lines(result), 0, None)[0] == "3 findings"
    assert status_text(_lines(), 0, (12, 40))[0] == "12 of 40"


def test_several_references_of_a_sentence_are_named(result):
    places = [
        PlacedReference(_reference(38), (result.z_mm,)),
        PlacedReference(_reference(3, series=9), short_reason="other series"),
    ]
    assert _lines(result, references=places)[3].reference == "4:38 \u00b10 mm, 9:3 other series"
