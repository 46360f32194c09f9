"""Fetching weights with a hub that does as it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_ct_grounding.core.errors import Cancelled, LicenceNeededError, WeightsError
from napari_ct_grounding.widgets.weights_fetcher import DownloadMeter, WeightsFetcher
from napari_ct_grounding.widgets.wording import bytes_text, download_text, duration_text, licence_text

TOTAL = 4_140_000_000


class FakeHub:
    """Fetches in four pieces; keeps what has arrived."""

    def __init__(self):
        self.num_pieces = 0
        self.is_asked_over_network = False
        self.error = None
        self.after_piece = lambda num_pieces: None

    def __call__(self, name, *, accept_licence, on_progress=None, cancel=None):
        if self.num_pieces == 4:
            return Path("weights")
        if not accept_licence:
            raise LicenceNeededError("licence", "CC BY-NC-SA 4.0", TOTAL)
        self.is_asked_over_network = True
        if self.error is not None:
            raise self.error
        while self.num_pieces < 4:
            if cancel():
                raise Cancelled("cancelled")
            self.num_pieces += 1
            on_progress(self.num_pieces * TOTAL // 4, TOTAL)
            self.after_piece(self.num_pieces)
        return Path("weights")


@pytest.fixture
def hub():
    return FakeHub()


@pytest.fixture
def fetcher(inline_jobs, hub):
    return WeightsFetcher(inline_jobs, inline_jobs, hub)


@pytest.fixture
def told(fetcher):
    told = []
    fetcher.found.connect(lambda name: told.append(("found", name)))
    fetcher.fetched.connect(lambda name: told.append(("fetched", name)))
    fetcher.licence_asked.connect(lambda name, error: told.append(("licence", error.licence)))
    fetcher.failed.connect(lambda name, error: told.append(("failed", str(error))))
    fetcher.download_changed.connect(lambda is_running: told.append(("running", is_running)))
    fetcher._told = told  # psygnal holds functions strongly, lists not at all
    return told


def test_nothing_is_asked_of_the_network_before_the_licence_is_accepted(fetcher, told, hub, inline_jobs):
    fetcher.want("radfinder")
    inline_jobs.run_all()
    assert told == [("licence", "CC BY-NC-SA 4.0")]
    assert not hub.is_asked_over_network
    fetcher.accept("radfinder")
    assert fetcher.downloading == "radfinder"
    inline_jobs.run_all()
    assert told[1:] == [("running", True), ("running", False), ("fetched", "radfinder")]
    fetcher.want("radfinder")
    inline_jobs.run_all()
    assert told[-1] == ("found", "radfinder")


def test_a_cancelled_download_ends_at_once_and_goes_on_where_it_stopped_without_another_question(
    fetcher, told, hub, inline_jobs
):
    hub.after_piece = lambda num_pieces: num_pieces == 2 and fetcher.cancel()
    states = []
    fetcher.download_progressed.connect(lambda state: states.append(state.num_done))
    fetcher.accept("radfinder")
    inline_jobs.run_all()
    assert told == [("running", True), ("running", False)]
    assert hub.num_pieces == 2
    fetcher.want("radfinder")
    inline_jobs.run_all()
    assert told[2:] == [("running", True), ("running", False), ("fetched", "radfinder")]
    assert states == [TOTAL // 4, TOTAL // 2, 3 * TOTAL // 4, TOTAL]


def test_a_failed_download_is_told_once_and_can_be_tried_again(fetcher, told, hub, inline_jobs):
    hub.error = WeightsError("The hub cannot be reached.")
    fetcher.accept("radfinder")
    inline_jobs.run_all()
    assert told == [("running", True), ("running", False), ("failed", "The hub cannot be reached.")]
    assert fetcher.downloading is None
    hub.error = None
    fetcher.want("radfinder")
    inline_jobs.run_all()
    assert told[-1] == ("fetched", "radfinder")


def test_other_weights_chosen_meanwhile_are_not_answered_with_a_licence(fetcher, told, inline_jobs):
    fetcher.want("radfinder")
    fetcher.forget_wish()
    inline_jobs.run_all()
    assert told == []


def test_the_same_weights_are_downloaded_once(fetcher, inline_jobs):
    fetcher.accept("radfinder")
    fetcher.accept("radfinder")
    fetcher.want("radfinder")
    assert len(inline_jobs.queued) == 1


def test_other_weights_are_downloaded_after_the_first_ones(fetcher, told, hub, inline_jobs):
    fetcher.accept("radfinder")
    fetcher.accept("colipri")
    assert fetcher.downloading == "radfinder"
    assert told == [("running", True)]
    inline_jobs.run_next()
    assert fetcher.downloading == "colipri"
    assert told[1:] == [("running", False), ("running", True), ("fetched", "radfinder")]
    inline_jobs.run_next()
    assert fetcher.downloading is None
    fetcher.accept("radfinder")
    fetcher.accept("colipri")
    fetcher.cancel()
    assert fetcher.downloading == "colipri"
    fetcher.accept("radfinder")
    told.clear()
    fetcher.cancel_all()
    assert (fetcher.downloading, inline_jobs.queued) == (None, {})
    assert told == [("running", False)], "nothing began on the way"


def test_speed_is_that_of_the_last_seconds():
    times = iter([0.0, 0.1, 2.0, 4.0, 6.0, 8.0])
    meter = DownloadMeter(lambda: next(times))
    counts = [0, 1_000_000, 200_000_000, 400_000_000, 400_000_000, 400_000_000]
    states = [meter.state(count, 1_000_000_000) for count in counts]
    assert states[1].speed is None, "a tenth of a second says nothing"
    assert states[3].speed == pytest.approx(100e6)
    assert states[3].seconds_left == pytest.approx(6.0)
    assert states[5].speed == 0.0, "a stalled download is seen"
    assert states[5].seconds_left is None


def test_sizes_and_times_are_told_as_exactly_as_they_are_known():
    assert [bytes_text(n) for n in (0, 999_000, 1_000_000, 999_900_000, TOTAL)] == [
        "0 kB", "999 kB", "1 MB", "1.0 GB", "4.1 GB",
    ]  # fmt: skip
    assert [duration_text(s) for s in (0.2, 8.4, 73.0, 92.0, 95.0, 3600.0, 7200.0)] == [
        "1 s", "8 s", "75 s", "90 s", "2 min", "60 min", "2.0 h",
    ]  # fmt: skip
    meter = DownloadMeter(iter([0.0, 1.0]).__next__)
    meter.state(0, TOTAL)
    assert download_text(meter.state(12_000_000, TOTAL)) == "12 MB of 4.1 GB \u00b7 12 MB/s \u00b7 6 min left"


def test_the_licence_is_told_with_what_it_means_and_how_much_comes():
    text = licence_text(LicenceNeededError("", "CC BY-NC-SA 4.0", TOTAL), "RadFinder", "not for commercial use")
    for part in ("RadFinder", "CC BY-NC-SA 4.0: not for", "4.1 GB", "huggingface.co", "stay on this computer"):
        assert part in text
