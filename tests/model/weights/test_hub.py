"""Weights of the hub, fetched from a small hub on this machine by the code that fetches them from the real one."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from napari_ct_grounding import __version__
from napari_ct_grounding.core.errors import Cancelled, LicenceNeededError, WeightsError
from napari_ct_grounding.model.weights import hub_transfer
from napari_ct_grounding.model.weights.checksums import CHECKSUMS_FILE
from napari_ct_grounding.model.weights.hub import (
    copy_to,
    list_known,
    local_folders,
    pull,
    tokenizer_from_cache,
    weights_folder,
)
from napari_ct_grounding.model.weights.hub_cache import RECORD_NAME, cached_snapshot
from napari_ct_grounding.model.weights.hub_names import HUB_WEIGHTS
from napari_ct_grounding.model.weights.loading import load_weights, resolve_weights
from napari_ct_grounding.model.weights.tensor_files import fingerprint_of
from tests.model.weights.fake_hub import (
    COMMIT,
    LATER,
    PROXIES,
    REPOSITORY,
    TENSORS,
    FakeHub,
    Repository,
    client_without_proxy,
    hub,
)

__all__ = ["client_without_proxy", "hub"]


def fetch(**options) -> Path:
    return pull("radfinder", accept_licence=True, **options)


def blobs() -> list[str]:
    folder = Path(constants.HF_HUB_CACHE) / "models--lmb-freiburg--radfinder" / "blobs"
    return sorted(path.name for path in folder.iterdir())


# The right way


def test_nothing_is_asked_before_the_licence_is_accepted(hub):
    with pytest.raises(LicenceNeededError, match=r"CC BY-NC-SA 4\.0.*accept_licence=True") as caught:
        resolve_weights("radfinder")
    error = caught.value
    assert (error.licence, error.num_bytes, error.weights) == ("CC BY-NC-SA 4.0", 4_140_000_000, "radfinder")
    assert hub.requests == []


def test_a_pull_fetches_weights_and_tokenizer_and_no_code(hub):
    told = []
    folder = fetch(on_progress=lambda done, total: told.append((done, total)))
    assert folder.name == COMMIT
    assert (folder / "model.safetensors").read_bytes() == TENSORS
    assert sorted(path.name for path in folder.iterdir()) == ["LICENSE", "config.json", "model.safetensors"]
    tokenizer = tokenizer_from_cache("somebody/words")
    assert [path.name for path in tokenizer.iterdir()] == ["tokenizer.json"]
    done, total = told[-1]
    assert done == total == len(TENSORS) + 1400 + len("Terms.") + (folder / "config.json").stat().st_size
    assert told == sorted(told)


def test_what_is_here_is_used_without_a_request_or_a_question(hub):
    folder = fetch()
    hub.requests.clear()
    assert resolve_weights("radfinder") == weights_folder("radfinder") == folder
    assert hub.requests == []


def test_the_hub_learns_our_name_and_nothing_about_the_machine(hub):
    fetch()
    assert {headers["user-agent"] for _, _, headers in hub.requests} == {f"napari-ct-grounding/{__version__}"}


def test_the_commit_of_the_first_download_stays(hub):
    fetch()
    hub.repositories[REPOSITORY] = Repository(
        LATER, hub.repositories[REPOSITORY].files | {"model.safetensors": b"new" * 900}
    )
    assert fetch().name == COMMIT


def test_the_fingerprint_needs_no_reading_of_the_file(hub):
    path = fetch() / "model.safetensors"
    digest = hashlib.sha256(TENSORS).hexdigest()
    path.resolve().write_bytes(b"other")
    assert fingerprint_of([path]) == digest[:16]


def test_a_cache_that_another_tool_filled_is_found(hub):
    fetch()
    repository = Path(constants.HF_HUB_CACHE) / "models--lmb-freiburg--radfinder"
    (repository / RECORD_NAME).unlink()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    path = repository / "snapshots" / COMMIT / "model.safetensors"
    assert resolve_weights("radfinder") == path.parent
    path.unlink()
    assert weights_folder("radfinder") is None


def test_the_list_says_what_is_still_to_be_fetched(hub):
    def bytes_to_come() -> dict[str, int]:
        return {known.name: known.num_bytes for known in list_known()}

    assert bytes_to_come()["bundled"] == 0
    assert bytes_to_come()["radfinder"] == 4_140_000_000
    fetch()
    assert bytes_to_come()["radfinder"] == 0


def test_weights_that_need_an_extra_say_so_before_anything_is_fetched(hub, monkeypatch):
    needed = (*HUB_WEIGHTS["colipri"].needed_modules, "a_module_that_is_not_there")
    monkeypatch.setitem(HUB_WEIGHTS, "colipri", replace(HUB_WEIGHTS["colipri"], needed_modules=needed))
    (reason,) = [known.reason for known in list_known() if known.name == "colipri"]
    assert "a_module_that_is_not_there" in reason
    assert "pip install 'napari-ct-grounding[colipri]'" in reason
    with pytest.raises(WeightsError, match="a_module_that_is_not_there"):
        load_weights("colipri", accept_licence=True)
    assert hub.requests == []
    monkeypatch.setitem(HUB_WEIGHTS, "colipri", replace(HUB_WEIGHTS["colipri"], needed_modules=("json",)))
    assert {known.name: known.reason for known in list_known()}["colipri"] is None


def test_weights_whose_tokenizer_is_pinned_get_it_at_that_commit(hub):
    commit = HUB_WEIGHTS["colipri"].tokenizer_commit
    hub.repositories["microsoft/colipri"] = Repository(LATER, {"model.safetensors": TENSORS, "colipri.py": b"code"})
    vocabulary = HUB_WEIGHTS["colipri"].tokenizer_repository
    hub.repositories[vocabulary] = Repository(commit, {"vocab.txt": b"lung", "modeling_cxrbert.py": b"code"})
    folder = pull("colipri", accept_licence=True)
    assert [path.name for path in folder.iterdir()] == ["model.safetensors"]
    assert [path.name for path in tokenizer_from_cache(vocabulary).iterdir()] == ["vocab.txt"]
    assert f"/api/models/{vocabulary}/revision/{commit}" in [path for _, path, _ in hub.requests]
    assert local_folders("colipri") == [folder, tokenizer_from_cache(vocabulary)]


def test_the_page_names_every_weights_and_its_licence(repository):
    page = (repository / "docs" / "weights.md").read_text(encoding="utf-8")
    for weights in HUB_WEIGHTS.values():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{weights.name}` |")]
        assert weights.repository in row
        assert f"| {weights.licence} |" in row
        assert f"{weights.num_bytes / 1e9:.1f} GB" in row


def test_a_name_that_nobody_knows_says_which_there_are():
    with pytest.raises(WeightsError, match=r"no weights 'nonsense'.*'bundled', 'radfinder'"):
        pull("nonsense")


# Connections that break


def test_a_connection_that_breaks_again_and_again_is_taken_up_where_it_broke(hub):
    hub.cut_after["model.safetensors"] = [100_000, 1, 50_000, 100]
    told = []
    folder = fetch(on_progress=lambda done, total: told.append(done))
    assert (folder / "model.safetensors").read_bytes() == TENSORS
    ranges = [headers.get("range") for headers in hub.asked("model.safetensors")]
    assert ranges[0] is None
    starts = [int(text.removeprefix("bytes=").rstrip("-")) for text in ranges[1:]]
    assert starts == sorted(starts)
    assert starts[-1] == 150_101


def test_a_download_that_failed_goes_on_in_the_next_pull(hub):
    hub.cut_after["model.safetensors"] = [200_000, 0, 0, 0]
    with pytest.raises(WeightsError, match=r"connection broke.*try again.*is kept"):
        fetch()
    assert weights_folder("radfinder") is None
    hub.requests.clear()
    told = []
    fetch(on_progress=lambda done, total: told.append(done))
    (headers,) = hub.asked("model.safetensors")
    assert headers["range"] == "bytes=200000-"
    assert told[0] >= 200_000


def test_a_server_without_ranges_sends_all_again(hub):
    hub.ignores_ranges = True
    hub.cut_after["model.safetensors"] = [200_000]
    told = []
    assert (fetch(on_progress=lambda done, total: told.append(done)) / "model.safetensors").read_bytes() == TENSORS
    assert told[-1] == max(told)


def test_a_half_downloaded_version_is_finished_at_its_own_commit(hub):
    hub.cut_after["model.safetensors"] = [1000, 0, 0, 0]
    with pytest.raises(WeightsError):
        fetch()
    files = hub.repositories[REPOSITORY].files
    hub.repositories[REPOSITORY] = Repository(LATER, files)
    with pytest.raises(WeightsError, match=r"does not hold it \(404\)"):  # and not the later version
        fetch()
    hub.repositories[REPOSITORY] = Repository(COMMIT, files)
    assert fetch().name == COMMIT


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
@pytest.mark.parametrize("what", ["api", "model.safetensors"])
def test_a_server_that_recovers_is_asked_again(hub, status, what):
    hub.statuses[what] = [status, status, 0]
    assert fetch().is_dir()


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, "", r"who you are \(401\).*HF_TOKEN"),
        (403, "GatedRepo", r"terms must be accepted.*HF_TOKEN"),
        (404, "RepoNotFound", r"does not hold it \(404\).*HF_ENDPOINT"),
        (503, "", r"overloaded or out of order \(503\)\. Try again later"),
        (418, "", r"status 418"),
    ],
)
@pytest.mark.parametrize("what", ["api", "model.safetensors"])
def test_a_refusal_is_one_sentence_with_what_to_do(hub, status, code, words, what):
    hub.statuses[what] = [status]
    hub.error_codes[status] = code
    with pytest.raises(WeightsError, match=words) as caught:
        fetch()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("lmb-freiburg/radfinder could not be downloaded: ")


def test_a_long_pause_that_a_server_wants_is_not_waited_for(hub, monkeypatch):
    monkeypatch.setattr(hub_transfer, "MAX_PAUSE_S", 0.0005)
    hub.statuses["api"] = [503, 0]
    with pytest.raises(WeightsError, match="503"):
        fetch()


def test_a_login_page_instead_of_the_hub_is_named(hub):
    hub.is_login_page = True
    with pytest.raises(WeightsError, match=r"does not answer as a hub.*login page"):
        fetch()


def test_a_hub_that_is_not_there_is_said_to_be_out_of_reach(hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WeightsError, match=r"127\.0\.0\.1:9 cannot be reached.*HTTPS_PROXY.*HF_ENDPOINT"):
        fetch()


def test_a_listing_that_leads_out_of_its_folder_is_refused(hub):
    hub.repositories[REPOSITORY].files["../LICENSE-elsewhere.safetensors"] = b"x"
    with pytest.raises(WeightsError, match="outside of its folder"):
        fetch()


# Wrong content


def test_wrong_bytes_are_fetched_again(hub):
    hub.wrong["model.safetensors"] = 1
    told = []
    folder = fetch(on_progress=lambda done, total: told.append((done, total)))
    assert (folder / "model.safetensors").read_bytes() == TENSORS
    assert told[-1][0] == told[-1][1]


@pytest.mark.parametrize("name", ["model.safetensors", "LICENSE"])
def test_bytes_that_stay_wrong_are_refused_by_name(hub, name):
    hub.wrong[name] = 5
    with pytest.raises(WeightsError, match=rf"{name} of lmb-freiburg/radfinder arrived twice with other content"):
        fetch()
    assert weights_folder("radfinder") is None
    assert hashlib.sha256(TENSORS).hexdigest() not in blobs() or name == "LICENSE"


@pytest.mark.parametrize("left", [b"", b"rubbish", TENSORS[:5000], TENSORS, TENSORS + b"more"])
def test_whatever_a_killed_download_left_behind_is_recovered(hub, left):
    hub.cut_after["model.safetensors"] = [1000, 0, 0, 0]
    with pytest.raises(WeightsError):
        fetch()
    (partial,) = (name for name in blobs() if name.endswith(".incomplete"))
    folder = Path(constants.HF_HUB_CACHE) / "models--lmb-freiburg--radfinder" / "blobs"
    (folder / partial).write_bytes(left)
    assert (fetch() / "model.safetensors").read_bytes() == TENSORS
    assert not any(name.endswith(".incomplete") for name in blobs())


def test_a_file_that_changed_on_disk_is_fetched_again_by_a_repair(hub):
    path = fetch() / "model.safetensors"
    path.resolve().write_bytes(b"\0" * len(TENSORS))
    assert fetch() == path.parent
    assert path.read_bytes() != TENSORS
    fetch(repair=True)
    assert path.read_bytes() == TENSORS


def test_a_damaged_record_is_made_again(hub):
    folder = fetch()
    record = folder.parents[1] / RECORD_NAME
    record.write_text('{"commit": "')
    assert cached_snapshot(REPOSITORY) is None
    hub.requests.clear()
    assert fetch() == folder
    assert hub.asked("model.safetensors") == []  # the content is still here


# Disks


def test_a_disk_that_is_too_small_is_noticed_before_the_first_large_byte(hub, monkeypatch):
    monkeypatch.setattr(hub_transfer.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1_000_000))
    with pytest.raises(WeightsError, match=r"needs 0 MB more in .*cache.*1 MB are free.*HF_HOME"):
        fetch()
    assert hub.asked("model.safetensors") == []


def test_a_disk_that_fills_up_is_said_to_be_full(hub, monkeypatch):
    def write(self, piece: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hub_transfer._Content, "append", write)
    with pytest.raises(WeightsError, match=r"the disk is full.*HF_HOME"):
        fetch()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_the_system_s_own_full_disk_is_told_the_same_way(hub):
    hub.cut_after["model.safetensors"] = [1000, 0, 0, 0]
    with pytest.raises(WeightsError):
        fetch()
    folder = Path(constants.HF_HUB_CACHE) / "models--lmb-freiburg--radfinder" / "blobs"
    (partial,) = folder.glob("*.incomplete")
    partial.unlink()
    partial.symlink_to("/dev/full")
    # /dev/full gives zeros when read and never ends, so what is there is not hashed here.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub_transfer.ContentHash, "update_from", lambda *_: None)
        with pytest.raises(WeightsError, match="the disk is full"):
            fetch()


# Cancel


@pytest.mark.parametrize("when", ["at once", "while the connection stalls"])
def test_a_download_is_cancelled_even_while_the_connection_stalls(hub, when):
    hub.stalled.add("model.safetensors")
    seen = threading.Event()

    def on_progress(done: int, total: int) -> None:
        if done > len(TENSORS) // 4:
            seen.set()

    started = time.monotonic()
    with pytest.raises(Cancelled):
        fetch(on_progress=on_progress, cancel=lambda: when == "at once" or seen.is_set())
    assert time.monotonic() - started < 5  # far below the connection's time limit of 10 s
    # The hub comes back to life: the thread that was left behind ends, and the next pull goes on.
    hub.stalled.clear()
    hub.closing.set()
    assert (fetch() / "model.safetensors").read_bytes() == TENSORS


def test_a_callback_that_fails_ends_the_download(hub):
    def on_progress(done: int, total: int) -> None:
        raise RuntimeError("the window is gone")

    with pytest.raises(RuntimeError, match="the window is gone"):
        fetch(on_progress=on_progress)


def test_two_pulls_at_once_fetch_every_file_once(hub):
    folders: list[Path] = []
    threads = [threading.Thread(target=lambda: folders.append(fetch())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(folders)) == 1
    assert len(folders) == 2
    assert len(hub.asked("model.safetensors")) == 1


# The environment, read when the hub's client is imported: each in a process of its own

PULL_IMPORT = "from napari_ct_grounding.model.weights.hub import pull"
PULL = f"{PULL_IMPORT}; print(pull('radfinder', accept_licence=True))"


def run(hub: FakeHub, home: Path, code: str = PULL, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HF_") and name.upper() not in PROXIES and name != "XDG_CACHE_HOME"
    }
    environment = kept | {"HF_ENDPOINT": hub.url, "HF_HOME": str(home)} | variables
    code = f"from napari_ct_grounding.model.weights import hub_transfer; hub_transfer.RETRY_PAUSES_S = ()\n{code}"
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)


def test_mirror_home_and_token_of_the_environment_are_used(hub, tmp_path):
    hub.token = "hf_secret"
    home = tmp_path / "elsewhere"
    result = run(hub, home, HF_TOKEN="hf_secret")
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()).is_relative_to(home / "hub")
    assert "hf_secret" not in result.stdout + result.stderr


def test_the_proxy_of_the_environment_is_used_and_its_exceptions_are(hub, tmp_path):
    """The fake hub plays the proxy: it is asked for an absolute address of a host that does not exist."""
    elsewhere = {"HF_ENDPOINT": "http://hub.invalid", "HTTP_PROXY": hub.url}
    result = run(hub, tmp_path / "a", **elsewhere)
    assert result.returncode == 0, result.stderr
    assert {headers["host"] for _, _, headers in hub.requests} == {"hub.invalid"}
    dead = {"HTTP_PROXY": "http://127.0.0.1:9"}
    assert "cannot be reached" in run(hub, tmp_path / "b", **dead).stderr
    assert run(hub, tmp_path / "c", **dead, NO_PROXY="127.0.0.1").returncode == 0


def test_offline_mode_is_respected_and_named(hub, tmp_path):
    result = run(hub, tmp_path, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in result.stderr
    assert hub.requests == []


def test_a_download_killed_half_way_is_finished_by_the_next_process(hub, tmp_path):
    hub.stalled.add("model.safetensors")
    kill = "import os, signal\ndef on_progress(done, total):\n    if done > 100_000: os.kill(os.getpid(), signal.SIGKILL)\n"
    pulling = f"{PULL_IMPORT}\npull('radfinder', accept_licence=True, on_progress=on_progress)"
    killed = run(hub, tmp_path, kill + pulling)
    assert killed.returncode == -9
    hub.stalled.clear()
    hub.requests.clear()
    result = run(hub, tmp_path)
    assert result.returncode == 0, result.stderr
    assert (Path(result.stdout.strip()) / "model.safetensors").read_bytes() == TENSORS
    (headers,) = hub.asked("model.safetensors")
    assert headers["range"].startswith("bytes=1")


# Without a network


def test_a_copy_for_a_machine_without_network_is_one_plain_folder(hub, tmp_path):
    with pytest.raises(WeightsError, match=r"not on this machine yet.*weights pull radfinder"):
        copy_to("radfinder", tmp_path / "stick")
    fetch()
    folder = copy_to("radfinder", tmp_path / "stick")
    names = ["LICENSE", CHECKSUMS_FILE, "config.json", "model.safetensors", "tokenizer.json"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert not any(path.is_symlink() for path in folder.iterdir())
    with pytest.raises(WeightsError, match="'stick' is not empty"):
        copy_to("radfinder", folder)


def test_a_cache_copied_to_another_machine_is_used_there(hub, tmp_path, monkeypatch):
    fetch()
    Path(constants.HF_HUB_CACHE).rename(tmp_path / "carried")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "carried"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.requests.clear()
    assert resolve_weights("radfinder").is_relative_to(tmp_path / "carried")
    assert hub.requests == []
