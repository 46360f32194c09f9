"""`cache info` and `cache clear` in the shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_ct_grounding.inference.cache import EmbeddingCache
from tests.cli.conftest import Run
from tests.inference.oracle import body_with_sphere, oracle_session


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a cache that holds one scan."""
    monkeypatch.setenv("CT_GROUNDING_CACHE", str(tmp_path / "cache"))
    oracle_session(cache=EmbeddingCache(tmp_path / "cache")).encode(body_with_sphere())
    return tmp_path / "cache"


def test_info_tells_where_the_cache_is_and_how_full(run: Run, folder: Path) -> None:
    code, out, err = run("cache", "info", "--json")
    assert (code, err) == (0, "")
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert json.loads(out) == {"folder": str(folder), "num_entries": 1, "size_bytes": size, "max_bytes": 512_000_000}
    assert str(folder) in run("cache", "info")[1]


def test_clear_empties_it(run: Run, folder: Path) -> None:
    code, out, _ = run("cache", "clear")
    assert code == 0
    assert "MB set free" in out
    assert json.loads(run("cache", "info", "--json")[1])["num_entries"] == 0


def test_a_cache_switched_off_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CT_GROUNDING_CACHE", "off")
    assert "switched off (CT_GROUNDING_CACHE=off)" in run("cache", "info")[1]
    code, out, err = run("cache", "clear")
    assert (code, out) == (0, "")
    assert "switched off" in err


def test_a_limit_that_is_no_number_is_bad_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CT_GROUNDING_CACHE_MB", "plenty")
    code, _, err = run("cache", "info")
    assert code == 2
    assert "CT_GROUNDING_CACHE_MB is 'plenty'" in err
