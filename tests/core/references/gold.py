"""The gold set of references: sentences written by hand before the parser was, and how a parser is counted on it."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from napari_ct_grounding.core.references import ImageReference, find_references

GOLD = Path(__file__).parents[2] / "data" / "image_references_gold.toml"


@dataclass(frozen=True)
class Sentence:
    part: str
    text: str
    references: tuple[str, ...]
    known: dict[int, int] | None


def gold() -> list[Sentence]:
    groups = tomllib.loads(GOLD.read_text(encoding="utf-8"))["group"]
    return [
        Sentence(
            group["part"],
            text,
            tuple(references),
            {int(series): count for series, count in group["known"].items()} if "known" in group else None,
        )
        for group in groups
        for text, *references in group["sentences"]
    ]


def written(reference: ImageReference) -> str:
    """The reference in the notation of the gold set."""
    runs: list[list[int]] = []
    for image in reference.images:
        if reference.is_range and runs and image == runs[-1][-1] + 1:
            runs[-1].append(image)
        else:
            runs.append([image])
    images = ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    total = f"/{reference.num_displayed}" if reference.num_displayed else ""
    series = "-" if reference.series is None else reference.series
    return f"{'prior ' if reference.is_prior else ''}{series}:{images}{total}"


def counted(part: str) -> Counter[str]:
    """How many references of a part are found ("right"), found and not there ("wrong"), there and not found ("missed")."""
    counts: Counter[str] = Counter()
    for sentence in gold():
        if sentence.part == part:
            found = Counter(written(reference) for reference in find_references(sentence.text, sentence.known))
            wanted = Counter(sentence.references)
            right = (found & wanted).total()
            counts.update(right=right, wrong=found.total() - right, missed=wanted.total() - right)
    return counts
