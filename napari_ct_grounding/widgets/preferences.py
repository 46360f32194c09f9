"""What the user prefers, taken over by a dock: some of it when it opens, the rest at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_ct_grounding.core.display import DISPLAY_WINDOWS
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.panels.volume_panel import VolumePanel
from napari_ct_grounding.widgets.scale_bar import ScaleBar
from napari_ct_grounding.widgets.settings import Settings, listen_to_settings, read_settings
from napari_ct_grounding.widgets.sources import ct_volume_of
from napari_ct_grounding.widgets.weights_switch import WeightsSwitch
from napari_ct_grounding.widgets.work import SessionStore

__all__ = ["Preferences", "open_preferences", "show_preferred_window"]

#: Name of the plugin in the list of napari's Preferences.
_PAGE = "CT Grounding"


class Preferences:
    """Stands between the settings and a dock.

    Parameters
    ----------
    viewer : napari.Viewer
    controller : GroundingController
    store : SessionStore
        Told whether sessions may keep embeddings on disk.
    weights_switch : WeightsSwitch
    volume_panel : VolumePanel
        Shows what is chosen.
    """

    def __init__(
        self,
        viewer: Any,
        controller: GroundingController,
        store: SessionStore,
        weights_switch: WeightsSwitch,
        volume_panel: VolumePanel,
    ) -> None:
        self._controller = controller
        self._store = store
        self._weights_switch = weights_switch
        self._volume_panel = volume_panel
        self._scale_bar = ScaleBar(viewer)
        self._stop_listening: Callable[[], None] | None = None
        self._begin(read_settings())

    def _begin(self, settings: Settings) -> None:
        """Choose what a dock opens with."""
        panel = self._volume_panel
        if panel.device.row_of(settings.device) > 0:  # "mps" is no choice everywhere, and "auto" is chosen already
            panel.show_device(settings.device)
            self._controller.choose_device(settings.device)
        self._controller.prefer_coverage(settings.coverage)
        weights = settings.weights.strip()
        folder = Path(weights).expanduser()
        if folder.is_absolute() and folder.is_dir():
            panel.weights.add_folder(folder)
        elif weights and weights != self._controller.intent.weights.weights:
            panel.weights.show_weights(weights)
            self._weights_switch.choose(weights)

    def go_live(self) -> None:
        """Follow the settings from now on."""
        if self._stop_listening is None:
            self._stop_listening = listen_to_settings(self._follow)
            self._controller.scan_changed.connect(self._follow)
            self._follow()

    def rest(self) -> None:
        """Follow nothing; the scale bar is the user's again."""
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
            self._controller.scan_changed.disconnect(self._follow)
            self._scale_bar.restore()

    def _follow(self) -> None:
        settings = read_settings()
        self._store.keeps_embeddings = settings.keeps_embeddings
        if settings.shows_scale_bar and self._controller.intent.source is not None:
            self._scale_bar.show()
        else:
            self._scale_bar.restore()


def open_preferences(viewer: Any) -> None:
    """Open napari's Preferences at the page of this plugin."""
    dialog = viewer.window._open_preferences_dialog()
    pages = dialog._list
    for row in range(pages.count()):
        if pages.item(row).text() == _PAGE:
            pages.setCurrentRow(row)


def show_preferred_window(layer: Any) -> None:
    """Give a CT that was just opened the display window of the settings; not where its values may be no HU."""
    is_as_read = tuple(layer.contrast_limits) == _window_limits(Settings().window)
    if ct_volume_of(layer) is not None and not layer.metadata.get("ct_question") and is_as_read:
        layer.contrast_limits = _window_limits(read_settings().window)


def _window_limits(name: str) -> tuple[float, float]:
    return next(window.limits_hu for window in DISPLAY_WINDOWS if window.name == name)
