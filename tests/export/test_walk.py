"""The walk: which findings have a key image, what slices are called, and what goes when nobody may know who it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_ct_grounding.core.report import split_report
from napari_ct_grounding.core.volume import SliceRecord
from napari_ct_grounding.export.walk import Finding, Patient, Walk
from tests.export.walks import FINDINGS, KEY_NUMBERS, SECRET, a_result, a_volume, a_walk
from tests.inference.oracle import body_with_sphere, oracle_session


def test_key_images_are_those_of_places_that_are_clear_present_and_not_normal() -> None:
    assert [number for number, _ in a_walk().key_findings] == KEY_NUMBERS


def test_a_comparison_with_an_earlier_study_that_names_a_place_keeps_its_key_image() -> None:
    assert Finding("Mass, unchanged.", a_result(), is_prior=True).has_key_image


def test_a_sentence_without_an_answer_has_no_key_image_and_no_result() -> None:
    walk = a_walk(Finding("Lungs."), FINDINGS[0])
    assert [number for number, _ in walk.key_findings] == [2]
    assert walk.results == [FINDINGS[0].result]


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (SliceRecord(3, 38, 4), "Series 4, image 38"),
        (SliceRecord(3, 38), "Image 38"),
        (SliceRecord(3, None, 4), "Slice 0"),
    ],
)
def test_a_slice_is_called_as_on_a_workstation_where_images_have_numbers(record: SliceRecord, name: str) -> None:
    scan = a_walk().scan
    assert replace(scan, slice_table=(record, *scan.slice_table[1:])).slice_name(0) == name


def test_without_identity_nothing_is_left_that_names_the_patient_or_the_study() -> None:
    walk = replace(a_walk(), patient=Patient("Erika", "123", "19640812"))
    bare = walk.without_identity()
    assert bare.patient is None
    assert SECRET not in bare.scan.name
    assert all(record.sop_instance_uid is None for record in bare.scan.slice_table)
    # ... and what is needed to find the slice again is still there.
    assert [record.image_number for record in bare.scan.slice_table] == [
        record.image_number for record in walk.scan.slice_table
    ]
    assert bare.is_of(a_volume())
    assert bare.findings == walk.findings


def test_a_walk_is_made_of_what_a_session_encoded() -> None:
    volume = body_with_sphere()
    session = oracle_session()
    encoded = session.encode(volume)
    (result,) = session.ground(["bright"], encoded)
    walk = Walk.from_encoded(
        encoded, [Finding("bright", result)], weights_name=session.weights_name, precision=session.precision
    )
    assert walk.is_of(volume)
    assert not walk.is_of(a_volume())
    assert (walk.coverage, walk.weights_fingerprint) == ("masked", "0" * 32)
    assert walk.scan.slice_table == volume.slice_table
    assert walk.results == [result]


def test_a_finding_of_a_report_knows_what_kind_of_sentence_it_is() -> None:
    mass, effusion, spleen = split_report(
        "Findings: Possible mass in the left hilum. No pleural effusion. The spleen is unremarkable."
    )
    findings = [Finding.of_report(sentence, a_result()) for sentence in (mass, effusion, spleen)]
    assert [finding.section for finding in findings] == ["findings"] * 3
    assert [finding.has_key_image for finding in findings] == [True, False, False]
    assert findings[0].is_uncertain
    assert findings[1].is_negated
    assert findings[2].is_normal
