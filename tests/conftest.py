"""What every test stands on: two threads at most, a private configuration of napari, no network by default."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # on a busy machine, threads that wait must not hold the cores
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("QT_API", "pyqt6")


@pytest.fixture(scope="session", autouse=True)
def _private_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the tests out of the user's napari settings and caches; napari reads the place when it is first imported."""
    folder = tmp_path_factory.mktemp("settings")
    os.environ["NAPARI_CONFIG"] = str(folder / "napari.yaml")
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    os.environ["CT_GROUNDING_CACHE"] = str(folder / "embeddings")


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_ct() -> Path:
    """Folder of real CT files; tests that need it are skipped where there is none."""
    folder = os.environ.get("CT_GROUNDING_TEST_DATA")
    if not folder:
        pytest.skip("CT_GROUNDING_TEST_DATA names no folder of real CT files")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"CT_GROUNDING_TEST_DATA names {folder!r}, which is no folder")
    return path
