"""Stepping through slices in napari: milliseconds a step, with the dock open or without, and those inside our own code.

``python -m tests.benchmarks.slider {bare,dock,tabs} SCAN`` needs a screen (Xvfb will do). "tabs": the dock with a report of 40
sentences, and a run of steps with each tab in front; all of them listen all the time.

Every function of `napari_ct_grounding.widgets` is wrapped before the dock is made. Time counts from the outermost of our
functions to its end, whatever it calls, napari's own work included: what a user would feel as ours.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import sys
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.measure import report, spread

NUM_STEPS = 120
SENTENCE = "Level of the carina."
MAX_WAIT_S = 60.0


class Stopwatch:
    """Adds up the time that the main thread spends inside wrapped functions."""

    def __init__(self) -> None:
        self.total_s = 0.0
        self._depth = 0

    def wrapped(self, function: types.FunctionType) -> Any:
        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if self._depth or threading.current_thread() is not threading.main_thread():
                return function(*args, **kwargs)
            self._depth, start = 1, time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._depth = 0
                self.total_s += time.perf_counter() - start

        return timed

    def wrap_package(self, name: str) -> None:
        package = importlib.import_module(name)
        modules = [importlib.import_module(info.name) for info in pkgutil.walk_packages(package.__path__, f"{name}.")]
        for module in modules:
            for holder in [
                module,
                *(v for v in vars(module).values() if inspect.isclass(v) and v.__module__ == module.__name__),
            ]:
                for key, value in list(vars(holder).items()):
                    # Generators are left alone: their work happens in next(), not in the call.
                    is_ours = isinstance(value, types.FunctionType) and value.__module__ == module.__name__
                    if is_ours and not inspect.isgeneratorfunction(value) and not key.startswith("__"):
                        setattr(holder, key, self.wrapped(value))


def main() -> None:
    with_dock, with_tabs, scan = sys.argv[1] != "bare", sys.argv[1] == "tabs", Path(sys.argv[2])
    watch = Stopwatch()
    if with_dock:
        watch.wrap_package("napari_ct_grounding.widgets")
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_ct_grounding.readers import get_reader

    viewer = napari.Viewer(show=True)
    read = get_reader(str(scan))
    assert read is not None
    for layer in read(str(scan)):
        viewer.add_layer(napari.layers.Layer.create(*layer))
    dock, state = ground_a_sentence(viewer) if with_dock else (None, "no dock")
    for _ in range(20):
        QApplication.processEvents()
    if with_tabs:
        ground_a_report(dock)
        report(state=state, **steps_with_each_tab(viewer, dock, watch))
    else:
        wall_ms, own_ms = stepped(viewer, watch)
        report(state=state, step_ms=spread(wall_ms), own_ms=spread(own_ms))
    viewer.close()


def stepped(viewer: Any, watch: Stopwatch) -> tuple[list[float], list[float]]:
    """Step through the scan; return (ms, ms inside our own code) of each step."""
    from qtpy.QtWidgets import QApplication

    num_slices = int(viewer.dims.nsteps[0])
    wall_ms, own_ms = [], []
    for step in np.linspace(0.1 * num_slices, 0.9 * num_slices, NUM_STEPS).astype(int):
        watch.total_s, start = 0.0, time.perf_counter()
        viewer.dims.set_current_step(0, int(step))
        QApplication.processEvents()
        wall_ms.append((time.perf_counter() - start) * 1e3)
        own_ms.append(watch.total_s * 1e3)
    return wall_ms, own_ms


def ground_a_report(dock: Any) -> None:
    """Give the tab "Report" 40 sentences and wait for their places."""
    from tests.benchmarks.report_grounding import NUM_SENTENCES, text_of

    tab = next(tab for tab in dock._tabs if tab.title == "Report")
    dock.tabs.setCurrentWidget(tab.panel)
    tab.set_report(text_of(0))
    _wait_for(lambda: len(dock.controller.answers.aside) >= NUM_SENTENCES and not dock.controller.is_working)
    tab.panel.list.walk(1)


def steps_with_each_tab(viewer: Any, dock: Any, watch: Stopwatch) -> dict[str, Any]:
    """Step with each tab in front; return the figures of all steps together, and the medians by tab."""
    all_ms: list[float] = []
    all_own_ms: list[float] = []
    medians = {}
    for number in range(dock.tabs.count()):
        dock.tabs.setCurrentIndex(number)
        _wait_for(lambda: not dock.controller.is_working)
        wall_ms, own_ms = stepped(viewer, watch)
        all_ms += wall_ms
        all_own_ms += own_ms
        medians[dock.tabs.tabText(number)] = spread(own_ms)["median"]
    return {"step_ms": spread(all_ms), "own_ms": spread(all_own_ms), "own_ms_by_tab": medians}


def ground_a_sentence(viewer: Any) -> tuple[Any, str]:
    """Open the dock, ask for a sentence and wait for the answer; return the dock, and what was reached, in words."""
    from qtpy.QtWidgets import QApplication

    from napari_ct_grounding.model.weights.hub import BUNDLED_FOLDER
    from napari_ct_grounding.widgets.dock import GroundingDock
    from tests.inference.oracle import oracle_session

    has_weights = (BUNDLED_FOLDER / "config.json").is_file()
    dock = GroundingDock(viewer, None if has_weights else lambda *_: oracle_session())
    viewer.window.add_dock_widget(dock, name="CT Grounding", area="right")
    QApplication.processEvents()
    dock.sentence_panel.submit(SENTENCE)
    _wait_for(lambda: (known := dock.controller.answers) is not None and known.results and known.diseases)
    return dock, "dock open, a sentence grounded" + ("" if has_weights else " (by a stand-in for the weights)")


def _wait_for(is_reached: Callable[[], object]) -> None:
    from qtpy.QtWidgets import QApplication

    deadline = time.monotonic() + MAX_WAIT_S
    while time.monotonic() < deadline:
        QApplication.processEvents()
        if is_reached():
            return
        time.sleep(0.01)
    raise SystemExit(f"The dock gave no answer within {MAX_WAIT_S:.0f} s.")


if __name__ == "__main__":
    main()
