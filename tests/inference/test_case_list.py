"""The list of a batch: what spreadsheet programs write is read, and what cannot be meant is told line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.localization_results import LocalizationCase, Truth
from napari_ct_grounding.inference.case_list import read_cases


def listed(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "cases.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_two_columns_are_enough(tmp_path: Path) -> None:
    cases = read_cases(listed(tmp_path, "scan,sentence\na.nii,Left hilar mass\n"))
    assert cases.folder == tmp_path
    assert cases.cases == (LocalizationCase("a.nii", "a.nii", "Left hilar mass"),)
    assert cases.unused_columns == ()


def test_every_column_is_read(tmp_path: Path) -> None:
    text = (
        "case,scan,series,frame,sentence,category,z_mm,z_lo_mm,z_hi_mm,image_number,reader\n"
        'p1,a,4,,"Mass, 3 cm",mass,,-486,-426.5,,AB\n'
        "p2,b,,1,Carina,,-410,,,,AB\n"
        "p3,c,,,Carina,,,,,0,AB\n"
        "p4,d,,,Carina,,,,,,AB\n"
    )
    cases = read_cases(listed(tmp_path, text))
    assert cases.unused_columns == ("reader",)
    assert cases.cases == (
        LocalizationCase("p1", "a", "Mass, 3 cm", "4", None, "mass", Truth(-486.0, -426.5)),
        LocalizationCase("p2", "b", "Carina", None, 1, None, Truth(-410.0, -410.0)),
        LocalizationCase("p3", "c", "Carina", truth=Truth(image_number=0)),
        LocalizationCase("p4", "d", "Carina"),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_lists_of_all_spreadsheet_programs_are_read(
    tmp_path: Path, delimiter: str, newline: str, encoding: str
) -> None:
    lines = ["scan|sentence|category", "scans\\a.nii.gz|Erguß links|Erguß", "", "||", " b | Carina | "]
    text = newline.join(line.replace("|", delimiter) for line in lines)
    assert read_cases(listed(tmp_path, text, encoding)).cases == (
        LocalizationCase("scans/a.nii.gz", "scans/a.nii.gz", "Erguß links", category="Erguß"),
        LocalizationCase("b", "b", "Carina"),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no column scan and no column sentence"),
        ("scan,text\na,b\n", "has no column sentence;"),
        ("scan,sentence,scan\na,b,c\n", "has the column scan twice"),
        ("scan,sentence\n", "a heading, but no line below it"),
        ("scan,sentence\n,b\n", "line 2 has no scan"),
        ("scan,sentence\na, \n", "line 2 has no sentence"),
        ("scan,sentence\na\n", "line 2 has no sentence"),
        ("scan,sentence\na,Mass, 3 cm\n", "line 2 has more cells than there are columns"),
        ('scan,sentence\na,"b\n', "is not CSV"),
        ("scan,sentence,frame\na,b,x\n", "line 2 has 'x' for frame; it must be a whole number"),
        ("scan,sentence,z_mm\na,b,low\n", "line 2 has 'low' for z_mm; it must be a number"),
        ("scan;sentence;z_mm\na;b;-3,5\n", "'-3,5' for z_mm; it must be a number, with a point"),
        ("scan,sentence,z_mm\na,b,nan\n", "'nan' for z_mm"),
        ("scan,sentence,image_number\na,b,1.5\n", "'1.5' for image_number; it must be a whole number"),
        ("scan,sentence,z_lo_mm\na,b,1\n", "line 2 has z_lo_mm; a truth is"),
        ("scan,sentence,z_mm,image_number\na,b,1,2\n", "line 2 has z_mm, image_number; a truth is"),
        ("scan,sentence,z_lo_mm,z_hi_mm\na,b,3,1\n", "a z_lo_mm of 3 above its z_hi_mm of 1"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_cases(listed(tmp_path, text))
    assert words in str(caught.value)
    assert "cases.csv" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_all_lines_that_cannot_be_used_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 2 has no scan; line 3 .*; line 4 has no sentence"):
        read_cases(listed(tmp_path, "scan,sentence,frame\n,b,\na,b,x\na,,\n"))


def test_a_list_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.csv cannot be read"):
        read_cases(tmp_path / "missing.csv")
    with pytest.raises(InputError, match="not text in UTF-8"):
        read_cases(listed(tmp_path, "scan,sentence\na,Erguß\n", "latin-1"))
