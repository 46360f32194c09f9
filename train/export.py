"""Write a weights folder that the package opens: config.json, model.safetensors (half precision), card.json.

::

    python -m train export --run runs/bundled --out napari_ct_grounding/weights/bundled
    python -m train calibrate napari_ct_grounding/weights/bundled
    python -m train evaluate --weights napari_ct_grounding/weights/bundled --into-card
"""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from napari_ct_grounding.model.weights.card import CARD_FORMAT_VERSION
from napari_ct_grounding.model.weights.loading import load_weights
from napari_ct_grounding.model.weights.probe import compute_probe
from train.fit.slab import load_run

__all__ = ["LICENCE", "MAX_MEGABYTES", "export", "read_card_record", "write_card_record"]

LICENCE = "BSD-3-Clause"

#: What the package carries; larger weights are not bundled.
MAX_MEGABYTES = 24.0

_DESCRIPTION = "trained on procedural phantoms only"
_DATA = "Procedural CT phantoms and generated English and German sentences; no patient data."


def export(run: Path, out: Path, *, name: str = "bundled") -> None:
    """Write the averaged model of a run as a weights folder.

    The card holds the trained temperature and is marked uncalibrated until `calibrate` has seen it.

    Raises
    ------
    ValueError
        When the file would be larger than `MAX_MEGABYTES`.
    """
    model, checkpoint = load_run(run)
    out.mkdir(parents=True, exist_ok=True)
    half = {
        key: (value.to(torch.float16) if value.is_floating_point() else value).contiguous()
        for key, value in model.state_dict().items()
    }
    megabytes = sum(value.numel() * value.element_size() for value in half.values()) / 1e6
    if megabytes > MAX_MEGABYTES:
        raise ValueError(
            f"The weights take {megabytes:.1f} MB; bundled ones may take {MAX_MEGABYTES:g}. Use fewer buckets of text."
        )
    save_file(half, out / "model.safetensors", metadata={"format": "pt"})
    shutil.copyfile(run / "config.json", out / "config.json")
    (out / "tokenizer.json").unlink(missing_ok=True)  # of the first edition; words are hashed, not looked up
    temperature = round(float(checkpoint["temperature"]), 6)
    record: dict[str, Any] = {
        "format_version": CARD_FORMAT_VERSION,
        "name": name,
        "description": _DESCRIPTION,
        "licence": LICENCE,
        "data": _DATA,
        "created": datetime.now(UTC).strftime("%Y-%m-%d"),
        "steps": int(checkpoint["step"]),
        "training_minutes": round(float(checkpoint["elapsed_s"]) / 60, 1),
        "decoding": "median",
        "trained_temperature": temperature,
        "temperature": temperature,
        "interval_temperature": temperature,
        "interval_mass": 0.8,
        "is_calibrated": False,
        "location_threshold": None,
        "metrics": {},
        "sha256": hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest(),
    }
    write_card_record(out, record)
    record["probe"] = compute_probe(load_weights(out).model)  # as stored: rounded to half precision
    write_card_record(out, record)
    print(f"{megabytes:.1f} MB of weights from step {record['steps']} written to {out}")


def read_card_record(folder: Path) -> dict[str, Any]:
    """Return card.json as it is; the least that makes one where there is none (released weights)."""
    path = folder / "card.json"
    if not path.is_file():
        return {"format_version": CARD_FORMAT_VERSION, "name": folder.name}
    return json.loads(path.read_text(encoding="utf-8"))


def write_card_record(folder: Path, record: dict[str, Any]) -> None:
    """Write card.json; a run that is killed meanwhile leaves the old one."""
    partial = folder / ".card.json.partial"
    partial.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(folder / "card.json")
