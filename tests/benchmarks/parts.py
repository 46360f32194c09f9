"""What is measured: each part runs its work in processes of their own and names the figures that came out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.benchmarks.figures import Figure
from tests.benchmarks.measure import forget_file
from tests.benchmarks.tree import ROOT, PartSkipped, Tree

__all__ = ["PARTS", "Part", "Scene"]

#: Windows of the release are float16; a step near 1 is 4.9e-4 (SPEC of the golden figures).
EQUAL_WITHIN = 4.9e-4
#: Room for the weights of released size, and some.
FULL_SIZE_DISK_BYTES = 6 * 10**9


@dataclass(frozen=True)
class Scene:
    """What the parts work on.

    Parameters
    ----------
    folder : Path
        For their files.
    """

    folder: Path

    @property
    def scan(self) -> Path:
        """The scan of 512 x 512 x 300 voxels; written when first asked for."""
        path = self.folder / "scan.nii.gz"
        if not path.exists():
            subprocess.run([sys.executable, "-m", "tests.benchmarks.scan", str(path)], cwd=ROOT, check=True)
        return path


def windows(tree: Tree, scene: Scene) -> list[Figure]:
    """File to the released model's windows; against MONAI's chain, at equal output."""
    target = scene.folder / "windows.npy"
    cost = tree.run("file_to_windows", "ours", scene.scan, target)
    reference = scene.folder / "monai.npy"
    # Measured anew right after ours: a busy machine slows both.
    monai = tree.run("file_to_windows", "monai", scene.scan, reference)
    off = np.abs(np.load(target).astype(np.float32) - np.load(reference).astype(np.float32))
    return [
        Figure("file to windows, CPU", cost["cpu_s"], "s"),
        Figure("file to windows, peak above the array", cost["peak_mb"] - cost["array_mb"], "MB", "at most 150 MB"),
        Figure("same by MONAI, CPU", monai["cpu_s"], "s"),
        Figure("MONAI's CPU / ours", monai["cpu_s"] / cost["cpu_s"], "times", "at least 8"),
        Figure("MONAI's peak / ours", monai["peak_mb"] / max(cost["peak_mb"], 1.0), "times"),
        Figure("largest difference of a voxel", float(off.max()), "", f"at most {EQUAL_WITHIN}"),
        Figure("share of voxels that differ", float((off > 0).mean()), ""),
    ]


def slabs(tree: Tree, scene: Scene) -> list[Figure]:
    """File to what the bundled model reads."""
    cost = tree.run("file_to_windows", "slabs", scene.scan, scene.folder / "slabs.npy")
    return [
        Figure("file to slabs (bundled model), CPU", cost["cpu_s"], "s"),
        Figure("file to slabs, peak above the array", cost["peak_mb"] - cost["array_mb"], "MB"),
    ]


def encoder(tree: Tree, scene: Scene) -> list[Figure]:
    """The released-size window encoder against the machine's rate of matrix products, on a CPU."""
    rows = []
    for dtype in ("float32", "bfloat16"):
        got = tree.run("window_encoder", dtype, "cpu")
        rows += [
            Figure(f"window encoder, {dtype}", got["median"], "s"),
            Figure(f"  its bare matrix products, {dtype}", got["limit_s"], "s"),
            Figure(f"  encoder / products, {dtype}", got["ratio"], "times", "at most 1.3"),
        ]
    return rows


def gpu(tree: Tree, scene: Scene) -> list[Figure]:
    """Windows a second on a CUDA device."""
    import torch

    if not torch.cuda.is_available():
        raise PartSkipped("there is no CUDA device")
    rows = []
    for dtype, how in (("float32", ()), ("bfloat16", ()), ("bfloat16", ("compile",))):
        got = tree.run("gpu", dtype, *how)
        name = " ".join([dtype, *how])
        rows += [
            Figure(f"GPU, {name}, windows a second, batch {size}", rate, "")
            for size, rate in got["windows_per_s"].items()
        ]
        rows.append(Figure(f"GPU, {name}, peak memory at the largest batch", got["peak_mb"], "MB"))
    return rows


