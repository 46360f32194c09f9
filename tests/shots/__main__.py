"""Make every picture of docs and README from the real program: ``python -m tests.shots`` (or ``make shots``); needs a screen.

::

    python -m tests.shots                         all walks, and the film of the README
    python -m tests.shots radiologist film        some of them
    python -m tests.shots --out /tmp/shots        elsewhere than docs/images

Nothing of the user's own settings and caches is read or touched. What is shown is synthetic: phantoms and the bundled case.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.shots")
    parser.add_argument("walks", nargs="*", help="all by default")
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ct-grounding-") as folder:
        keep_to_ourselves(Path(folder))  # before napari is imported
        from tests.shots.walks import WALKS

        for name in options.walks or WALKS:
            if name not in WALKS:
                sys.exit(f"There is no walk {name!r}; there are {', '.join(WALKS)}.")
            scratch = Path(folder) / name
            scratch.mkdir()
            for kind in ("CONFIG", "STATE"):  # no walk finds what another one left; napari keeps its icons in the cache
                os.environ[f"XDG_{kind}_HOME"] = str(scratch / kind.lower())
            started_s, cpu_s = time.monotonic(), time.process_time()
            WALKS[name](options.out, scratch)
            print(f"{name}: {time.monotonic() - started_s:.0f} s, {time.process_time() - cpu_s:.0f} s CPU", flush=True)


def keep_to_ourselves(folder: Path) -> None:
    """Point napari's settings and every cache into a folder of ours."""
    os.environ.setdefault("QT_API", "pyqt6")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ["HOME"] = str(folder)
    os.environ["NAPARI_CONFIG"] = str(folder / "napari.yaml")
    os.environ["CT_GROUNDING_CACHE"] = str(folder / "embeddings")
    for kind in ("CACHE", "CONFIG", "STATE", "DATA"):
        os.environ[f"XDG_{kind}_HOME"] = str(folder / kind.lower())


if __name__ == "__main__":
    main()
