"""A small file of results to try the browser with: the findings of the demo case, asked of the bundled weights.

Runs on a worker, as `ct-grounding batch` would in the shell; nothing is downloaded.
"""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from pathlib import Path

import platformdirs

from napari_ct_grounding.core.localization_results import LocalizationCase, Truth
from napari_ct_grounding.widgets.jobs import JobContext

__all__ = ["sample_cases", "write_sample_results"]

_NAME = "demo_chest"
_FILE = "demo_results.json"

#: Which finding each sentence to try speaks of.
_FINDING_OF = {
    "Mass in the left hilum.": "lung_mass@left_hilum",
    "Scarring at the right lung apex.": "apical_scarring@right_apex",
    "Enlarged subcarinal lymph nodes.": "lymphadenopathy@subcarinal",
    "Right pleural effusion.": "pleural_effusion@right",
    "Calcified plaques in the aortic arch.": "aortic_calcification@aortic_arch",
    "Cyst in the right lobe of the liver.": "liver_cyst@right_lobe",
    "Rechtsseitiger Pleuraerguss.": "pleural_effusion@right",
}


def sample_cases() -> list[LocalizationCase]:
    """Return sentences about the demo case, with their truth where it is known, and one about a scan that is not there."""
    facts = json.loads((files("napari_ct_grounding") / "sample_data" / f"{_NAME}.json").read_text(encoding="utf-8"))
    findings = {finding["label"]: finding for finding in facts["findings"]}
    asked = [(finding["sentence"], finding) for finding in findings.values()]
    asked += [(sentence, findings.get(_FINDING_OF.get(sentence, ""))) for sentence in facts["sentences"]]
    cases = [
        LocalizationCase(
            case=facts["name"],
            scan=f"{_NAME}.nii.gz",
            sentence=sentence,
            category=None if finding is None else finding["organ"].replace("_", " "),
            truth=None if finding is None else Truth(finding["z_lo_mm"], finding["z_hi_mm"]),
        )
        for sentence, finding in asked
    ]
    return [*cases, LocalizationCase("a scan that is missing", "missing.nii.gz", facts["sentences"][0])]


def write_sample_results(context: JobContext) -> tuple[Path, Path]:
    """Ask the bundled weights, and return (the file of results, the folder of the scan).

    Raises
    ------
    Cancelled
    """
    from napari_ct_grounding.inference.batch import run_batch
    from napari_ct_grounding.inference.case_list import CaseList
    from napari_ct_grounding.inference.session import GroundingSession

    folder = platformdirs.user_cache_path("napari-ct-grounding", appauthor=False) / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / _FILE
    with as_file(files("napari_ct_grounding") / "sample_data") as scans:
        context.report_stage("Loading the bundled weights")
        session = GroundingSession.from_pretrained("bundled", device="cpu")
        out.unlink(missing_ok=True)
        context.report_stage("Asking about the demo case")
        run_batch(
            CaseList(scans, tuple(sample_cases())),
            out,
            session,
            on_progress=context.report_progress,
            cancel=context.is_cancelled,
        )
        return out, scans
