"""Guards of the architecture: layers, import cost, public names, packaging, and what the pages promise."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import napari_ct_grounding

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "napari_ct_grounding"
MODULES = sorted(path for folder in (PACKAGE, ROOT / "train") for path in folder.rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HEAVY = ("torch", "transformers", "monai")


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tracked_files() -> list[Path]:
    """Files under version control; where this is no checkout (an unpacked sdist), every text file that would be."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def loaded_modules(statement: str) -> set[str]:
    program = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    return set(done.stdout.split())


# Layers ----------------------------------------------------------------------------------------------------------


def test_imports_go_downwards_only() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstring = ast.get_docstring(tree)
    assert docstring, f"{dotted(path)} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_no_module_is_named_after_nothing(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc"}


def test_the_package_never_prints_outside_the_shell() -> None:
    printing = [
        dotted(path)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert all(name.startswith("napari_ct_grounding.cli") for name in printing)


# Import cost -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "napari_ct_grounding",
        "napari_ct_grounding.cli",
        "napari_ct_grounding.readers.napari_reader",
        "napari_ct_grounding.widgets.dock",
        "napari_ct_grounding.widgets.demo",
    ],
)
def test_importing_loads_no_heavy_library(name: str) -> None:
    loaded = loaded_modules(f"import {name}")
    assert name in loaded
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("room", ["core", "readers", "phantom", "model", "inference", "export"])
def test_no_room_below_the_widgets_loads_napari_or_qt(room: str) -> None:
    names = [dotted(path) for path in MODULES if path.is_relative_to(PACKAGE / room)]
    loaded = loaded_modules("\n".join(f"import {name}" for name in names))
    assert not loaded & {"napari", "qtpy", "superqt", "magicgui", "PyQt6", "vispy"}
    if room in ("core", "readers", "phantom", "export"):
        assert not loaded & set(HEAVY)


# Public faces (DESIGN.md, section 8) -----------------------------------------------------------------------------


