from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from train.radfinder_recipe import RadFinderRecipe, ReleasedFaults
from train.recipe import RecipeError, read_recipe

RECIPES = Path(__file__).parents[2] / "train" / "recipes"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda p: p.stem)
def test_every_recipe_of_the_project_can_be_read(path):
    recipe = read_recipe(path)
    assert isinstance(recipe, RadFinderRecipe) is ('model = "radfinder"' in path.read_text())


def test_the_recipe_of_the_paper_switches_every_fault_on_and_ours_none():
    paper, ours = (read_recipe(RECIPES / f"{name}.toml") for name in ("paper", "radfinder"))
    assert all(asdict(paper.released).values())
    assert ours.released == ReleasedFaults()
    # What else differs is said in the files; the weights of the losses are the same in effect.
    assert ours.loss.localization == pytest.approx(paper.loss.localization * paper.step.num_micro_batches, rel=0.03)
    num_groups = paper.step.micro_batch * paper.step.num_micro_batches / paper.released.prompt_group
    assert ours.loss.prompts == paper.loss.prompts * num_groups
    differing = {name for name, value in asdict(paper).items() if asdict(ours)[name] != value}
    assert differing == {"loss", "network", "released"}


def test_all_faults_of_a_released_type_recipe_are_listed_at_once(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(
        'model = "radfinder"\nepochs = 0\nseed = "one"\nprecision = "half"\n[loss]\ntarget = "slice"\nsigma = 0\n'
        '[network]\nfresh = ["tail"]\n[step]\nmicro_batch = 1\nnum_micro_batches = 1\n[released]\nforgets = true\n'
        "leaks_leftovers = 1\n[report]\norgan_list_chance = 2\n"
    )
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    for fault in (
        "epochs is 0",
        "seed is 'one'; it must be a whole number",
        "precision is 'half'",
        "loss.target is 'slice'",
        "loss.sigma is 0.0",
        "network.fresh is 'tail'",
        "a step holds 1 scan",
        "released.forgets is not known",
        "released.leaks_leftovers is 1; it must be true or false",
        "report.organ_list_chance is 2.0",
    ):
        assert fault in str(caught.value)


def test_a_recipe_of_an_unknown_model_is_refused(tmp_path):
    (tmp_path / "other.toml").write_text('model = "other"\n')
    with pytest.raises(RecipeError, match="model is 'other'; it must be 'slab' or 'radfinder'"):
        read_recipe(tmp_path / "other.toml")


def test_all_faults_of_a_recipe_are_listed_at_once(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text('minutes = 0\nmintues = 3\n[loss]\nprompt_sampling = "all"\n[batch]\nnum_scans = 1\nscans = 2\n')
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    for fault in ("minutes is 0", "mintues is not known", "prompt_sampling is 'all'", "num_scans is 1", "batch.scans"):
        assert fault in str(caught.value)