def answers(tree: Tree, scene: Scene) -> list[Figure]:
    """First answer in the shell, next answer in a session, with the bundled weights."""
    forget_file(scene.scan)
    start = time.perf_counter()
    output = tree.output_of(
        "napari_ct_grounding.cli", "ground", scene.scan, "Level of the carina.", "--json", "--device", "cpu"
    )
    first_s = time.perf_counter() - start
    json.loads(output)
    after = tree.run("next_answer", scene.scan)
    return [
        Figure("first answer, shell, process start included", first_s, "s", "12 s"),
        Figure("  of it: weights", after["loaded_s"], "s"),
        Figure("  of it: file", after["read_s"], "s"),
        Figure("  of it: encoding", after["encoded_s"], "s"),
        Figure("next answer, median", after["median"] * 1e3, "ms", "100 ms"),
        Figure("next answer, p95", after["p95"] * 1e3, "ms"),
        Figure("18 disease scores, first time", after["diseases_s"] * 1e3, "ms"),
    ]


def slider(tree: Tree, scene: Scene) -> list[Figure]:
    """Stepping through slices with the dock open against bare napari."""
    _need_screen()
    bare = tree.run("slider", "bare", scene.scan)["step_ms"]
    dock = tree.run("slider", "dock", scene.scan)
    return [
        Figure("slider step, bare napari", bare["median"], "ms"),
        Figure("slider step, dock open and a sentence grounded", dock["step_ms"]["median"], "ms"),
        Figure("  inside our own callbacks, median", dock["own_ms"]["median"], "ms", "3 ms"),
        Figure("  inside our own callbacks, p95", dock["own_ms"]["p95"], "ms", "8 ms"),
    ]


def tabs(tree: Tree, scene: Scene) -> list[Figure]:
    """Stepping through slices with a report of 40 sentences, and each tab of the dock in front for a while."""
    _need_screen()
    got = tree.run("slider", "tabs", scene.scan)
    return [
        Figure("slider step, all tabs open, a report grounded", got["step_ms"]["median"], "ms"),
        Figure("  inside our own callbacks, median", got["own_ms"]["median"], "ms", "5 ms"),
        Figure("  inside our own callbacks, p95", got["own_ms"]["p95"], "ms", "12 ms"),
        *(Figure(f"  median with the tab {name} in front", ms, "ms") for name, ms in got["own_ms_by_tab"].items()),
    ]


def report_grounding(tree: Tree, scene: Scene) -> list[Figure]:
    """A report of 40 sentences on an encoded scan, with the bundled weights."""
    got = tree.run("report_grounding", scene.scan)
    return [
        Figure("report of 40 sentences, all places", got["grounded_s"], "s", "3 s"),
        Figure("  of it, CPU of all threads", got["cpu_s"], "s"),
        Figure("  what a sentence typed meanwhile waits for at most", got["chunk_s"] * 1e3, "ms"),
        Figure("  cutting it into sentences, references found", got["split_s"] * 1e3, "ms"),
    ]


def _need_screen() -> None:
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise PartSkipped("there is no screen (xvfb-run gives one)")


def error_browser(tree: Tree, scene: Scene) -> list[Figure]:
    """A results file of 5,000 rows opened in the error browser, beside the bare parsing of its JSON."""
    _need_screen()
    got = tree.run("error_browser")
    return [
        Figure("error browser, 5,000 rows from the file to the screen", got["opened_s"], "s", "2 s"),
        Figure("  its CPU seconds, all threads", got["opened_cpu_s"], "s"),
        Figure("  of them: bare json.loads of the same file", got["json_cpu_s"], "s"),
        Figure("  the window does not answer for at most", got["held_s"] * 1e3, "ms"),
        Figure("  a word in the filter, rows and figures anew", got["filter_s"] * 1e3, "ms"),
        Figure("  sorted by sentence", got["sort_s"] * 1e3, "ms"),
        Figure("  summary with its picture", got["summary_s"] * 1e3, "ms"),
    ]


def big_scan(tree: Tree, scene: Scene) -> list[Figure]:
    """Memory and time for 1,500 slices of 512 x 512 voxels, from the file to the answer."""
    path = scene.folder / "big.nii.gz"
    if not path.exists():
        tree.output_of("tests.benchmarks.big_scan", "write-nifti", path)
    rows = []
    for task, what in (("ground", "bundled weights"), ("windows", "windows of released size")):
        got = tree.run("big_scan", task, path)
        seconds = sum(value for key, value in got.items() if key.endswith("_s") and key != "told_s")
        rows += [
            Figure(f"1,500 slices, {what}, peak of the process", got["peak_mb"], "MB", "6,144 MB"),
            Figure(f"1,500 slices, {what}", seconds, "s"),
        ]
    return rows


