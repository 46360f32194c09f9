"""The shell as a whole: exit codes, help, what goes to which stream."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from napari_ct_grounding import __version__
from napari_ct_grounding.cli.parser import make_parser
from napari_ct_grounding.inference.session import GroundingSession
from tests.cli.conftest import Run

SENTENCE = "a bright ball"


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
        "import sys\nfrom napari_ct_grounding import cli\nfrom napari_ct_grounding.cli import scans\n"
        "scans.run_series = lambda options: print('row\\n' * 100_000)\n"
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


def test_the_program_runs_as_a_module_too() -> None:
    command = [sys.executable, "-m", "napari_ct_grounding.cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"ct-grounding {__version__}\n"


def test_every_command_of_the_page_about_batches_is_understood(repository: Path) -> None:
    lines = re.findall(
        r"^ct-grounding .*$", (repository / "docs" / "batch.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(lines) >= 6
    for line in lines:
        make_parser().parse_args(shlex.split(line)[1:])
