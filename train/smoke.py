"""Walk the whole chain in some minutes: phantoms written as data sets -> features -> fit -> evaluate -> export -> a question.

::

    python -m train.smoke --out artifacts/train-smoke

The data are phantoms in the file layout of CT-RATE and as DICOM studies with a table, the weights tiny and random. `features`
and `fit` are killed in their middle (SIGKILL) and begun again, and must end with what an undisturbed run ends with, bit for bit.
What the weights answer means nothing; that they answer is the point.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from napari_ct_grounding.core.errors import GroundingError
from train.data.datasets.ct_rate import CTRate
from train.data.datasets.manifest import Manifest
from train.phantom_datasets import write_clinic, write_ct_rate
from train.tiny_weights import write_tiny_weights

__all__ = ["main", "write_smoke_data"]

RECIPE = Path(__file__).parent / "recipes" / "smoke.toml"
SPACING_MM = (6.0, 4.0, 4.0)
#: Longest wait for a command to reach its middle, s.
PATIENCE_S = 240.0


class SmokeError(GroundingError):
    """A link of the chain does not hold."""


def write_smoke_data(out: Path, num_scans: int, num_studies: int, spacing_mm: tuple[float, float, float]) -> None:
    """Write both data sets and the weights to start from into `out`."""
    write_ct_rate(out / "ct-rate", range(num_scans), spacing_mm)
    table = write_clinic(out / "clinic", range(1000, 1000 + num_studies), spacing_mm)
    scans = [*CTRate(out / "ct-rate").scans(), *Manifest(table).scans()]
    texts = [text for scan in scans for text in (scan.texts.findings, scan.texts.impressions)]
    texts += [sentence for scan in scans for placed in scan.placed for sentence in placed.sentences]
    write_tiny_weights(out / "start", [*texts, "Findings: Impressions:"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder; what it holds of an earlier walk is deleted")
    parser.add_argument("--scans", type=int, default=16, help="phantoms in the layout of CT-RATE (default 16)")
    parser.add_argument("--studies", type=int, default=10, help="phantoms as DICOM studies (default 10)")
    options = parser.parse_args(arguments)
    out: Path = options.out
    if out.is_dir():
        shutil.rmtree(out)
    walk = _Walk()

    walk.step("phantoms")
    write_smoke_data(out, options.scans, options.studies, SPACING_MM)

    def features(store: str, dataset: str, root: Path, *more: str) -> list[str]:
        return ["features", "--dataset", dataset, "--root", str(root), "--weights", str(out / "start"),
                "--out", str(out / store), "--precision", "float32", "--device", "cpu", *more]  # fmt: skip

    ct_rate, clinic = out / "ct-rate", out / "clinic" / "clinic.csv"
    walk.step("features of CT-RATE, killed and begun again")
    journal = out / "store" / "features" / "ct-rate-0of1.jsonl"
    walk.kill(features("store", "ct-rate", ct_rate), lambda: _num_lines(journal) >= options.scans // 2)
    walk.run(features("store", "ct-rate", ct_rate))
    walk.step("features of CT-RATE, undisturbed")
    walk.run(features("undisturbed", "ct-rate", ct_rate))
    walk.same([out / name / "features" / "ct-rate-0of1-00000.npy" for name in ("store", "undisturbed")])
    walk.same([out / name / "records" / "ct-rate.jsonl" for name in ("store", "undisturbed")])
    walk.step("features of the DICOM studies, by two processes")
    walk.run(features("store", "manifest", clinic, "--shard", "1/2"))
    walk.run(features("store", "manifest", clinic, "--shard", "0/2"))

    def fit(run: str) -> list[str]:
        return ["fit", "--recipe", str(RECIPE), "--features", str(out / "store"), "--weights", str(out / "start"),
                "--out", str(out / run), "--device", "cpu"]  # fmt: skip

    walk.step("fit, killed and begun again")
    log = out / "run" / "log.jsonl"
    walk.kill(fit("run"), lambda: _num_lines(log) >= 6)
    walk.run(fit("run"))
    walk.step("fit, undisturbed")
    walk.run(fit("run-undisturbed"))
    walk.step("export")
    for run, weights in (("run", "weights"), ("run-undisturbed", "weights-undisturbed")):
        walk.run(["export", "--run", str(out / run), "--out", str(out / weights), "--name", "smoke"])
    walk.same([out / weights / "model.safetensors" for weights in ("weights", "weights-undisturbed")])

    walk.step("evaluate")
    walk.run(["evaluate", "--weights", str(out / "weights"), "--features", str(out / "store"), "--resamples", "200",
              "--out", str(out / "figures")])  # fmt: skip
    walk.step("a question about a DICOM study")
    _ask(out / "weights", clinic)
    walk.end()


class _Walk:
    """Runs commands of `python -m train`, and says how long each stretch took."""

    def __init__(self) -> None:
        self._started = self._step_started = time.perf_counter()
        self._name: str | None = None

    def step(self, name: str) -> None:
        """Say that a stretch begins."""
        now = time.perf_counter()
        if self._name is not None:
            print(f"    {now - self._step_started:.0f} s", flush=True)
        print(name, flush=True)
        self._name, self._step_started = name, now

    def end(self) -> None:
        """Say that all is well."""
        self.step("everything held")
        print(f"    {time.perf_counter() - self._started:.0f} s in all", flush=True)

    @staticmethod
    def run(command: Sequence[str]) -> None:
        """Run a command to its end."""
        done = subprocess.run([sys.executable, "-m", "train", *command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SmokeError(f"'{' '.join(command[:1])}' ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")

    @staticmethod
    def kill(command: Sequence[str], is_halfway: Callable[[], bool]) -> None:
        """Kill a command as soon as it is halfway."""
        process = subprocess.Popen(
            [sys.executable, "-m", "train", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        waited_until = time.monotonic() + PATIENCE_S
        while process.poll() is None and not is_halfway() and time.monotonic() < waited_until:
            time.sleep(0.02)
        if process.poll() is not None:
            told = process.stderr.read() if process.stderr else ""
            raise SmokeError(f"'{command[0]}' ended with {process.returncode} before it could be killed:\n{told}")
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()

    @staticmethod
    def same(files: Sequence[Path]) -> None:
        """Compare two files byte by byte."""
        first, second = files
        if first.read_bytes() != second.read_bytes():
            raise SmokeError(f"{first} and {second} differ; being killed must change nothing.")


def _num_lines(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.is_file() else 0


def _ask(weights: Path, table: Path) -> None:
    """Ask the exported weights where a sentence of a study's report lies."""
    from napari_ct_grounding.inference.session import GroundingSession

    dataset = Manifest(table)
    scan = next(scan for scan in dataset.scans() if scan.placed)
    session = GroundingSession.from_pretrained(str(weights), device="cpu")
    encoded = session.encode(dataset.read(scan).volume)
    sentence = scan.placed[0].sentences[0]
    (answer,) = session.ground([sentence], encoded)
    print(
        json.dumps(
            {"sentence": sentence, "z_mm": round(answer.z_mm, 1), "image": answer.image_number}, ensure_ascii=False
        )
    )


if __name__ == "__main__":
    main()
