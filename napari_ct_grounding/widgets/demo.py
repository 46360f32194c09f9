"""``ct-grounding demo``: the bundled case in napari, the dock open, the first sentence answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.widgets.work import SessionFactory

__all__ = ["open_demo", "run_demo", "take_picture"]

DOCK_NAME = "CT Grounding"
_WINDOW_SIZE = (1280, 800)
_DOCK_WIDTH = 392
#: Longest wait (ms) for the first answer before the picture is taken anyway.
_PATIENCE_MS = 120_000
#: From the answer to the picture (ms): the canvas draws once more.
_DRAWING_MS = 400


def run_demo(screenshot: Path | None = None) -> None:
    """Open napari with the demo case and the dock, ground a first sentence, and run until the window is closed.

    Parameters
    ----------
    screenshot : Path, optional
        Save a picture of the whole window (PNG) there after the first answer, and end.

    Raises
    ------
    InputError
        When no answer came for the screenshot.
    """
    import napari

    viewer = napari.Viewer(title="CT Grounding", show_welcome_screen=False)
    dock = open_demo(viewer)
    problems: list[str] = []
    if screenshot is not None:
        take_picture(viewer, dock, screenshot, problems, close=viewer.close)
    napari.run()
    if problems:
        raise InputError(problems[0])


def open_demo(
    viewer: Any,
    *,
    layers: Sequence[tuple[Any, dict[str, Any], str]] | None = None,
    session_factory: SessionFactory | None = None,
) -> Any:
    """Put the demo case and the dock into a viewer, and ask the first sentence.

    Parameters
    ----------
    viewer : napari.Viewer
    layers : sequence of layer tuples, optional
        The demo case by default.
    session_factory : callable, optional
        For the dock.

    Returns
    -------
    GroundingDock
    """
    from qtpy.QtCore import QTimer

    from napari_ct_grounding.widgets.dock import GroundingDock
    from napari_ct_grounding.widgets.sample import demo_chest

    for data, meta, kind in demo_chest() if layers is None else layers:
        getattr(viewer, f"add_{kind}")(data, **meta)
    dock = GroundingDock(viewer, session_factory)
    area = viewer.window.add_dock_widget(dock, name=DOCK_NAME, area="right")
    window = viewer.window._qt_window
    window.resize(*_WINDOW_SIZE)
    give_room_to_the_canvas(window, area)
    QTimer.singleShot(0, viewer.reset_view)  # the canvas has its size once the docks have theirs
    sentences = viewer.layers[0].metadata.get("ct_examples") or ()
    if sentences:
        dock.sentence_panel.submit(sentences[0])
    return dock


def give_room_to_the_canvas(window: Any, area: Any) -> None:
    """Make our dock as wide as it needs, put napari's layer controls away (Window menu), and its layer list narrow."""
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QDockWidget

    for dock in window.findChildren(QDockWidget):
        if dock.objectName() == "layer controls":
            dock.hide()
    left = [
        dock
        for dock in window.findChildren(QDockWidget)
        if dock is not area and dock.isVisible() and window.dockWidgetArea(dock) == Qt.DockWidgetArea.LeftDockWidgetArea
    ]
    window.resizeDocks([*left, area], [*(200 for _ in left), _DOCK_WIDTH], Qt.Orientation.Horizontal)


def take_picture(viewer: Any, dock: Any, path: Path, problems: list[str], *, close: Callable[[], None]) -> None:
    """Save the window once the first answer is drawn, then close; a failure or a long silence closes too.

    Parameters
    ----------
    viewer : napari.Viewer
    dock : GroundingDock
    path : Path
        PNG to write; its folder is made.
    problems : list of str
        What went wrong is added here.
    close : callable
        Called at the end.
    """
    from qtpy.QtCore import QTimer

    def finish() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        viewer.screenshot(str(path), canvas_only=False, flash=False)
        close()

    def give_up(reason: str) -> None:
        if not problems:
            problems.append(reason)
            QTimer.singleShot(0, finish)

    waiting = QTimer(dock)
    waiting.setSingleShot(True)
    waiting.timeout.connect(lambda: give_up(f"No answer came within {_PATIENCE_MS // 1000} s."))
    waiting.start(_PATIENCE_MS)

    def on_diseases() -> None:  # they come after the first sentence
        if dock.controller.answers is not None and dock.controller.answers.diseases:
            waiting.stop()
            QTimer.singleShot(_DRAWING_MS, finish)

    def on_failed(error: Exception) -> None:
        waiting.stop()
        give_up(str(error))

    dock.controller.diseases_changed.connect(on_diseases)
    dock.controller.failed.connect(on_failed)
