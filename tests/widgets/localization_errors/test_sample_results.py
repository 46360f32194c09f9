from __future__ import annotations

from napari_ct_grounding.widgets.localization_errors.sample_results import sample_cases


def test_the_sample_asks_about_every_finding_and_holds_a_scan_that_is_missing():
    cases = sample_cases()
    known = [case for case in cases if case.truth is not None]
    assert len(known) == 13
    assert all(case.truth.z_lo_mm < case.truth.z_hi_mm for case in known)
    assert {case.scan for case in cases} == {"demo_chest.nii.gz", "missing.nii.gz"}
    by_sentence = {case.sentence: case.category for case in cases}
    assert by_sentence["Rechtsseitiger Pleuraerguss."] == "pleura"
    assert by_sentence["Level of the carina."] is None
