"""Commands in napari's menus: open a CT with our reader, which napari then need not ask about, and look at it from all sides."""

from __future__ import annotations

from typing import Any

from napari.viewer import Viewer

__all__ = ["open_ct_file", "open_ct_folder", "show_orthogonal_views"]


def open_ct_folder(viewer: Viewer) -> None:
    """Ask for a folder with DICOM files and open it in the dock."""
    _dock_of(viewer).volume_panel.open_menu.choose_folder()


def open_ct_file(viewer: Viewer) -> None:
    """Ask for a file and open it in the dock."""
    _dock_of(viewer).volume_panel.open_menu.choose_file()


def show_orthogonal_views(viewer: Viewer) -> None:
    """Show the planes that the canvas does not show, below it."""
    from napari_ct_grounding.widgets.orthogonal_views.dock import open_orthogonal_views

    open_orthogonal_views(viewer)


def _dock_of(viewer: Any) -> Any:
    """Return the dock of a viewer; opens one where there is none."""
    from napari_ct_grounding.widgets.dock import GroundingDock

    for widget in viewer.window.dock_widgets.values():
        if isinstance(widget, GroundingDock):
            return widget
    _, dock = viewer.window.add_plugin_dock_widget("napari-ct-grounding", "CT Grounding")
    return dock
