"""Measure speed and memory in one run: ``python -m tests.benchmarks`` (or ``make bench``).

Prints a table, and writes it with every figure to ``artifacts/bench.md`` and ``artifacts/bench.json``. A part whose piece
is missing is skipped, with the reason.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.measure import forget_file, spread
from tests.benchmarks.scan import SHAPE_XYZ, SPACING_MM_XYZ

ROOT = Path(__file__).resolve().parents[2]
NUM_FIRST_ANSWERS = 3
#: Windows of the release are float16; a step near 1 is 4.9e-4 (SPEC of the golden figures).
EQUAL_WITHIN = 4.9e-4


class PartSkipped(Exception):
    """A piece that the part needs is not here; the message says which."""


@dataclass
class Bench:
    """Rows of the table, and every figure behind them."""

    scan: Path
    folder: Path
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def add(self, what: str, value: str, aim: str = "") -> None:
        self.rows.append((what, value, aim))

    def part(self, module: str, *arguments: object) -> dict[str, Any]:
        """Run a part in a process of its own and return its figures."""
        command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise PartSkipped((done.stderr.strip().splitlines() or ["no message"])[-1][:200])
        figures = json.loads(done.stdout.strip().splitlines()[-1])
        self.figures[" ".join([module, *(str(a) for a in arguments if not isinstance(a, Path))])] = figures
        return figures


def file_to_windows(bench: Bench) -> None:
    """Ours against MONAI's chain, at equal output."""
    costs, arrays = {}, {}
    for way in ("ours", "monai"):
        target = bench.folder / f"{way}.npy"
        costs[way] = bench.part("file_to_windows", way, bench.scan, target)
        arrays[way] = np.load(target, mmap_mode="r")
        bench.add(f"file to windows, {way}", describe(costs[way]))
    ours, monai = arrays["ours"], arrays["monai"]
    if ours.shape != monai.shape:
        raise PartSkipped(f"the windows differ in shape: {ours.shape} ours, {monai.shape} by MONAI")
    off = np.abs(ours.astype(np.float32) - monai.astype(np.float32))
    share = float((off > 0).mean())
    bench.figures["windows differ"] = {"share": share, "largest": float(off.max())}
    bench.add(
        "  largest difference of a voxel", f"{off.max():.1e}, in {share:.3%} of voxels", f"at most {EQUAL_WITHIN}"
    )
    cpu = costs["monai"]["cpu_s"] / costs["ours"]["cpu_s"]
    peak = costs["monai"]["peak_mb"] / max(costs["ours"]["peak_mb"], 1.0)
    wall = costs["monai"]["wall_s"] / costs["ours"]["wall_s"]
    bench.figures["ratios"] = {"cpu": cpu, "wall": wall, "peak": peak}
    bench.add("  less CPU than MONAI", f"{cpu:.1f} times", "5 times")
    bench.add("  less memory than MONAI", f"{peak:.1f} times", "4 times")
    bench.add("  less wall time than MONAI", f"{wall:.1f} times")


def slabs(bench: Bench) -> None:
    """What the bundled model reads."""
    figures = bench.part("file_to_windows", "slabs", bench.scan, bench.folder / "slabs.npy")
    bench.add("file to slabs (bundled model)", describe(figures))


def window_encoder(bench: Bench) -> None:
    """The encoder of the released model, on every device that is here."""
    import torch

    devices = ["cpu"] + ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available()
    for device in devices:
        for dtype in ("float32", "bfloat16"):
            figures = bench.part("window_encoder", dtype, device)
            bench.add(
                f"window encoder, released size, {dtype}, {device}",
                f"{figures['median']:.3g} s a window ({figures['num_parameters'] / 1e6:.0f} M parameters)",
            )


