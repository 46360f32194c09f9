"""What the user prefers, kept by napari: File > Preferences > CT Grounding and the menu with three dots show the same values.

The manifest declares the page (`configurations`); napari stores it beside its own settings, as ``napari-ct-grounding.yaml``.
A file that is broken, or written by another version, gives the defaults.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["Settings", "group_of", "listen_to_settings", "read_settings", "write_settings"]

_PLUGIN = "napari-ct-grounding"
#: Keys of the groups in the manifest, and what stands in each.
_GROUPS = {
    "opening": ("weights", "device", "coverage"),
    "display": ("window", "shows_scale_bar"),
    "storage": ("keeps_embeddings", "keeps_work", "keeps_report_text"),
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """Choices that outlive the program.

    Parameters
    ----------
    weights : str
        Name or folder of the weights with which a dock opens.
    device : str
        With which a dock opens: "auto", "cpu", "cuda" or "mps".
    coverage : str
        How scans are walked where the weights leave the choice: "auto" or "paper".
    window : str
        Name of the display window in which a CT opens.
    shows_scale_bar : bool
        Whether the canvas bears a scale bar while a CT is chosen.
    keeps_embeddings : bool
        Whether encoded scans are kept on disk.
    keeps_work : bool
        Whether the open scan and the sentences asked about are kept on disk, to be offered at the next start.
    keeps_report_text : bool
        Whether the text of the tab Report is kept with them.
    """

    weights: str = "bundled"
    device: str = "auto"
    coverage: str = "auto"
    window: str = "Mediastinum"
    shows_scale_bar: bool = True
    keeps_embeddings: bool = True
    keeps_work: bool = True
    keeps_report_text: bool = False


def group_of(name: str) -> str:
    """Return the group of the manifest in which a setting stands."""
    return next(group for group, names in _GROUPS.items() if name in names)


def read_settings() -> Settings:
    """Return the settings; those that are missing or make no sense are the defaults."""
    stored = _stored()
    if stored is None:
        return Settings()
    values = {field.name: getattr(getattr(stored, group_of(field.name)), field.name) for field in fields(Settings)}
    return Settings(**values)


def write_settings(settings: Settings) -> None:
    """Take settings over, and store them where that is possible.

    Raises
    ------
    OSError
        When they cannot be stored; they hold until napari is closed.
    """
    stored = _stored()
    if stored is None:
        raise OSError(0, "napari keeps no settings for this plugin")
    for field in fields(Settings):
        group, value = getattr(stored, group_of(field.name)), getattr(settings, field.name)
        if getattr(group, field.name) != value:
            setattr(group, field.name, value)
    if stored.config_path is not None:
        stored.save()  # napari has tried already, and keeps to itself how that went


def listen_to_settings(callback: Callable[[], None]) -> Callable[[], None]:
    """Call back whenever a setting was changed, in Preferences too; returns what ends that."""
    stored = _stored()
    if stored is None:
        return lambda: None

    def on_changed(_event: object = None) -> None:
        callback()

    groups = [getattr(stored, group) for group in _GROUPS]
    for group in groups:
        group.events.connect(on_changed)

    def stop() -> None:
        for group in groups:
            group.events.disconnect(on_changed)

    return stop


def _stored() -> Any | None:
    """Return the model of our page; None where napari does not know the plugin, or cannot read the file."""
    from napari.settings import get_plugin_settings

    try:
        return get_plugin_settings(_PLUGIN)
    except KeyError:
        return None
    except Exception as error:  # napari reads most broken files, but not all
        _log.warning("The preferences cannot be read (%s); the defaults hold.", type(error).__name__)
        return None
