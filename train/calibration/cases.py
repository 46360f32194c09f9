"""Scans and questions to calibrate on: generated phantoms, or a hospital's own list of sentences with known places.

Three kinds of question: *located* (the place is in the scan and known), *outside* (the sentence names something that this scan
does not hold) and *placeless* (the sentence names nothing: "Comparison: none."). Own lists seldom hold the last two. Placeless
sentences are taken from a bank; for outside ones a located question is asked once more of the longer part of its scan that
ends 40 mm before the place.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.localization_results import LocalizationCase
from napari_ct_grounding.inference.batch import placed_truth
from napari_ct_grounding.inference.case_list import CaseList
from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.phantom.catalogue import LANDMARKS
from napari_ct_grounding.phantom.sentences import sentence_about, sentence_for
from napari_ct_grounding.readers import read_volume
from train.data.batches import MIN_VISIBLE_FRACTION
from train.data.text import draw_language
from train.evaluate import EncodedPhantom

__all__ = [
    "KINDS",
    "NO_LOCATION",
    "CalibrationSet",
    "EncodedScan",
    "Question",
    "own_cases",
    "phantom_cases",
    "placeless_sentences",
]

KINDS = ("located", "outside", "placeless")

#: Category by which an own list marks a sentence that the scan holds no place for.
NO_LOCATION = "no location"

#: Of each scan; findings come on top.
_NUM_LANDMARKS, _NUM_OUTSIDE, _NUM_PLACELESS = 20, 12, 8
_GERMAN_SHARE = 0.35

#: A part of a scan must keep away from the place that it is said not to hold, and be long enough to be a scan.
_AWAY_MM, _MIN_PART_MM = 40.0, 120.0

#: Absent, but not because of the scan's range: not every person has them.
_NOT_IN_EVERYBODY = ("prostate", "uterus", "breast", "ovar", "testi", "seminal", "gallbladder")


@dataclass(frozen=True, eq=False)
class EncodedScan:
    """What calibration needs of a scan; shapes as in `ImageEmbeddings`."""

    depth: NDArray[np.float32]
    depths_mm: NDArray[np.float64]
    is_valid: NDArray[np.bool_]
    depth_width_mm: float
    covered_mm: tuple[float, float]
    disease: NDArray[np.float32]

    def part(self, low_mm: float, high_mm: float) -> EncodedScan:
        """The positions whose centres lie between two heights, as if no more had been scanned."""
        kept = self.is_valid & (self.depths_mm >= low_mm) & (self.depths_mm <= high_mm)
        covered = max(self.covered_mm[0], low_mm), min(self.covered_mm[1], high_mm)
        return replace(self, is_valid=kept, covered_mm=covered)


@dataclass(frozen=True)
class Question:
    """A sentence asked of a scan.

    Parameters
    ----------
    scan : int
        Index of the scan.
    sentence : str
    kind : str
        One of `KINDS`.
    z_mm : float
        Middle of the true place; NaN unless located.
    group : int
        What is never split between fitting and checking: the patient's scan, also where `scan` is a part of it.
    """

    scan: int
    sentence: str
    kind: str
    z_mm: float
    group: int


@dataclass(frozen=True, eq=False)
class CalibrationSet:
    """Scans and the questions asked of them.

    Parameters
    ----------
    scans : sequence of EncodedScan
        The first `num_whole` are whole scans, the others parts of them.
    questions : sequence of Question
    num_whole : int
    source : str
        In words, for the card.
    """

    scans: Sequence[EncodedScan]
    questions: Sequence[Question]
    num_whole: int
    source: str

    def of_kind(self, kind: str) -> list[Question]:
        """The questions of one kind."""
        return [question for question in self.questions if question.kind == kind]


def placeless_sentences() -> list[str]:
    """Return sentences, English and German, that point at no slice."""
    with (Path(__file__).parent / "placeless_sentences.toml").open("rb") as file:
        bank = tomllib.load(file)
    return [*bank["en"], *bank["de"]]


def phantom_cases(encoded: Sequence[EncodedPhantom], seed: int = 0) -> CalibrationSet:
    """Return held-out wordings about phantoms: what they show, landmarks beyond their ends, sentences about nothing."""
    bank = placeless_sentences()
    scans, questions = [], []
    for index, item in enumerate(encoded):
        z_mm = np.array(item.phantom.z_mm)
        width = float(z_mm[1] - z_mm[0])
        covered = (float(z_mm[0] - width / 2), float(z_mm[-1] + width / 2))
        scans.append(EncodedScan(item.depth, z_mm, np.ones(len(z_mm), bool), width, covered, item.disease))
        rng = np.random.default_rng([seed, item.phantom.seed])
        seen = [target for target in item.phantom.targets if target.visible_fraction >= MIN_VISIBLE_FRACTION]
        landmarks = [target for target in seen if not target.is_finding]
        chosen = [landmarks[i] for i in rng.permutation(len(landmarks))[:_NUM_LANDMARKS]]
        for target in [*chosen, *(target for target in seen if target.is_finding)]:
            sentence = sentence_about(target, language=draw_language(_GERMAN_SHARE, rng), family="test", rng=rng)
            questions.append(Question(index, sentence, "located", target.z_mm, index))
        names = {target.name for target in item.phantom.targets}
        absent = [name for name in LANDMARKS if name not in names and not name.startswith(_NOT_IN_EVERYBODY)]
        for place in rng.permutation(len(absent))[:_NUM_OUTSIDE]:
            language = draw_language(_GERMAN_SHARE, rng)
            sentence = sentence_for(absent[place], language=language, family="test", rng=rng)
            questions.append(Question(index, sentence, "outside", np.nan, index))
        questions += _placeless(index, bank, rng)
    return CalibrationSet(scans, questions, len(scans), f"{len(scans)} phantoms")


def own_cases(
    session: GroundingSession,
    cases: CaseList,
    seed: int = 0,
    on_scan: Callable[[int, int], None] | None = None,
) -> CalibrationSet:
    """Return the cases of a list, encoded by a session (whose cache makes a second call short).

    A sentence with a truth is located; one of category "no location" names nothing that the scan holds; others are not used.

    Raises
    ------
    InputError
        When a scan cannot be read, or no sentence has a truth.
    """
    bank, rng = placeless_sentences(), np.random.default_rng(seed)
    scans: list[EncodedScan] = []
    questions: list[Question] = []
    grouped = list(_by_scan(cases.cases))
    for number, of_scan in enumerate(grouped):
        if on_scan is not None:
            on_scan(number, len(grouped))
        first = of_scan[0]
        volume = read_volume(cases.folder / first.scan, first.series, frame=first.frame)
        seen = session.encode(volume).embeddings
        scans.append(
            EncodedScan(seen.depth, seen.depths_mm, seen.is_valid, seen.depth_width_mm, seen.covered_mm, seen.disease)
        )
        for case in of_scan:
            truth = placed_truth(case.truth, volume)
            if truth is not None and truth.z_lo_mm is not None and truth.z_hi_mm is not None:
                middle = (truth.z_lo_mm + truth.z_hi_mm) / 2
                questions.append(Question(number, case.sentence, "located", middle, number))
            elif case.category == NO_LOCATION:
                questions.append(Question(number, case.sentence, "outside", np.nan, number))
        questions += _placeless(number, bank, rng)
    if on_scan is not None:
        on_scan(len(grouped), len(grouped))
    if not any(question.kind == "located" for question in questions):
        raise InputError(
            "No sentence of the list has a place. Give z_mm, z_lo_mm and z_hi_mm, or image_number for some."
        )
    parts, outside = _parts_without(scans, questions)
    return CalibrationSet(
        [*scans, *parts], [*questions, *outside], len(scans), f"{len(scans)} scans of {cases.folder.name}"
    )


def _parts_without(
    scans: Sequence[EncodedScan], questions: Sequence[Question]
) -> tuple[list[EncodedScan], list[Question]]:
    """For each located question the longer part of the scan that ends before its place, asked the same."""
    parts: list[EncodedScan] = []
    outside = []
    for question in questions:
        if question.kind != "located":
            continue
        scan = scans[question.scan]
        low, high = scan.covered_mm
        ranges = (low, question.z_mm - _AWAY_MM), (question.z_mm + _AWAY_MM, high)
        start, end = max(ranges, key=lambda part: part[1] - part[0])
        part = scan.part(start, end)
        if end - start >= _MIN_PART_MM and part.is_valid.sum() > 1:
            outside.append(Question(len(scans) + len(parts), question.sentence, "outside", np.nan, question.group))
            parts.append(part)
    return parts, outside


def _placeless(scan: int, bank: Sequence[str], rng: np.random.Generator) -> list[Question]:
    chosen = rng.permutation(len(bank))[:_NUM_PLACELESS]
    return [Question(scan, bank[i], "placeless", np.nan, scan) for i in chosen]


def _by_scan(cases: Sequence[LocalizationCase]) -> Iterator[list[LocalizationCase]]:
    groups: dict[tuple[str, str | None, int | None], list[LocalizationCase]] = {}
    for case in cases:
        groups.setdefault((case.scan, case.series, case.frame), []).append(case)
    yield from groups.values()
