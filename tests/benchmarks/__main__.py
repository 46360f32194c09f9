"""Measure speed and memory in one run: ``python -m tests.benchmarks`` (or ``make bench``).

::

    python -m tests.benchmarks                       all parts; compared with the last run on this machine
    python -m tests.benchmarks --against HEAD~20     an earlier state takes turns with the working tree, part by part
    python -m tests.benchmarks --only windows slabs  some parts
    python -m tests.benchmarks --quick               one repeat, without the long parts

The table goes to the screen and to ``artifacts/bench.md``, with ``--page`` also into docs/benchmarks.md; every run is a line in
``tests/benchmarks/history.jsonl``. A part whose piece is missing is skipped, with the reason.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.figures import (
    Figure,
    Run,
    append_run,
    medians,
    previous_run,
    read_history,
    table,
    written_between_marks,
)
from tests.benchmarks.parts import PARTS, Part, Scene
from tests.benchmarks.tree import ROOT, PartSkipped, Tree, commit_of, exported

HISTORY = Path(__file__).with_name("history.jsonl")
PAGE = ROOT / "docs" / "benchmarks.md"


def measure_part(
    name: str, part: Part, scene: Scene, trees: Sequence[Tree], is_quick: bool
) -> tuple[list[tuple[Figure, ...]], list[str]]:
    """Return the figures of each tree, and what could not be measured.

    The trees take turns, so that what slows the machine for a while slows them all.
    """
    repeats: list[list[list[Figure]]] = [[] for _ in trees]
    notes: list[str] = []
    for _ in range(1 if is_quick else part.num_repeats):
        for index, tree in enumerate(trees):
            if index > 0 and not part.is_compared:
                continue
            try:
                repeats[index].append(part.measure(tree, scene))
            except PartSkipped as reason:
                note = f"{name}{' of the earlier state' if index else ''}: skipped, {reason}"
                if note not in notes:
                    notes.append(note)
    return [medians(of_tree) for of_tree in repeats], notes


def machine() -> str:
    """Describe the machine in one line; figures of two runs are compared only where it is the same."""
    import psutil
    import torch

    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if "model name" in line), cpu)
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{cpu}, {cores} cores ({torch.get_num_threads()} torch threads), "
        f"{psutil.virtual_memory().total / 2**30:.0f} GB, {gpu}, {platform.system()}"
    )


def software() -> str:
    """Versions, and how busy the machine was before the run."""
    import psutil

    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "numpy", "monai", "napari"))
    return f"Python {platform.python_version()}, {versions}; load before the run {psutil.getloadavg()[0]:.1f}"


def report_of(run: Run, before: Run | None) -> str:
    """Return the table of a run in Markdown, with what it was measured on."""
    if run.against:
        earlier, name = run.before, f"{run.against} (same run)"
    else:
        earlier, name = (before.figures, f"{before.commit}, {before.date[:10]}") if before else ((), "")
    when = f"{run.date[:16].replace('T', ' ')}, commit {run.commit}{', quick' if run.is_quick else ''}"
    lines = [f"{when}. {run.machine}. {run.software}.", "", table(run.figures, earlier, name)]
    return "\n".join([*lines, *([""] if run.notes else []), *(f"- {note}" for note in run.notes)])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="PART", default=[], help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="one repeat of each part, without the long ones")
    parser.add_argument("--against", metavar="REF", help="measure this git state, too, taking turns")
    parser.add_argument("--page", action="store_true", help="write the table into docs/benchmarks.md")
    parser.add_argument("--no-history", action="store_true", help="do not add the run to the history")
    parser.add_argument("--out", type=Path, default=ROOT / "artifacts", help="folder for bench.md")
    options = parser.parse_args(arguments)
    if unknown := set(options.only) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    names = options.only or [name for name, part in PARTS.items() if part.is_quick or not options.quick]
    described, versions = machine(), software()
    print(f"{described}; {versions}", flush=True)
    figures: list[tuple[Figure, ...]] = []
    before: list[tuple[Figure, ...]] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder))
        trees = [Tree(ROOT)]
        if options.against:
            earlier = Path(folder) / "earlier"
            earlier.mkdir()
            try:
                trees.append(exported(options.against, earlier))
            except PartSkipped as reason:
                parser.error(str(reason))
        for name in names:
            of_trees, skipped = measure_part(name, PARTS[name], scene, trees, options.quick)
            figures.append(of_trees[0])
            before += of_trees[1:]
            notes += skipped
            print(f"  {name} done", file=sys.stderr, flush=True)
    run = Run(
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        commit=commit_of(),
        machine=described,
        software=versions,
        is_quick=options.quick,
        figures=tuple(figure for part in figures for figure in part),
        before=tuple(figure for part in before for figure in part),
        against=options.against or "",
        notes=tuple(notes),
    )
    text = report_of(run, previous_run(read_history(HISTORY), described, options.quick))
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench.md").write_text(text + "\n", encoding="utf-8")
    if options.page:
        PAGE.write_text(written_between_marks(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    if not options.no_history:
        append_run(HISTORY, run)


if __name__ == "__main__":
    main()
