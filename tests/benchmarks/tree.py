"""The states of the package that are measured: the working tree, or an earlier commit beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "PartSkipped", "Tree", "commit_of", "exported"]

ROOT = Path(__file__).resolve().parents[2]
PART_TIMEOUT_S = 300


class PartSkipped(Exception):
    """A part cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Tree:
    """A folder with `napari_ct_grounding` in one state and today's `tests/benchmarks`."""

    folder: Path

    def run(self, module: str, *arguments: object) -> dict[str, Any]:
        """Run a part in a process of its own and return its figures.

        Raises
        ------
        PartSkipped
            When the part fails or takes too long.
        """
        output = self.output_of(f"tests.benchmarks.{module}", *arguments)
        figures: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
        return figures

    def output_of(self, module: str, *arguments: object) -> str:
        """Run a module and return what it printed; raises as `run`."""
        command = [sys.executable, "-m", module, *map(str, arguments)]
        # Paths of this process would come before the folder; and no answer may come from a cache on disk.
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "CT_GROUNDING_CACHE": "off"}
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=PART_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired as error:
            raise PartSkipped(f"{module} took more than {PART_TIMEOUT_S} s") from error
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise PartSkipped(reason.replace(str(self.folder), ".")[:200])  # the history names no machine's folders
        return done.stdout


def exported(ref: str, folder: Path, root: Path = ROOT) -> Tree:
    """Write the package as it was at a git reference, with today's benchmarks, into an empty folder.

    Today's stopwatch measures both states; the repository's own working tree is not touched.

    Raises
    ------
    PartSkipped
        When git does not know the reference.
    """
    archive = subprocess.run(
        ["git", "archive", "--format=tar", ref, "napari_ct_grounding"], cwd=root, capture_output=True, check=False
    )
    if archive.returncode != 0:
        raise PartSkipped(f"git has no state {ref!r}: {archive.stderr.decode(errors='replace').strip()[:200]}")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    shutil.copytree(root / "tests" / "benchmarks", folder / "tests" / "benchmarks")
    shutil.copytree(root / "tests" / "inference", folder / "tests" / "inference")  # the slider's stand-in for weights
    return Tree(folder)


def commit_of(root: Path = ROOT) -> str:
    """Return the short commit of the working tree, with a "+" when files were changed since; "unknown" outside git."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True, check=False
    )
    if commit.returncode != 0:
        return "unknown"
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no"], cwd=root, capture_output=True, text=True, check=False
    )
    return commit.stdout.strip() + ("+" if changed.stdout.strip() else "")
