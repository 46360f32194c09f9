"""What is said of each image, and what is refused."""

from __future__ import annotations

import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.slice_table import ImageRecord, SeriesTable, write_slice_tables
from train.data.mining import mine_report
from train.data.mining_sources import MinedReport, Studies, read_reports

TABLE = SeriesTable(
    "1.2.4",
    "1.2",
    4,
    "1.9",
    True,
    tuple(ImageRecord(1 + k, 100.0 - 5 * k, 100.0 - 5 * k, f"1.2.4.{1 + k}") for k in range(60)),
    "study1",
)


def mined(text: str, *tables: SeriesTable) -> tuple[list, list]:
    return mine_report(MinedReport("r1", "study1", text), tables or (TABLE,))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Small nodule in the lingula (series 4, image 38).", ["Small nodule in the lingula."]),
        ("Nodule (series 4, image 38) and cyst (series 4, image 50).", ["Nodule", "cyst"]),
        ("Series 4, image 38: fracture of the left seventh rib.", ["fracture of the left seventh rib."]),
        ("The cyst is best seen on series 4, image 38.", ["The cyst is best seen"]),
        ("Emboli in the lower lobes (4:38, 4:50).", ["Emboli in the lower lobes"] * 2),
        ("Fracture of the rib. (Series 4, image 38)", ["Fracture of the rib."]),
        (
            "Rundherd im Oberlappen (s. Serie 4, Bild 38), V. a. Metastase.",
            ["Rundherd im Oberlappen, V. a. Metastase."],
        ),
    ],
)
def test_each_image_gets_the_words_that_go_with_it(text: str, words: list[str]) -> None:
    pairs, refused = mined(text)
    assert refused == []
    assert [pair.sentence.removesuffix(".") for pair in pairs] == [word.removesuffix(".") for word in words]


def test_pair_says_where_the_image_lies_and_where_it_was_named() -> None:
    text = "Findings:\nNo effusion. Small nodule in the lingula (series 4, image 38)."
    ((pair,), _) = mined(text)
    assert (pair.volume, pair.series_key, pair.image_number) == ("study1", "1.2.4", 38)
    assert pair.z_mm == 100.0 - 5 * 37
    assert pair.slice == 60 - 38  # 0 is the most inferior
    assert text[pair.start : pair.end] == "series 4, image 38"
    assert (pair.section, pair.rule, pair.text) == (
        "findings",
        "series then image",
        "Small nodule in the lingula (series 4, image 38).",
    )


def test_a_range_gives_a_line_for_each_image_with_the_whole_extent() -> None:
    pairs, _ = mined("Consolidation (series 4, images 10-12).")
    assert [pair.image_number for pair in pairs] == [10, 11, 12]
    assert {(pair.z_lo_mm, pair.z_hi_mm, pair.num_images) for pair in pairs} == {(45.0, 55.0, 3)}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("On the prior CT (series 4, image 38) there was a nodule.", "prior study"),
        ("Nodule (series 9, image 38).", "no such series"),
        ("Nodule (series 4, image 380).", "no such image"),
        ("(Series 4, image 38).", "no words"),
    ],
)
def test_what_gives_no_pair_is_listed_with_its_cause(text: str, cause: str) -> None:
    pairs, (refused,) = mined(text)
    assert pairs == []
    assert refused.cause == cause
    assert refused.reason


def test_report_without_its_study_is_refused_as_such() -> None:
    pairs, (refused,) = mine_report(MinedReport("r1", "gone", "Nodule (series 4, image 38)."), ())
    assert (pairs, refused.cause) == ([], "no study")


def test_reports_come_from_tables_lines_and_folders(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("study,report\ns1,Nodule.\n")
    (tmp_path / "a.jsonl").write_text('{"study": "s1", "report": "Nodule."}\n')
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "s1.txt").write_text("Nodule.")
    (tmp_path / "b.csv").write_text("scan,report_file\ns1,texts/s1.txt\n")
    for source in ("a.csv", "a.jsonl", "texts", "b.csv"):
        assert read_reports(tmp_path / source) == [MinedReport("s1", "s1", "Nodule.")]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.csv", "study,report\ns1,\n", "row 1 has no report"),
        ("a.csv", "study,report_file\ns1,gone.txt\n", "the report file is not there"),
        ("a.jsonl", "{", "Line 1 of a.jsonl is no JSON"),
        ("a.csv", "study,report\ns1,A.\ns1,B.\n", "'s1' stands 2 times"),
        ("a.jsonl", "", "There are no reports"),
    ],
)
def test_reports_that_cannot_be_used_are_refused_in_a_sentence(tmp_path, name: str, text: str, problem: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=problem):
        read_reports(tmp_path / name)


def test_study_is_found_by_the_name_of_its_sidecar_or_by_its_uid_and_never_outside(tmp_path) -> None:
    write_slice_tables(tmp_path / "s1.slices.json", [TABLE])
    write_slice_tables(tmp_path.parent / "outside.slices.json", [TABLE])
    studies = Studies(tmp_path)
    assert studies.tables_of("s1") == [TABLE]
    assert studies.tables_of("1.2") == [TABLE]
    assert studies.tables_of("../outside") == []
    assert studies.tables_of("s2") == []
