"""Questions about one scan: the fields of the answers, and what is told when there is none."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.core.results import DiseaseScore, GroundingResult
from napari_ct_grounding.inference.estimate import EncodingEstimate
from napari_ct_grounding.inference.session import GroundingSession
from tests.cli.conftest import Run
from tests.inference.oracle import body_with_sphere

SENTENCE = "a bright ball"


def test_ground_prints_json_with_the_fields_of_a_result(run: Run, scan: Path, asked: dict) -> None:
    code, out, err = run("ground", scan, SENTENCE, "something else", "--json")
    assert (code, err) == (0, "")
    records = json.loads(out)
    assert [record["sentence"] for record in records] == [SENTENCE, "something else"]
    assert list(records[0]) == list(GroundingResult.__dataclass_fields__)
    assert abs(records[0]["slice_index"] - 29) <= 4
    assert len(records[0]["profile"]) == len(records[0]["depths_mm"])


def test_ground_prints_a_table_by_default(run: Run, scan: Path, asked: dict) -> None:
    code, out, _ = run("ground", scan, SENTENCE)
    heading, row = out.splitlines()
    assert code == 0
    assert heading.split() == ["sentence", "slice", "image", "z", "mm", "interval", "mm", "score"]
    assert row.startswith(SENTENCE)
    assert " - " in row  # a NIfTI file keeps no image number


def test_score_prints_eighteen_diseases_highest_first(run: Run, scan: Path, asked: dict) -> None:
    code, out, err = run("score", scan, "--json")
    records = json.loads(out)
    assert code == 0
    assert len(records) == 18
    assert list(records[0]) == list(DiseaseScore.__dataclass_fields__)
    assert records == sorted(records, key=lambda record: -record["score"])
    assert "no chest" in err  # on stderr, where it cannot spoil the JSON
    assert "Emphysema" in run("score", scan)[1]


def test_terms_of_ones_own_can_be_scored(run: Run, scan: Path, asked: dict) -> None:
    records = json.loads(run("score", scan, "--json", "--name", "Gallstones", "--name", "Ascites")[1])
    assert {record["name"] for record in records} == {"Gallstones", "Ascites"}


def test_series_lists_what_can_be_opened(run: Run, scan: Path) -> None:
    code, out, _ = run("series", scan, "--json")
    assert code == 0
    assert json.loads(out)[0]["num_images"] == 40
    assert "40 images of 3 mm" in run("series", scan)[1]


def test_a_volume_of_a_4d_file_is_chosen_by_its_number(run: Run, scan: Path, asked: dict, tmp_path: Path) -> None:
    image = nibabel.load(scan)
    voxels = np.asanyarray(image.dataobj)
    path = tmp_path / "two.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.stack([np.full_like(voxels, -1000), voxels], axis=-1), image.affine), path)
    code, out, err = run("ground", path, SENTENCE)
    assert (code, out) == (2, "")
    assert "--frame" in err
    code, out, _ = run("ground", path, SENTENCE, "--frame", "1", "--json")
    assert code == 0
    assert json.loads(out) == json.loads(run("ground", scan, SENTENCE, "--json")[1])


def test_every_option_reaches_the_session(run: Run, scan: Path, asked: dict) -> None:
    options = ("--weights", "w", "--device", "cpu", "--coverage", "paper", "--tokenizer", "t", "--accept-licence")
    options += ("--precision", "bfloat16")
    assert run("ground", scan, SENTENCE, *options)[0] == 0
    assert asked == {
        "weights": "w",
        "device": "cpu",
        "coverage": "paper",
        "precision": "bfloat16",
        "tokenizer": Path("t"),
        "accept_licence": True,
        "cache": "default",
    }
    assert run("ground", scan, SENTENCE, "--no-cache")[0] == 0
    assert asked["cache"] is None


def test_sentences_may_come_from_a_file_and_from_stdin(
    run: Run, scan: Path, asked: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "sentences.txt"
    listed.write_text("Erguß links\n\n  third \n", encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO("first\nsecond\n"))
    records = json.loads(run("ground", scan, "-", "--file", listed, "--json")[1])
    assert [record["sentence"] for record in records] == ["first", "second", "Erguß links", "third"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ground", "SCAN"], "No sentence was given"),
        (["ground", "SCAN", " "], "The sentence is empty"),
        (["ground", "SCAN", "word " * 2000], "2000 words"),
        (["ground", "missing.nii", "a"], "no file or folder named missing.nii"),
        (["ground", "SCAN", "a", "--file", "missing.txt"], "'missing.txt' cannot be read"),
        (["score", "missing.nii"], "no file or folder named missing.nii"),
        (["series", "missing"], "no file or folder named missing"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line_with_exit_code_2(
    run: Run, scan: Path, asked: dict, arguments: list[str], words: str
) -> None:
    code, out, err = run(*(scan if argument == "SCAN" else argument for argument in arguments))
    assert (code, out) == (2, "")
    assert err.startswith("ct-grounding: ")
    assert words in err
    assert err.count("\n") == 1


def test_values_that_are_not_hu_are_refused_until_the_user_insists(run: Run, asked: dict, tmp_path: Path) -> None:
    volume = body_with_sphere()
    path = tmp_path / "stored.nii"
    image = nibabel.Nifti1Image((volume.hu + 1024).astype(np.int16).transpose(2, 1, 0), volume.geometry.affine)
    nibabel.save(image, path)
    code, _, err = run("ground", path, SENTENCE)
    assert code == 2
    assert "--assume-hu" in err
    assert run("ground", path, SENTENCE, "--assume-hu")[0] == 0


def test_a_wrong_path_is_told_before_any_weights_are_loaded(run: Run, asked: dict) -> None:
    assert run("ground", "missing.nii", "a")[0] == 2
    assert asked == {}


def test_weights_that_cannot_be_used_are_bad_input(run: Run, scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> GroundingSession:
        raise WeightsError("The folder holds\n   a pickle.")

    monkeypatch.setattr(GroundingSession, "from_pretrained", refuse)
    assert run("score", scan) == (2, "", "ct-grounding: The folder holds a pickle.\n")


def test_a_slow_start_is_announced_with_the_faster_way(run: Run, scan: Path, asked: dict, monkeypatch) -> None:
    seconds = {"masked": 84.0, "paper": 41.0}

    def estimate(self: GroundingSession, volume: object, coverage: str | None = None) -> EncodingEstimate:
        coverage = coverage or self.coverage
        return EncodingEstimate(seconds[coverage], round(seconds[coverage]), coverage, False, 48.0)

    monkeypatch.setattr(GroundingSession, "estimate", estimate)
    code, out, err = run("ground", scan, SENTENCE, "--json")
    assert code == 0
    assert json.loads(out)
    assert err == (
        "note: encoding this scan takes about 85 s on this CPU; about 40 s with --coverage paper, "
        "which leaves out 48 mm of its length.\n"
    )
    seconds.update(masked=84.0, paper=84.0)
    assert run("score", scan)[2].startswith("note: encoding this scan takes about 85 s on this CPU.\n")
    seconds.update(masked=20.0)
    assert run("ground", scan, SENTENCE)[2] == ""


def test_how_a_tilted_scan_was_read_is_told(run: Run, asked: dict, tmp_path: Path) -> None:
    volume = body_with_sphere()
    angle = np.radians(10)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    path = tmp_path / "tilted.nii.gz"
    nibabel.save(nibabel.Nifti1Image(volume.hu.transpose(2, 1, 0), turn @ volume.geometry.affine), path)
    err = run("ground", path, SENTENCE)[2]
    assert "tilted by 10.0 degrees: the model read them as they are" in err