def answers(bench: Bench) -> None:
    """First answer in the shell, next answer in a session."""
    from napari_ct_grounding.core.errors import WeightsError
    from napari_ct_grounding.model.weights import resolve_weights

    try:
        resolve_weights("bundled")
    except WeightsError as error:
        raise PartSkipped(str(error)) from error
    command = [
        sys.executable,
        "-m",
        "napari_ct_grounding.cli",
        "ground",
        str(bench.scan),
        "Level of the carina.",
        "--json",
        "--no-cache",
    ]
    seconds = []
    for _ in range(NUM_FIRST_ANSWERS):
        forget_file(bench.scan)
        start = time.perf_counter()
        done = subprocess.run([*command, "--device", "cpu"], cwd=ROOT, capture_output=True, text=True, check=False)
        seconds.append(time.perf_counter() - start)
        if done.returncode != 0:
            raise PartSkipped(done.stderr.strip())
        json.loads(done.stdout)
    first = bench.figures["first answer"] = spread(seconds)
    bench.add(
        "first answer, shell, process start included", f"{first['median']:.1f} s (of {NUM_FIRST_ANSWERS})", "12 s"
    )
    after = bench.part("next_answer", bench.scan)
    bench.add(
        "  of it: weights, file, encoding",
        f"{after['loaded_s']:.1f}, {after['read_s']:.1f}, {after['encoded_s']:.1f} s",
    )
    bench.add("next answer", f"{after['median'] * 1e3:.0f} ms median, {after['p95'] * 1e3:.0f} ms p95", "100 ms")
    bench.add("18 disease scores, first time", f"{after['diseases_s'] * 1e3:.0f} ms")


def slider(bench: Bench) -> None:
    """Stepping with the dock open against bare napari."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise PartSkipped("there is no screen (xvfb-run gives one)")
    bare = bench.part("slider", "bare", bench.scan)
    bench.add("slider step, bare napari", step(bare["step_ms"]))
    dock = bench.part("slider", "dock", bench.scan)
    bench.add(f"slider step, {dock['state']}", step(dock["step_ms"]))
    bench.add("  inside our own callbacks", step(dock["own_ms"]), "3 ms median, 8 ms p95")


PARTS: dict[str, Callable[[Bench], None]] = {
    "windows": file_to_windows,
    "slabs": slabs,
    "encoder": window_encoder,
    "answers": answers,
    "slider": slider,
}


def describe(cost: dict[str, Any]) -> str:
    return f"{cost['cpu_s']:.2f} s CPU, {cost['wall_s']:.2f} s wall, {cost['peak_mb']:.0f} MB above baseline"


def step(figures: dict[str, float]) -> str:
    return f"{figures['median']:.1f} ms median, {figures['p95']:.1f} ms p95"


def machine() -> str:
    """Describe what the figures were measured on, in one line."""
    import psutil
    import torch

    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = [
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ]
        cpu = names[0] if names else cpu
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "numpy", "monai", "napari"))
    return (
        f"{cpu}, {cores} cores usable ({torch.get_num_threads()} torch threads), {psutil.virtual_memory().total / 2**30:.0f} GB, "
        f"{gpu}; {platform.system()}, Python {platform.python_version()}, {versions}; "
        f"load before the run {psutil.getloadavg()[0]:.1f}"
    )


def table(bench: Bench) -> str:
    widths = [max(len(row[column]) for row in [*bench.rows, ("what", "measured", "aim")]) for column in range(3)]

    def line(cells: tuple[str, str, str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(("what", "measured", "aim")), rule, *(line(row) for row in bench.rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)}; all by default")
    parser.add_argument("--out", type=Path, default=ROOT / "artifacts", help="folder for bench.json and bench.md")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    described = machine()
    x, y, z = SHAPE_XYZ
    print(f"Machine: {described}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(folder / "scan.nii.gz", folder)
        subprocess.run([sys.executable, "-m", "tests.benchmarks.scan", str(bench.scan)], cwd=ROOT, check=True)
        size_mb = bench.scan.stat().st_size / 1e6
        what = f"Scan: {x} x {y} x {z} voxels of {SPACING_MM_XYZ} mm, int16, .nii.gz of {size_mb:.0f} MB"
        print(what, flush=True)
        for part in options.parts or PARTS:
            try:
                PARTS[part](bench)
            except PartSkipped as reason:
                bench.add(f"{part}: skipped", str(reason))
            print(f"  {part} done", file=sys.stderr, flush=True)
    text = table(bench)
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench.md").write_text(f"{described}\n\n{what}\n\n{text}\n", encoding="utf-8")
    record = {"machine": described, "scan": what, "rows": bench.rows, "figures": bench.figures}
    (options.out / "bench.json").write_text(json.dumps(record, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
