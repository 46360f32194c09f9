"""The file of localization results: there and back bit for bit, and plain words for whatever is wrong with it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_ct_grounding import __version__
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.localization_results import (
    LocalizationCase,
    LocalizationResults,
    LocalizationRow,
    Truth,
    read_localization_results,
)
from napari_ct_grounding.core.provenance import Program, this_program
from napari_ct_grounding.core.results import GroundingResult


def a_result(z_mm: float = -452.0, seed: int = 0) -> GroundingResult:
    rng = np.random.default_rng(seed)
    profile = rng.standard_normal(9, dtype=np.float32)
    profile[-2:] = np.nan
    return GroundingResult(
        sentence="Raumforderung im linken Hilus, 3 cm groß",
        z_mm=z_mm,
        slice_index=70,
        image_number=64,
        score=float(profile[0]),
        interval_mm=(z_mm - 1 / 3, z_mm + 24.0),
        covered_mm=(-700.0, -350.0),
        depths_mm=-464 + 12 * np.arange(9) + 1 / 3,
        profile=profile,
        peaks_mm=(z_mm, -400.0),
        has_location=True,
        is_calibrated=False,
        depth_width_mm=12.0,
        file_index=63,
    )


def a_case(**changes: Any) -> LocalizationCase:
    case = LocalizationCase("case 1", "scans/a.nii.gz", "Raumforderung im linken Hilus, 3 cm groß")
    return replace(case, **changes)


def results_of(*rows: LocalizationRow) -> LocalizationResults:
    return LocalizationResults("bundled", "ab" * 8, "masked", "float32", rows)


ROWS = (
    LocalizationRow(a_case(truth=Truth(-460.0, -440.5)), a_result(seed=1), volume_fingerprint="f" * 32),
    LocalizationRow(a_case(series="4", category="mass", truth=Truth(-420.0, -420.0, image_number=0)), a_result(-400.0)),
    LocalizationRow(a_case(case="no truth", frame=0), a_result(-300.0)),
    LocalizationRow(
        a_case(truth=Truth(image_number=7)), message="The scan has no image 7.", volume_fingerprint="e" * 32
    ),
)


# There and back --------------------------------------------------------------------------------------------------


def test_what_was_written_is_read_bit_for_bit(tmp_path: Path) -> None:
    written = results_of(*ROWS)
    written.write(tmp_path / "results.json")
    read = read_localization_results(tmp_path / "results.json")
    for name in ("weights_name", "weights_fingerprint", "coverage", "precision", "created", "program"):
        assert getattr(read, name) == getattr(written, name)
    for before, after in zip(ROWS, read.rows, strict=True):
        assert after.case == before.case
        assert (after.status, after.message, after.error_mm) == (before.status, before.message, before.error_mm)
        assert after.volume_fingerprint == before.volume_fingerprint
        if before.prediction is None:
            assert after.prediction is None
            continue
        for field in fields(GroundingResult):
            left, right = (getattr(row.prediction, field.name) for row in (before, after))
            if isinstance(left, np.ndarray):
                assert left.dtype == right.dtype
                np.testing.assert_array_equal(left, right)
            else:
                assert left == right, field.name
    assert read.to_json() == written.to_json()


def test_the_file_is_strict_json_with_a_row_on_each_line() -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    text = results_of(*ROWS).to_json()
    content = json.loads(text, parse_constant=refuse)
    assert (content["format"], content["schema_version"]) == ("ct-grounding localization", 2)
    assert content["program"]["version"] == __version__
    assert content["weights"] == {"name": "bundled", "fingerprint": "ab" * 8}
    assert [row["status"] for row in content["rows"]] == ["done", "done", "done", "failed"]
    assert list(content["rows"][0]["prediction"]) == [field.name for field in fields(GroundingResult)]
    assert sum(line.startswith('{"case"') for line in text.splitlines()) == 4
    assert "groß" in text


def test_a_file_without_rows_is_a_file_too(tmp_path: Path) -> None:
    results_of().write(tmp_path / "none.json")
    assert read_localization_results(tmp_path / "none.json").rows == ()


def test_writing_leaves_nothing_beside_the_file_and_can_be_refused(tmp_path: Path) -> None:
    for rows in (ROWS, ROWS[:1]):
        results_of(*rows).write(tmp_path / "results.json")
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
    with pytest.raises(InputError, match=r"results\.json cannot be written"):
        results_of().write(tmp_path / "missing" / "results.json")


def test_fields_of_a_later_program_are_left_aside(tmp_path: Path) -> None:
    content = json.loads(results_of(*ROWS).to_json())
    content["mood"] = content["rows"][0]["mood"] = content["rows"][0]["prediction"]["mood"] = "good"
    path = tmp_path / "later.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert len(read_localization_results(path).rows) == 4


def test_the_example_of_the_documentation_is_such_a_file(tmp_path: Path, repository: Path) -> None:
    (example,) = re.findall(
        r"```json\n(.*?)```", (repository / "docs" / "batch.md").read_text(encoding="utf-8"), re.DOTALL
    )
    path = tmp_path / "example.json"
    path.write_text(example, encoding="utf-8")
    results = read_localization_results(path)
    assert results.summary() == json.loads(example)["summary"]
    assert results.rows[0].error_mm == json.loads(example)["rows"][0]["error_mm"]
    told = json.loads(example)
    written = json.loads(results.to_json())
    assert [list(row) for row in told["rows"]] == [list(row) for row in written["rows"]]
    assert list(told) == list(written)


# Errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truth", "z_mm", "error_mm"),
    [
        (Truth(-460.0, -440.0), -452.0, 0.0),
        (Truth(-460.0, -440.0), -460.0, 0.0),
        (Truth(-460.0, -440.0), -470.5, 10.5),
        (Truth(-460.0, -440.0), -430.0, 10.0),
        (Truth(5.0, 5.0), 2.0, 3.0),
    ],
)
def test_the_error_is_the_distance_to_the_range(truth: Truth, z_mm: float, error_mm: float) -> None:
    assert truth.error_mm(z_mm) == error_mm
    assert LocalizationRow(a_case(truth=truth), a_result(z_mm)).error_mm == error_mm


def test_the_summary_counts_what_failed_and_averages_what_has_a_truth() -> None:
    rows = [LocalizationRow(a_case(truth=Truth(0.0, 0.0)), a_result(z)) for z in (3.0, -12.0, 24.0, 41.0)]
    assert results_of(*rows, *ROWS[2:]).summary() == {
        "num_rows": 6,
        "num_failed": 1,
        "num_with_truth": 4,
        "mean_mm": 20.0,
        "median_mm": 18.0,
        "within_12_mm": 0.5,
        "within_24_mm": 0.75,
    }
    empty = results_of().summary()
    assert (empty["num_rows"], empty["mean_mm"], empty["within_24_mm"]) == (0, None, None)


def test_a_question_is_the_same_after_its_image_was_looked_up() -> None:
    asked, answered = a_case(truth=Truth(image_number=0)), a_case(truth=Truth(3.0, 3.0, image_number=0))
    assert asked.question == answered.question
    others = [
        a_case(),
        a_case(truth=Truth(image_number=1)),
        a_case(truth=Truth(3.0, 3.0)),
        *(a_case(**{name: "other"}) for name in ("case", "scan", "sentence", "series", "category")),
        a_case(frame=0),
    ]
    assert len({case.question for case in (asked, *others)}) == len(others) + 1


# Wrong files -----------------------------------------------------------------------------------------------------


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    content = json.loads(results_of(*ROWS).to_json())
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "its format is not"),
        ('{"rows": []}', "its format is not"),
        ('{"schema_version": 1, "anything": 2}', "schema_version 1, the form of the released"),
        (changed(lambda c: c.update(schema_version=3)), "schema_version 3; this program reads 2. Update"),
        (changed(lambda c: c.update(schema_version=True)), "schema_version True"),
        (changed(lambda c: c.pop("weights")), "weights of the file is None, must be an object"),
        (changed(lambda c: c.update(rows={})), "rows of the file is {}, must be a list"),
        (changed(lambda c: c["rows"].insert(1, 5)), "row 2 is 5, must be an object"),
        (changed(lambda c: c["rows"][0].pop("sentence")), "row 1 has no sentence, which must be a text"),
        (
            changed(lambda c: c["rows"][0].update(status="maybe")),
            "status of row 1 is 'maybe', must be one of done, failed",
        ),
        (changed(lambda c: c["rows"][0].update(prediction=None)), "prediction of row 1 is None, must be an object"),
        (changed(lambda c: c["rows"][2].update(frame=1.5)), "frame of row 3 is 1.5, must be a whole number"),
        (changed(lambda c: c["rows"][3].update(message=None)), "message of row 4 is None, must be a text"),
        (changed(lambda c: c["rows"][0]["truth"].update(z_lo_mm=None)), "one end of the range is missing"),
        (changed(lambda c: c["rows"][0]["truth"].update(z_lo_mm=0)), "z_lo_mm 0 lies above z_hi_mm -440.5"),
        (changed(lambda c: c["rows"][0].update(truth={})), "neither a range nor an image number"),
        (changed(lambda c: c["rows"][1].update(truth={"image_number": 3})), "position of its truth is not known"),
        (changed(lambda c: c["rows"][0]["prediction"].update(z_mm="low")), "z_mm of prediction of row 1 is 'low'"),
        (changed(lambda c: c["rows"][0]["prediction"].update(profile=[1])), "profile has 1 values for 9 depths"),
        (changed(lambda c: c["rows"][0]["prediction"].update(depths_mm=[None] * 9)), "must be a list of numbers"),
        (changed(lambda c: c["rows"][0]["prediction"].update(interval_mm=[2, 1])), "must be two growing numbers"),
        (changed(lambda c: c["rows"][0]["prediction"].update(z_mm=10**400)), "must be a number"),
        (changed(lambda c: c["rows"][0]["prediction"].update(z_mm=float("nan"))), "is nan, must be a number"),
        (changed(lambda c: c["rows"][0]["prediction"].update(depths_mm=[10**400] * 9)), "must be a list of numbers"),
        (changed(lambda c: c["rows"][0]["prediction"].update(profile=[1e39] * 9)), "must be a list of numbers or null"),
        (changed(lambda c: c["rows"][0]["prediction"].update(profile=["1"] * 9)), "must be a list of numbers or null"),
        (changed(lambda c: c["rows"][0]["prediction"].update(has_location=1)), "must be true or false"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_localization_results(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith("results.json ")
    assert str(tmp_path) not in str(caught.value)


def test_all_problems_are_told_at_once_but_not_all_in_words(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(
        changed(lambda c: [row.pop("scan") for row in c["rows"] * 1] + [c.pop("created"), c.pop("coverage")])
    )
    with pytest.raises(InputError, match=r"row 3 has no scan.*; and 1 more\. Make it again"):
        read_localization_results(path)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.json cannot be read"):
        read_localization_results(tmp_path / "missing.json")
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(InputError, match=r"latin\.json is not valid JSON"):
        read_localization_results(tmp_path / "latin.json")


# The program -----------------------------------------------------------------------------------------------------


def test_the_program_knows_its_version_and_in_a_checkout_its_commit(repository: Path) -> None:
    program = this_program()
    assert (program.name, program.version) == ("napari-ct-grounding", __version__)
    if not (repository / ".git").exists():
        pytest.skip("not a git checkout")
    assert program.commit is not None
    commit = program.commit.removesuffix("-dirty")
    assert len(commit) == 40
    # Of this history; it need not be the newest any more.
    subprocess.run(["git", "-C", str(repository), "merge-base", "--is-ancestor", commit, "HEAD"], check=True)


def test_a_program_without_a_commit_is_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    replace(results_of(), program=Program("another", "1.0")).write(path)
    assert read_localization_results(path).program == Program("another", "1.0", None)