def full_size_load(tree: Tree, scene: Scene) -> list[Figure]:
    """Memory for loading weights of released size and layout."""
    folder = scene.folder / "full-size-weights"
    if not folder.exists():
        if shutil.disk_usage(scene.folder).free < FULL_SIZE_DISK_BYTES:
            raise PartSkipped("the disk has no room for weights of 4.1 GB")
        tree.output_of("tests.benchmarks.full_size_load", "make", folder)
    rows = []
    for dtype in ("float32", "bfloat16"):
        got = tree.run("full_size_load", "load", folder, dtype)
        rows += [
            Figure(f"full-size weights, {dtype}, loading", got["load and probe, wall_s"], "s"),
            Figure(f"  peak of resident pages while loading, {dtype}", got["load and probe, peak_mb"], "MB"),
            Figure(f"  resident after one window and one sentence, {dtype}", got["resident_after_mb"], "MB"),
        ]
    return [Figure("full-size weights, file", got["file_mb"], "MB"), *rows]


def training_step(tree: Tree, scene: Scene) -> list[Figure]:
    """An optimizer step on stored features against the same step computed the released way."""
    import torch

    has_gpu = torch.cuda.is_available()
    device, precision, size = ("cuda", "bfloat16", (256, 16, 28)) if has_gpu else ("cpu", "float32", (4, 2, 2))
    step = tree.run("training_step", "step", device, precision, *size)
    losses = tree.run("training_step", "losses", device)
    what = f"step, {size[0]} x {size[1]} scans, {size[2]} of 28 text layers, {precision}, {device}"
    return [
        Figure(f"{what}, the released way", step["released_s"], "s"),
        Figure(f"{what}, ours", step["ours_s"], "s"),
        Figure("  released / ours", step["released_s"] / step["ours_s"], "times"),
        Figure("  released, peak memory", step["released_peak_mb"], "MB"),
        Figure("  ours, peak memory", step["ours_peak_mb"], "MB"),
        Figure("  ours, activations computed again", step["frugal_s"], "s"),
        Figure("  ours, activations computed again, peak memory", step["frugal_peak_mb"], "MB"),
        Figure("  largest difference of a gradient, share of its norm", step["largest_error"], "", "1e-5 in float32"),
        Figure(f"contrastive loss of 4,096 pairs with gradient, {device}", losses["whole_s"], "s"),
        Figure("  its memory", losses["whole_mb"], "MB"),
        Figure("  in chunks of columns", losses["chunks_s"], "s"),
        Figure("  its memory in chunks", losses["chunks_mb"], "MB"),
        Figure("  256 times, as released (computed)", losses["released_s"], "s"),
    ]


def report_references(tree: Tree, scene: Scene) -> list[Figure]:
    """Reports cut into sentences and searched for references."""
    got = tree.run("report_references")
    return [
        Figure("reports read, references and sentences, CPU each", got["cpu_ms"], "ms"),
        Figure("  reports a minute, one process", got["per_minute_one"], ""),
        Figure("  reports a minute, two processes", got["per_minute_two"], "", "at least 20,000"),
    ]


@dataclass(frozen=True)
class Part:
    """How often a part is repeated, and whether an earlier state can be measured, too."""

    measure: Callable[[Tree, Scene], list[Figure]]
    num_repeats: int = 3
    is_compared: bool = True
    is_quick: bool = True


PARTS = {
    "windows": Part(windows, num_repeats=2),
    "slabs": Part(slabs),
    "encoder": Part(encoder, num_repeats=2, is_quick=False),
    "gpu": Part(gpu, num_repeats=1, is_compared=False),
    "answers": Part(answers, num_repeats=2),
    "report-references": Part(report_references, num_repeats=2),
    "slider": Part(slider, num_repeats=1),
    "error-browser": Part(error_browser, num_repeats=2, is_compared=False),
    "tabs": Part(tabs, num_repeats=1),
    "report": Part(report_grounding, num_repeats=2),
    "full-size-load": Part(full_size_load, num_repeats=1, is_compared=False, is_quick=False),
    "training-step": Part(training_step, num_repeats=1, is_compared=False, is_quick=False),
    "big-scan": Part(big_scan, num_repeats=1, is_compared=False, is_quick=False),
}