def test_the_public_names_are_there_and_are_all() -> None:
    assert set(napari_ct_grounding.__all__) == {
        *("GroundingSession", "__version__", "find_references", "list_series", "read_volume", "split_report")
    }
    for name in napari_ct_grounding.__all__:
        assert getattr(napari_ct_grounding, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = napari_ct_grounding.nothing
    assert set(napari_ct_grounding.__all__) <= set(dir(napari_ct_grounding))


@pytest.mark.parametrize(
    ("face", "parameters"),
    [
        ("readers.reading:read_volume", "path series uneven frame"),
        ("readers.reading:list_series", "path"),
        ("core.references:find_references", "text num_images_by_series"),
        ("core.report:split_report", "text"),
        ("inference.session:GroundingSession.from_pretrained", "weights device coverage"),
        ("inference.session:GroundingSession.encode", "self volume on_progress cancel"),
        ("inference.session:GroundingSession.ground", "self sentences encoded"),
        ("inference.session:GroundingSession.score_diseases", "self names encoded"),
        ("inference.session:GroundingSession.embed_text", "self sentences"),
    ],
)
def test_public_functions_take_what_the_design_says(face: str, parameters: str) -> None:
    module, _, path = face.partition(":")
    found: object = importlib.import_module(f"napari_ct_grounding.{module}")
    for name in path.split("."):
        found = getattr(found, name)
    names = list(inspect.signature(found).parameters)  # type: ignore[arg-type]
    assert names[: len(parameters.split())] == parameters.split()


def test_results_carry_the_fields_that_the_design_names() -> None:
    from napari_ct_grounding.core.results import DiseaseScore, GroundingResult

    promised = (
        "sentence z_mm slice_index image_number score interval_mm covered_mm depths_mm profile peaks_mm has_location"
    )
    assert set(promised.split()) <= set(GroundingResult.__dataclass_fields__)
    assert list(DiseaseScore.__dataclass_fields__) == ["name", "score", "probability", "percentile"]


# Packaging -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_the_wheel_holds_the_package_its_manifest_and_its_weights(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert "napari_ct_grounding/napari.yaml" in names
    assert {
        f"napari_ct_grounding/weights/bundled/{name}" for name in ("config.json", "model.safetensors", "card.json")
    } <= names
    assert {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py")} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_puts_nothing_else_into_site_packages(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"napari_ct_grounding", f"napari_ct_grounding-{napari_ct_grounding.__version__}.dist-info"}
    assert not [name for name in wheel.namelist() if name.endswith((".pyc", ".ipynb"))]


def test_the_wheel_is_small_enough_to_download(wheel: zipfile.ZipFile) -> None:
    sizes = {info.filename: info.file_size for info in wheel.infolist()}
    weights = sum(size for name, size in sizes.items() if name.endswith(".safetensors"))
    assert weights <= 24e6
    assert sum(sizes.values()) - weights <= 12e6


def test_the_version_is_the_same_everywhere() -> None:
    version = napari_ct_grounding.__version__
    assert PROJECT["version"] == version
    assert re.search(rf"^version: {re.escape(version)}$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_pinned_environment_covers_every_requirement() -> None:
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"
    )
    normal = {re.sub(r"[-_.]+", "-", name).lower() for name in pinned}
    requirements = PROJECT["dependencies"] + [r for extra in PROJECT["optional-dependencies"].values() for r in extra]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=; ]", requirement)[0]).lower() for requirement in requirements}
    assert names - {"napari-ct-grounding"} <= normal
    assert not [version for version in pinned.values() if "+" in version]  # a local build cannot be had elsewhere


def test_what_is_imported_is_required() -> None:
    """A module from nowhere works on the machine that happens to have it, and nowhere else."""
    provided = {"train", "tests", "napari_ct_grounding", *sys.stdlib_module_names}
    home = {"PIL": "pillow", "yaml": "napari", "sklearn": "scikit-learn", "_pytest": "pytest", "pytestqt": "pytest-qt"}
    home |= {"hydra": "hydra-core", "nrrd": "pynrrd"}
    home |= {"npe2": "napari", "vispy": "napari", "importlinter": "import-linter", "packaging": "napari"}
    home |= {"psygnal": "napari", "app_model": "napari", "pydantic": "napari", "openjpeg": "pylibjpeg-openjpeg"}
    requirements = PROJECT["dependencies"] + [r for extra in PROJECT["optional-dependencies"].values() for r in extra]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=; ]", requirement)[0]).lower() for requirement in requirements}
    unknown: dict[str, str] = {}
    for path in [*MODULES, *(ROOT / "tests").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                tops = [alias.name.split(".")[0] for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                tops = [node.module.split(".")[0]]
            else:
                continue
            for top in tops:
                if top not in provided and home.get(top, top).lower().replace("_", "-") not in names:
                    unknown[top] = str(path.relative_to(ROOT))
    assert unknown == {}


# napari ----------------------------------------------------------------------------------------------------------


def test_the_manifest_is_valid_and_every_command_exists() -> None:
    from npe2 import PluginManifest

    manifest = PluginManifest.from_file(PACKAGE / "napari.yaml")
    assert manifest.name == PROJECT["name"]
    assert manifest.contributions.commands
    for command in manifest.contributions.commands:
        module, _, name = str(command.python_name).partition(":")
        assert callable(getattr(importlib.import_module(module), name)), command.id


def test_the_manifest_at_the_top_is_the_one_in_the_package() -> None:
    assert (ROOT / "napari.yaml").read_bytes() == (PACKAGE / "napari.yaml").read_bytes()


def test_napari_finds_the_installed_plugin() -> None:
    from importlib.metadata import entry_points

    (entry,) = [point for point in entry_points(group="napari.manifest") if point.name == PROJECT["name"]]
    assert entry.value == "napari_ct_grounding:napari.yaml"


# Pages -----------------------------------------------------------------------------------------------------------


def test_every_make_command_of_the_pages_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md", "docs/architecture.md"):
        named = set(re.findall(r"\bmake ([a-z-]+)", code_of(ROOT / page)))
        assert named <= targets, f"{page} names make {named - targets}"
    assert {"demo", "test", "bench", "lint", "shots", "help"} <= targets
    assert {"make demo", "make test"} <= set(re.findall(r"make \w+", code_of(ROOT / "README.md")))


def test_every_shell_command_of_the_readme_is_understood() -> None:
    import shlex

    from napari_ct_grounding.cli.parser import make_parser

    lines = re.findall(r"^ct-grounding .*$", code_of(ROOT / "README.md"), re.MULTILINE)
    assert lines
    for line in lines:
        words = shlex.split(line.split(" > ")[0], comments=True)[1:]
        if "--version" in words:
            continue
        make_parser().parse_args(words)


def test_the_python_lines_of_the_readme_use_names_that_exist() -> None:
    from napari_ct_grounding.inference.session import GroundingSession

    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom) and node.module == "napari_ct_grounding":
            assert {alias.name for alias in node.names} <= set(napari_ct_grounding.__all__)
        is_method = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "session"
        if is_method:
            assert hasattr(GroundingSession, node.attr)


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if not target.startswith(("http:", "https:", "mailto:")):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def code_of(page: Path) -> str:
    """Code of a page: fenced blocks and what stands between backticks."""
    text = page.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text))


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    # Spelt in two parts, so that this file does not name them either.
    forbidden = re.compile(
        r"|".join(
            (
                "/wo" + "rk/",
                "/ho" + r"me/\w",
                "/Us" + r"ers/\w",
                "/op" + "t/pypi",
                "index" + "-url",
                "files.python" + "hosted",
                "pypi" + r"\.org",
                "download.py" + "torch",
            )
        )
    )
    found = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in forbidden.finditer(text)]
    assert found == []


def test_the_ci_script_runs_what_the_readme_tells() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "set -euo pipefail" in script
    assert "make test" in script
    assert "make lint" in script
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
