from __future__ import annotations

import numpy as np
import pytest

from train.metrics.zero_shot import disease_scores, question_scores, rate_disease_scores


def embed(texts):
    """Affirmations along x, denials along y."""
    return np.array([[0.0, 1.0] if "no" in text.lower() else [1.0, 0.0] for text in texts])


@pytest.mark.parametrize("template", ["mean", "single"])
def test_a_score_is_the_softmax_of_two_cosines(template):
    scores = disease_scores(np.array([[1.0, 0.0], [0.0, 1.0]]), embed, ["Emphysema"], template)
    expected = np.exp(1) / (np.exp(1) + 1)
    np.testing.assert_allclose(scores[:, 0], [expected, 1 - expected])


def test_the_session_scores_as_the_evaluation_does():
    from tests.inference.oracle import body_with_sphere, oracle_session

    session = oracle_session()
    encoded = session.encode(body_with_sphere())
    shown = {s.name: s.score for s in session.score_diseases(encoded=encoded)}
    ours = disease_scores(encoded.embeddings.disease[None], session.embed_text, list(shown))
    np.testing.assert_allclose(ours[0], list(shown.values()), atol=1e-6)


def test_the_released_temperature_squeezes_probabilities_but_not_their_order_or_side():
    rng = np.random.default_rng(0)
    disease = rng.standard_normal((9, 5))
    disease /= np.linalg.norm(disease, axis=1, keepdims=True)
    prompts = rng.standard_normal((4, 3, 2, 5))
    right, released = (question_scores(disease, prompts, 2.3026, fault) for fault in (False, True))
    assert np.abs(released - 0.5).max() < 0.05 < np.abs(right - 0.5).max()
    np.testing.assert_array_equal(np.argsort(right, axis=0), np.argsort(released, axis=0))
    np.testing.assert_array_equal(right >= 0.5, released >= 0.5)


def test_a_disease_takes_the_largest_of_its_questions():
    scores = rate_disease_scores(np.array([[0.2, 0.9, 0.4]]), {"a": [0, 2], "b": []}, ["a", "b", "c"])
    assert scores[0, 0] == 0.4
    assert np.isnan(scores[0, 1:]).all()


def test_an_unknown_template_is_refused():
    with pytest.raises(ValueError, match="mean"):
        disease_scores(np.eye(2), embed, ["a"], "mean8")
