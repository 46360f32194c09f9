"""The tabs of the dock: what each is given, and what each must be able to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from qtpy.QtWidgets import QWidget

from napari_ct_grounding.widgets.compare.tab import CompareTab
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.here.tab import HereTab
from napari_ct_grounding.widgets.jobs import JobThread
from napari_ct_grounding.widgets.navigation import SliceFollower
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.profile_strip import ProfileStrip
from napari_ct_grounding.widgets.presenter import Presenter
from napari_ct_grounding.widgets.report.tab import ReportTab
from napari_ct_grounding.widgets.volumes import VolumeList
from napari_ct_grounding.widgets.why.tab import WhyTab

__all__ = ["DockTab", "TabContext", "build_tabs"]


@dataclass(frozen=True)
class TabContext:
    """The parts of the dock that a tab works with.

    Parameters
    ----------
    viewer : napari.Viewer
    controller : GroundingController
        `answers` of the chosen scan, `ground` for one sentence, `ask` for anything else that needs the session.
    follower : SliceFollower
        Where the viewer stands (`position_changed`), and `go_to_z`.
    presenter : Presenter
        `select` draws a result into strip and volume, `jump` goes to a place.
    volumes : VolumeList
    notices : NoticeBoard
    strip : ProfileStrip
    file_jobs : JobThread
        For reading and writing small files.
    """

    viewer: Any
    controller: GroundingController
    follower: SliceFollower
    presenter: Presenter
    volumes: VolumeList
    notices: NoticeBoard
    strip: ProfileStrip
    file_jobs: JobThread


class DockTab(Protocol):
    """One tab. It listens to signals of the context only while it is live."""

    title: str
    tool_tip: str
    panel: QWidget

    def set_colors(self, colors: PanelColors) -> None:
        """Take the colours of another theme."""

    def go_live(self) -> None:
        """The dock is shown: listen, and show what is known."""

    def rest(self) -> None:
        """The dock is hidden: listen to nothing, stop computing."""

    def leave(self) -> None:
        """The dock leaves the viewer: take everything out of it, and let go of all that belongs to it."""


def build_tabs(context: TabContext, colors: PanelColors) -> tuple[DockTab, ...]:
    """Return the tabs beside "Answers", in the order in which they stand."""
    return (
        ReportTab(context, colors),
        HereTab(context, colors),
        WhyTab(context, colors),
        CompareTab(context, colors),
    )
