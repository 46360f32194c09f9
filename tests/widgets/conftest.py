"""A session that sees bright spheres and nothing else, so that the widgets are tested without a network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.errors import Cancelled
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.profile import depth_distribution, find_peaks_mm, highest_density_interval
from napari_ct_grounding.core.results import DiseaseScore, GroundingResult
from napari_ct_grounding.core.volume import CTVolume, SliceRecord
from napari_ct_grounding.readers.napari_reader import layer_of_volume
from napari_ct_grounding.widgets import work_in_progress
from napari_ct_grounding.widgets.jobs import (
    DOWNLOAD_THREAD_NAME,
    EXPORT_THREAD_NAME,
    FILES_THREAD_NAME,
    READING_THREAD_NAME,
    THREAD_NAME,
    Continuations,
    JobContext,
)

POSITION_MM = 12.0
SPHERE_HU = 2000
NUM_WINDOWS = 4


def make_volume(
    sphere_slice: int = 30, *, num_slices: int = 48, first_z_mm: float = -400.0, name: str = "chest"
) -> CTVolume:
    """A body in air with one bright sphere; 3 mm slices, DICOM names (image 1 is the highest slice)."""
    hu = np.full((num_slices, 32, 32), -1000, dtype=np.int16)
    hu[:, 6:26, 4:28] = 40
    z, y, x = np.ogrid[:num_slices, :32, :32]
    hu[(z - sphere_slice) ** 2 + (y - 16) ** 2 + (x - 16) ** 2 <= 9] = SPHERE_HU
    geometry = VolumeGeometry.from_spacing(hu.shape, (3.0, 10.0, 10.0), (first_z_mm, -160.0, -160.0))
    table = tuple(SliceRecord(num_slices - 1 - i, num_slices - i, 4, f"1.2.{i}") for i in range(num_slices))
    return CTVolume(hu, geometry, table, name=name)


class FakeSession:
    """Answers like a `GroundingSession`; counts what it did and on which thread."""

    def __init__(
        self,
        *,
        holds_chest: bool = True,
        covered_body_fraction: float = 1.0,
        coverages: tuple[str, ...] = ("full", "paper"),
    ) -> None:
        self.weights_name = "fake"
        self.card = SimpleNamespace(
            description="sees spheres", licence="none", is_calibrated=False, interval_temperature=0.05
        )
        self.device = SimpleNamespace(device="cpu", reason="no GPU found; 1 CPU thread")
        self.model = SimpleNamespace(coverages=coverages, precisions=("float32", "bfloat16"), window_length_mm=None)
        self.precision = "float32"
        self.cache: Any = None
        #: Estimates (s) by coverage.
        self.seconds: dict[str, float] = dict.fromkeys(coverages, 1.0)
        self.coverages_encoded: list[str] = []
        self.holds_chest = holds_chest
        self.covered_body_fraction = covered_body_fraction
        self.num_encoded = 0
        self.grounded: list[str] = []
        self.threads: set[str] = set()
        #: Called between windows, on the worker.
        self.between_windows: Callable[[], None] = lambda: None
        #: Called before a sentence is answered, on the worker.
        self.before_sentence: Callable[[str], None] = lambda sentence: None
        #: Called before a disease is scored, on the worker.
        self.before_disease: Callable[[str], None] = lambda name: None
        self.error: Exception | None = None

    def estimate(self, volume: CTVolume, coverage: str | None = None) -> Any:
        coverage = coverage or self.model.coverages[0]
        return SimpleNamespace(
            seconds=self.seconds[coverage],
            coverage=coverage,
            is_cached=False,
            num_windows=NUM_WINDOWS,
            left_out_mm=48.0,
        )

    def encode(
        self,
        volume: CTVolume,
        on_progress: Callable[[int, int], None] | None = None,
        cancel: Callable[[], bool] | None = None,
        coverage: str | None = None,
    ) -> Any:
        self.threads.add(threading.current_thread().name)
        if self.error is not None:
            raise self.error
        for window in range(NUM_WINDOWS):
            self.between_windows()
            if cancel is not None and cancel():
                raise Cancelled("cancelled")
            if on_progress is not None:
                on_progress(window + 1, NUM_WINDOWS)
        self.num_encoded += 1
        coverage = coverage or self.model.coverages[0]
        self.coverages_encoded.append(coverage)
        low, high = volume.geometry.z_extent_mm
        depths_mm = np.arange(low, high + POSITION_MM, POSITION_MM)
        bright = (volume.hu > 1500).reshape(volume.hu.shape[0], -1).sum(axis=1)
        z_mm = np.array([volume.geometry.z_of_slice(i) for i in range(len(bright))])
        sphere_mm = float((bright * z_mm).sum() / bright.sum()) if bright.any() else low
        seen = SimpleNamespace(
            depths_mm=depths_mm,
            covered_mm=(low + 9.0, high),
            covered_body_fraction=self.covered_body_fraction,
            depth_width_mm=POSITION_MM,
        )
        return SimpleNamespace(
            embeddings=seen,
            sphere_mm=sphere_mm,
            geometry=volume.geometry,
            slice_table=volume.slice_table,
            name=volume.name,
            volume_fingerprint=volume.fingerprint,
            weights_fingerprint="0" * 32,
            holds_chest=self.holds_chest,
            notes=(),
            coverage=coverage,
        )

    def ground(self, sentences: Sequence[str], encoded: Any) -> list[GroundingResult]:
        self.threads.add(threading.current_thread().name)
        for sentence in sentences:
            self.before_sentence(sentence)
        self.grounded += sentences
        return [self._result(sentence, encoded) for sentence in sentences]

    def score_diseases(self, names: Sequence[str] | None = None, encoded: Any = None) -> list[DiseaseScore]:
        names = names or CT_RATE_DISEASES
        for name in names:
            self.before_disease(name)
        scores = [DiseaseScore(name, 0.62 - 0.012 * CT_RATE_DISEASES.index(name)) for name in names]
        return sorted(scores, key=lambda entry: -entry.score)

    def _result(self, sentence: str, encoded: Any) -> GroundingResult:
        """Peak at the sphere; "above" in a sentence adds a second, lower peak near the top; "flat" has none."""
        depths_mm, width_mm = encoded.embeddings.depths_mm, POSITION_MM
        profile = 0.4 * np.exp(-(((depths_mm - encoded.sphere_mm) / 15.0) ** 2))
        if "above" in sentence:
            profile = np.maximum(profile, 0.25 * np.exp(-(((depths_mm - depths_mm[-2]) / 12.0) ** 2)))
        is_flat = "flat" in sentence
        if is_flat:
            profile = np.full_like(profile, 0.05)
        z_mm = encoded.sphere_mm if not is_flat else float(depths_mm[0])
        slice_index = encoded.geometry.slice_of_z(z_mm)
        return GroundingResult(
            sentence=sentence,
            z_mm=z_mm,
            slice_index=slice_index,
            image_number=encoded.slice_table[slice_index].image_number,
            score=float(profile.max()),
            interval_mm=highest_density_interval(depth_distribution(profile, 0.1), depths_mm, 0.5),
            covered_mm=encoded.embeddings.covered_mm,
            depths_mm=depths_mm,
            profile=profile.astype(np.float32),
            peaks_mm=find_peaks_mm(profile, depths_mm, 2 * width_mm),
            has_location=not is_flat,
            is_calibrated=False,
            depth_width_mm=width_mm,
            file_index=encoded.slice_table[slice_index].file_index,
        )


class InlineJobs:
    """Runs nothing until told to: `run_next` does what the thread would do."""

    def __init__(self) -> None:
        self.queued: dict[int, tuple[Callable[[JobContext], Any], Continuations]] = {}
        self.cancelled: list[int] = []
        self._running: JobContext | None = None
        self.num_submitted = 0

    def submit(self, task: Callable[[JobContext], Any], continuations: Continuations) -> int:
        self.num_submitted += 1
        self.queued[self.num_submitted] = (task, continuations)
        return self.num_submitted

    def cancel(self, job_id: int) -> None:
        entry = self.queued.pop(job_id, None)
        if entry is not None:
            if self._running is not None and self._running.job_id == job_id:
                self._running._cancel.set()
            self.cancelled.append(job_id)
            entry[1].on_cancelled()

    def run_next(self) -> None:
        job_id = next(iter(self.queued))
        task, continuations = self.queued[job_id]

        def report(_job: int, kind: str, values: tuple) -> None:
            if job_id in self.queued:
                getattr(continuations, kind)(*values)

        self._running = JobContext(job_id, report)
        try:
            answer = task(self._running)
        except Exception as error:
            if self.queued.pop(job_id, None) is not None:
                continuations.on_failed(error)
        else:
            if self.queued.pop(job_id, None) is not None:
                continuations.on_done(answer)
        finally:
            self._running = None

    def run_all(self) -> None:
        while self.queued:
            self.run_next()


@pytest.fixture(autouse=True)
def _no_work_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No dock offers to go on with the work of another test, or with the developer's own."""
    monkeypatch.setattr(work_in_progress, "work_path", lambda: tmp_path / "state" / "work.json")


