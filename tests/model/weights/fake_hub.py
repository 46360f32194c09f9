"""A small Hugging Face hub on 127.0.0.1, with the faults that networks have.

It speaks what the hub's client and our transfer use: ``/api/models/{repo}[/revision/{rev}]`` with sizes and hashes, and
``/{repo}/resolve/{commit}/{file}`` with ranges, first as a redirect for large files, as the real one does.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants
from huggingface_hub.utils import close_session

from napari_ct_grounding.model.weights import hub as weights_hub
from napari_ct_grounding.model.weights import hub_transfer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LATER = "f" * 40
TENSORS = bytes(range(256)) * 1200  # 307,200 bytes: several pieces of a socket
REPOSITORY = "lmb-freiburg/radfinder"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
#: Files of this size or more are "large": known by SHA-256, and served after a redirect.
LARGE = 1000


@dataclass
class Repository:
    commit: str
    files: dict[str, bytes]

    def listing(self) -> dict:
        siblings = []
        for name, content in self.files.items():
            git = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
            entry: dict = {"rfilename": name, "size": len(content), "blobId": git}
            if len(content) >= LARGE:
                digest = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
            siblings.append(entry)
        return {"id": "any/repo", "sha": self.commit, "siblings": siblings}


@dataclass
class FakeHub:
    """What it holds, how it misbehaves, and what it was asked.

    Parameters
    ----------
    repositories : dict
        By "owner/name".
    statuses : dict
        Name of a file, or "api", to the answers given before (or, with the last repeated, instead of) the right one.
    cut_after : dict
        Name of a file to the numbers of bytes after which its next answers break off.
    wrong : dict
        Name of a file to how many of its next answers have one byte changed.
    stalled : set
        Files whose answers stop half way until the hub closes.
    """

    repositories: dict[str, Repository]
    statuses: dict[str, list[int]] = field(default_factory=dict)
    error_codes: dict[int, str] = field(default_factory=dict)
    cut_after: dict[str, list[int]] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)
    stalled: set[str] = field(default_factory=set)
    ignores_ranges: bool = False
    is_login_page: bool = False
    token: str | None = None
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def asked(self, name: str) -> list[dict[str, str]]:
        """Headers of the requests for a file, those of redirects left out."""
        return [headers for method, path, headers in self.requests if path.startswith("/cdn/") and path.endswith(name)]


@contextmanager
def served(hub: FakeHub) -> Iterator[FakeHub]:
    server = _Server(("127.0.0.1", 0), _handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that leaves in the middle is what some tests are about."""


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # 40 ms for every answer otherwise

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append(("GET", path, {name.lower(): value for name, value in self.headers.items()}))
            if hub.is_login_page:
                return self.say(200, b"<html>Please sign in</html>")
            if hub.token is not None and self.headers.get("authorization") != f"Bearer {hub.token}":
                return self.say(401)
            if path.startswith("/api/models/"):
                return self.api(path.removeprefix("/api/models/"))
            return self.file(path)

        def api(self, path: str) -> None:
            name = path.split("/revision/")[0]
            if status := next_of(hub.statuses, "api"):
                return self.say(status)
            repository = hub.repositories.get(name)
            if repository is None:
                return self.say(404, code="RepoNotFound")
            wanted = path.partition("/revision/")[2] or repository.commit
            if wanted not in ("main", repository.commit):
                return self.say(404, code="RevisionNotFound")
            return self.say(200, json.dumps(repository.listing()).encode())

        def file(self, path: str) -> None:
            is_redirected = path.startswith("/cdn/")
            owner, repo, _, commit, name = path.removeprefix("/cdn").lstrip("/").split("/", 4)
            repository = hub.repositories[f"{owner}/{repo}"]
            if commit != repository.commit or name not in repository.files:
                return self.say(404, code="EntryNotFound")
            content = repository.files[name]
            if len(content) >= LARGE and not is_redirected:
                return self.say(302, location=f"/cdn{path}")
            if status := next_of(hub.statuses, name):
                return self.say(status)
            if hub.wrong.get(name, 0) > 0:
                hub.wrong[name] -= 1
                content = bytes([content[0] ^ 1]) + content[1:]
            start = 0
            asked = self.headers.get("range")
            if asked and not hub.ignores_ranges:
                start = int(asked.removeprefix("bytes=").rstrip("-"))
                if start >= len(content):
                    return self.say(416)
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            cuts = hub.cut_after.get(name)
            if cuts:
                self.wfile.write(content[start : start + cuts.pop(0)])
                self.close_connection = True
            elif name in hub.stalled:
                self.wfile.write(content[start : start + len(content) // 2])
                self.wfile.flush()
                hub.closing.wait()
                self.close_connection = True
            else:
                self.wfile.write(content[start:])
            return None

        def say(self, status: int, body: bytes = b"", *, code: str = "", location: str = "") -> None:
            self.send_response(status)
            if code := code or hub.error_codes.get(status, ""):
                self.send_header("X-Error-Code", code)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def next_of(statuses: dict[str, list[int]], name: str) -> int | None:
    """The next status set for a name; 0 in the list stands for the right answer, and the last one but 0 stays."""
    waiting = statuses.get(name)
    if not waiting:
        return None
    return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def repositories() -> dict[str, Repository]:
    return {
        REPOSITORY: Repository(
            COMMIT,
            {
                "config.json": json.dumps({"text_tokenizer_name": "somebody/words"}).encode(),
                "model.safetensors": TENSORS,
                "LICENSE": b"Terms.",
                "modeling_radfinder.py": b"print('never fetched, never run')",
            },
        ),
        "somebody/words": Repository(
            "a" * 40, {"tokenizer.json": b"{}" * 700, "model.safetensors": b"not wanted" * 200}
        ),
    }


@pytest.fixture(scope="module", autouse=True)
def client_without_proxy() -> Iterator[None]:
    """One client for all tests: making one costs a quarter of a second, and it reads the proxies then."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (*PROXIES, *(proxy.lower() for proxy in PROXIES), "HF_TOKEN"):
            patch.delenv(name, raising=False)
        close_session()
        yield
        close_session()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """The hub as the environment names it, with an empty cache and no patience."""
    with served(FakeHub(repositories())) as fake:
        monkeypatch.setattr(constants, "ENDPOINT", fake.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", fake.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(hub_transfer, "RETRY_PAUSES_S", (0.001, 0.001))
        monkeypatch.setattr(weights_hub, "POLL_S", 0.005)
        yield fake
