"""No test here asks the network; what the hub's client would do is played by a function."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import save_file

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.model import weights_hub
from napari_ct_grounding.model.tensor_files import fingerprint_of
from napari_ct_grounding.model.weights import resolve_weights

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Plays `snapshot_download`: what is cached, and what was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.downloads: list[tuple[str, str | None]] = []
        self.is_broken = False

    def fill(self, *, whole: bool = True) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "config.json").write_text(json.dumps({"text_tokenizer_name": "somebody/words"}))
        if whole:
            save_file({"a": torch.zeros(1)}, self.folder / "model.safetensors")

    def __call__(self, repository, revision=None, allow_patterns=None, local_files_only=False):
        if local_files_only:
            if not self.folder.is_dir():
                raise LocalEntryNotFoundError("not in the cache")
            return str(self.folder)
        self.downloads.append((repository, revision))
        if self.is_broken:
            raise ConnectionError("no route")
        self.fill()
        return str(self.folder)


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Hub:
    hub = Hub(tmp_path / "snapshots" / COMMIT)
    monkeypatch.setattr(weights_hub, "snapshot_download", hub)
    return hub


def test_nothing_is_downloaded_before_the_licence_is_accepted(hub):
    with pytest.raises(WeightsError, match=r"CC BY-NC-SA 4\.0.*accept_licence=True"):
        resolve_weights("radfinder")
    assert hub.downloads == []


def test_an_accepted_licence_fetches_the_weights_and_their_tokenizer(hub):
    assert resolve_weights("radfinder", accept_licence=True) == hub.folder
    assert hub.downloads == [("lmb-freiburg/radfinder", None), ("somebody/words", None)]


def test_cached_weights_are_used_without_the_network_and_without_asking_again(hub):
    hub.fill()
    assert resolve_weights("radfinder") == hub.folder
    assert hub.downloads == []


def test_a_download_that_was_cut_off_goes_on_at_its_own_commit(hub):
    hub.fill(whole=False)
    with pytest.raises(WeightsError, match="licence"):
        resolve_weights("radfinder")
    resolve_weights("radfinder", accept_licence=True)
    assert hub.downloads[0] == ("lmb-freiburg/radfinder", COMMIT)


def test_a_failed_download_says_what_to_do(hub):
    hub.is_broken = True
    with pytest.raises(WeightsError, match=r"could not be downloaded \(ConnectionError\).*local copy"):
        resolve_weights("radfinder", accept_licence=True)


def test_a_blob_of_the_cache_is_known_by_its_name_without_being_read(tmp_path):
    name = "ab" * 32
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / name).write_bytes(b"anything")
    link = tmp_path / "model.safetensors"
    try:
        link.symlink_to(tmp_path / "blobs" / name)
    except OSError:
        pytest.skip("this system makes no symbolic links")
    assert fingerprint_of([link]) == name[:16]
