"""What the dock asks in place before it goes on: a long encoding, a licence, another device.

Nothing here opens a dialog: the viewer stays usable, and what the user typed waits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from napari_ct_grounding.core.errors import LicenceNeededError
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.panels.download_panel import DownloadPanel
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.volume_panel import VolumePanel
from napari_ct_grounding.widgets.requests import WeightsChoice
from napari_ct_grounding.widgets.weights_fetcher import DownloadState, WeightsFetcher
from napari_ct_grounding.widgets.wording import bytes_text, download_text, error_text, licence_text, slow_start_text
from napari_ct_grounding.widgets.work import SlowStart

__all__ = ["Questions"]

_SLOW, _MEMORY, _LICENCE, _FETCHED = "slow", "memory", "licence", "fetched"


class Questions:
    """Puts the questions of controller and fetcher onto the notice board, and hands the answers back.

    Parameters
    ----------
    controller : GroundingController
    fetcher : WeightsFetcher
    notices : NoticeBoard
    download_panel : DownloadPanel
    volume_panel : VolumePanel
        Shows which weights and device are chosen.
    """

    def __init__(
        self,
        controller: GroundingController,
        fetcher: WeightsFetcher,
        notices: NoticeBoard,
        download_panel: DownloadPanel,
        volume_panel: VolumePanel,
    ) -> None:
        self._controller = controller
        self._fetcher = fetcher
        self._notices = notices
        self._download_panel = download_panel
        self._volume_panel = volume_panel
        controller.scan_changed.connect(self._on_scan_changed)
        controller.encoding_changed.connect(self._on_encoding_changed)
        controller.slow_start_asked.connect(self._ask_slow_start)
        controller.memory_asked.connect(self._ask_for_device)
        fetcher.licence_asked.connect(self.ask_licence)
        fetcher.found.connect(self._use_weights)
        fetcher.fetched.connect(self._on_fetched)
        fetcher.failed.connect(self._on_fetching_failed)
        fetcher.download_changed.connect(self._on_download_changed)
        fetcher.download_progressed.connect(self._on_download_progressed)
        download_panel.cancel_requested.connect(fetcher.cancel)

    # -- a long encoding, a small device

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

    # -- released weights

    def ask_licence(self, name: str, error: LicenceNeededError) -> None:
        """Ask whether a licence is accepted; nothing is fetched before."""
        self._show_chosen_weights()
        self._notices.show_notice(
            _LICENCE,
            licence_text(error),
            [
                (f"Accept and download {bytes_text(error.num_bytes)}", partial(self._fetcher.accept, name)),
                ("Not now", self._show_chosen_weights),
            ],
        )

    def forget_weights(self) -> None:
        """Other weights were chosen: take away what was asked about the ones before."""
        self._fetcher.forget_wish()
        for key in (_LICENCE, _FETCHED):
            self._notices.remove_notice(key)

    def _use_weights(self, name: str) -> None:
        self.forget_weights()
        self._volume_panel.show_weights(name)
        self._controller.choose_weights(WeightsChoice(name))

    def _on_fetched(self, name: str) -> None:
        if self._controller.answers is None:
            self._use_weights(name)
        else:  # somebody reads answers of other weights, which must not vanish under the hand
            self._notices.show_notice(
                _FETCHED,
                "RadFinder is downloaded and ready.",
                [("Use RadFinder", partial(self._use_weights, name)), ("Later", _do_nothing)],
                is_warning=False,
            )

    def _on_fetching_failed(self, name: str, error: Exception) -> None:
        self._show_chosen_weights()
        self._notices.show_notice(
            _LICENCE,
            error_text(error),
            [
                ("Try again", partial(self._fetcher.want, name)),
                ("Use a folder\u2026", self._volume_panel.ask_for_weights_folder),
                ("Not now", _do_nothing),
            ],
        )

    def _on_download_changed(self, is_running: bool) -> None:
        if is_running:
            self._notices.remove_notice(_LICENCE)
            self._download_panel.begin("Downloading RadFinder")
        else:
            self._download_panel.hide()

    def _on_download_progressed(self, state: DownloadState) -> None:
        share = min(state.num_done / max(state.num_total, 1), 1.0)
        self._download_panel.set_progress(share, download_text(state))

    def _show_chosen_weights(self) -> None:
        self._volume_panel.show_weights(str(self._controller.intent.weights.weights))


def _do_nothing() -> None:
    """For a button that only takes its notice away."""
