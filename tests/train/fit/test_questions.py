from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.train.fit.test_radfinder import RECIPE
from train.fit.micro_batches import Tokens
from train.fit.questions import make_questions
from train.recipe_reading import RecipeError

NAMES = ["Lung nodule", "Gallstone", "Emphysema"]
LABELS = np.array([[1, 0, -1], [0, 0, 0], [0, 1, 0], [0, 0, 0]])


def told(texts):
    """Tokens that say which text they are."""
    codes = [[ord(letter) for letter in text.ljust(60)] for text in texts]
    return Tokens(torch.tensor(codes), torch.ones(len(texts), 60))


def said(tokens):
    return ["".join(map(chr, row)).strip() for row in tokens.ids.tolist()]


@pytest.mark.parametrize("num_processes", [1, 2, 5])
def test_processes_share_the_prompts_and_find_them_again_in_order(num_processes, tmp_path):
    made = [make_questions(NAMES, LABELS, told, RECIPE, tmp_path, i, num_processes) for i in range(num_processes)]
    gathered = [text for part in made for piece in part.pieces for text in said(piece)]
    texts = np.array(gathered)[made[0].order].reshape(3, 3, 2)
    assert texts[0, 0].tolist() == ["Lung nodule.", "No Lung nodule."]
    assert texts[2, 2].tolist() == ["There is Emphysema.", "There is no Emphysema."]
    assert made[0].positive_weights.tolist() == [3.0, 3.0, 1.0]
    assert made[0].weights.tolist() == [5.0, 1.0, 5.0]


def test_prompts_of_a_file_come_first_and_their_number_is_checked(tmp_path):
    recipe = replace(RECIPE, prompts_file="prompts.json")
    pairs = [["Stones.", "No stones."], ["Gallstones.", "No gallstones."], ["A stone.", "No stone."]]
    (tmp_path / "prompts.json").write_text(json.dumps({"Gallstone": pairs}))
    made = make_questions(NAMES, LABELS, told, recipe, tmp_path)
    assert {"Stones.", "No gallstones."} <= {text for piece in made.pieces for text in said(piece)}
    (tmp_path / "prompts.json").write_text(json.dumps({"Gallstone": pairs[:2]}))
    with pytest.raises(RecipeError, match=r"needs 3 pairs of prompts.*Gallstone has 2"):
        make_questions(NAMES, LABELS, told, recipe, tmp_path)
