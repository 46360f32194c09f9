"""The case that ships with the plugin: one synthetic chest, its report, its truth, and sentences to try.

::

    python -m train demo-case --out napari_ct_grounding/sample_data
"""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict
from pathlib import Path

import nibabel
import numpy as np

from napari_ct_grounding.phantom import generate

__all__ = ["write_demo_case"]

#: A man of 84, portal venous, arms up: found by looking at a dozen seeds.
_SEED = 12
_SPACING_MM = (3.0, 1.6, 1.6)
_FINDINGS = (
    "lung_mass@left_hilum",
    "pleural_effusion@right",
    "apical_scarring@right_apex",
    "lymphadenopathy@subcarinal",
    "aortic_calcification@aortic_arch",
    "liver_cyst@right_lobe",
)
_SENTENCES = (
    "Mass in the left hilum.",
    "Scarring at the right lung apex.",
    "Enlarged subcarinal lymph nodes.",
    "Right pleural effusion.",
    "Calcified plaques in the aortic arch.",
    "Cyst in the right lobe of the liver.",
    "Level of the carina.",
    "Rechtsseitiger Pleuraerguss.",
)


def write_demo_case(folder: Path) -> None:
    """Write ``demo_chest.nii.gz`` and ``demo_chest.json`` into `folder`; the same bytes every time."""
    phantom = generate(_SEED, spacing_mm=_SPACING_MM, z_range="chest", findings=list(_FINDINGS))
    volume = phantom.volume
    image = nibabel.Nifti1Image(np.asarray(volume.hu).transpose(2, 1, 0), volume.geometry.affine)
    image.header.set_xyzt_units("mm")
    folder.mkdir(parents=True, exist_ok=True)
    packed = gzip.compress(image.to_bytes(), compresslevel=9, mtime=0)
    (folder / "demo_chest.nii.gz").write_bytes(packed)
    facts = {
        "name": "synthetic chest",
        "description": f"Procedural phantom, seed {_SEED}; no patient. Made by python -m train demo-case.",
        "sentences": list(_SENTENCES),
        "report": phantom.report,
        "findings": [asdict(finding) for finding in phantom.findings],
    }
    (folder / "demo_chest.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{folder / 'demo_chest.nii.gz'}: {len(packed) / 1e6:.2f} MB, {volume!r}")
