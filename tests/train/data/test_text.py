from __future__ import annotations

import numpy as np

from train.data.statements import finding_targets
from train.data.text import add_noise, draw_wordings, phantom_report


def test_every_target_of_the_phantoms_and_every_finding_has_many_wordings_in_both_languages(phantoms):
    wordings = draw_wordings(phantoms, num_wordings=12, german_share=0.5, seed=1)
    shown = {target.name for p in phantoms for target in p.targets}
    assert set(wordings.of_targets) == shown | set(finding_targets())
    assert all(len(set(sentences)) >= 4 for sentences in wordings.of_targets.values())
    assert set(wordings.denials) == {name for p in phantoms for name in p.absent}


def test_the_same_seed_draws_the_same_wordings(phantoms):
    assert draw_wordings(phantoms, 3, 0.3, 1) == draw_wordings(phantoms, 3, 0.3, 1)
    assert draw_wordings(phantoms, 3, 0.3, 1) != draw_wordings(phantoms, 3, 0.3, 2)


def test_noise_leaves_a_sentence_nearly_as_it_was():
    sentence = "Kleiner Rundherd im rechten Oberlappen."
    noisy = {add_noise(sentence, np.random.default_rng(seed)) for seed in range(100)}
    assert len(noisy) > 20
    assert all(abs(len(text) - len(sentence)) <= 2 for text in noisy)


def test_reports_of_two_languages_differ_and_repeat(phantoms):
    english, german = (phantom_report(phantoms[0], 3, language) for language in ("en", "de"))
    assert english != german
    assert english == phantom_report(phantoms[0], 3, "en")
