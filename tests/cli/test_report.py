"""``ct-grounding report``: every sentence answered, files that are whole, and plain words where something is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from napari_ct_grounding.export.walk_file import read_walk
from napari_ct_grounding.phantom.dicom_export import export_study
from tests.cli.conftest import Run
from tests.inference.oracle import body_with_sphere

REPORT = """Findings: A bright mass in the left hilum. No bright effusion.

xx xx xx xx.

Impression: Bright tumour of the lung.
"""


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.txt"
    path.write_text(REPORT, encoding="utf-8")
    return path


@pytest.mark.usefixtures("asked")
def test_every_sentence_is_grounded_and_the_default_forms_are_written(
    run: Run, scan: Path, report: Path, tmp_path: Path
) -> None:
    code, out, _ = run("report", scan, report, "--out", tmp_path / "away")
    assert code == 0
    assert out.split() == [str(tmp_path / "away" / name) for name in ("walk.json", "walk.csv", "report.html")]
    walk = read_walk(tmp_path / "away" / "walk.json")
    assert [finding.sentence for finding in walk.findings][:2] == [
        "A bright mass in the left hilum.",
        "No bright effusion.",
    ]
    assert walk.findings[0].section == "findings"
    assert walk.findings[1].is_negated
    # A sentence that the tokenizer does not know keeps none of the others from its answer.
    assert walk.findings[2].result is None
    assert walk.findings[2].message is not None
    assert "unknown to the weights" in walk.findings[2].message
    assert walk.findings[0].result is not None
    assert (tmp_path / "away" / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.usefixtures("asked")
def test_forms_that_the_scan_cannot_have_are_told_and_the_others_written(
    run: Run, scan: Path, report: Path, tmp_path: Path
) -> None:
    pytest.importorskip("highdicom")
    code, out, err = run("report", scan, report, "--out", tmp_path, "--formats", "kos,json")
    assert code == 2
    assert out.strip() == str(tmp_path / "walk.json")
    assert "kos: DICOM objects refer to the DICOM images of a scan" in err


@pytest.mark.usefixtures("asked")
def test_the_name_of_the_file_stays_out_unless_asked(run: Run, scan: Path, report: Path, tmp_path: Path) -> None:
    run("report", scan, report, "--out", tmp_path / "a", "--formats", "json")
    run("report", scan, report, "--out", tmp_path / "b", "--formats", "json", "--with-patient")
    names = [json.loads((tmp_path / name / "walk.json").read_text())["scan"]["name"] for name in ("a", "b")]
    assert names[0].startswith("CT ")
    assert names[1] == "body"


@pytest.mark.usefixtures("asked")
def test_files_that_are_there_are_replaced_only_when_asked(run: Run, scan: Path, report: Path, tmp_path: Path) -> None:
    (tmp_path / "walk.csv").write_text("mine")
    code, _, err = run("report", scan, report, "--out", tmp_path, "--formats", "csv")
    assert code == 2
    assert "walk.csv exists" in err
    assert (tmp_path / "walk.csv").read_text() == "mine"
    assert run("report", scan, report, "--out", tmp_path, "--formats", "csv", "--overwrite")[0] == 0
    assert "bright mass" in (tmp_path / "walk.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("formats", "message"),
    [("pdf", "--formats names pdf; known are html, json"), (",", "--formats names none"), ("json,doc", "names doc;")],
)
def test_unknown_forms_are_told_before_anything_is_read(run: Run, tmp_path: Path, formats: str, message: str) -> None:
    code, _, err = run("report", "missing.nii.gz", "missing.txt", "--out", tmp_path, "--formats", formats)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot be read"), (b"\xff\xff\xfe", "not text in UTF-8"), (b" \n ", "no sentence")]
)
def test_a_report_that_cannot_be_used_is_told(
    run: Run, scan: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "r.txt"
    if content is not None:
        path.write_bytes(content)
    code, _, err = run("report", scan, path, "--out", tmp_path / "away")
    assert code == 2
    assert message in err
    assert not (tmp_path / "away").exists()


@pytest.mark.usefixtures("asked")
def test_images_that_a_sentence_names_are_looked_up_in_the_study(run: Run, tmp_path: Path) -> None:
    body: Any = SimpleNamespace(volume=body_with_sphere())
    thin, thick = export_study(body, tmp_path / "study", thick_mm=12, has_lung_series=False).series
    report = tmp_path / "r.txt"
    report.write_text(
        f"Bright mass in the liver (series {thin.number}, image {thin.image_numbers[30]}). "
        f"Bright cyst (series {thick.number}, image {thick.image_numbers[3]}). Bright tumour (series 9, image 1)."
    )
    away = tmp_path / "away"
    assert run("report", tmp_path / "study", report, "--series", 2, "--out", away, "--formats", "json")[0] == 0
    walk = read_walk(away / "walk.json")
    (own,), (other,), (missing,) = (finding.references for finding in walk.findings)
    assert own.z_mm == pytest.approx(thin.z_mm[30])
    result = walk.findings[0].result
    assert result is not None
    assert own.difference_mm == pytest.approx(result.z_mm - own.z_mm)
    assert other.z_mm == pytest.approx(thick.z_mm[3])
    assert missing.z_mm is None
    assert "no series 9" in (missing.reason or "")
