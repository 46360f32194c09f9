"""The demo case: what File > Open Sample gives, and what ``ct-grounding demo`` opens."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

__all__ = ["demo_chest", "demo_sentences"]

_FOLDER = "sample_data"
_NAME = "demo_chest"


def demo_chest() -> list[tuple[Any, dict[str, Any], str]]:
    """Return the bundled synthetic chest as one napari layer tuple."""
    from napari_ct_grounding.readers.napari_reader import layer_of_volume
    from napari_ct_grounding.readers.reading import read_volume

    path = files("napari_ct_grounding") / _FOLDER / f"{_NAME}.nii.gz"
    volume = replace(read_volume(str(path)), name=_facts().get("name", _NAME))
    return [layer_of_volume(volume, ct_examples=demo_sentences(), ct_report=_facts().get("report"))]


def demo_sentences() -> tuple[str, ...]:
    """Return the sentences that go with the demo case."""
    return tuple(_facts().get("sentences", ()))


def _facts() -> dict[str, Any]:
    path = files("napari_ct_grounding") / _FOLDER / f"{_NAME}.json"
    return json.loads(path.read_text(encoding="utf-8"))
