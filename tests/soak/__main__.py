"""Open, ground, jump, close, for an hour: ``python -m tests.soak --minutes 60`` (or ``make soak``).

Two real napari windows run side by side over the same files, one with the dock and one without. Memory, threads, widgets,
callbacks and open files after each closing are written to ``artifacts/soak.jsonl``, drawn, and judged: no fault, every
sentence answered, every refusal a known one, and the memory of the window with the dock no further than 50 MB from where
the bare window's went.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.soak.cases import make_cases
from tests.soak.figure import draw

ROOT = Path(__file__).resolve().parents[2]
MARGIN_MB = 50.0
#: What must not grow.
COUNTS = ("threads", "python_threads", "files", "widgets", "callbacks")
#: Cycles at the start that are not judged: libraries, fonts, caches and pools fill once.
SHARE_OF_START = 0.1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=ROOT / "artifacts" / "soak.jsonl")
    parser.add_argument("--figure", type=Path, default=ROOT / "artifacts" / "soak.png")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = make_cases(folder)
        plan = folder / "plan.json"
        parts = {way: folder / f"{way}.jsonl" for way in ("dock", "bare")}
        plan.write_text(
            json.dumps(
                {
                    "seconds": options.minutes * 60,
                    "cases": [(case.name, str(case.path), case.is_volume) for case in cases],
                    "leader": str(parts["dock"]),
                }
            )
        )
        environment = dict(
            os.environ,
            NAPARI_CONFIG=str(folder / "napari.yaml"),
            CT_GROUNDING_CACHE=str(folder / "cache"),
            CT_GROUNDING_CACHE_MB="1",  # eviction is part of the soak
        )
        windows = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.soak.window", way, str(part), str(plan)], cwd=ROOT, env=environment
            )
            for way, part in parts.items()
        ]
        codes = [window.wait() for window in windows]
        lines = [json.loads(line) for part in parts.values() if part.exists() for line in part.read_text().splitlines()]
    options.out.write_text("".join(json.dumps(line) + "\n" for line in lines))
    if len({line["way"] for line in lines}) < 2:
        print(f"A window ended before its first cycle did (exit codes {codes}).")
        return 1
    draw(lines, options.figure)
    problems = judged(lines) + [f"a window ended with code {code}" for code in codes if code]
    print("\n".join([*summary(lines), *(f"PROBLEM: {problem}" for problem in problems)]))
    return 1 if problems else 0


def after_start(lines: list[dict[str, Any]], way: str) -> list[dict[str, Any]]:
    """The cycles of one window, without the first tenth."""
    mine = [line for line in lines if line["way"] == way]
    return mine[int(len(mine) * SHARE_OF_START) :]


def judged(lines: list[dict[str, Any]]) -> list[str]:
    """What went wrong, in words; empty when all is well."""
    problems = [
        f"cycle {line['cycle']} ({line['way']}, {line['case']}, {line['disturbance']}): {fault}"
        for line in lines
        for fault in line["faults"]
    ]
    for line in lines:
        where = f"cycle {line['cycle']} ({line['way']}, {line['case']})"
        if line.get("is_answered") is False:
            problems.append(f"{where}: no answer within a minute")
        if not line["is_as_expected"]:
            problems.append(f"{where}: {line.get('refused', 'opened, but should have been refused')}")
        if line["layers"]:
            problems.append(f"{where}: {line['layers']} layers were left")
    dock, bare = after_start(lines, "dock"), after_start(lines, "bare")
    growth = {way: end_of(mine, "rss_mb") - mine[0]["rss_mb"] for way, mine in (("dock", dock), ("bare", bare))}
    if growth["dock"] - growth["bare"] > MARGIN_MB:
        problems.append(f"memory grew by {growth['dock']:.0f} MB, in the bare window by {growth['bare']:.0f} MB")
    for count in COUNTS:
        grown = {way: end_of(mine, count) - mine[0][count] for way, mine in (("dock", dock), ("bare", bare))}
        if grown["dock"] - grown["bare"] > max(2, 0.05 * dock[0][count]):
            problems.append(f"{count}: {dock[0][count]} at the start, {end_of(dock, count):g} at the end")
    return problems


def end_of(lines: list[dict[str, Any]], key: str) -> float:
    """Median over the last tenth."""
    return statistics.median(line[key] for line in lines[-max(1, len(lines) // 10) :])


def summary(lines: list[dict[str, Any]]) -> list[str]:
    """The figures in a few lines."""
    words = []
    for way in ("dock", "bare"):
        mine = after_start(lines, way)
        counts = ", ".join(f"{key} {mine[0][key]:g} and {end_of(mine, key):g}" for key in ("rss_mb", *COUNTS))
        num_faults = sum(len(line["faults"]) for line in lines if line["way"] == way)
        words.append(f"{way}, {mine[-1]['cycle'] + 1} cycles in {mine[-1]['minute']:.0f} min, {num_faults} faults")
        words.append(f"  after closing, at the start and at the end: {counts}")
    waits = [line["answer_s"] for line in lines if "answer_s" in line]
    if waits:
        words.append(
            f"three answers after opening: median {statistics.median(waits):.2f} s, longest {max(waits):.1f} s"
        )
    return words


if __name__ == "__main__":
    raise SystemExit(main())
