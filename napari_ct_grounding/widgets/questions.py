"""What the dock asks in place before it goes on: a long encoding, another device, values that may not be HU.

Nothing here opens a dialog: the viewer stays usable, and what the user typed waits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.volume_panel import VolumePanel
from napari_ct_grounding.widgets.wording import error_text, hounsfield_text, slow_start_text
from napari_ct_grounding.widgets.work import SlowStart

__all__ = ["Questions"]

_SLOW, _MEMORY = "slow", "memory"


class Questions:
    """Puts the questions of the controller onto the notice board, and hands the answers back.

    Parameters
    ----------
    controller : GroundingController
    notices : NoticeBoard
    volume_panel : VolumePanel
        Shows which device is chosen.
    """

    def __init__(self, controller: GroundingController, notices: NoticeBoard, volume_panel: VolumePanel) -> None:
        self._controller = controller
        self._notices = notices
        self._volume_panel = volume_panel
        controller.scan_changed.connect(self._on_scan_changed)
        controller.encoding_changed.connect(self._on_encoding_changed)
        controller.slow_start_asked.connect(self._ask_slow_start)
        controller.memory_asked.connect(self._ask_for_device)
        controller.hounsfield_asked.connect(self._ask_for_hounsfield)

    def _ask_for_hounsfield(self, error: Exception) -> None:
        self._notices.show_notice(
            "hounsfield", hounsfield_text(error), [("The values are HU", self._controller.assume_hu)]
        )

    def _ask_slow_start(self, slow: SlowStart) -> None:
        start = self._controller.start_slow
        actions: list[tuple[str, Callable[[], None]]] = [
            ("Encode all" if slow.paper_seconds is not None else "Encode", start)
        ]
        if slow.paper_seconds is not None:
            actions.append(("Paper mode", partial(start, "paper")))
        actions.append(("Not now", self._controller.cancel))
        self._notices.show_notice(_SLOW, slow_start_text(slow), actions, is_warning=False)

    def _ask_for_device(self, error: Exception) -> None:
        self._notices.show_notice(
            _MEMORY, error_text(error), [("Use the CPU", self._use_cpu), ("Not now", self._controller.cancel)]
        )

    def _use_cpu(self) -> None:
        self._volume_panel.show_device("cpu")
        self._controller.go_on_with_device("cpu")

    def _on_scan_changed(self) -> None:
        if self._controller.slow_start is None:
            self._notices.remove_notice(_SLOW)
        self._notices.remove_notice(_MEMORY)

    def _on_encoding_changed(self, is_running: bool) -> None:
        if is_running:
            self._notices.remove_notice(_SLOW)
            self._notices.remove_notice(_MEMORY)
