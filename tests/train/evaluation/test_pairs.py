from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from napari_ct_grounding.phantom.catalogue import FINDINGS, finding_target, split_target
from napari_ct_grounding.phantom.scan import Target
from train.data.phantoms import CachedPhantom
from train.evaluate import EncodedPhantom
from train.evaluation.pairs import KINDS, SentencePair, pair_figures, sentence_pairs, told_apart

Z_MM = tuple(float(z) for z in range(-300, 0, 5))


def finding(name: str, low: float = -110.0, high: float = -90.0) -> Target:
    kind, place = split_target(name)
    return Target(name, "finding", kind, place, None, "lung", FINDINGS[kind].disease, low, high, 1.0)


def phantom(*names: str, seed: int = 1) -> CachedPhantom:
    targets = tuple(finding(name) for name in names)
    return CachedPhantom(seed, Z_MM, targets, tuple(t.disease for t in targets if t.disease), {})


def kinds_of(pairs: list[SentencePair]) -> set[str]:
    return {pair.kind for pair in pairs}


def test_a_finding_of_one_lobe_makes_pairs_of_every_kind_in_both_languages():
    pairs = sentence_pairs([phantom("lung_nodule@right_upper_lobe")])
    assert kinds_of(pairs) == set(KINDS)
    assert {pair.language for pair in pairs} == {"en", "de"}
    assert all(pair.true.lower() != pair.false.lower() for pair in pairs)
    assert sentence_pairs([phantom("lung_nodule@right_upper_lobe")]) == pairs


def test_half_of_the_negations_are_about_what_is_absent():
    pairs = [p for p in sentence_pairs([phantom("pleural_effusion@left")]) if p.kind == "negation"]
    shown, absent = ([p for p in pairs if (p.extent_mm is None) is is_absent] for is_absent in (False, True))
    assert len(shown) == len(absent) == 2
    assert all("effusion" not in (p.true + p.false).lower() for p in absent)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("pleural_effusion@left", "pleural_effusion@right"), "side"),  # true of the other side, too
        (("lung_nodule@right_upper_lobe", "lung_nodule@right_lower_lobe"), "lobe"),
        (("lung_nodule@right_upper_lobe", "lung_nodule@left_lower_lobe"), "lobe"),
    ],
)
def test_what_might_be_true_as_well_makes_no_pair(names, kind):
    assert kind not in kinds_of(sentence_pairs([phantom(*names)]))


def test_findings_that_are_mostly_cut_off_make_no_pair():
    whole = phantom("lung_nodule@right_upper_lobe")
    cut = replace(whole, targets=(replace(whole.targets[0], visible_fraction=0.3),))
    assert sentence_pairs([cut]) == []


class Words:
    """Sentence vectors by what they say: (right, left, denied, anything)."""

    def __call__(self, sentences):
        rows = [
            [
                bool(re.search(r"\bright|recht", s, re.IGNORECASE)),
                bool(re.search(r"\bleft|\blink", s, re.IGNORECASE)),
                s.startswith(("No ", "Kein")),
                0.1,
            ]
            for s in sentences
        ]
        vectors = np.array(rows, dtype=np.float32)
        return SimpleNamespace(localization=vectors, report=vectors)


def encoded(item: CachedPhantom, retrieval, depth=None) -> EncodedPhantom:
    depth = np.zeros((len(Z_MM), 4), np.float32) if depth is None else depth
    return EncodedPhantom(item, depth, np.array(retrieval, np.float32), np.zeros(4, np.float32))


def test_a_scan_that_knows_its_side_prefers_the_true_sentence_by_its_vector_and_at_the_place():
    scan = phantom("pleural_effusion@left")
    pair = SentencePair(0, "side", "en", "Effusion on the left.", "Effusion on the right.", (-110.0, -90.0))
    depth = np.zeros((len(Z_MM), 4), np.float32)
    depth[:, 0] = 1.0  # elsewhere the other side scores
    depth[np.abs(np.array(Z_MM) + 100) <= 14] = (0, 1, 0, 0)
    told = told_apart(
        [pair, replace(pair, true=pair.false, false=pair.true)], [encoded(scan, (0, 1, 0, 0), depth)], Words()
    )
    assert told.tolist() == [[1.0, 0.5, 1.0], [0.0, 0.5, 0.0]]


def test_always_preferring_denials_tells_half_of_the_negations_apart():
    names = [finding_target(kind.name, kind.places[0]) for kind in list(FINDINGS.values())[:12]]
    scans = [phantom(name, seed=seed) for seed, name in enumerate(names)]
    pairs = [
        SentencePair(i, "negation", "en", "A nodule.", "No nodule.", (-110.0, -90.0)) for i in range(len(scans))
    ] + [SentencePair(i, "negation", "en", "No mass.", "A mass.", None) for i in range(len(scans))]
    told = told_apart(pairs, [encoded(scan, (0, 0, 1, 0)) for scan in scans], Words())
    found = {(f.name, f.group, f.answer): f for f in pair_figures(pairs, told, 50)}
    assert found["told_apart", "negation", "model"].value == 0.5
    assert found["told_apart", "negation, shown", "model"].value == 0.0
    assert found["told_apart", "negation, absent", "model"].value == 1.0
    assert found["told_apart", "negation", "random"].value == 0.5
    assert ("by_profile", "negation", "model") not in found
    assert found["told_apart", "negation, en", "model"].low <= 0.5 <= found["told_apart", "negation, en", "model"].high
