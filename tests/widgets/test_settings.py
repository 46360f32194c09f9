from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from napari_ct_grounding.widgets import settings as module
from napari_ct_grounding.widgets.settings import Settings, read_settings, write_settings


@pytest.fixture
def path(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "settings.json"
    monkeypatch.setattr(module, "settings_path", lambda: path)
    return path


def test_what_is_written_is_read_again(path):
    assert read_settings() == Settings(keeps_embeddings=True)
    write_settings(Settings(keeps_embeddings=False))
    assert read_settings() == Settings(keeps_embeddings=False)
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"keeps_embeddings": "maybe"}', '{"other": 1}', "\x00\xff"])
def test_what_makes_no_sense_is_the_default(path, text):
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    assert read_settings() == Settings()


def test_a_write_that_fails_leaves_the_old_settings_and_no_rest(path, monkeypatch):
    write_settings(Settings(keeps_embeddings=False))

    def full_disk(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_settings(Settings(keeps_embeddings=True))
    assert read_settings() == Settings(keeps_embeddings=False)
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_program_killed_while_it_writes_leaves_whole_settings(path):
    code = (
        "import pathlib, sys\n"
        "from napari_ct_grounding.widgets import settings\n"
        "settings.settings_path = lambda: pathlib.Path(sys.argv[1])\n"
        "for i in range(10**9):\n"
        "    settings.write_settings(settings.Settings(keeps_embeddings=bool(i % 2)))\n"
        "    i == 3 and print('writing', flush=True)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "writing\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait(10)
    writer.stdout.close()
    assert isinstance(json.loads(Path(path).read_text(encoding="utf-8"))["keeps_embeddings"], bool)