@pytest.fixture
def settings_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of the settings, which napari looks for when it is first asked: those of this test alone."""
    import napari.settings

    monkeypatch.setattr(napari.settings, "_CFG_PATH", str(tmp_path / "settings" / "napari.yaml"))
    (tmp_path / "settings").mkdir()
    napari.settings._clear_plugin_settings_cache()
    yield tmp_path / "settings" / "napari-ct-grounding.yaml"
    napari.settings._clear_plugin_settings_cache()


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def inline_jobs() -> InlineJobs:
    return InlineJobs()


@pytest.fixture
def volume() -> CTVolume:
    return make_volume()


@pytest.fixture
def volume_maker() -> Callable[..., CTVolume]:
    return make_volume


@pytest.fixture
def add_ct() -> Callable[..., Any]:
    """Add a CT as our reader would; returns the layer."""

    def add(viewer: Any, volume: CTVolume | None = None, **metadata: Any) -> Any:
        data, meta, _ = layer_of_volume(volume or make_volume(), **metadata)
        return viewer.add_image(data, **meta)

    return add


@pytest.fixture
def no_threads_left() -> Iterator[None]:
    """Fail when a thread of a dock outlives the test."""
    yield
    names = (THREAD_NAME, FILES_THREAD_NAME, DOWNLOAD_THREAD_NAME, READING_THREAD_NAME, EXPORT_THREAD_NAME)
    for thread in [thread for thread in threading.enumerate() if thread.name in names]:
        thread.join(2.0)
        assert not thread.is_alive(), f"the thread {thread.name} was left behind"


@pytest.fixture
def result(volume: CTVolume) -> GroundingResult:
    """An answer at the sphere."""
    fake = FakeSession()
    return fake.ground(["a bright sphere"], fake.encode(volume))[0]
