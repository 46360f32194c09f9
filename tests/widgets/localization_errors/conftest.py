"""A folder of small scans with results about them, and a browser in a viewer without a window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest
from napari.components import ViewerModel

from napari_ct_grounding.readers import read_volume
from napari_ct_grounding.widgets.localization_errors.dock import LocalizationErrorsDock
from tests.core.localization_rows import a_row, results_of

FIRST_MM, NUM_SLICES, SPACING_MM = -400.0, 60, 4.0
COVERED_MM = (-402.0, -162.0)


def write_scan(path: Path, seed: int) -> str:
    """Write a small CT and return its fingerprint."""
    rng = np.random.default_rng(seed)
    hu = np.full((24, 20, NUM_SLICES), -1000, dtype=np.int16)
    hu[4:20, 3:17] = rng.integers(0, 80, (16, 14, NUM_SLICES))
    affine = np.diag([12.0, 12.0, SPACING_MM, 1.0])
    affine[:3, 3] = (-140, -120, FIRST_MM)
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(hu, affine), path)
    return read_volume(path).fingerprint


@pytest.fixture(autouse=True)
def _own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files opened in one test are not remembered in another."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def study(tmp_path: Path) -> SimpleNamespace:
    """Six rows about two scans that are there, one about a scan that is not."""
    folder = tmp_path / "study"
    prints = {name: write_scan(folder / name, seed) for seed, name in enumerate(("a/ct.nii.gz", "b/ct.nii.gz"))}

    def row(number: int, predicted: float | None, true: Any, scan: str, **options: Any) -> Any:
        made = a_row(
            predicted,
            true,
            scan=scan,
            sentence=f"finding number {number}",
            fingerprint=prints.get(scan),
            covered_mm=COVERED_MM,
            **options,
        ) if predicted is not None else a_row(None, true, scan=scan, sentence=f"finding number {number}")  # fmt: skip
        return made

    rows = (
        row(1, -320.0, (-330.0, -310.0), "a/ct.nii.gz", category="lung"),
        row(2, -300.0, (-260.0, -250.0), "a/ct.nii.gz", category="lung", second_mm=-252.0),
        row(3, -200.0, (-380.0, -370.0), "b/ct.nii.gz", category="liver"),
        row(4, -240.0, None, "b/ct.nii.gz"),
        row(5, None, -300.0, "b/ct.nii.gz", category="liver"),
        row(6, -220.0, -230.0, "gone/ct2.nii.gz", category="bone", has_location=False),
    )
    path = folder / "results.json"
    results_of(*rows).write(path)
    return SimpleNamespace(folder=folder, path=path, rows=rows, prints=prints)


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


def is_idle(dock: LocalizationErrorsDock) -> bool:
    jobs = (dock.file_jobs, dock.reading_jobs, dock.model_jobs)
    return all(job.is_idle for job in jobs) and not dock.session.is_working and not dock._linger.isActive()


@pytest.fixture
def browser(qtbot: Any, viewer: ViewerModel, study: SimpleNamespace) -> Any:
    """A dock with the study open."""
    dock = LocalizationErrorsDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(420, 760)
    dock.show()
    dock.session.open(study.path)
    qtbot.waitUntil(lambda: is_idle(dock), timeout=20_000)
    yield dock
    dock._leave()


@pytest.fixture
def settled(qtbot: Any, browser: LocalizationErrorsDock) -> Callable[[], None]:
    """Wait until all that was asked for has come."""
    return lambda: qtbot.waitUntil(lambda: is_idle(browser), timeout=20_000)


@pytest.fixture
def row_named(browser: LocalizationErrorsDock) -> Callable[[int], None]:
    """Make the row of a finding current."""

    def choose(number: int) -> None:
        assert browser.table.choose(number - 1)

    return choose
