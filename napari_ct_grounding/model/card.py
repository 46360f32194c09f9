"""What a weights folder says about itself: how to read its profiles, what was measured, under which licence."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.core.profile import DECODINGS

__all__ = ["CARD_FORMAT_VERSION", "WeightsCard", "read_card"]

CARD_FORMAT_VERSION = 1


@dataclass(frozen=True)
class WeightsCard:
    """The card of a weights folder (``card.json``). The defaults describe released weights, which have none.

    Parameters
    ----------
    name : str
    description : str
        One line for the status bar ("synthetic anatomy").
    licence : str
    decoding : {"argmax", "median"}
        How a depth is read from a profile.
    temperature : float
        Of the softmax that "median" decodes; the released training used 0.1.
    interval_temperature : float
        Of the softmax whose smallest range holding `interval_mass` is the interval.
    interval_mass : float
    is_calibrated : bool
        Whether `interval_temperature` was fitted on held-out cases.
    location_threshold : float or None
        Least prominence (`core.profile.prominence`) of a profile that names a place; None where nobody calibrated it.
    metrics : dict
        Measured figures, as `python -m train evaluate` wrote them.
    probe : dict or None
        What `model.probe.compute_probe` gave when the weights were exported.
    """

    name: str = "unnamed weights"
    description: str = ""
    licence: str = "unknown"
    decoding: str = "argmax"
    temperature: float = 0.1
    interval_temperature: float = 0.1
    interval_mass: float = 0.8
    is_calibrated: bool = False
    location_threshold: float | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    probe: dict[str, Any] | None = None

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> WeightsCard:
        """Build a card from the object in ``card.json``; keys that this version does not know are left aside.

        Raises
        ------
        WeightsError
            Listing every field that cannot be used.
        """
        version = record.get("format_version", CARD_FORMAT_VERSION)
        if version > CARD_FORMAT_VERSION:
            raise WeightsError(
                f"card.json has format_version {version}; this program reads up to {CARD_FORMAT_VERSION}. Update it."
            )
        known = {key: value for key, value in record.items() if key in cls.__dataclass_fields__}
        card = cls(**known)
        problems = []
        if card.decoding not in DECODINGS:
            problems.append(f"decoding is {card.decoding!r}, must be one of {', '.join(DECODINGS)}")
        for name in ("temperature", "interval_temperature"):
            if not getattr(card, name) > 0:
                problems.append(f"{name} is {getattr(card, name)!r}, must be above 0")
        if not 0 < card.interval_mass < 1:
            problems.append(f"interval_mass is {card.interval_mass!r}, must lie between 0 and 1")
        if problems:
            raise WeightsError(f"card.json cannot be used: {'; '.join(problems)}.")
        return card


def read_card(folder: Path) -> WeightsCard:
    """Return the card in a weights folder, or the defaults of released weights where there is none."""
    path = folder / "card.json"
    if not path.is_file():
        return WeightsCard(name=folder.name)
    try:
        return WeightsCard.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except json.JSONDecodeError as error:
        raise WeightsError(f"card.json is not valid JSON (line {error.lineno}). Fetch the weights again.") from error
