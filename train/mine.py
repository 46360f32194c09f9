"""Mine sentence-slice pairs: reports that say "series 4, image 38", and the studies that they are about.

::

    python -m train mine --reports reports.csv --studies dicom/ --out mined/

writes ``pairs.parquet`` (a line for each sentence and image), ``refused.parquet`` (each reference that gave no pair, and why) and
``summary.json``. Reports are done in portions, each kept as soon as it is done: the same command goes on where it was stopped. Of
DICOM only headers are read.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from napari_ct_grounding.core.provenance import this_program
from train.data.mining import mine_report
from train.data.mining_sources import MinedReport, Studies, read_reports

__all__ = ["MiningSummary", "mine"]

#: Reports done and kept at once.
PORTION = 20
_PARTS = ".parts"
_PROVENANCE = [("rule", pa.string()), ("start", pa.int64()), ("end", pa.int64())]
_PAIRS = pa.schema(
    [
        *((name, pa.string()) for name in ("report_id", "study", "sentence", "text", "section")),
        *((name, pa.bool_()) for name in ("is_negated", "is_uncertain")),
        *((name, pa.string()) for name in ("volume", "series_key")),
        *((name, pa.int64()) for name in ("series_number", "image_number")),
        *((name, pa.string()) for name in ("sop_instance_uid", "frame_of_reference")),
        ("slice", pa.int64()),
        *((name, pa.float64()) for name in ("z_mm", "z_lo_mm", "z_hi_mm")),
        ("num_images", pa.int64()),
        *_PROVENANCE,
    ]
)
_REFUSED = pa.schema(
    [
        *((name, pa.string()) for name in ("report_id", "study", "text")),
        ("series_number", pa.int64()),
        ("images", pa.list_(pa.int64())),
        *((name, pa.string()) for name in ("cause", "reason")),
        ("num_candidates", pa.int64()),
        *_PROVENANCE,
    ]
)


@dataclass(frozen=True)
class MiningSummary:
    """What came out: counts of reports, of references, of pairs, and of refused references by cause."""

    num_reports: int
    num_reports_with_references: int
    num_references: int
    num_pairs: int
    refused: dict[str, int]


def mine(reports: Path, studies: Path, out: Path, num_workers: int = 1, portion: int = PORTION) -> MiningSummary:
    """Mine all reports and return what came out; the tables are whole when this returns.

    Parameters
    ----------
    reports : Path
        See `train.data.mining_sources.read_reports`.
    studies : Path
        See `train.data.mining_sources.Studies`.
    out : Path
        Folder; tables of an earlier run are replaced at the end.
    num_workers : int
        Processes.
    portion : int
        Reports kept at once.

    Raises
    ------
    InputError
        When reports or studies cannot be used.
    """
    todo = read_reports(reports)
    Studies(studies)  # refuses what is no folder before any process starts
    parts = out / _PARTS
    parts.mkdir(parents=True, exist_ok=True)
    jobs = [_Job(studies, parts, todo[low : low + portion]) for low in range(0, len(todo), portion)]
    with tqdm(total=len(todo), unit="report", desc="mining") as bar:
        waiting = []
        for job in jobs:
            if job.is_done:
                bar.update(len(job.reports))
            else:
                waiting.append(job)
        if num_workers == 1 or len(waiting) < 2:
            for job in waiting:
                bar.update(_run(job))
        else:
            with ProcessPoolExecutor(num_workers, mp_context=get_context("spawn")) as pool:
                for done in as_completed([pool.submit(_run, job) for job in waiting]):
                    bar.update(done.result())
    summary = _collect(jobs, out)
    shutil.rmtree(parts)
    return summary


@dataclass(frozen=True)
class _Job:
    """Some reports, and the folder that their part goes to; its name tells what it was made of."""

    studies: Path
    parts: Path
    reports: Sequence[MinedReport]

    @property
    def path(self) -> Path:
        made_of = [str(self.studies.resolve()), asdict(this_program()), [asdict(report) for report in self.reports]]
        digest = hashlib.blake2b(json.dumps(made_of).encode(), digest_size=16).hexdigest()
        return self.parts / digest

    @property
    def is_done(self) -> bool:
        return self.path.is_dir()


def _run(job: _Job) -> int:
    """Mine some reports, keep the outcome, return how many they were."""
    studies = Studies(job.studies)
    pairs: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    counts = Counter(reports=len(job.reports))
    for report in job.reports:
        found, not_found = mine_report(report, studies.tables_of(report.study))
        spans = {(pair.start, pair.end) for pair in found} | {(entry.start, entry.end) for entry in not_found}
        counts.update(with_references=bool(spans), references=len(spans))
        pairs += map(asdict, found)
        refused += map(asdict, not_found)
    # The folder gets its name when all of it is written.
    partial = Path(tempfile.mkdtemp(dir=job.parts))
    pq.write_table(pa.Table.from_pylist(pairs, _PAIRS), partial / "pairs.parquet")
    pq.write_table(pa.Table.from_pylist(refused, _REFUSED), partial / "refused.parquet")
    (partial / "counts.json").write_text(json.dumps(counts), encoding="utf-8")
    partial.rename(job.path)
    return len(job.reports)


def _collect(jobs: Sequence[_Job], out: Path) -> MiningSummary:
    """Join the parts in the order of the reports."""
    folders = [job.path for job in jobs]
    tables = {}
    for name in ("pairs", "refused"):
        tables[name] = pa.concat_tables([pq.read_table(folder / f"{name}.parquet") for folder in folders])
        partial = out / f".partial-{name}.parquet"
        pq.write_table(tables[name], partial)
        partial.replace(out / f"{name}.parquet")
    counts: Counter[str] = Counter()
    for folder in folders:
        counts.update(json.loads((folder / "counts.json").read_text(encoding="utf-8")))
    causes = Counter(tables["refused"]["cause"].to_pylist())
    summary = MiningSummary(
        num_reports=counts["reports"],
        num_reports_with_references=counts["with_references"],
        num_references=counts["references"],
        num_pairs=tables["pairs"].num_rows,
        refused=dict(sorted(causes.items())),
    )
    partial = out / ".partial-summary.json"
    partial.write_text(json.dumps(asdict(summary) | {"program": asdict(this_program())}, indent=2), encoding="utf-8")
    partial.replace(out / "summary.json")
    return summary
