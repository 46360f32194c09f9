"""The benchmark suite: figures, their history, states set side by side."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.benchmarks import __main__ as suite
from tests.benchmarks.figures import (
    BEGIN_MARK,
    END_MARK,
    Figure,
    Run,
    append_run,
    medians,
    previous_run,
    read_history,
    shown,
    table,
    written_between_marks,
)
from tests.benchmarks.parts import PARTS, Part, Scene
from tests.benchmarks.tree import PartSkipped, Tree, commit_of, exported


def run_of(machine: str = "laptop", *, commit: str = "abc", is_quick: bool = False, value: float = 2.0) -> Run:
    return Run(
        date="2030-01-02T03:04:05+00:00",
        commit=commit,
        machine=machine,
        software="Python",
        is_quick=is_quick,
        figures=(Figure("opening", value, "s", "3 s"),),
        before=(Figure("opening", 4.0, "s"),),
        notes=("gpu: skipped",),
    )


def test_a_run_comes_back_from_the_history_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    assert read_history(path) == []
    append_run(path, run_of())
    append_run(path, run_of(commit="def"))
    assert read_history(path) == [run_of(), run_of(commit="def")]
    assert len(path.read_text().splitlines()) == 2


def test_a_line_cut_short_or_of_another_form_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    append_run(path, run_of())
    with open(path, "a", encoding="utf-8") as stream:
        stream.write('{"date": "2030"}\n[1]\n{"date": "20')
    assert read_history(path) == [run_of()]


def test_figures_are_compared_with_the_last_run_of_the_same_kind_on_the_same_machine() -> None:
    runs = [run_of(commit="a"), run_of(commit="b"), run_of("server", commit="c"), run_of(commit="d", is_quick=True)]
    assert previous_run(runs, "laptop", False) == runs[1]
    assert previous_run(runs, "laptop", True) == runs[3]
    assert previous_run(runs, "phone", False) is None


def test_repeats_become_their_median() -> None:
    repeats = [[Figure("a", v, "s"), Figure("b", 1.0, "MB")] for v in (9.0, 1.0, 2.0)]
    assert medians(repeats) == (Figure("a", 2.0, "s"), Figure("b", 1.0, "MB"))
    assert medians([]) == ()


def test_the_table_sets_before_and_now_side_by_side_with_their_quotient() -> None:
    text = table([Figure("a", 1.0, "s", "2 s"), Figure("new", 7.0, "MB")], [Figure("a", 4.0, "s")], "b5781fa")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert rows[0] == ["what", "b5781fa", "now", "now / before", "aim"]
    assert rows[2] == ["a", "4 s", "1 s", "0.25", "2 s"]
    assert rows[3] == ["new", "-", "7 MB", "-", ""]
    assert len({len(line) for line in text.splitlines()}) == 1


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.1234, "s", "0.123 s"), (2148.4, "MB", "2148 MB"), (7.04, "times", "7.04 times"), (0, "", "0")],
)
def test_values_show_three_digits_and_their_unit(value: float, unit: str, text: str) -> None:
    assert shown(Figure("a", value, unit)) == text


def test_the_table_replaces_what_stands_between_the_marks_of_a_page() -> None:
    page = f"# Speed\n{BEGIN_MARK}\nold\n{END_MARK}\nrejected\n"
    assert written_between_marks(page, "new") == f"# Speed\n{BEGIN_MARK}\nnew\n{END_MARK}\nrejected\n"
    with pytest.raises(ValueError, match="no <!-- bench"):
        written_between_marks("# Speed\n", "new")


def test_the_page_of_the_documentation_has_the_marks() -> None:
    assert "new" in written_between_marks(suite.PAGE.read_text(encoding="utf-8"), "new")


def test_states_take_turns_and_a_part_that_one_of_them_cannot_do_is_told(tmp_path: Path) -> None:
    now, earlier = Tree(tmp_path / "now"), Tree(tmp_path / "earlier")
    turns: list[Tree] = []

    def measure(tree: Tree, scene: Scene) -> list[Figure]:
        turns.append(tree)
        if tree == earlier:
            raise PartSkipped("no such module")
        return [Figure("a", float(len(turns)), "s")]

    part = Part(measure, num_repeats=3)
    figures, notes = suite.measure_part("opening", part, Scene(tmp_path), (now, earlier), False)
    assert turns == [now, earlier] * 3
    assert figures == [(Figure("a", 3.0, "s"),), ()]
    assert notes == ["opening of the earlier state: skipped, no such module"]


def test_a_quick_run_measures_once_and_some_parts_look_at_the_working_tree_alone(tmp_path: Path) -> None:
    turns: list[Tree] = []

    def measure(tree: Tree, scene: Scene) -> list[Figure]:
        turns.append(tree)
        return []

    trees = (Tree(tmp_path / "now"), Tree(tmp_path / "earlier"))
    suite.measure_part("a", Part(measure, is_compared=False), Scene(tmp_path), trees, True)
    assert turns == [trees[0]]


def test_a_whole_run_prints_a_table_and_adds_a_line_to_the_history(tmp_path: Path, monkeypatch, capsys) -> None:
    history, page = tmp_path / "history.jsonl", tmp_path / "page.md"
    page.write_text(f"{BEGIN_MARK}{END_MARK}", encoding="utf-8")
    monkeypatch.setattr(suite, "HISTORY", history)
    monkeypatch.setattr(suite, "PAGE", page)
    monkeypatch.setattr(suite, "PARTS", {"opening": Part(lambda tree, scene: [Figure("opening", 2.0, "s")])})
    suite.main(["--quick", "--page", "--out", str(tmp_path / "out")])
    suite.main(["--quick", "--no-history", "--out", str(tmp_path / "out")])
    (run,) = read_history(history)
    assert run.figures == (Figure("opening", 2.0, "s"),)
    assert run.is_quick
    assert "| opening | -      | 2 s |" in page.read_text(encoding="utf-8")
    assert f"{run.commit}, {run.date[:10]}" in (tmp_path / "out" / "bench.md").read_text(encoding="utf-8")
    assert "1.00" in capsys.readouterr().out  # the second run against the first
    with pytest.raises(SystemExit):
        suite.main(["--only", "closing"])


def test_a_part_that_fails_is_skipped_with_its_last_words(tmp_path: Path) -> None:
    package = tmp_path / "tests" / "benchmarks"
    package.mkdir(parents=True)
    (package / "fine.py").write_text("import sys\nprint('noise')\nprint('{\"a\": ' + sys.argv[1] + '}')\n")
    (package / "broken.py").write_text("raise ValueError('no piece')\n")
    tree = Tree(tmp_path)
    assert tree.run("fine", 3) == {"a": 3}
    with pytest.raises(PartSkipped, match="ValueError: no piece"):
        tree.run("broken")


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_an_earlier_state_is_its_own_package_measured_by_todays_benchmarks(tmp_path: Path) -> None:
    root, folder = tmp_path / "root", tmp_path / "earlier"
    folder.mkdir()
    for name in ("napari_ct_grounding", "tests/benchmarks", "tests/inference"):
        (root / name).mkdir(parents=True)
    module = root / "napari_ct_grounding" / "__init__.py"
    module.write_text("STATE = 'old'\n")
    (root / "tests" / "inference" / "oracle.py").write_text("")
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "old")
    assert "+" not in commit_of(root)
    module.write_text("STATE = 'new'\n")
    assert commit_of(root).endswith("+")
    ask = "import json\nfrom napari_ct_grounding import STATE\nprint(json.dumps({'state': STATE}))\n"
    (root / "tests" / "benchmarks" / "ask.py").write_text(ask)
    assert exported("HEAD", folder, root).run("ask") == {"state": "old"}
    assert Tree(root).run("ask") == {"state": "new"}
    assert module.read_text() == "STATE = 'new'\n"
    with pytest.raises(PartSkipped, match="no state 'nowhere'"):
        exported("nowhere", folder, root)


def test_every_part_says_what_it_measures() -> None:
    assert all(part.measure.__doc__ for part in PARTS.values())
