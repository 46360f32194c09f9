"""How fast reports are read: ``python -m tests.benchmarks.report_references [NUM]``.

Reports are generated: findings with references and denials, in both languages, about as long as real ones (1,300 characters).
They are read by one process, and by two at once, as the miner does.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from napari_ct_grounding.core.references import find_references
from napari_ct_grounding.core.report import split_report
from napari_ct_grounding.phantom.catalogue import FINDINGS, LANDMARKS
from napari_ct_grounding.phantom.lexicon import Language
from napari_ct_grounding.phantom.report import reference_phrase, write_report
from tests.benchmarks.measure import report

NUM_REPORTS = 1000
NUM_PROCESSES = 2
_NUM_FINDINGS, _NUM_LANDMARKS = 10, 40


@dataclass(frozen=True)
class Target:
    """What a report must know of a target."""

    name: str
    visible_fraction: float = 1.0
    size_mm: float | None = 12.0


def generated_reports(num: int) -> list[str]:
    """Return reports, every second in German."""
    findings = [
        f"{kind}@{place}" if place else kind for kind, own in FINDINGS.items() for place in (own.places or ("",))
    ]
    landmarks = list(LANDMARKS)
    texts = []
    for number in range(num):
        rng = np.random.default_rng([number, 0xBE])
        language: Language = "de" if number % 2 else "en"
        names = [findings[i] for i in rng.permutation(len(findings))[:_NUM_FINDINGS]]
        names += [landmarks[i] for i in rng.permutation(len(landmarks))[:_NUM_LANDMARKS]]

        def refer(_: object, language: Language = language, rng: np.random.Generator = rng) -> str:
            return reference_phrase(int(rng.integers(2, 9)), int(rng.integers(1, 400)), language, rng)

        texts.append(write_report([Target(name) for name in names], (), rng, language, refer=refer))
    return texts


def read_reports(texts: Sequence[str]) -> tuple[int, int]:
    """Return how many references and sentences were found."""
    return sum(len(find_references(text)) for text in texts), sum(len(split_report(text)) for text in texts)


def main() -> None:
    num = int(sys.argv[1]) if len(sys.argv) > 1 else NUM_REPORTS
    texts = generated_reports(num)
    read_reports(texts[:20])
    start, cpu = time.perf_counter(), time.process_time()
    num_references, num_sentences = read_reports(texts)
    one_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu
    with ProcessPoolExecutor(NUM_PROCESSES, mp_context=get_context("spawn")) as pool:
        list(pool.map(read_reports, [texts[:20]] * (4 * NUM_PROCESSES)))  # the processes are up
        start = time.perf_counter()
        list(pool.map(read_reports, [texts[part::8] for part in range(8)]))
        two_s = time.perf_counter() - start
    report(
        per_minute_one=num / one_s * 60,
        per_minute_two=num / two_s * 60,
        cpu_ms=cpu_s / num * 1e3,
        characters=sum(map(len, texts)) / num,
        references=num_references / num,
        sentences=num_sentences / num,
    )


if __name__ == "__main__":
    main()
