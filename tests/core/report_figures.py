"""The figures of docs/mining.md on references and sentences: ``python -m tests.core.report_figures``."""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from napari_ct_grounding.core.report import split_report
from napari_ct_grounding.phantom.catalogue import FINDINGS
from napari_ct_grounding.phantom.lexicon import Family, Language, Split, read_words
from napari_ct_grounding.phantom.statements import statement_for, unlocatable_statement
from tests.core.references.gold import counted

REPORTS = Path(__file__).parents[1] / "data" / "report_sentences_gold.toml"
MARKS = {"n": "is_negated", "o": "is_normal", "u": "is_uncertain", "p": "is_prior", "l": "is_localizable"}
NUM_SENTENCES = 400


def of_reports() -> dict[str, Counter[str]]:
    """Counts by mark on the hand-written reports, and of sentences cut and put under their heading as written."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for report in tomllib.loads(REPORTS.read_text(encoding="utf-8"))["report"]:
        found = {sentence.text: sentence for sentence in split_report(report["text"])}
        wanted = {
            text: (name, marks) for name, lines in report.items() if isinstance(lines, list) for text, marks in lines
        }
        for text, (section, marks) in wanted.items():
            sentence = found.get(text)
            is_right = sentence is not None and sentence.section == section
            counts["cut, and under its heading"].update(right=is_right, missed=not is_right)
            for mark, name in MARKS.items():
                _count(counts[name], mark in marks, sentence is not None and getattr(sentence, name))
        counts["cut, and under its heading"]["wrong"] += len(found.keys() - wanted.keys())
    return counts


def of_phantoms(language: Language, family: Family, num: int = NUM_SENTENCES) -> dict[str, Counter[str]]:
    """Counts by mark on generated sentences: findings affirmed and denied, placeless sentences, normal statements."""
    rng = np.random.default_rng(5)
    targets = [
        f"{kind}@{place}" if place else kind for kind, own in FINDINGS.items() for place in (own.places or ("",))
    ]
    normals = Split.of(read_words(f"statements_{language}")["normal"])
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for _ in range(num):
        said = statement_for(
            targets[int(rng.integers(len(targets)))],
            language=language,
            family=family,
            rng=rng,
            size_mm=12.0,
            is_negated=bool(rng.random() < 0.4),
        )
        found = split_report(f"{said.text.rstrip('.')}.")[0]
        for name in ("is_negated", "is_uncertain", "is_localizable"):
            _count(counts[name], getattr(said, name), getattr(found, name))
        if not said.is_negated:
            _count(counts["is_prior"], said.is_prior, found.is_prior)
        _count(counts["is_normal"], False, found.is_normal and not found.is_negated)
        placeless = unlocatable_statement(language, family=family, rng=rng)
        _count(counts["is_localizable"], False, any(s.is_localizable for s in split_report(placeless.text)))
        bank = normals.train if family == "train" else normals.test
        normal = split_report(bank[int(rng.integers(len(bank)))])[0]
        # "No free air." is told as denied: either way nothing is to be looked at.
        _count(counts["is_normal"], True, normal.is_normal or normal.is_negated)
    return counts


def _count(counts: Counter[str], is_true: bool, is_found: bool) -> None:
    counts.update(right=is_true and is_found, wrong=is_found and not is_true, missed=is_true and not is_found)


def row(name: str, counts: Counter[str]) -> str:
    """A line of a table: name, precision, recall, and the counts they come from."""
    right, wrong, missed = (counts[key] for key in ("right", "wrong", "missed"))
    precision, recall = (f"{right / whole:.1%}" if whole else "-" for whole in (right + wrong, right + missed))
    return f"| {name} | {precision} | {recall} | {right} / {wrong} / {missed} |"


def main() -> None:
    print("| | precision | recall | right / wrong / missed |\n|---|---|---|---|")
    for part in ("development", "unseen"):
        print(row(f"references, {part}", counted(part)))
    for name, counts in of_reports().items():
        print(row(f"hand-written reports, {name}", counts))
    families: tuple[Family, ...] = ("train", "test")
    languages: tuple[Language, ...] = ("en", "de")
    for family in families:
        for language in languages:
            for name, counts in sorted(of_phantoms(language, family).items()):
                print(row(f"phantoms, {family} wordings, {language}, {name}", counts))


if __name__ == "__main__":
    main()
