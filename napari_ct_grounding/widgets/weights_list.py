"""The weights that the dock offers by name. Looked up on a worker: it reads the hub's cache and the installed packages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from napari_ct_grounding.widgets.jobs import JobContext
from napari_ct_grounding.widgets.panels.weights_chooser import WeightsEntry
from napari_ct_grounding.widgets.wording import bytes_text

__all__ = ["entries_of", "list_weights"]


def list_weights(context: JobContext) -> list[WeightsEntry]:
    """Return all weights that have a name, the bundled ones first. Asks no network and imports no encoder."""
    from napari_ct_grounding.model.weights.hub import list_known

    return entries_of(list_known())


def entries_of(known: Iterable[Any]) -> list[WeightsEntry]:
    """Turn `KnownWeights` into rows."""
    return [WeightsEntry(weights.name, weights.title, _tooltip(weights), weights.reason) for weights in known]


def _tooltip(weights: Any) -> str:
    """What they are, under which licence, and what it takes to have them."""
    description = weights.description[:1].upper() + weights.description[1:]
    place = "on this computer" if weights.num_bytes == 0 else f"{bytes_text(weights.num_bytes)} to download"
    return f"{description}\nLicence: {weights.licence}\n{place[:1].upper()}{place[1:]}"
