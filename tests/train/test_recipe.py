from __future__ import annotations

from pathlib import Path

import pytest

from train.recipe import RecipeError, read_recipe

RECIPES = Path(__file__).parents[2] / "train" / "recipes"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda p: p.stem)
def test_every_recipe_of_the_project_can_be_read(path):
    assert read_recipe(path).steps > 0


def test_all_faults_of_a_recipe_are_listed_at_once(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text('minutes = 0\nmintues = 3\n[loss]\nprompt_sampling = "all"\n[batch]\nnum_scans = 1\nscans = 2\n')
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    for fault in ("minutes is 0", "mintues is not known", "prompt_sampling is 'all'", "num_scans is 1", "batch.scans"):
        assert fault in str(caught.value)
