"""One napari window that opens, grounds, jumps and closes until its time is over: ``python -m tests.soak.window``.

Way "dock" uses the plugin as an impatient user would; way "bare" opens, steps and closes the same files in a napari without
the dock, one cycle behind each of the other, so that what napari itself keeps can be told from what we keep. A line of JSON
a cycle.
"""

from __future__ import annotations

import gc
import json
import logging
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from tests.soak.cases import SENTENCES, SoakCase

PLUGIN = "napari-ct-grounding"
#: What disturbs a cycle, in turn; None leaves it alone.
DISTURBANCES = (None, "cancel", "remove layer", "rename layer", "hide dock", "new dock", None, "clear cache")
NUM_STEPS = 12
PATIENCE_S = 60.0


class Ears:
    """Hears everything that goes wrong: notifications, uncaught exceptions of all threads, logged errors."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.faults: list[str] = []
        from napari.utils.notifications import notification_manager

        notification_manager.notification_ready.connect(self._on_notification)
        sys.excepthook = self._on_exception
        threading.excepthook = lambda args: self.faults.append(f"{args.exc_type.__name__}: {args.exc_value}")
        handler = logging.Handler(logging.ERROR)
        handler.emit = lambda record: self.faults.append(record.getMessage())  # type: ignore[method-assign]
        logging.getLogger().addHandler(handler)

    def _on_exception(self, kind: type[BaseException], value: BaseException, trace: Any) -> None:
        self.faults.append(f"{kind.__name__}: {value}")
        sys.__excepthook__(kind, value, trace)

    def _on_notification(self, notification: Any) -> None:
        kept = self.faults if str(notification.severity) == "error" else self.notices
        kept.append(str(notification.message))

    def take(self) -> tuple[list[str], list[str]]:
        """Return (notices, faults) since the last call."""
        taken = self.notices, self.faults
        self.notices, self.faults = [], []
        return taken


class Window:
    """A viewer, with the dock or without."""

    def __init__(self, *, with_dock: bool) -> None:
        import napari
        from qtpy.QtWidgets import QApplication

        self.viewer = napari.Viewer(show=True, show_welcome_screen=False)
        self.all_widgets = QApplication.allWidgets
        self.with_dock = with_dock
        self.dock: Any = None
        self.area: Any = None
        if with_dock:
            self.add_dock()
        self.settle()

    def add_dock(self) -> None:
        from napari_ct_grounding.widgets.dock import GroundingDock

        self.dock = GroundingDock(self.viewer)
        self.area = self.viewer.window.add_dock_widget(self.dock, name="CT Grounding", area="right")
        # Four slices of a head look like no HU to the check, and a busy machine asks before it begins: the user insists.
        self.dock.controller.hounsfield_asked.connect(self._insist_on_hu)
        self.dock.controller.slow_start_asked.connect(self._begin_all_the_same)

    def _insist_on_hu(self, _error: Exception) -> None:
        self.dock.controller.assume_hu()

    def _begin_all_the_same(self, _slow_start: object) -> None:
        self.dock.controller.start_slow()

    def close_toasts(self) -> None:
        """Close napari's messages: they wait for the window to be the active one, which a virtual screen never tells."""
        from napari._qt.dialogs.qt_notification import NapariQtNotification

        for toast in list(NapariQtNotification._instances):
            toast.close()

    def renew_dock(self) -> None:
        self.viewer.window.remove_dock_widget(self.dock)
        self.dock = self.area = None
        self.settle()
        self.add_dock()

    def settle(self, seconds: float = 0.1) -> None:
        self.wait(lambda: False, seconds)

    def wait(self, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
        """Run the event loop until the condition holds; False when it does not in time.

        A real loop, not `processEvents`: it alone deletes what waits for deletion.
        """
        from qtpy.QtCore import QEventLoop, QTimer

        loop, clock = QEventLoop(), QTimer()
        deadline = time.monotonic() + seconds
        clock.timeout.connect(lambda: loop.quit() if condition() or time.monotonic() > deadline else None)
        clock.start(5)
        loop.exec()
        clock.stop()
        return condition()

    def step(self) -> None:
        """Drag the slider."""
        num_slices = int(self.viewer.dims.nsteps[0])
        for i in range(NUM_STEPS):
            self.viewer.dims.set_current_step(0, (i + 1) * num_slices // (NUM_STEPS + 1))
            self.settle(0.01)

    def is_answered(self, num_sentences: int) -> bool:
        answers = self.dock.controller.answers
        return answers is not None and len(answers.results) >= num_sentences and bool(answers.diseases)

    def state(self) -> dict[str, Any]:
        """Memory (MB) and counts, after what can be collected is collected."""
        gc.collect()
        process = psutil.Process()
        viewer = self.viewer
        emitters = (
            viewer.layers.events.inserted,
            viewer.layers.events.removed,
            viewer.dims.events.point,
            viewer.dims.events.order,
            viewer.events.theme,
        )
        return {
            "rss_mb": round(process.memory_info().rss / 2**20, 1),
            "threads": process.num_threads(),
            "python_threads": threading.active_count(),
            "files": process.num_fds(),
            "widgets": len(self.all_widgets()),
            "callbacks": sum(len(emitter.callbacks) for emitter in emitters),
            "layers": len(viewer.layers),
        }


def run_cycle(window: Window, case: SoakCase, disturbance: str | None, chance: random.Random) -> dict[str, Any]:
    """Open, ground, jump, close; returns what to note."""
    noted: dict[str, Any] = {}
    viewer = window.viewer
    if disturbance == "new dock" and window.with_dock:
        window.renew_dock()
    if disturbance == "clear cache" and window.with_dock:
        from napari_ct_grounding.inference.cache import default_cache

        cache = default_cache()
        if cache is not None:
            cache.clear()
    try:
        viewer.open(str(case.path), plugin=PLUGIN)
    except Exception as error:  # napari passes on whatever a reader raises
        noted["refused"] = f"{type(error).__name__}: {error}"
    window.settle()
    if "refused" in noted or not viewer.layers:
        noted["is_as_expected"] = not case.is_volume
        return noted
    noted["is_as_expected"] = case.is_volume
    if window.with_dock:
        sentences = chance.sample(SENTENCES, 3)
        start = time.monotonic()
        for sentence in sentences:
            window.dock.sentence_panel.submit(sentence)
        if disturbance == "cancel":
            window.settle(0.05)
            window.dock.controller.cancel()
            window.settle(0.05)
            for sentence in sentences:
                window.dock.sentence_panel.submit(sentence)
        elif disturbance == "remove layer":
            window.settle(0.05)
            viewer.layers.remove(viewer.layers[0])
            window.settle(0.3)
            viewer.layers.clear()
            noted["is_answered"] = None
            return noted
        elif disturbance == "rename layer":
            viewer.layers[0].name = "renamed"
        noted["is_answered"] = window.wait(lambda: window.is_answered(len(sentences)))
        noted["answer_s"] = round(time.monotonic() - start, 3)
        if disturbance == "hide dock":
            window.area.hide()
            window.settle(0.05)
            window.area.show()
            window.settle(0.05)
        for sentence in sentences:  # known by now: a jump
            window.dock.sentence_panel.submit(sentence)
            window.settle(0.01)
    window.step()
    noted["open_mb"] = round(psutil.Process().memory_info().rss / 2**20, 1)
    viewer.layers.clear()
    return noted


def main() -> None:
    way, out, plan = sys.argv[1], Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text())
    cases = [SoakCase(name, Path(path), is_volume) for name, path, is_volume in plan["cases"]]
    leader = Path(plan["leader"])
    window = Window(with_dock=way == "dock")
    ears = Ears()
    chance = random.Random(1)
    start = time.monotonic()
    cycle = 0
    with out.open("w") as lines:
        while time.monotonic() - start < plan["seconds"]:
            if way == "bare" and _num_lines(leader) <= cycle:
                window.settle(0.5)
                continue  # the other window is in the middle of its cycle
            case, disturbance = (
                cases[cycle % len(cases)],
                DISTURBANCES[(cycle + cycle // len(cases)) % len(DISTURBANCES)],
            )
            noted = run_cycle(window, case, disturbance, chance)
            window.close_toasts()
            window.settle(0.2)
            notices, faults = ears.take()
            line = {
                "way": way,
                "cycle": cycle,
                "minute": round((time.monotonic() - start) / 60, 3),
                "case": case.name,
                "disturbance": disturbance,
                **noted,
                **window.state(),
                "notices": notices,
                "faults": faults,
            }
            lines.write(json.dumps(line) + "\n")
            lines.flush()
            cycle += 1
    window.viewer.close()
    window.settle()


def _num_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


if __name__ == "__main__":
    main()
