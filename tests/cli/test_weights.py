"""``ct-grounding weights``, against a small hub on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from napari_ct_grounding.model import encoders
from tests.cli.conftest import Run
from tests.model.weights.fake_hub import COMMIT, TENSORS, FakeHub, client_without_proxy, hub

__all__ = ["client_without_proxy", "hub"]


def test_the_list_names_licence_and_size_to_fetch(run: Run, hub: FakeHub) -> None:
    code, out, _ = run("weights", "list")
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("radfinder")]
    assert "no, 4.1 GB to fetch" in line
    assert "CC BY-NC-SA 4.0" in line
    names = [entry["name"] for entry in json.loads(run("weights", "list", "--json")[1])]
    assert names[:2] == ["bundled", "radfinder"]
    assert hub.requests == []


def test_weights_that_lack_a_package_are_told_of_before_they_are_fetched(
    run: Run, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoders, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "colipri", raising=False)
    assert "pip install 'napari-ct-grounding[colipri]'" in run("weights", "list")[2]
    code, _, err = run("weights", "pull", "colipri")
    assert code == 2
    assert "pip install 'napari-ct-grounding[colipri]'" in err.splitlines()[0]


def test_a_pull_needs_the_licence_first(run: Run, hub: FakeHub) -> None:
    code, out, err = run("weights", "pull", "radfinder")
    assert (code, out) == (2, "")
    assert "--accept-licence" in err
    assert hub.requests == []


def test_a_pull_prints_the_folder_and_tells_bytes_beside_it(run: Run, hub: FakeHub) -> None:
    code, out, err = run("weights", "pull", "radfinder", "--accept-licence")
    assert code == 0, err
    folder = Path(out.strip())
    assert folder.name == COMMIT
    assert (folder / "model.safetensors").read_bytes() == TENSORS
    assert "Downloading: 0 of 0 MB" in err
    assert run("weights", "path", "radfinder")[1].strip() == str(folder)


def test_a_pull_into_a_folder_makes_one_that_needs_no_hub(run: Run, hub: FakeHub, tmp_path: Path) -> None:
    code, out, _ = run("weights", "pull", "radfinder", "--accept-licence", "--to", tmp_path / "stick")
    assert (code, out.strip()) == (0, str(tmp_path / "stick"))
    assert (tmp_path / "stick" / "tokenizer.json").is_file()


def test_a_path_that_is_not_here_says_how_to_get_it(run: Run, hub: FakeHub) -> None:
    code, _, err = run("weights", "path", "radfinder")
    assert code == 2
    assert "ct-grounding weights pull radfinder" in err


def test_a_repair_needs_the_network_and_a_fresh_pull_does_not(run: Run, hub: FakeHub) -> None:
    folder = Path(run("weights", "pull", "radfinder", "--accept-licence")[1].strip())
    (folder / "model.safetensors").resolve().write_bytes(b"\0" * len(TENSORS))
    hub.requests.clear()
    assert run("weights", "pull", "radfinder")[0] == 0
    assert hub.requests == []
    code, _, err = run("weights", "verify", "radfinder")
    assert code == 2
    assert "changed: model.safetensors" in err
    assert "weights pull radfinder --repair" in err
    assert run("weights", "pull", "radfinder", "--repair", "--accept-licence")[0] == 0
    assert (folder / "model.safetensors").read_bytes() == TENSORS


def test_verifying_the_bundled_weights_names_every_file_and_its_record(run: Run) -> None:
    code, out, _ = run("weights", "verify", "bundled")
    assert code == 0
    assert "model.safetensors: 23,300,416 bytes, the card" in out
    assert "probe: as the card says" in out
