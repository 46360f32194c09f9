"""Phantoms written as data sets come: in the file layout of CT-RATE, or as a hospital's DICOM studies with a table.

What reads real data sets is tried on these, and a network of the released type can be trained on phantoms with the commands that
it would be trained on CT-RATE with. A scan that is there already is not generated again.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import nibabel
import numpy as np

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.phantom.dicom_export import ExportedSeries, export_study
from napari_ct_grounding.phantom.lexicon import Language
from napari_ct_grounding.phantom.report import write_report
from napari_ct_grounding.phantom.scan import PhantomScan, generate_scan
from napari_ct_grounding.phantom.sentences import sentence_about

__all__ = ["SPACING_MM", "write_clinic", "write_ct_rate"]

#: Coarse: these are for networks that read 3 mm voxels.
SPACING_MM = (5.0, 4.0, 4.0)
#: Stored values of files that are not fixed are HU + 1024.
INTERCEPT = -1024
#: Every so many-th scan of the CT-RATE layout is held out, and has a second reconstruction, and is not a fixed file.
_VALID_EVERY, _TWICE_EVERY, _STORED_EVERY = 4, 3, 5
#: A finding of which less than this is in the scan goes unmentioned.
_MIN_VISIBLE = 0.5
#: SeriesNumber of the thin soft-tissue series, which is the one encoded.
_SERIES = 2

T = TypeVar("T")


def write_ct_rate(
    root: Path, seeds: Iterable[int], spacing_mm: tuple[float, float, float] = SPACING_MM, num_workers: int = 1
) -> Path:
    """Write phantoms in the layout of CT-RATE and return `root`.

    Every fourth is in "valid", every third is reconstructed twice, every fifth is not a fixed file.
    """
    jobs = [_Job(root / "dataset", place, seed, spacing_mm) for place, seed in enumerate(seeds)]
    volumes = [volume for written in _mapped(_write_scan, jobs, num_workers) for volume in written]
    _write_tables(root / "dataset", volumes, spacing_mm)
    return root


def write_clinic(
    root: Path, seeds: Iterable[int], spacing_mm: tuple[float, float, float] = SPACING_MM, num_workers: int = 1
) -> Path:
    """Write phantoms as DICOM studies, with findings placed by image number or by extent, and return the table of them.

    Every second report is German, every fourth study is in "valid".
    """
    root.mkdir(parents=True, exist_ok=True)
    jobs = [_Job(root, place, seed, spacing_mm) for place, seed in enumerate(seeds)]
    header = [
        "scan",
        "patient_id",
        "report_file",
        "split",
        "series",
        "snippets",
        *(f"label:{d}" for d in CT_RATE_DISEASES),
    ]
    _write_csv(root / "clinic.csv", header, _mapped(_write_study, jobs, num_workers))
    return root / "clinic.csv"


@dataclass(frozen=True)
class _Job:
    """One phantom to write: where, its place in the list, its seed."""

    folder: Path
    place: int
    seed: int
    spacing_mm: tuple[float, float, float]

    @property
    def split(self) -> str:
        return "valid" if self.place % _VALID_EVERY == _VALID_EVERY - 1 else "train"


@dataclass(frozen=True)
class _Volume:
    """A volume of the CT-RATE layout."""

    name: str
    split: str
    findings: str
    impressions: str
    diseases: frozenset[str]


def _mapped(write: Callable[[_Job], T], jobs: Sequence[_Job], num_workers: int) -> list[T]:
    if num_workers == 1:
        return [write(job) for job in jobs]
    with ProcessPoolExecutor(num_workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(write, jobs, chunksize=4))


def _write_scan(job: _Job) -> list[_Volume]:
    """Write the one or two reconstructions of a phantom."""
    split, number_of_patient = job.split, job.seed + 1
    is_fixed = job.place % _STORED_EVERY != _STORED_EVERY - 1
    folder = job.folder / (f"{split}_fixed" if is_fixed else split)
    scan: PhantomScan | None = None
    volumes = []
    for number in (1, 2) if job.place % _TWICE_EVERY == 0 else (1,):
        name = f"{split}_{number_of_patient}_a_{number}"
        path = folder / f"{split}_{number_of_patient}" / f"{split}_{number_of_patient}_a" / f"{name}.nii.gz"
        facts = path.with_name(f".{name}.json")
        if not facts.is_file():
            scan = scan or generate_scan(job.seed, spacing_mm=job.spacing_mm)
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_nifti(path, scan.volume, job.seed if number == 2 else None, 0 if is_fixed else INTERCEPT)
            report = write_report(scan.targets, scan.diseases, np.random.default_rng([job.seed, 31]))
            # Last: now it is whole.
            _write_text(facts, json.dumps({"report": report, "diseases": sorted(scan.diseases)}))
        known = json.loads(facts.read_text(encoding="utf-8"))
        findings, _, impressions = known["report"].partition("Impressions:")
        findings = findings.removeprefix("Findings:").strip()
        volumes.append(_Volume(name, split, findings, impressions.strip(), frozenset(known["diseases"])))
    return volumes


def _write_study(job: _Job) -> list[object]:
    """Write a phantom as a DICOM study and return its line of the table."""
    folder, report_file, snippets_file, facts = (
        job.folder / name.format(job.seed) for name in ("study{}", "study{}.txt", "study{}.json", ".study{}.json")
    )
    if not facts.is_file():
        scan = generate_scan(job.seed, spacing_mm=job.spacing_mm)
        language: Language = "de" if job.place % 2 else "en"
        if folder.is_dir():
            shutil.rmtree(folder)  # half written by a process that was killed
        study = export_study(scan, folder, seed=job.seed, has_lung_series=job.place % 2 == 0)
        rng = np.random.default_rng([job.seed, 37])

        def refer(target: Any) -> str:
            return study.reference(target, language, rng)

        report = write_report(scan.targets, scan.diseases, rng, language, refer=refer)
        heading = ("Findings:", "Impression:") if language == "en" else ("Befund:", "Beurteilung:")
        report = report.replace("Impressions:", f"\n{heading[1]}").replace("Findings:", heading[0], 1)
        _write_text(report_file, report)
        _write_text(snippets_file, json.dumps(_snippets(scan, study.series[0], rng, language), ensure_ascii=False))
        _write_text(facts, json.dumps(sorted(scan.diseases)))  # last: now it is whole
    diseases = set(json.loads(facts.read_text(encoding="utf-8")))
    labels = [int(disease in diseases) for disease in CT_RATE_DISEASES]
    return [folder.name, f"patient{job.seed}", report_file.name, job.split, _SERIES, snippets_file.name, *labels]


def _write_tables(dataset: Path, volumes: Sequence[_Volume], spacing_mm: tuple[float, float, float]) -> None:
    z, y, x = spacing_mm
    for split, long in (("train", "train"), ("valid", "validation")):
        own = [volume for volume in volumes if volume.split == split]
        _write_csv(
            dataset / "radiology_text_reports" / f"{long}_reports.csv",
            ["VolumeName", "ClinicalInformation_EN", "Technique_EN", "Findings_EN", "Impressions_EN"],
            [[f"{v.name}.nii.gz", "", "", v.findings, v.impressions] for v in own],
        )
        _write_csv(
            dataset / "multi_abnormality_labels" / f"{split}_predicted_labels.csv",
            ["VolumeName", *CT_RATE_DISEASES],
            [[f"{v.name}.nii.gz", *(int(disease in v.diseases) for disease in CT_RATE_DISEASES)] for v in own],
        )
        _write_csv(
            dataset / "metadata" / f"{long}_metadata.csv",
            ["VolumeName", "RescaleIntercept", "RescaleSlope", "XYSpacing", "ZSpacing"],
            [[f"{v.name}.nii.gz", INTERCEPT, 1, f"[{x}, {y}]", z] for v in own],
        )


def _write_nifti(path: Path, volume: CTVolume, noise_seed: int | None, intercept: int) -> None:
    hu = volume.hu.astype(np.int16)
    if noise_seed is not None:  # another kernel
        noise = np.random.default_rng(noise_seed).normal(0, 20, hu.shape)
        hu = np.clip(hu + noise, -1000, 3000).astype(np.int16)
    # As scanners store it: columns to the left, rows to the back.
    array = (hu - np.int16(intercept)).transpose()[::-1, ::-1]
    affine = volume.geometry.affine.copy()
    affine[:3, 3] += affine[:3, :2] @ (np.array(volume.hu.shape[:0:-1]) - 1)
    affine[:3, :2] *= -1
    partial = path.with_name(f".partial-{path.name}")
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(array), affine), partial)
    os.replace(partial, path)


def _snippets(
    scan: PhantomScan, series: ExportedSeries, rng: np.random.Generator, language: Language
) -> list[dict[str, object]]:
    """Return findings by image number, those of some height by their extent, and some landmarks."""
    landmarks = [target for target in scan.targets if not target.is_finding and target.visible_fraction >= _MIN_VISIBLE]
    chosen = [target for target in scan.findings if target.visible_fraction >= _MIN_VISIBLE]
    chosen += [landmarks[i] for i in rng.permutation(len(landmarks))[:8]]
    snippets: list[dict[str, object]] = []
    for target in chosen:
        sentence = sentence_about(target, language=language, family="train", rng=rng)
        if target.z_hi_mm - target.z_lo_mm > 60:
            snippets.append({"sentences": [sentence], "z_mm": [target.z_lo_mm, target.z_hi_mm]})
        else:
            snippets.append({"sentences": [sentence], "image": series.image_at(target.z_mm)})
    return snippets


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    os.replace(partial, path)


def _write_text(path: Path, text: str) -> None:
    partial = path.with_name(f".partial-{path.name}")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
