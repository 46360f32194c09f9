"""All cases of all formats, and the page that lists them: ``python -m tests.readers.input_handling`` writes it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tests.readers.case import Case, Opens

__all__ = ["PAGE", "all_cases", "page"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "input-handling.md"

_INTRO = """\
# What happens to your files

A scan opens in the right place with the right values, or it is refused in a sentence that says why and what to do. Nothing is
stretched, guessed or mixed in silence: where the reader had to leave something out or to interpolate, a note says so (a badge in
the viewer, `volume.notes` in a script).

This page is written by the tests (`python -m tests.readers.input_handling`). They make each of its {count} cases, open it, and
compare every voxel with the place and the value that it was written for. Messages may hold names of files; never folders, never
patients.

Beyond these cases, `python -m tests.readers.fuzz --inputs 20000` damages headers at random (bytes, numbers, lengths, whole lines,
the end of the file) and compares every voxel of what still opens with an independent reading of the damaged file: nibabel for
NIfTI, SimpleITK and a plain computation for NRRD and MetaImage, the plane equation for DICOM. It also damages compressed frames:
no decoder may crash, hang or ask for gigabytes, and frames that were not touched must keep the values that were encoded. A slice
of it runs with the tests. {fuzzed}

Accepted are DICOM (files, and folders at any depth), NIfTI, NRRD, MetaImage, and zip archives of one of these.
"""


#: What the full run of the fuzzer gave, and when.
_FUZZED = "The full run of 2026-11-24 (seed 20261124): 20,000 inputs, 6,783 opened,\n13,217 refused, 0 failed."


def all_cases() -> list[Case]:
    """Return the cases of every module `cases_*.py` beside this one, in the order of the modules' names."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("cases_*.py"))
    return [case for module in modules for case in import_module(f"tests.readers.{module}").CASES]


def page() -> str:
    """Return the text of `docs/input-handling.md`."""
    cases = all_cases()
    parts = [_INTRO.format(count=len(cases), fuzzed=_FUZZED)]
    for group in dict.fromkeys(case.group for case in cases):
        parts.append(f"\n## {group}\n\n| Files | Result | What is said |\n|---|---|---|\n")
        parts += [_line(case) for case in cases if case.group == group]
    return "".join(parts)


def _line(case: Case) -> str:
    options = ", ".join(f"{name}={value!r}" for name, value in case.options.items() if name != "assume_hu")
    name = f"{case.name} (`{options}`)" if options else case.name
    if isinstance(case.expect, Opens):
        return f"| {name} | opens | {' '.join(map(_cell, case.expect.notes)) or '-'} |\n"
    return f"| {name} | refused (`{case.expect.error.__name__}`) | {_cell(case.expect.message)} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
