"""Takes layers as the volume, and keeps the choice in step with the layers of the viewer."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, QTimer

from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.freed_memory import give_back_freed_memory_soon
from napari_ct_grounding.widgets.layer_watch import LayerWatch
from napari_ct_grounding.widgets.navigation import SliceFollower
from napari_ct_grounding.widgets.panels.dock_panels import DockPanels
from napari_ct_grounding.widgets.preferences import show_preferred_window
from napari_ct_grounding.widgets.presenter import Presenter
from napari_ct_grounding.widgets.sources import Orientation
from napari_ct_grounding.widgets.view import find_layer, radiological_view_of, uncover
from napari_ct_grounding.widgets.volumes import VolumeList
from napari_ct_grounding.widgets.wording import example_sentences

__all__ = ["VolumeSwitch"]

_WELCOME = "Drop a CT here: a DICOM folder, a NIfTI, NRRD, MetaImage or zip file. Or use the button Open."


class VolumeSwitch(QObject):
    """Stands between the layers of a viewer and the controller.

    Parameters
    ----------
    viewer : napari.Viewer
    controller : GroundingController
    volumes : VolumeList
    follower : SliceFollower
    panels : DockPanels
    presenter : Presenter
    open_sample : callable
        Opens the demo case.
    """

    def __init__(
        self,
        viewer: Any,
        controller: GroundingController,
        volumes: VolumeList,
        follower: SliceFollower,
        panels: DockPanels,
        presenter: Presenter,
        open_sample: Callable[[], None],
    ) -> None:
        super().__init__(panels)
        self._viewer = viewer
        self._controller = controller
        self._volumes = volumes
        self._follower = follower
        self._panels = panels
        self._presenter = presenter
        self._open_sample = open_sample
        self._watch = LayerWatch(viewer)
        self._watch.altered.connect(self._on_layers_changed)
        self._is_following = False
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.timeout.connect(self.refresh)
        panels.volume_panel.volume_chosen.connect(self.show_volume)
        panels.orientation_question.answered.connect(self._on_orientation_answered)

    @property
    def is_due(self) -> bool:
        """Whether the layers changed and will be looked at next."""
        return self._due.isActive()

    # -- the viewer's layers

    def follow(self) -> None:
        """Listen to the viewer from now on."""
        if not self._is_following:
            self._is_following = True
            events = self._viewer.layers.events
            for event in (events.inserted, events.reordered, events.renamed):
                event.connect(self._on_layers_changed)
            events.removed.connect(self._on_layer_removed)

    def rest(self) -> None:
        """Stop listening, but for layers that go: their voxels must go with them."""
        if self._is_following:
            self._is_following = False
            events = self._viewer.layers.events
            for event in (events.inserted, events.reordered, events.renamed):
                event.disconnect(self._on_layers_changed)
            self._watch.rest()
        self._due.stop()

    def leave(self) -> None:
        """Listen to nothing more and let go of every layer."""
        self.rest()
        self._viewer.layers.events.removed.disconnect(self._on_layer_removed)
        for layer_id in self._controller.layer_ids():
            self._controller.forget_layer(layer_id)
        self._volumes.chosen_id = None
        self._follower.set_source(None)

    def refresh(self) -> None:
        """Look at the layers, and take the one that should be the volume now."""
        newest = self._volumes.look()
        self._watch.follow()
        chosen = self._volumes.chosen_id
        if newest is not None:
            self._choose(newest)
        elif chosen is None or self._volumes.source() != self._controller.intent.source:
            self._choose(chosen)
        else:
            self._panels.volume_panel.set_volumes(self._volumes.entries, chosen)

    def _on_layers_changed(self, _event: object = None) -> None:
        self._due.start(0)  # napari first finishes adding the layer, then we look

    def _on_layer_removed(self, event: Any) -> None:
        layer_id = event.value.unique_id
        name = event.value.name
        self._volumes.forget(layer_id)
        if self._controller.forget_layer(layer_id):
            show_info(f"{name} was removed while it was being encoded; the encoding was stopped.")
        self._follower.set_source(self._controller.intent.source)
        give_back_freed_memory_soon()
        if self._is_following:
            self._due.start(0)

    # -- the choice

    def show_volume(self, layer_id: Hashable) -> None:
        """Take a layer as the volume, and let it be seen."""
        layer = find_layer(self._viewer, layer_id)
        if layer is not None:
            uncover(self._viewer, layer, [entry.layer_id for entry in self._volumes.entries if entry.reason is None])
        self._choose(layer_id)

    def _choose(self, layer_id: Hashable | None) -> None:
        """Take a layer as the volume; its orientation is asked first where it is unknown."""
        self._volumes.chosen_id = layer_id
        source = self._volumes.source()
        layer = self._volumes.layer()
        is_unknown = layer is not None and source is None
        self._show_choice(layer, is_unknown)
        before = self._controller.intent.source
        is_other = before is not None and before.layer_id == layer_id and before != source
        # What the layer showed before is gone, and the answers about it with it.
        if is_other and self._controller.forget_layer(layer_id) and layer is not None:
            show_info(f"{layer.name} was changed while it was being encoded; the encoding was stopped.")
        self._follower.set_source(source)
        self._controller.choose_source(source, is_orientation_unknown=is_unknown)
        if source is not None and self._volumes.is_first_look(layer_id):
            radiological_view_of(self._viewer, source.screen_signs)
            show_preferred_window(layer)
        self._presenter.show_scan()

    def _show_choice(self, layer: Any | None, is_unknown: bool) -> None:
        panels = self._panels
        panels.volume_panel.set_volumes(self._volumes.entries, self._volumes.chosen_id)
        panels.volume_panel.set_series(*self._volumes.series())
        panels.volume_panel.set_frames(*self._volumes.frame())
        if is_unknown:
            panels.orientation_question.ask(self._volumes.spacing_question())
        panels.orientation_question.setVisible(is_unknown)
        panels.notices.remove_notice("hounsfield")
        if layer is None:
            actions = [("Open the sample", self._open_sample)]
            panels.notices.show_notice("empty", _WELCOME, actions, is_warning=False)
        else:
            panels.notices.remove_notice("empty")
            panels.sentence_panel.set_examples(example_sentences(layer.metadata))

    def _on_orientation_answered(self, orientation: Orientation) -> None:
        self._volumes.set_orientation(orientation)
        self._choose(self._volumes.chosen_id)
