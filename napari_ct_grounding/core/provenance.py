"""Which program made a file: what a reader of old results wants to know."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from napari_ct_grounding import __version__

__all__ = ["Program", "this_program"]

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Program:
    """A program by name, version and, where it is known, commit (40 digits; "-dirty" behind it where files were changed)."""

    name: str
    version: str
    commit: str | None = None


@cache
def this_program() -> Program:
    """Return the program that is running."""
    return Program("napari-ct-grounding", __version__, _commit())


def _commit() -> str | None:
    """The commit of a checkout, or the one that pip noted when it installed from a repository."""
    if (_ROOT / ".git").exists():
        command = ["git", "-C", str(_ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() or None
    try:
        noted = distribution("napari-ct-grounding").read_text("direct_url.json")
        return str(json.loads(noted)["vcs_info"]["commit_id"]) if noted else None
    except (PackageNotFoundError, KeyError, ValueError, TypeError):
        return None
