"""Memory that threads freed goes back to the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from napari_ct_grounding.widgets import freed_memory
from napari_ct_grounding.widgets.freed_memory import give_back_freed_memory

_FREED_BY_A_THREAD = """
import os, threading, psutil
from napari_ct_grounding.widgets.freed_memory import give_back_freed_memory

def fill():
    pieces = [os.urandom(60_000) for _ in range(2_000)]  # below the size that is mapped on its own
    global last
    last = pieces[-1]  # keeps the arena from shrinking by itself

thread = threading.Thread(target=fill)
thread.start()
thread.join()
before = psutil.Process().memory_info().rss
give_back_freed_memory()
print((before - psutil.Process().memory_info().rss) / 2**20)
"""


@pytest.mark.skipif(freed_memory._malloc_trim() is None, reason="this C library has no malloc_trim")
def test_what_a_thread_freed_goes_back() -> None:
    done = subprocess.run([sys.executable, "-c", _FREED_BY_A_THREAD], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 60  # of 120 MB


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        def __init__(self, _name: object) -> None: ...

    freed_memory._malloc_trim.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", Other)
    monkeypatch.setattr(sys, "platform", "linux")
    try:
        give_back_freed_memory()
        assert freed_memory._malloc_trim() is None
    finally:
        freed_memory._malloc_trim.cache_clear()
