"""What the user prefers: one store, napari's, with our names; broken files give the defaults."""

from __future__ import annotations

import os
import warnings
from dataclasses import fields, replace
from pathlib import Path

import pytest
from npe2 import PluginManifest

import napari_ct_grounding
from napari_ct_grounding.core.display import DISPLAY_WINDOWS
from napari_ct_grounding.widgets.settings import (
    Settings,
    group_of,
    listen_to_settings,
    read_settings,
    write_settings,
)


@pytest.fixture
def configurations():
    manifest = PluginManifest.from_file(Path(napari_ct_grounding.__file__).parent / "napari.yaml")
    return manifest.contributions.configurations


@pytest.fixture
def path(settings_path):
    return settings_path


def _next_start():
    import napari.settings

    napari.settings._clear_plugin_settings_cache()


def test_the_page_in_the_manifest_holds_each_setting_once_with_its_default(configurations):
    declared = {
        (group, name): prop.default for group, page in configurations.items() for name, prop in page.properties.items()
    }
    ours = {(group_of(field.name), field.name): field.default for field in fields(Settings)}
    assert declared == ours


def test_the_page_offers_the_windows_and_coverages_that_there_are(configurations):
    assert configurations["display"].properties["window"].enum == [window.name for window in DISPLAY_WINDOWS]
    assert configurations["opening"].properties["coverage"].enum == ["auto", "paper"]


def test_the_page_says_of_each_setting_when_it_holds(configurations):
    words = ("at once", "from the next opening", "from now on")
    for page in configurations.values():
        for name, prop in page.properties.items():
            assert any(word in prop.description for word in words), name


def test_what_is_written_is_read_again_at_the_next_start(path):
    assert read_settings() == Settings()
    wanted = replace(Settings(), keeps_embeddings=False, window="Lung", weights="/a/b c")
    write_settings(wanted)
    _next_start()
    assert read_settings() == wanted
    assert path.is_file()


def test_changes_are_told_until_nobody_listens(path):
    heard = []
    stop = listen_to_settings(lambda: heard.append(read_settings().window))
    write_settings(replace(Settings(), window="Bone"))
    assert heard == ["Bone"]
    write_settings(replace(Settings(), window="Bone"))
    assert heard == ["Bone"], "nothing changed"
    stop()
    write_settings(Settings())
    assert heard == ["Bone"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "abc", "null", "storage: {keeps_embeddings: maybe}", "storage: 3", "opening: {device: tpu}",
             "other: 1", "\x00\xff"]
)  # fmt: skip
def test_what_makes_no_sense_is_the_default(path, text):
    path.write_bytes(text.encode("latin-1"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert read_settings() == Settings()


def test_settings_that_cannot_be_stored_hold_until_the_program_ends(path):
    read_settings()
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        write_settings(replace(Settings(), keeps_work=False))
    assert not read_settings().keeps_work


def test_a_plugin_that_napari_does_not_know_has_the_defaults(path, monkeypatch):
    import napari.settings

    def unknown(_plugin):
        raise KeyError("no such plugin")

    monkeypatch.setattr(napari.settings, "get_plugin_settings", unknown)
    assert read_settings() == Settings()
    listen_to_settings(lambda: None)()
    with pytest.raises(OSError, match="no settings"):
        write_settings(Settings())


def test_importing_the_settings_loads_no_napari(repository):
    import subprocess
    import sys

    code = "import sys, napari_ct_grounding.widgets.settings; print('napari' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=repository, env=dict(os.environ)
    )
    assert done.stdout.strip() == "False"
