"""How well mining does, where the truth is known: ``python -m train.mining_study --out runs/mining_study``.

Phantoms are exported as DICOM studies with reports that name images of their findings, in forms of this module's own; the parser
was not written from them. A third of the reports' references must be refused: they point into earlier studies, at series and
images that do not exist. Other sentences only look like references. What is mined is held against what was written: the place in
the report, the images, and the height, which is known from the phantom and not from a header.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from tqdm import tqdm

from napari_ct_grounding.phantom.dicom_export import ExportedStudy, export_study
from napari_ct_grounding.phantom.lexicon import Language
from napari_ct_grounding.phantom.report import write_report
from napari_ct_grounding.phantom.scan import generate_scan
from train.mine import mine

__all__ = ["MiningFigures", "TrueReference", "judge", "table_of", "write_studies"]

#: Few pixels: headers decide here, not pictures.
SPACING_MM = (5.0, 16.0, 16.0)
THICK_MM = 10.0
#: Every so many-th report is wrapped at this many columns, so that references run over the ends of lines.
_WRAPPED_EVERY, _COLUMNS = 3, 80
#: Phantoms that nothing else uses.
SEED0 = 9_000_000
_MARK = re.compile(r"⟦(\d+)⟧")
#: {s} series, {i} image, {j} the second image, {n} number of images of the series.
_FORMS = {
    "en": (
        "(series {s}, image {i})", "(image {i} of series {s})", "(Se {s} Im {i})", "(axial series {s}, image {i})",
        "(series {s}, IMA {i})", "on series {s}, slice {i}", "(series {s}, images {i}-{j})",
        "(images {i} through {j} of series {s})", "({s}:{i})", "({s}/{i})", "(see {s}:{i})", "[ser. {s}, img. {i}]",
        "(series {s}, image {i}/{n})", "(series no. {s}, image no. {i})", "(#{s}, image #{i})",
        "(series {s}, images {i} and {j})",
    ),
    "de": (
        "(Serie {s}, Bild {i})", "(Bild {i} der Serie {s})", "(Se. {s}, Im. {i})", "(axiale Serie {s}, Bild {i})",
        "(Serie {s}, IMA {i})", "in Serie {s}, Schicht {i}", "(Serie {s}, Bilder {i}-{j})",
        "(Bilder {i} bis {j} der Serie {s})", "({s}:{i})", "({s}/{i})", "(s. {s}:{i})", "[Ser. {s}, Bild {i}]",
        "(Serie {s}, Bild {i}/{n})", "(Serie Nr. {s}, Bild Nr. {i})", "(S {s}, B {i})", "(Serie {s}, Bilder {i} und {j})",
    ),
}  # fmt: skip
_PRIOR = {
    "en": ("On the prior CT (series {s}, image {i}) it was smaller.", "This was previously seen on series {s}, image {i}.",
           "It is known from image {i} of series {s} of the previous study."),
    "de": ("In der Voruntersuchung (Serie {s}, Bild {i}) war dies kleiner.", "Dies war zuvor auf Serie {s}, Bild {i} zu sehen.",
           "Bekannt von Bild {i} der Serie {s} der Voruntersuchung."),
}  # fmt: skip
_MISSING = {
    "en": (
        "A small cyst is also noted (series 77, image {i}).",
        "There is a further nodule on series {s}, image 4321.",
    ),
    "de": ("Außerdem eine kleine Zyste (Serie 77, Bild {i}).", "Ein weiterer Rundherd in Serie {s}, Bild 4321."),
}
_TRAPS = {
    "en": (
        "Compared with the CT of 03/14/2021.", "The ward was informed at 4:38 pm.", "Degenerative change at L4/5.",
        "Steatosis grade 2/3.", "Slice thickness 3 mm, 64 slices.", "Lung-RADS 4.", "The ratio of artery to aorta is 1:1.",
        "Images 70 seconds after contrast.", "Nodes 2/14 were positive at surgery.", "Image quality 4 of 5.",
        "Lesions of 12 x 9 mm and 2/3 of the lobe.",
    ),
    "de": (
        "Vergleich mit der CT vom 14.03.2021.", "Die Station wurde um 4:38 Uhr informiert.", "Degeneration LWK 4/5.",
        "Steatose Grad 2/3.", "Schichtdicke 3 mm, 64 Zeilen.", "Im 4. Interkostalraum eine Narbe.",
        "Das Verhältnis zur Aorta beträgt 1:1.", "Bilder 70 Sekunden nach Kontrastmittel.", "Lymphknoten 2/14 befallen.",
        "Bildqualität 4 von 5.", "Herde von 12 x 9 mm, 2/3 des Lappens.",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class TrueReference:
    """A reference as written: its place in the report, what it means, and whether it must be refused.

    `z_mm` are the heights of the images; `target_mm` is the extent of the finding.
    """

    start: int
    end: int
    series: int
    images: tuple[int, ...]
    z_mm: tuple[float, ...]
    target_mm: tuple[float, float]
    is_refused: bool


@dataclass(frozen=True)
class MiningFigures:
    """What mining gave against what was written.

    Parameters
    ----------
    num_studies, num_references, num_to_refuse, num_traps : int
        Written.
    num_mined, num_right : int
        References mined; those that were written there and mean these images, and must not be refused.
    precision, recall : float
        Right of the mined; right of those that must not be refused.
    num_refused_rightly : int
        Of `num_to_refuse`.
    z_error_mm_mean, z_error_mm_max : float
        Mined height against the height of the image written, over the right ones.
    off_target_mm_median, within_12_mm : float
        Mined height to the nearest edge of the finding's extent (0 inside), and the share within 12 mm.
    """

    num_studies: int
    num_references: int
    num_to_refuse: int
    num_traps: int
    num_mined: int
    num_right: int
    precision: float
    recall: float
    num_refused_rightly: int
    z_error_mm_mean: float
    z_error_mm_max: float
    off_target_mm_median: float
    within_12_mm: float


def write_studies(
    out: Path, seeds: Iterable[int], spacing_mm: tuple[float, float, float] = SPACING_MM, num_workers: int = 1
) -> Path:
    """Write studies, reports and truth; what is there already stays. Return the folder of the reports."""
    for name in ("studies", "reports", "truth"):
        (out / name).mkdir(parents=True, exist_ok=True)
    jobs = [(out, seed, spacing_mm) for seed in seeds]
    if num_workers == 1:
        for job in tqdm(jobs, desc="studies"):
            _write_study(*job)
    else:
        with ProcessPoolExecutor(num_workers, mp_context=get_context("spawn")) as pool:
            list(tqdm(pool.map(_write_study, *zip(*jobs, strict=True), chunksize=4), total=len(jobs), desc="studies"))
    return out / "reports"


def _write_study(out: Path, seed: int, spacing_mm: tuple[float, float, float]) -> None:
    name = f"study{seed}"
    truth_file = out / "truth" / f"{name}.json"
    if truth_file.is_file():
        return
    folder = out / "studies" / name
    if folder.is_dir():
        shutil.rmtree(folder)  # half written by a process that was killed
    scan = generate_scan(seed, spacing_mm=spacing_mm)
    study = export_study(scan, folder, seed=seed, thick_mm=THICK_MM)
    rng = np.random.default_rng([seed, 0x313E])
    language: Language = "de" if seed % 2 else "en"
    told: list[tuple[str, dict[str, Any]]] = []

    def refer(target: Any) -> str:
        return _told(told, *_reference(study, (target.z_lo_mm, target.z_hi_mm), language, rng))

    report = write_report(scan.targets, scan.diseases, rng, language, refer=refer)
    findings, _, impression = report.partition("\n")
    sentences = re.split(r"(?<=[.])\s(?=[A-ZÄÖÜ])", findings.removeprefix("Findings:").strip())
    extra = [
        _told_within(told, study, form, language, rng) for form in _some(_PRIOR[language] + _MISSING[language], 3, rng)
    ]
    traps = _some(_TRAPS[language], 3, rng)
    for sentence in (*extra, *traps):
        sentences.insert(int(rng.integers(1, len(sentences) + 1)), sentence)
    heads = ("Befund", "Beurteilung") if language == "de" else ("Findings", "Impression")
    text = f"{heads[0]}:\n{' '.join(sentences)}\n\n{heads[1]}:\n{impression.removeprefix('Impressions:').strip()}\n"
    text, truth = _written(text, told)
    text = _wrapped(text) if seed % _WRAPPED_EVERY == 0 else text
    (out / "reports" / f"{name}.txt").write_text(text, encoding="utf-8")
    content = {"num_traps": len(traps), "references": [asdict(entry) for entry in truth]}
    truth_file.write_text(json.dumps(content), encoding="utf-8")  # last: now it is whole


def _some(items: Sequence[str], num: int, rng: np.random.Generator) -> list[str]:
    return [items[int(place)] for place in rng.permutation(len(items))[:num]]


def _reference(
    study: ExportedStudy, target_mm: tuple[float, float], language: Language, rng: np.random.Generator
) -> tuple[str, dict[str, Any]]:
    """Return words for an image of a target, and their truth."""
    series = study.series[int(rng.integers(len(study.series)))]
    place = int(np.argmin(np.abs(np.array(series.z_mm) - sum(target_mm) / 2)))
    image = series.image_numbers[place]
    last = min(image + int(rng.integers(1, 5)), max(series.image_numbers))
    forms = _FORMS[language]
    # A position as displayed may only be written where it is the image number.
    is_counted = min(series.image_numbers) == 1
    form = forms[int(rng.integers(len(forms)))]
    while (last == image and "{j}" in form) or ("{n}" in form and not is_counted):
        form = forms[int(rng.integers(len(forms)))]
    is_range = "{j}" in form and not re.search(r"\b(?:and|und)\b", form)
    images = range(image, last + 1) if is_range else [image, last] if "{j}" in form else [image]
    heights = dict(zip(series.image_numbers, series.z_mm, strict=True))
    words = form.format(s=series.number, i=image, j=last, n=len(series.image_numbers))
    truth = {
        "series": series.number,
        "images": tuple(images),
        "z_mm": tuple(float(heights[number]) for number in images),
        "target_mm": target_mm,
        "is_refused": False,
    }
    return words, truth


def _told(told: list[tuple[str, dict[str, Any]]], words: str, truth: dict[str, Any]) -> str:
    """Keep words for later, so that their place in the finished report is known; return the mark that stands for them."""
    told.append((words, truth))
    return f"⟦{len(told) - 1}⟧"


def _told_within(
    told: list[tuple[str, dict[str, Any]]],
    study: ExportedStudy,
    form: str,
    language: Language,
    rng: np.random.Generator,
) -> str:
    """Return a sentence with a reference that must be refused."""
    series = study.series[int(rng.integers(len(study.series)))]
    image = series.image_numbers[int(rng.integers(len(series.image_numbers)))]
    sentence = form.format(s=series.number, i=image)
    truth = {"series": 0, "images": (), "z_mm": (), "target_mm": (0.0, 0.0), "is_refused": True}
    return _told(told, sentence, truth)


def _written(text: str, told: Sequence[tuple[str, dict[str, Any]]]) -> tuple[str, list[TrueReference]]:
    """Put the words in place of their marks."""
    truth, parts, place, length = [], [], 0, 0
    for mark in _MARK.finditer(text):
        words, facts = told[int(mark[1])]
        parts += [text[place : mark.start()], words]
        length += mark.start() - place
        truth.append(TrueReference(start=length, end=length + len(words), **facts))
        length += len(words)
        place = mark.end()
    return "".join([*parts, text[place:]]), truth


def _wrapped(text: str) -> str:
    """Break lines at spaces; every character keeps its place."""
    characters = list(text)
    start = space = 0
    for place, character in enumerate(text):
        if character == "\n":
            start = place + 1
        elif character == " ":
            space = place
        if place - start >= _COLUMNS and space > start:
            characters[space] = "\n"
            start = space + 1
    return "".join(characters)


def judge(out: Path, mined: Path) -> MiningFigures:
    """Hold the tables in `mined` against the truth in `out`."""
    pairs = pq.read_table(mined / "pairs.parquet").to_pylist()
    refused = pq.read_table(mined / "refused.parquet").to_pylist()
    by_report: dict[str, dict[tuple[int, int], list[dict[str, Any]]]] = {}
    for pair in pairs:
        by_report.setdefault(pair["report_id"], {}).setdefault((pair["start"], pair["end"]), []).append(pair)
    spans_refused: dict[str, list[tuple[int, int]]] = {}
    for entry in refused:
        spans_refused.setdefault(entry["report_id"], []).append((entry["start"], entry["end"]))
    num_mined = num_right = num_references = num_to_refuse = num_rightly = num_traps = num_studies = 0
    errors: list[float] = []
    off_target: list[float] = []
    for file in sorted((out / "truth").glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        truth = [TrueReference(**entry) for entry in content["references"]]
        num_studies += 1
        num_traps += content["num_traps"]
        num_references += sum(not entry.is_refused for entry in truth)
        num_to_refuse += sum(entry.is_refused for entry in truth)
        mined_here = by_report.get(file.stem, {})
        num_mined += len(mined_here)
        for entry in truth:
            if entry.is_refused:
                overlaps = any(entry.start <= start < entry.end for start, _ in spans_refused.get(file.stem, []))
                num_rightly += overlaps and not any(entry.start <= start < entry.end for start, _ in mined_here)
                continue
            found = next(
                (own for (start, end), own in mined_here.items() if entry.start <= start and end <= entry.end), None
            )
            if found is None or [(p["series_number"], p["image_number"]) for p in found] != [
                (entry.series, number) for number in entry.images
            ]:
                continue
            num_right += 1
            errors += [abs(pair["z_mm"] - z) for pair, z in zip(found, entry.z_mm, strict=True)]
            low, high = entry.target_mm
            off_target.append(max(low - found[0]["z_mm"], found[0]["z_mm"] - high, 0.0))
    return MiningFigures(
        num_studies=num_studies,
        num_references=num_references,
        num_to_refuse=num_to_refuse,
        num_traps=num_traps,
        num_mined=num_mined,
        num_right=num_right,
        precision=num_right / num_mined if num_mined else float("nan"),
        recall=num_right / num_references if num_references else float("nan"),
        num_refused_rightly=num_rightly,
        z_error_mm_mean=float(np.mean(errors)) if errors else float("nan"),
        z_error_mm_max=float(np.max(errors)) if errors else float("nan"),
        off_target_mm_median=float(np.median(off_target)) if off_target else float("nan"),
        within_12_mm=float(np.mean(np.array(off_target) <= 12.0)) if off_target else float("nan"),
    )


def table_of(figures: MiningFigures) -> str:
    """Return the figures as a table in Markdown."""
    rows = [
        ("studies", f"{figures.num_studies}"),
        ("references written that can be resolved", f"{figures.num_references}"),
        ("references written that must be refused", f"{figures.num_to_refuse}"),
        ("sentences that only look like references", f"{figures.num_traps}"),
        ("references mined", f"{figures.num_mined}"),
        ("precision (place in the report, series and images right)", f"{figures.precision:.2%}"),
        ("recall", f"{figures.recall:.2%}"),
        ("refused as they must be", f"{figures.num_refused_rightly} of {figures.num_to_refuse}"),
        (
            "z error against the image written, mean / largest",
            f"{figures.z_error_mm_mean:.4f} / {figures.z_error_mm_max:.4f} mm",
        ),
        ("distance to the finding's extent, median", f"{figures.off_target_mm_median:.2f} mm"),
        ("within 12 mm of it", f"{figures.within_12_mm:.2%}"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m train.mining_study", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for studies, reports, truth and tables")
    parser.add_argument("--num", type=int, default=200, help="number of phantoms (default 200)")
    parser.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    arguments = parser.parse_args()
    seeds = range(SEED0, SEED0 + arguments.num)
    reports = write_studies(arguments.out, seeds, num_workers=arguments.workers)
    mine(reports, arguments.out / "studies", arguments.out / "mined", arguments.workers)
    print(table_of(judge(arguments.out, arguments.out / "mined")))


if __name__ == "__main__":
    main()
