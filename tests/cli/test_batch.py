"""`batch` and `embed` in the shell: what is printed, what is written, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_ct_grounding.core.localization_results import read_localization_results
from napari_ct_grounding.inference import batch
from tests.cli.conftest import Run

SENTENCE = "a bright ball"


@pytest.fixture
def cases(scan: Path) -> Path:
    """A list about a scan that is there and one that is not; the path of a scan starts from the list's folder."""
    path = scan.parent / "cases.csv"
    path.write_text(f"scan,sentence,z_mm,reader\n{scan.name},{SENTENCE},-413,AB\nmissing.nii,{SENTENCE},,AB\n")
    return path


def test_a_batch_writes_results_and_prints_a_summary(run: Run, cases: Path, asked: dict) -> None:
    out = cases.parent / "out.json"
    code, printed, err = run("batch", cases, "--out", out, "--precision", "float32")
    assert code == 0
    assert [line.split(maxsplit=1) for line in printed.splitlines()[:3]] == [
        ["2", "sentences"],
        ["1", "failed"],
        ["1", "with a truth"],
    ]
    assert "mm mean error" in printed
    assert "columns that mean nothing here: reader" in err
    assert "missing.nii: There is no file or folder named missing.nii." in err
    assert "1 of 2 rows failed; out.json says why" in err
    assert [row.status for row in read_localization_results(out).rows] == ["done", "failed"]
    assert asked["precision"] == "float32"


def test_the_summary_can_be_had_as_json(run: Run, cases: Path, asked: dict) -> None:
    out = cases.parent / "out.json"
    printed = run("batch", cases, "--out", out, "--json")[1]
    assert json.loads(printed) == read_localization_results(out).summary()


def test_strict_makes_a_failed_row_an_error(run: Run, cases: Path, asked: dict) -> None:
    code, printed, err = run("batch", cases, "--out", cases.parent / "out.json", "--strict")
    assert code == 2
    assert "sentences" in printed
    assert err.splitlines()[-1] == "ct-grounding: 1 of 2 rows failed; out.json says why."
    cases.write_text("\n".join(cases.read_text().splitlines()[:2]))
    assert run("batch", cases, "--out", cases.parent / "good.json", "--strict")[0] == 0


def test_results_are_not_overwritten_but_resumed(run: Run, cases: Path, asked: dict, scan: Path) -> None:
    out = cases.parent / "out.json"
    assert run("batch", cases, "--out", out)[0] == 0
    asked.clear()
    code, _, err = run("batch", cases, "--out", out)
    assert code == 2
    assert "out.json exists" in err
    assert asked == {}  # told before any weights are loaded
    image = nibabel.load(scan)
    nibabel.save(image, scan.with_name("missing.nii"))
    assert run("batch", cases, "--out", out, "--resume")[0] == 0
    assert [row.status for row in read_localization_results(out).rows] == ["done", "done"]


def test_an_interrupted_batch_says_how_to_go_on(
    run: Run, cases: Path, asked: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "read_volume", interrupt)
    code, _, err = run("batch", cases, "--out", cases.parent / "out.json")
    assert code == 130
    assert "are in out.json; --resume goes on" in err


def test_a_list_that_cannot_be_used_is_told_before_any_weights_are_loaded(run: Run, cases: Path, asked: dict) -> None:
    cases.write_text("scan\na.nii\n")
    code, _, err = run("batch", cases, "--out", cases.parent / "out.json")
    assert code == 2
    assert "has no column sentence" in err
    assert asked == {}


def test_embed_writes_arrays(run: Run, scan: Path, asked: dict) -> None:
    out = scan.parent / "a.npz"
    assert run("embed", scan, "--out", out) == (0, "", "")
    with np.load(out, allow_pickle=False) as file:
        assert file["depth_embeddings"].shape == (len(file["depths_mm"]), 2)


def test_embed_tells_a_wrong_name_before_the_scan_is_read(run: Run, asked: dict) -> None:
    code, _, err = run("embed", "missing.nii", "--out", "a.txt")
    assert code == 2
    assert "Let it end so" in err


@pytest.mark.parametrize("command", [["batch"], ["embed"], ["cache"], ["cache", "info"], ["cache", "clear"]])
def test_the_new_commands_have_help(run: Run, command: list[str]) -> None:
    code, printed, _ = run(*command, "--help")
    assert code == 0
    assert printed.startswith("usage: ct-grounding")
