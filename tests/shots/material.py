"""What the walks are shown on: the bundled synthetic case as a DICOM study with a report, and second weights. No patient."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import numpy as np

__all__ = ["Study", "make_other_weights", "make_study"]

_REPORT = """\
Indication: Cough for six weeks.
Technique: Contrast-enhanced CT of the chest.

Findings:
Spiculated mass in the left hilum (series 2, image {mass}).
Enlarged subcarinal lymph nodes (2:{nodes}).
Scarring at the right lung apex, unchanged since the prior study.
Right pleural effusion (series 2, image {effusion}).
Calcified plaques in the aortic arch.
Cyst in the right lobe of the liver (series 7, image 12).
No pericardial effusion. The trachea is normal.
A small hiatal hernia cannot be excluded.

Impression:
Left hilar mass, suspicious for bronchial carcinoma.
Right pleural effusion.
"""
_LABELS = {
    "mass": "lung_mass@left_hilum",
    "nodes": "lymphadenopathy@subcarinal",
    "effusion": "pleural_effusion@right",
}

#: Standard deviation of the noise in the second weights, in those of each tensor: enough to move some answers.
_NOISE = 2.0


@dataclass(frozen=True)
class Study:
    """A DICOM folder and the report on it."""

    folder: Path
    report: str


def make_study(folder: Path) -> Study:
    """Write the bundled case as DICOM, with a report that names its images."""
    from napari_ct_grounding.phantom.dicom_export import export_study
    from napari_ct_grounding.readers.reading import read_volume

    samples = files("napari_ct_grounding") / "sample_data"
    volume = read_volume(str(samples / "demo_chest.nii.gz"))
    study = export_study(SimpleNamespace(volume=volume), folder, thick_mm=100.0, has_lung_series=False)  # type: ignore[arg-type]
    facts = json.loads((samples / "demo_chest.json").read_text(encoding="utf-8"))
    z_mm = {finding["label"]: finding["z_mm"] for finding in facts["findings"]}
    images = {word: study.series[0].image_at(z_mm[label]) for word, label in _LABELS.items()}
    return Study(folder, _REPORT.format(**images))


def make_other_weights(folder: Path) -> Path:
    """Write a copy of the bundled weights with noise in its image encoder: the worse half of a comparison."""
    from safetensors.numpy import load_file, save_file

    from napari_ct_grounding.model.weights.hub import BUNDLED_FOLDER

    shutil.copytree(BUNDLED_FOLDER, folder, ignore=shutil.ignore_patterns("*.safetensors", "SHA256SUMS"))
    rng = np.random.default_rng(5)
    tensors = load_file(BUNDLED_FOLDER / "model.safetensors")
    for name in sorted(tensors):
        if not name.startswith("text.") and tensors[name].ndim > 1:
            noise = rng.standard_normal(tensors[name].shape, dtype=np.float32)
            tensors[name] = (tensors[name] + _NOISE * tensors[name].std() * noise).astype(tensors[name].dtype)
    save_file(tensors, folder / "model.safetensors")
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    card |= {"name": folder.name, "probe": None, "sha256": None}  # they describe the weights without the noise
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    return folder
