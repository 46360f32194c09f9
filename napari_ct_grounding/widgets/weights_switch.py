"""Takes other weights: those on this machine at once, those of the hub once their licence is accepted and they are here.

Nothing here opens a dialog: the viewer stays usable, and what the user reads stays on the screen until other weights are there.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from napari_ct_grounding.core.errors import LicenceNeededError
from napari_ct_grounding.model.weights.hub_names import HUB_WEIGHTS
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.jobs import Continuations, Jobs
from napari_ct_grounding.widgets.panels.download_panel import DownloadPanel
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.weights_chooser import WeightsChooser
from napari_ct_grounding.widgets.requests import WeightsChoice
from napari_ct_grounding.widgets.weights_fetcher import DownloadState, WeightsFetcher
from napari_ct_grounding.widgets.weights_list import list_weights
from napari_ct_grounding.widgets.wording import bytes_text, download_text, error_text, licence_text

__all__ = ["WeightsSwitch"]

_LICENCE, _FETCHED = "licence", "fetched"


class WeightsSwitch:
    """Stands between the list of weights and the controller.

    Parameters
    ----------
    controller : GroundingController
    fetcher : WeightsFetcher
    jobs : Jobs
        Where the list is looked up.
    chooser : WeightsChooser
    download_panel : DownloadPanel
    notices : NoticeBoard
        Where licences are asked for.
    """

    def __init__(
        self,
        controller: GroundingController,
        fetcher: WeightsFetcher,
        jobs: Jobs,
        chooser: WeightsChooser,
        download_panel: DownloadPanel,
        notices: NoticeBoard,
    ) -> None:
        self._controller = controller
        self._fetcher = fetcher
        self._jobs = jobs
        self._chooser = chooser
        self._download_panel = download_panel
        self._notices = notices
        chooser.weights_chosen.connect(self.choose)
        fetcher.licence_asked.connect(self.ask_licence)
        fetcher.found.connect(self._use)
        fetcher.fetched.connect(self._on_fetched)
        fetcher.failed.connect(self._on_fetching_failed)
        fetcher.download_changed.connect(self._on_download_changed)
        fetcher.download_progressed.connect(self._on_download_progressed)
        download_panel.cancel_requested.connect(fetcher.cancel)
        self._show_chosen()

    def look(self) -> None:
        """Find out which weights there are; until that is known the list shows those that are chosen."""
        self._jobs.submit(list_weights, Continuations(on_done=self._chooser.set_entries))

    def choose(self, weights: str | Path) -> None:
        """Take weights, or begin to fetch them."""
        self._forget_questions()
        if weights in HUB_WEIGHTS:
            self._fetcher.want(str(weights))
        else:
            self._controller.choose_weights(WeightsChoice(weights))

    def ask_licence(self, name: str, error: LicenceNeededError) -> None:
        """Ask whether the licence of weights of the hub is accepted; nothing is fetched before."""
        self._show_chosen()
        self._notices.show_notice(
            _LICENCE,
            licence_text(error, HUB_WEIGHTS[name].title, HUB_WEIGHTS[name].terms),
            [
                (f"Accept and download {bytes_text(error.num_bytes)}", partial(self._fetcher.accept, name)),
                ("Not now", self._show_chosen),
            ],
        )

    def _forget_questions(self) -> None:
        """Other weights were chosen: take away what was asked about the ones before."""
        self._fetcher.forget_wish()
        for key in (_LICENCE, _FETCHED):
            self._notices.remove_notice(key)

    def _use(self, name: str) -> None:
        self._forget_questions()
        self._chooser.show_weights(name)
        self._controller.choose_weights(WeightsChoice(name))

    def _on_fetched(self, name: str) -> None:
        self.look()  # it says how much is still to be downloaded
        if self._controller.answers is None:
            self._use(name)
        else:  # somebody reads answers of other weights, which must not vanish under the hand
            title = HUB_WEIGHTS[name].title
            self._notices.show_notice(
                _FETCHED,
                f"{title} is downloaded and ready.",
                [(f"Use {title}", partial(self._use, name)), ("Later", _do_nothing)],
                is_warning=False,
            )

    def _on_fetching_failed(self, name: str, error: Exception) -> None:
        self._show_chosen()
        self._notices.show_notice(
            _LICENCE,
            error_text(error),
            [
                ("Try again", partial(self._fetcher.want, name)),
                ("Use a folder\u2026", self._chooser.ask_for_folder),
                ("Not now", _do_nothing),
            ],
        )

    def _on_download_changed(self, is_running: bool) -> None:
        name = self._fetcher.downloading
        if is_running and name is not None:
            self._notices.remove_notice(_LICENCE)
            self._download_panel.begin(f"Downloading {HUB_WEIGHTS[name].title}")
        else:
            self._download_panel.hide()

    def _on_download_progressed(self, state: DownloadState) -> None:
        share = min(state.num_done / max(state.num_total, 1), 1.0)
        self._download_panel.set_progress(share, download_text(state))

    def _show_chosen(self) -> None:
        self._chooser.show_weights(self._controller.intent.weights.weights)


def _do_nothing() -> None:
    """For a button that only takes its notice away."""
