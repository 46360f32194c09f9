"""What reading a recipe has in common for all models: unknown names, wrong types, values out of range, all told at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeVar

from napari_ct_grounding.core.errors import InputError

__all__ = ["RecipeError", "not_above", "not_one_of", "read_parts"]

_R = TypeVar("_R")


class RecipeError(InputError):
    """A recipe cannot be used; the message lists everything that is wrong with it."""


def read_parts(whole: type[_R], parts: dict[str, type], record: dict[str, Any], problems: list[str]) -> _R:
    """Return `whole` made of a record whose tables are `parts`; what is wrong with it is added to `problems`."""
    top = _known(whole, {k: v for k, v in record.items() if k not in parts}, "", problems, parts)
    made = {name: part(**_known(part, record.get(name, {}), f"{name}.", problems)) for name, part in parts.items()}
    return whole(**top, **made)


def _known(
    part: type, record: dict[str, Any], prefix: str, problems: list[str], apart: Iterable[str] = ()
) -> dict[str, Any]:
    """Return what `part` knows of a record and holds of the right type; tell the rest to `problems`."""
    names = {f.name for f in dataclasses.fields(part)} - set(apart)
    default = part()
    known = {}
    for name, value in record.items():
        if name not in names:
            problems.append(f"{prefix}{name} is not known")
            continue
        wanted = type(getattr(default, name))
        if wanted is float and type(value) is int:
            value = float(value)
        if type(value) is not wanted:
            problems.append(f"{prefix}{name} is {value!r}; it must be {_TYPE_NAMES[wanted]}")
            continue
        known[name] = value
    return known


_TYPE_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", list: "a list"}


def not_above(name: str, value: float) -> str:
    """Return a problem unless `value` is above 0."""
    return "" if value > 0 else f"{name} is {value}; it must be above 0"


def not_one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Return a problem unless `value` is allowed."""
    return "" if value in allowed else f"{name} is {value!r}; it must be one of {', '.join(allowed)}"
