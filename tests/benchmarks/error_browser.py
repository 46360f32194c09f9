"""Opening a file of 5,000 rows in the error browser, from the wish until its rows are on the screen.

``python -m tests.benchmarks.error_browser`` needs a screen (Xvfb will do). Beside it, in the same process, what cannot be had
cheaper: Python's own `json.loads` of the same file. The longest time that the window does not answer is measured by a timer which
should ring every 5 ms.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.measure import report
from tests.core.localization_rows import many_rows, results_of

NUM_ROWS = 5000
MAX_WAIT_S = 60.0


def main() -> None:
    from qtpy.QtCore import Qt, QTimer
    from qtpy.QtWidgets import QApplication

    application = QApplication.instance() or QApplication(sys.argv[:1])
    from napari.components import ViewerModel

    from napari_ct_grounding.widgets.localization_errors.dock import LocalizationErrorsDock

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.json"
        results_of(*many_rows(NUM_ROWS)).write(path)
        text = path.read_text(encoding="utf-8")
        start, cpu = time.perf_counter(), time.process_time()
        json.loads(text)
        json_s, json_cpu_s = time.perf_counter() - start, time.process_time() - cpu
        dock = LocalizationErrorsDock(ViewerModel())
        dock.resize(420, 760)
        dock.show()
        application.processEvents()
        rings, ring = [time.perf_counter()], QTimer()
        ring.timeout.connect(lambda: rings.append(time.perf_counter()))
        ring.start(5)
        start, cpu = time.perf_counter(), time.process_time()
        dock.session.open(path)
        while dock.table.rows.rowCount() < NUM_ROWS or dock.session.is_working:
            application.processEvents()
            if dock.table.rows.rowCount() == NUM_ROWS and not dock.session.is_working:
                break
            if time.perf_counter() - start > MAX_WAIT_S:
                raise SystemExit(f"The rows were not shown within {MAX_WAIT_S:.0f} s.")
            time.sleep(0.001)
        dock.grab()
        opened_s, opened_cpu_s = time.perf_counter() - start, time.process_time() - cpu
        held_s = max(after - before for before, after in zip(rings, [*rings[1:], time.perf_counter()], strict=True))
        times = {}
        for name, act in (
            ("filter", lambda: (dock.filter_bar.text.setText("liver"), dock.filter_bar._tell(), dock.grab())),
            ("clear", lambda: (dock.filter_bar.clear(), dock.grab())),
            ("sort", lambda: (dock.table.sortByColumn(1, Qt.SortOrder.AscendingOrder), dock.grab())),
            ("summary", lambda: (dock.tabs.setCurrentIndex(1), application.processEvents(), dock.grab())),
        ):
            start, cpu = time.perf_counter(), time.process_time()
            act()
            times[f"{name}_s"], times[f"{name}_cpu_s"] = time.perf_counter() - start, time.process_time() - cpu
        report(
            file_mb=len(text) / 1e6,
            json_s=json_s,
            json_cpu_s=json_cpu_s,
            opened_s=opened_s,
            opened_cpu_s=opened_cpu_s,
            held_s=held_s,
            **times,
        )
        dock._leave()


if __name__ == "__main__":
    main()
