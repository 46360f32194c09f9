from __future__ import annotations

import pytest

from train.data.datasets.report_parts import findings_and_impression


@pytest.mark.parametrize(
    ("report", "findings", "impression"),
    [
        ("FINDINGS:\nLungs clear.\nIMPRESSION:\nNormal.", "Lungs clear.", "Normal."),
        ("Lungs clear.\nIMPRESSIONS: Normal.", "Lungs clear.", "Normal."),
        ("Technique: CT.\nBefund:\nKein Erguss.\n\nBeurteilung:\nUnauffällig.", "Kein Erguss.", "Unauffällig."),
        ("Impression: Normal.\nFindings: Lungs clear.", "Lungs clear.", "Normal."),
        ("Lungs clear.\n1. Normal.\n2. Follow up\nin a year.", "Lungs clear.", "1. Normal.\n2. Follow up\nin a year."),
        ("Lungs: 1. lobe clear.", "Lungs: 1. lobe clear.", ""),
        ("1. Liver cyst.\n\nSpleen normal.", "1. Liver cyst.\n\nSpleen normal.", ""),
        ("", "", ""),
    ],
)
def test_a_report_is_taken_apart_at_its_headings_or_at_the_list_that_ends_it(report, findings, impression):
    assert findings_and_impression(report) == (findings, impression)


def test_an_impression_that_findings_mention_is_no_heading():
    assert findings_and_impression("An impression: none here.\nImpression:\nNormal.")[1] == "Normal."
