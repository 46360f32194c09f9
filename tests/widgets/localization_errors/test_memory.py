from __future__ import annotations

from pathlib import Path

import pytest

from napari_ct_grounding.widgets.localization_errors.memory import (
    BrowserMemory,
    memory_path,
    read_memory,
    write_memory,
)


def test_files_and_folders_are_remembered_the_latest_first():
    memory = read_memory()
    assert memory == BrowserMemory()
    for number in range(12):
        memory = memory.opened(Path(f"/data/{number}.json"))
    memory = memory.found_under(Path("/data/11.json"), Path("/scans")).opened(Path("/data/5.json"))
    write_memory(memory)
    read = read_memory()
    assert read == memory
    assert [Path(file).stem for file in read.files] == ["5", "11", "10", "9", "8", "7", "6", "4", "3", "2"]
    assert read.folder_of(Path("/data/11.json")) == Path("/scans")
    assert read.folder_of(Path("/data/5.json")) == Path("/data"), "by default the folder of the file itself"


def test_folders_of_files_that_were_forgotten_are_forgotten():
    memory = BrowserMemory().found_under(Path("/a.json"), Path("/x")).opened(Path("/a.json"))
    for number in range(10):
        memory = memory.opened(Path(f"/{number}.json"))
    assert memory.folders == {}


@pytest.mark.parametrize("content", ["", "[1]", '{"files": 3}', '{"files": [1], "folders": []}'])
def test_a_memory_that_makes_no_sense_is_empty(content):
    memory_path().parent.mkdir(parents=True)
    memory_path().write_text(content)
    assert read_memory() == BrowserMemory()
