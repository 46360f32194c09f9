"""The shell: fields, exit codes, and what goes to which stream."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_ct_grounding import __version__, cli
from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.core.results import DiseaseScore, GroundingResult
from napari_ct_grounding.inference.session import GroundingSession
from tests.inference.oracle import body_with_sphere, oracle_session

SENTENCE = "a bright ball"


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """Return a NIfTI file of a body with a sphere."""
    volume = body_with_sphere()
    path = tmp_path / "body.nii.gz"
    nibabel.save(nibabel.Nifti1Image(volume.hu.transpose(2, 1, 0), volume.geometry.affine), path)
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Let the oracle stand in for the weights, and keep what the session was asked for."""
    kept: dict[str, object] = {}

    def from_pretrained(weights: object = "bundled", **options: object) -> GroundingSession:
        kept.update(weights=weights, **options)
        return oracle_session()

    monkeypatch.setattr(GroundingSession, "from_pretrained", from_pretrained)
    return kept


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command in this process and gives exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


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
    import nibabel
    import numpy as np

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
    assert run("ground", scan, SENTENCE, *options)[0] == 0
    assert asked == {
        "weights": "w",
        "device": "cpu",
        "coverage": "paper",
        "tokenizer": Path("t"),
        "accept_licence": True,
    }


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


def test_a_fault_of_ours_gives_exit_code_1_and_no_traceback(
    run: Run, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> GroundingSession:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(GroundingSession, "from_pretrained", fail)
    code, out, err = run("score", scan)
    assert (code, out) == (1, "")
    assert err == "ct-grounding: unexpected ZeroDivisionError: division by zero (--traceback shows where)\n"
    with pytest.raises(ZeroDivisionError):
        run("score", scan, "--traceback")


def test_interrupting_gives_exit_code_130(run: Run, scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> GroundingSession:
        raise KeyboardInterrupt

    monkeypatch.setattr(GroundingSession, "from_pretrained", interrupt)
    assert run("score", scan)[0] == 130


@pytest.mark.parametrize("arguments", [[], ["fly"], ["ground"], ["score"], ["ground", "scan", "a", "--fast"]])
def test_a_wrong_command_line_gives_exit_code_2_and_the_usage(run: Run, arguments: list[str]) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert "usage: ct-grounding" in err


@pytest.mark.parametrize("command", [[], ["demo"], ["ground"], ["score"], ["series"]])
def test_help_is_everywhere(run: Run, command: list[str]) -> None:
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert out.startswith("usage: ct-grounding")


def test_the_demo_is_given_the_path_of_the_screenshot(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from napari_ct_grounding.widgets import demo

    taken: list[object] = []
    monkeypatch.setattr(demo, "run_demo", lambda screenshot=None: taken.append(screenshot))
    assert run("demo", "--screenshot", tmp_path / "demo.png")[0] == 0
    assert run("demo")[0] == 0
    assert taken == [tmp_path / "demo.png", None]


def test_version_and_help_load_neither_torch_nor_napari() -> None:
    for flag in ("--version", "--help"):
        program = (
            "import sys\nfrom napari_ct_grounding.cli import main\n"
            f"try: main([{flag!r}])\nexcept SystemExit: pass\n"
            "print(sorted({'torch', 'napari', 'transformers', 'qtpy', 'nibabel'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]"
        if flag == "--version":
            assert done.stdout.splitlines()[0] == f"ct-grounding {__version__}"


def test_a_reader_that_leaves_early_is_no_error(scan: Path) -> None:
    program = (
        "import sys\nfrom napari_ct_grounding import cli\n"
        "cli._run_series = lambda options: print('row\\n' * 100_000)\n"
        f"sys.exit(cli.main(['series', {str(scan)!r}]))"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    errors = child.stderr.read()
    child.stderr.close()
    assert (child.wait(), errors) == (0, "")
