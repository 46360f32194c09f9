"""Pages of docs name tests and pictures that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

_TEST = re.compile(r"tests/[\w/]+\.py(?:::\w+)?")
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
_PAGES = ("features.md", "walk-radiologist.md", "walk-researcher.md", "walk-demonstrator.md")


@pytest.fixture(scope="module")
def features(repository: Path) -> str:
    return (repository / "docs" / "features.md").read_text(encoding="utf-8")


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_the_page_names_is_there(repository, features):
    named = [name.partition("::") for name in _TEST.findall(features)]
    assert len(named) > 40
    gone = [
        f"{file}::{function}"
        for file, _, function in named
        if not (repository / file).is_file() or (function and function not in _functions(repository / file))
    ]
    assert gone == []


def test_every_section_of_the_features_names_a_test(features):
    sections = re.split(r"^## ", features, flags=re.MULTILINE)[1:]
    assert [text.splitlines()[0] for text in sections if not _TEST.search(text)] == []


@pytest.mark.parametrize("page", _PAGES)
def test_every_picture_of_a_page_is_there_and_has_words_for_those_who_do_not_see_it(repository, page):
    pictures = _PICTURE.findall((repository / "docs" / page).read_text(encoding="utf-8"))
    assert pictures
    for words, place in pictures:
        assert len(words) > 10, place
        assert (repository / "docs" / place).is_file(), place


def test_every_picture_of_a_walk_is_made_by_the_shots(repository):
    made = " ".join(path.read_text(encoding="utf-8") for path in (repository / "tests" / "shots").glob("*.py"))
    for page in _PAGES:
        for _, place in _PICTURE.findall((repository / "docs" / page).read_text(encoding="utf-8")):
            assert f"{Path(place).stem}" in made, place
