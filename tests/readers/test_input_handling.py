"""Every case of the table gives its volume voxel for voxel, or its refusal word for word; and the page shows the table."""

from __future__ import annotations

import pytest

from napari_ct_grounding import list_series, read_volume
from tests.readers.case import Case, Opens
from tests.readers.input_handling import PAGE, all_cases, page

CASES = all_cases()


@pytest.mark.parametrize("case", CASES, ids=[f"{case.group}: {case.name}" for case in CASES])
def test_the_case_gives_its_volume_or_its_refusal(case: Case, tmp_path):
    folder = tmp_path / "SECRET-FOLDER"
    folder.mkdir()
    written = case.write(folder)
    if case.series is not None:
        assert tuple(info.label for info in list_series(written.path)) == case.series
    if isinstance(case.expect, Opens):
        volume = read_volume(written.path, **case.options)
        assert volume.notes == case.expect.notes
        assert written.truth is not None, "a case that opens needs its truth"
        written.truth.check(volume)
        told = repr(volume) + repr(volume.notes) + repr(volume.modality_facts)
    else:
        with pytest.raises(case.expect.error) as caught:
            read_volume(written.path, **case.options)
        assert type(caught.value) is case.expect.error
        assert str(caught.value) == case.expect.message
        told = str(caught.value)
    assert "SECRET" not in told


def test_no_two_cases_bear_the_same_name():
    names = [(case.group, case.name, str(case.options)) for case in CASES]
    assert len(set(names)) == len(names)


def test_the_page_of_cases_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.readers.input_handling"
