"""The dock "Orthogonal views": the planes of the shown CT that the canvas does not show, linked to it both ways."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QLabel, QSplitter, QStackedLayout, QWidget

from napari_ct_grounding.widgets.dock_life import DockLife
from napari_ct_grounding.widgets.layer_watch import LayerWatch
from napari_ct_grounding.widgets.orthogonal_views.plane_view import Display, Marks, PlaneView, ShownVolume
from napari_ct_grounding.widgets.orthogonal_views.planes import PLANES, Voxel
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.sources import (
    ROLE_KEY,
    LayerSource,
    knows_its_geometry,
    source_of_layer,
    why_not_a_volume,
)
from napari_ct_grounding.widgets.view import current_voxel, find_layer, go_to_voxel

__all__ = ["DOCK_NAME", "OrthogonalViews", "display_of", "marks_of", "open_orthogonal_views"]

DOCK_NAME = "Orthogonal views"
#: Of the height of the window, when it is opened.
_SHARE = 0.33

_EMPTY = "Open a CT to see it from the front and from the side."
_UNKNOWN = "Which way the axes of this layer run is unknown. Answer in the dock CT Grounding, and it is shown here."
_VOLUME_EVENTS = (
    "visible", "data", "scale", "translate", "units", "contrast_limits", "colormap", "gamma",
)  # fmt: skip


class OrthogonalViews(DockLife, QWidget):
    """Shows the CT that the canvas shows: the selected layer where it is one, else the topmost that is visible.

    What the model says is read off the layers that the dock CT Grounding draws into the viewer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        colors = colors_of_theme(napari_viewer.theme)
        self._layer_id: Any = None
        self._source: LayerSource | None = None
        self._is_live = self._is_unknown = False
        self._volumes = LayerWatch(napari_viewer, _VOLUME_EVENTS)
        self._volumes.altered.connect(self._on_altered)
        self._drawn = LayerWatch(napari_viewer, ("data",), lambda layer: ROLE_KEY in layer.metadata)
        self._drawn.altered.connect(self._on_altered)
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.splitter.setChildrenCollapsible(False)
        self.views = {plane.name: PlaneView(plane, colors, self) for plane in PLANES}
        for view in self.views.values():
            self.splitter.addWidget(view)
            view.voxel_requested.connect(self._on_voxel_requested)
        self.hint = QLabel(_EMPTY, self)
        self.hint.setWordWrap(True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        for part in (self.hint, self.splitter):
            self._stack.addWidget(part)
        self._due = QTimer(self)  # napari first finishes with a layer, then we look
        self._due.setSingleShot(True)
        self._due.timeout.connect(self.refresh)
        self.begin_life()
        self._return()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        is_wide = self.width() > self.height()
        self.splitter.setOrientation(Qt.Orientation.Horizontal if is_wide else Qt.Orientation.Vertical)
        super().resizeEvent(event)

    # -- living and resting

    def _return(self) -> None:
        if not self._is_live:
            self._is_live = True
            for emitter, slot in self._connections():
                emitter.connect(slot)
            self.viewer.mouse_drag_callbacks.append(self._on_canvas_drag)
            self._on_theme_changed()
            self.refresh()

    def _rest(self) -> None:
        if self._is_live:
            self._is_live = False
            self._due.stop()
            for emitter, slot in self._connections():
                emitter.disconnect(slot)
            if self._on_canvas_drag in self.viewer.mouse_drag_callbacks:
                self.viewer.mouse_drag_callbacks.remove(self._on_canvas_drag)
            self._volumes.rest()
            self._drawn.rest()
            self._is_unknown = False
        self._show(None)  # voxels go with their layer, also while nobody looks

    def _stop(self, *, wait: bool = False) -> None:
        pass  # nothing runs

    def _leave(self) -> None:
        self._rest()

    def _connections(self) -> list[tuple[Any, Any]]:
        layers, dims = self.viewer.layers, self.viewer.dims.events
        looks = (layers.events.inserted, layers.events.removed, layers.events.reordered, layers.selection.events.active)
        return [
            *((event, self._look_soon) for event in looks),
            (dims.point, self._on_point),
            (dims.order, self._on_view),
            (dims.ndisplay, self._on_view),
            (self.viewer.events.theme, self._on_theme_changed),
        ]

    # -- what is shown

    @property
    def source(self) -> LayerSource | None:
        """What is shown."""
        return self._source

    def refresh(self) -> None:
        """Look at the layers, and show the one that should be seen."""
        self._volumes.follow()
        self._drawn.follow()
        layer = _layer_to_show(self.viewer)
        source = None if layer is None else _source_of(self.viewer, layer)
        self._is_unknown = layer is not None and source is None
        self.hint.setText(_UNKNOWN if self._is_unknown else _EMPTY)
        self._show(source, layer)

    def _show(self, source: LayerSource | None, layer: Any = None) -> None:
        self._source = source
        self._stack.setCurrentIndex(0 if source is None else 1)
        for view in self.views.values():
            if source is None:
                view.set_volume(None)
            else:
                view.set_volume(ShownVolume(layer.data, source.geometry.spacing_mm, source.flipped))
                view.set_display(display_of(layer))
                view.set_marks(marks_of(self.viewer))
        self._on_view()
        self._on_point()

    def _layer(self) -> Any | None:
        return None if self._source is None else find_layer(self.viewer, self._source.layer_id)

    def _look_soon(self, _event: object = None) -> None:
        self._due.start(0)

    def _on_altered(self, layer_id: Any) -> None:
        layer = self._layer()
        if layer is not None and layer.unique_id == layer_id and layer.visible:
            display = display_of(layer)  # at once: limits are dragged
            for view in self.views.values():
                view.set_display(display)
        self._look_soon()

    def _on_point(self, _event: object = None) -> None:
        layer = self._layer()
        voxel = None if layer is None else current_voxel(self.viewer, layer)
        if voxel is None or self._source is None:
            if self._is_unknown:  # perhaps it was answered meanwhile
                self._look_soon()
            return
        canonical = tuple(
            size - 1 - at if is_flipped else at
            for at, size, is_flipped in zip(voxel, layer.data.shape, self._source.flipped, strict=True)
        )
        x_mm, y_mm, _ = self._source.geometry.world_of_voxel(canonical)
        places_mm = (self._source.geometry.z_of_slice(canonical[0]), float(y_mm), float(x_mm))
        for view in self.views.values():
            view.set_voxel(voxel, places_mm[view.plane.axis])

    def _on_view(self, _event: object = None) -> None:
        """Leave out the plane that the canvas shows."""
        dims = self.viewer.dims
        on_canvas = dims.not_displayed[-1] - dims.ndim + 3 if dims.ndisplay == 2 and dims.ndim >= 3 else None
        for view in self.views.values():
            view.setVisible(view.plane.axis != on_canvas)

    def _on_theme_changed(self, _event: object = None) -> None:
        for view in self.views.values():
            view.set_colors(colors_of_theme(self.viewer.theme))

    # -- wishes

    def _on_voxel_requested(self, voxel: Voxel) -> None:
        layer = self._layer()
        if layer is not None:
            go_to_voxel(self.viewer, layer, voxel)

    def _on_canvas_drag(self, viewer: Any, event: Any) -> Any:
        """Shift and drag on the canvas: the cross goes along."""
        if "Shift" not in event.modifiers or viewer.dims.ndisplay != 2:
            return
        while event.type in ("mouse_press", "mouse_move"):
            event.handled = True
            self._go_to_canvas(viewer, event.position)
            yield

    def _go_to_canvas(self, viewer: Any, position: Any) -> None:
        layer = self._layer()
        if layer is None:
            return
        # The event's position is in the viewer's world, its last axes those of the layer.
        axes = [axis for axis in viewer.dims.displayed if axis >= viewer.dims.ndim - 3]
        viewer.dims.set_point(axes, [float(position[axis]) for axis in axes])


def open_orthogonal_views(viewer: Any) -> OrthogonalViews:
    """Show the dock in a viewer; opens it below the canvas where there is none."""
    for widget in viewer.window.dock_widgets.values():
        if isinstance(widget, OrthogonalViews):
            widget.parent().show()
            return widget
    dock = OrthogonalViews(viewer)
    viewer.window.add_dock_widget(dock, name=DOCK_NAME, area="bottom")
    # Asked of Qt: napari hands its own window to plugins as a proxy, which Qt does not take.
    area, window = dock.parent(), dock.window()
    # Below the canvas only: docks beside it keep their height.
    window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
    window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
    window.resizeDocks([area], [round(_SHARE * window.height())], Qt.Orientation.Vertical)
    return dock


def display_of(layer: Any) -> Display:
    """Return how a layer turns its values into colours."""
    low, high = (float(limit) for limit in layer.contrast_limits)
    colors = (np.asarray(layer.colormap.map(np.linspace(0, 1, 256) ** layer.gamma)) * 255).round().astype(int)
    table = tuple(0xFF000000 | int(red) << 16 | int(green) << 8 | int(blue) for red, green, blue, *_ in colors)
    return Display((low, high), table)


def marks_of(viewer: Any) -> Marks:
    """Read what the model said off the layers that the dock CT Grounding draws."""
    slice_index = interval = None
    for layer in viewer.layers:
        role = layer.metadata.get(ROLE_KEY)
        if role == "frame" and len(layer.data):
            slice_index = round(float(layer.data[0][0][0]))
        elif role == "band":
            (inside,) = np.nonzero(np.asarray(layer.data)[:, 0, 0])
            interval = (int(inside[0]), int(inside[-1])) if inside.size else None
    return Marks(slice_index, interval)


def _layer_to_show(viewer: Any) -> Any | None:
    layers = [
        layer
        for layer in viewer.layers
        if isinstance(layer, Image) and ROLE_KEY not in layer.metadata and why_not_a_volume(layer) is None
    ]
    seen = [layer for layer in layers if layer.visible]
    active = viewer.layers.selection.active
    return active if active in seen else (seen or [None])[-1]


def _source_of(viewer: Any, layer: Any) -> LayerSource | None:
    """What is known of a layer; None where nobody has said yet which way its axes run."""
    if knows_its_geometry(layer):
        return source_of_layer(layer)
    for widget in getattr(getattr(viewer, "window", None), "dock_widgets", {}).values():
        # The dock CT Grounding asks; what was answered there holds here.
        controller = getattr(widget, "controller", None)
        source = None if controller is None else getattr(controller.intent, "source", None)
        if source is not None and source.layer_id == layer.unique_id:
            return source
    return None
