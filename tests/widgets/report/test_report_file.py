from __future__ import annotations

import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.widgets.report.report_file import MAX_BYTES, read_report_file

TEXT = "Befund: Pleuraerguß rechts, größer als 5 cm.\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_reports_are_read_in_the_encodings_that_hospitals_write(tmp_path, encoding):
    path = tmp_path / "report.txt"
    path.write_bytes(TEXT.encode(encoding))
    report = read_report_file(path)
    assert report.text == TEXT
    assert report.is_guessed == (encoding == "cp1252")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04\x00\x00", "no plain text"),
        (b"\x81\x8d fine", "encoding"),
        (b"\xff\xfea", "encoding"),
        (b"a" * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_text_is_refused_in_a_sentence(tmp_path, data, message):
    path = tmp_path / "report.txt"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_report_file(path)


def test_a_missing_file_is_told_without_its_folder(tmp_path):
    with pytest.raises(InputError, match=r"gone\.txt cannot be read") as told:
        read_report_file(tmp_path / "gone.txt")
    assert str(tmp_path) not in str(told.value)
