"""Are weights what they should be?"""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from napari_ct_grounding.core.errors import Cancelled, WeightsError
from napari_ct_grounding.model.weights.checksums import CHECKSUMS_FILE, sha256_of, write_checksums
from napari_ct_grounding.model.weights.hub import copy_to, pull
from napari_ct_grounding.model.weights.loading import load_weights
from napari_ct_grounding.model.weights.probe import first_probe_path
from napari_ct_grounding.model.weights.verification import verify
from tests.model.weights.fake_hub import REPOSITORY, FakeHub, Repository, client_without_proxy, hub

__all__ = ["client_without_proxy", "hub"]


@pytest.fixture
def released(hub: FakeHub, weights_folder: Path) -> FakeHub:
    """The hub with small weights that really load, and their tokenizer in its own repository."""
    files = {path.name: path.read_bytes() for path in weights_folder.iterdir()}
    tokenizer = {name: files.pop(name) for name in list(files) if name.startswith("tokenizer")}
    hub.repositories[REPOSITORY] = Repository("b" * 40, files)
    hub.repositories["somebody/some-tokenizer"] = Repository("c" * 40, tokenizer)
    return hub


def change(path: Path) -> None:
    """Turn one number of a tensor into another one; nothing but the content tells."""
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)


def test_pulled_weights_are_compared_with_the_hub_s_hashes_and_load(released: FakeHub) -> None:
    folder = pull("radfinder", accept_licence=True)
    told: list[tuple[int, int]] = []
    found = verify("radfinder", on_progress=lambda done, total: told.append((done, total)))
    assert {file.name: file.record for file in found.files} == dict.fromkeys(
        ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"), "hub"
    )
    assert found.probe == "recorded now"
    assert verify("radfinder").probe == "first load"
    assert told[-1][0] == told[-1][1] == sum(file.num_bytes for file in found.files)
    change((folder / "model.safetensors").resolve())
    with pytest.raises(WeightsError, match=r"changed: model\.safetensors.*pull radfinder --repair"):
        verify("radfinder")


def test_weights_that_are_not_here_are_not_fetched_to_be_verified(released: FakeHub) -> None:
    with pytest.raises(WeightsError, match="not on this machine"):
        verify("radfinder")
    assert released.requests == []


def test_a_copy_is_compared_with_the_checksums_beside_it(released: FakeHub, tmp_path: Path) -> None:
    pull("radfinder", accept_licence=True)
    folder = copy_to("radfinder", tmp_path / "stick")
    found = verify(folder)
    assert {file.record for file in found.files if file.name != CHECKSUMS_FILE} == {"checksums"}
    (folder / "config.json").rename(tmp_path / "config.json")
    (folder / "tokenizer_config.json").unlink()
    (tmp_path / "config.json").rename(folder / "config.json")
    change(folder / "model.safetensors")
    with pytest.raises(WeightsError, match=r"changed: model\.safetensors; missing: tokenizer_config\.json.*Copy"):
        verify(folder)


def test_the_hash_in_a_card_is_compared(weights_folder: Path) -> None:
    digest = sha256_of(weights_folder / "model.safetensors")
    (weights_folder / "card.json").write_text(json.dumps({"sha256": digest}))
    records = {file.name: file.record for file in verify(weights_folder).files}
    assert records["model.safetensors"] == "card"
    assert records["config.json"] == "none"
    change(weights_folder / "model.safetensors")
    with pytest.raises(WeightsError, match=r"changed: model\.safetensors"):
        verify(weights_folder)


def test_a_checksum_file_that_cannot_be_read_is_named(weights_folder: Path) -> None:
    (weights_folder / CHECKSUMS_FILE).write_text("one-word\n")
    with pytest.raises(WeightsError, match=f"{CHECKSUMS_FILE} in .* cannot be read"):
        verify(weights_folder)


def test_verifying_ends_when_it_is_cancelled(weights_folder: Path) -> None:
    write_checksums(weights_folder)
    with pytest.raises(Cancelled):
        verify(weights_folder, cancel=lambda: True)


def test_tensors_that_say_something_else_under_the_same_fingerprint_are_noticed_at_the_next_load(
    released: FakeHub,
) -> None:
    """A blob of the cache goes by its name, so a change on disk keeps the fingerprint; the probe sees it."""
    from napari_ct_grounding.inference.session import GroundingSession

    folder = pull("radfinder", accept_licence=True)
    first = GroundingSession.from_pretrained("radfinder", device="cpu", cache=None)
    assert first_probe_path(first.weights_fingerprint).is_file()
    GroundingSession.from_pretrained("radfinder", device="cpu", cache=None)
    path = (folder / "model.safetensors").resolve()
    tensors = {name: value.clone() for name, value in load_file(path).items()}
    (name,) = (name for name in tensors if ".projection_image." in name and name.endswith("original1"))
    tensors[name] *= -1
    save_file(tensors, path, metadata={"format": "pt"})  # not a byte longer
    assert load_weights("radfinder").fingerprint == first.weights_fingerprint
    with pytest.raises(
        WeightsError, match=r"image embedding that they gave when they were first loaded.*weights verify"
    ):
        GroundingSession.from_pretrained("radfinder", device="cpu", cache=None)


@pytest.mark.parametrize("name", ["bundled", "radfinder"])
def test_weights_that_are_here_load_and_verify_without_a_socket(
    released: FakeHub, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """With the hub's client allowed to go online: nothing may try to."""
    from napari_ct_grounding.inference.session import GroundingSession

    pull(name, accept_licence=True)
    released.requests.clear()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("sockets are closed in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    session = GroundingSession.from_pretrained(name, device="cpu", cache=None)
    session.embed_text(["left lung"])
    verify(name)
    assert pull(name).is_dir()
    assert released.requests == []
