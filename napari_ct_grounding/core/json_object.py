"""Objects read from JSON, field by field: everything that does not fit is collected and told at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_ct_grounding.core.errors import InputError

__all__ = ["JsonObject", "raise_problems"]

#: Longest piece of a wrong value in a message, and how many problems are spelt out.
_MAX_SHOWN = 40
_MAX_TOLD = 5

#: Beyond it a number is no position, score or count, and may be no float at all.
_MAX_NUMBER = 1e300


class JsonObject:
    """An object of a JSON file.

    A field that is missing or of a wrong type gives an empty value and an entry in `problems`; whoever reads asks for
    all fields first and then calls `raise_problems`, so that nothing is ever built from a wrong object.

    Parameters
    ----------
    value : object
        What the JSON held at this place.
    where : str
        Its place in words ("row 3").
    problems : list of str
        Shared by all objects of a file.
    """

    def __init__(self, value: object, where: str, problems: list[str]) -> None:
        self.where = where
        self.problems = problems
        self._fields: dict[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            self._tell(value, "must be an object with named fields")

    def __contains__(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def raw(self, name: str) -> Any:
        """Whatever stands in the field; None where it is missing."""
        return self._fields.get(name)

    def text(self, name: str) -> str:
        """A text."""
        value = self._fields.get(name)
        return value if isinstance(value, str) else self._wrong(name, "a text", "")

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._fields.get(name)
        return value if isinstance(value, bool) else self._wrong(name, "true or false", False)

    def whole(self, name: str) -> int:
        """A whole number."""
        value = self._fields.get(name)
        return value if type(value) is int else self._wrong(name, "a whole number", 0)

    def number(self, name: str) -> float:
        """A finite number."""
        value: Any = self._fields.get(name)
        return float(value) if _is_number(value) else self._wrong(name, "a number", 0.0)

    def optional_text(self, name: str) -> str | None:
        """A text, or None where there is none."""
        return self.text(name) if name in self else None

    def optional_whole(self, name: str) -> int | None:
        """A whole number, or None where there is none."""
        return self.whole(name) if name in self else None

    def optional_number(self, name: str) -> float | None:
        """A number, or None where there is none."""
        return self.number(name) if name in self else None

    def numbers(self, name: str, dtype: DTypeLike = np.float64, with_gaps: bool = False) -> NDArray:
        """A list of numbers; `with_gaps` allows null, which becomes NaN."""
        value = self._fields.get(name)
        known = {int, float, type(None)} if with_gaps else {int, float}
        if isinstance(value, list) and set(map(type, value)) <= known:
            # JSON's integers have no end; what no float holds becomes infinite, and is refused.
            with suppress(OverflowError), np.errstate(over="ignore"):
                array = np.array(value, dtype=np.float64).astype(dtype)
                if not np.isinf(array).any() and (with_gaps or not np.isnan(array).any()):
                    return array
        return self._wrong(name, f"a list of numbers{' or null' if with_gaps else ''}", np.zeros(0, dtype))

    def pair(self, name: str) -> tuple[float, float]:
        """Two numbers, the second not below the first."""
        value: Any = self._fields.get(name)
        if not (isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and value[0] <= value[1]):
            value = self._wrong(name, "two growing numbers", (0.0, 0.0))
        return float(value[0]), float(value[1])

    def nested(self, name: str) -> JsonObject:
        """An object within this one."""
        return JsonObject(self._fields.get(name), f"{name} of {self.where}", self.problems)

    def objects(self, name: str, singular: str) -> list[JsonObject]:
        """A list of objects, called `singular` and counted from 1 in messages."""
        value = self._fields.get(name)
        if not isinstance(value, list):
            return self._wrong(name, "a list", [])
        return [JsonObject(item, f"{singular} {number}", self.problems) for number, item in enumerate(value, start=1)]

    def choice(self, name: str, known: Sequence[str]) -> str:
        """One of a few words."""
        value: Any = self._fields.get(name)
        return value if value in known else self._wrong(name, f"one of {', '.join(known)}", known[0])

    def tell(self, problem: str) -> None:
        """Add a problem that only the caller can see."""
        self.problems.append(f"{self.where}: {problem}")

    def _wrong(self, name: str, wanted: str, empty: Any) -> Any:
        if name in self._fields:
            self._tell(self._fields[name], f"must be {wanted}", name)
        else:
            self.problems.append(f"{self.where} has no {name}, which must be {wanted}")
        return empty

    def _tell(self, value: object, rule: str, name: str = "") -> None:
        shown = repr(value)
        shown = shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}..."
        self.problems.append(f"{f'{name} of ' if name else ''}{self.where} is {shown}, {rule}")


def raise_problems(problems: Sequence[str], file_name: str, remedy: str) -> None:
    """Raise one `InputError` that tells all problems, the first few in words; nothing where there are none."""
    if problems:
        more = f"; and {len(problems) - _MAX_TOLD} more" if len(problems) > _MAX_TOLD else ""
        raise InputError(f"{file_name} cannot be used: {'; '.join(problems[:_MAX_TOLD])}{more}. {remedy}")


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and -_MAX_NUMBER < value < _MAX_NUMBER  # type: ignore[operator]
