"""What a weights folder says about itself: how to read its profiles, what was measured, under which licence."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_ct_grounding.core.disease_reference import DiseaseReference, disease_references_from
from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.core.location import LocationRule
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
    interval_radius_mm : float
        Moves both ends of the interval outwards, so that it holds the truth as often as it says (split-conformal).
    is_calibrated : bool
        Whether `interval_temperature` and `interval_radius_mm` were fitted on held-out cases.
    location_threshold : float or None
        Least score (cosine at the best position) that names a place; None where nobody calibrated it. Not asked where there
        is a `location_rule`.
    location_rule : LocationRule or None
        Learned rule that says whether a sentence names a place in a scan.
    disease_reference : dict
        Name of a disease to the distribution of its score over reference scans.
    metrics : dict
        Measured figures, as `python -m train evaluate` wrote them.
    probe : dict or None
        What `model.probe.compute_probe` gave when the weights were exported.
    sha256 : str or None
        Of ``model.safetensors``, 64 hexadecimal digits.
    """

    name: str = "unnamed weights"
    description: str = ""
    licence: str = "unknown"
    decoding: str = "argmax"
    temperature: float = 0.1
    interval_temperature: float = 0.1
    interval_mass: float = 0.8
    interval_radius_mm: float = 0.0
    is_calibrated: bool = False
    location_threshold: float | None = None
    location_rule: LocationRule | None = None
    disease_reference: dict[str, DiseaseReference] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    probe: dict[str, Any] | None = None
    sha256: str | None = None

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> WeightsCard:
        """Build a card from the object in ``card.json``; keys that this version does not know are left aside.

        Raises
        ------
        WeightsError
            Listing every field that cannot be used.
        """
        if not isinstance(record, dict):
            raise WeightsError(f"card.json holds a {type(record).__name__}; it must hold one object with named fields.")
        version = record.get("format_version", CARD_FORMAT_VERSION)
        if not isinstance(version, int) or version > CARD_FORMAT_VERSION:
            raise WeightsError(
                f"card.json has format_version {version!r}; this program reads up to {CARD_FORMAT_VERSION}. Update it."
            )
        known = {key: value for key, value in record.items() if key in cls.__dataclass_fields__}
        problems: list[str] = []
        for name, read in _NESTED.items():
            value = known.pop(name, None)
            if value is not None:
                try:
                    known[name] = read(value)
                except ValueError as error:
                    problems.append(f"{name} cannot be used: {error}")
        card = cls(**known)
        problems += card._problems()
        if problems:
            raise WeightsError(f"card.json cannot be used: {'; '.join(problems)}.")
        return card

    def _problems(self) -> list[str]:
        """Every field that cannot be used, in words; its type first, since JSON may hold anything."""
        problems = []
        for name in ("name", "description", "licence"):
            if not isinstance(getattr(self, name), str):
                problems.append(f"{name} is {getattr(self, name)!r}, must be a text")
        if self.decoding not in DECODINGS:
            problems.append(f"decoding is {self.decoding!r}, must be one of {', '.join(DECODINGS)}")
        for name in ("temperature", "interval_temperature"):
            value = getattr(self, name)
            if not (_is_number(value) and value > 0):
                problems.append(f"{name} is {value!r}, must be a number above 0")
        if not (_is_number(self.interval_mass) and 0 < self.interval_mass < 1):
            problems.append(f"interval_mass is {self.interval_mass!r}, must lie between 0 and 1")
        if not isinstance(self.is_calibrated, bool):
            problems.append(f"is_calibrated is {self.is_calibrated!r}, must be true or false")
        if not _is_number(self.interval_radius_mm):
            problems.append(f"interval_radius_mm is {self.interval_radius_mm!r}, must be a number")
        if not (self.location_threshold is None or _is_number(self.location_threshold)):
            problems.append(f"location_threshold is {self.location_threshold!r}, must be a number or null")
        if not isinstance(self.metrics, dict):
            problems.append("metrics must be an object")
        if self.probe is not None and not (
            isinstance(self.probe, dict) and {"sentence", "text", "image"} <= set(self.probe)
        ):
            problems.append("probe must be an object with sentence, text and image, or null")
        if self.sha256 is not None and not (isinstance(self.sha256, str) and re.fullmatch("[0-9a-f]{64}", self.sha256)):
            problems.append(f"sha256 is {self.sha256!r}, must be 64 hexadecimal digits or null")
        return problems


#: Fields that are objects of their own, and what reads them; a ValueError says what is wrong.
_NESTED: dict[str, Callable[[Any], Any]] = {
    "location_rule": LocationRule.from_dict,
    "disease_reference": disease_references_from,
}


def _is_number(value: object) -> bool:
    """Whether `value` is a finite number (JSON's true and false are not)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def read_card(folder: Path) -> WeightsCard:
    """Return the card in a weights folder, or the defaults of released weights where there is none."""
    path = folder / "card.json"
    if not path.is_file():
        return WeightsCard(name=folder.name)
    try:
        return WeightsCard.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except json.JSONDecodeError as error:
        raise WeightsError(f"card.json is not valid JSON (line {error.lineno}). Fetch the weights again.") from error
    except UnicodeDecodeError as error:
        raise WeightsError("card.json is not a text in UTF-8. Fetch the weights again.") from error
