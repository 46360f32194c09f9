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


def sample_cases() -> list[LocalizationCase]:
    """Return the demo case's findings as sentences with their truth, and the sentences to try without."""
    facts = json.loads((files("napari_ct_grounding") / "sample_data" / f"{_NAME}.json").read_text(encoding="utf-8"))
    scan = f"{_NAME}.nii.gz"
    known = [
        LocalizationCase(
            case=facts["name"],
            scan=scan,
            sentence=finding["sentence"],
            category=finding["organ"].replace("_", " "),
            truth=Truth(finding["z_lo_mm"], finding["z_hi_mm"]),
        )
        for finding in facts["findings"]
    ]
    return known + [LocalizationCase(facts["name"], scan, sentence) for sentence in facts["sentences"]]


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
