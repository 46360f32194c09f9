from __future__ import annotations

import json

import numpy as np
import pytest

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.errors import InputError
from train.data.feature_writer import FeatureWriter, record_line, write_records
from train.data.scan_records import ReportTexts, ScanFeatures, ScanPlace, Snippet, StoreHeader
from train.data.stored_features import FeatureStore

HEADER = StoreHeader("cafe", "radfinder-1", "float32", 6, 8, (128, 128, 32), (0.75, 0.75, 3.0), 4)
GRIDS = {"a": (1, 1, 1), "b": (2, 1, 3), "c": (1, 2, 2)}


def place_of(grid, padding=(0, 0, 0)):
    affine = np.diag([0.75, 0.75, 3.0, 1.0])
    affine[:3, 3] = (-48, -48, -100)
    num_positions = 8 * grid[2]
    is_valid = np.arange(num_positions) > 0
    return ScanPlace(grid, affine, padding, -95.5 + 12.0 * np.arange(num_positions), is_valid)


def features_of(scan, grid):
    rng = np.random.default_rng(ord(scan))
    values = (rng.standard_normal((*grid, *extra, 6)).astype(np.float16) for extra in ((), (), (8,)))
    return ScanFeatures(*values)


def line_of(scan, **changes):
    known = {
        "scan_id": scan,
        "report_id": "ab" if scan in "ab" else scan,
        "patient_id": "p",
        "dataset": "set",
        "split": "train",
        "texts": ReportTexts(findings="Nodule.", findings_by_organ=(("lung", "Nodule."),)),
        "labels": {"Emphysema": 1, "Cardiomegaly": 0, "Cyst": 1},
        "snippets": [Snippet(("A nodule.", "Ein Rundherd."), 5, (4.5, 6.0))],
        "released_snippets": [Snippet(("A nodule.", "Ein Rundherd."), 3, (2.5, 4.0))],
    }
    return record_line(**{**known, **changes})


def write(folder, scans, part=(0, 1), padding=(0, 0, 6), **options):
    with FeatureWriter(folder, HEADER, "set", part, **options) as writer:
        for scan in scans:
            writer.add(scan, place_of(GRIDS[scan], padding), features_of(scan, GRIDS[scan]))


def assert_holds(folder, scans):
    write_records(folder, "set", [line_of(scan) for scan in scans])
    store = FeatureStore(folder)
    assert [record.scan_id for record in store.records] == list(scans)
    for record, seen in store:
        want = features_of(record.scan_id, GRIDS[record.scan_id])
        for name in ("cls", "patch_average", "depth"):
            np.testing.assert_array_equal(getattr(seen, name), getattr(want, name))
    return store


def test_what_was_written_is_read_again_from_mapped_memory(tmp_path):
    write(tmp_path, "abc")
    store = assert_holds(tmp_path, "abc")
    record, seen = store.records[1], store.features(1)
    assert not seen.depth.flags.owndata
    assert seen.depth.shape == (2, 1, 3, 8, 6)
    assert record.texts.findings_by_organ == (("lung", "Nodule."),)
    assert store.scans_of_report == {("set", "ab"): [0, 1], ("set", "c"): [2]}
    np.testing.assert_array_equal(record.place.affine, place_of(GRIDS["b"]).affine)


def test_labels_are_those_of_ct_rate_then_all_others_and_unknown_is_minus_one(tmp_path):
    write(tmp_path, "a")
    store = assert_holds(tmp_path, "a")
    assert store.label_names == (*CT_RATE_DISEASES, "Cyst")
    known = dict(zip(store.label_names, store.labels[0].tolist(), strict=True))
    assert (known["Emphysema"], known["Cardiomegaly"], known["Cyst"], known["Lung nodule"]) == (1, 0, 1, -1)
    assert FeatureStore(tmp_path, label_names=("Cyst", "Stone")).labels.tolist() == [[1, -1]]


def test_the_released_fault_of_forgotten_padding_can_be_switched_on(tmp_path):
    write(tmp_path, "a")
    mended = assert_holds(tmp_path, "a").records[0]
    released = FeatureStore(tmp_path, forgets_padding=True).records[0]
    assert mended.snippets[0].depth == 5
    assert released.snippets[0].depth == 3
    assert not mended.place.is_valid.all()
    assert released.place.is_valid.all()
    np.testing.assert_allclose(released.place.affine[:3, 3] - mended.place.affine[:3, 3], (0, 0, 18))


@pytest.mark.parametrize("cut", ["half a line", "rows without a line", "rows begun"])
def test_a_killed_writer_goes_on_behind_its_last_whole_scan(tmp_path, cut):
    write(tmp_path, "ab")
    journal = tmp_path / "features" / "set-0of1.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    file = tmp_path / "features" / "set-0of1-00000.npy"
    if cut == "half a line":
        journal.write_bytes(lines[0] + lines[1][:40])
    elif cut == "rows without a line":
        journal.write_bytes(lines[0])
    else:
        journal.write_bytes(lines[0])
        with file.open("r+b") as content:
            content.truncate(file.stat().st_size - 11)
    with FeatureWriter(tmp_path, HEADER, "set") as writer:
        assert writer.done == {"a"}
    write(tmp_path, "bc")
    assert_holds(tmp_path, "abc")
    assert len(np.load(file)) == 10 * (1 + 6 + 4)


def test_a_full_file_is_followed_by_the_next(tmp_path):
    write(tmp_path, "abc", max_file_bytes=10 * 6 * 6 * 2)
    assert len(list((tmp_path / "features").glob("*.npy"))) == 3
    assert_holds(tmp_path, "abc")


def test_the_header_of_a_file_of_many_rows_still_fits_into_its_place(tmp_path):
    # One row, then so many that the number of rows has six digits more: the header must keep its length.
    header = StoreHeader("cafe", "radfinder-1", "float32", 1, 8, (128, 128, 32), (0.75, 0.75, 3.0), 4)
    with FeatureWriter(tmp_path, header, "set") as writer:
        for scan, grid in (("a", (1, 1, 1)), ("b", (100, 100, 10))):
            shape = (*grid, 1)
            seen = ScanFeatures(np.zeros(shape), np.ones(shape), np.full((*grid, 8, 1), ord(scan)))
            writer.add(scan, place_of(grid), seen)
    write_records(tmp_path, "set", [line_of("b")])
    assert (FeatureStore(tmp_path).features(0).depth == ord("b")).all()


def test_several_processes_fill_one_store(tmp_path):
    write(tmp_path, "ac", (0, 2))
    write(tmp_path, "b", (1, 2))
    with FeatureWriter(tmp_path, HEADER, "set", (0, 1)) as writer:
        assert writer.done == {"a", "b", "c"}
    assert_holds(tmp_path, "abc")


def test_two_processes_may_not_write_the_same_part(tmp_path):
    with FeatureWriter(tmp_path, HEADER, "set"), pytest.raises(InputError, match="part 0 of 1"):
        FeatureWriter(tmp_path, HEADER, "set")


def test_features_of_other_weights_do_not_mix(tmp_path):
    write(tmp_path, "a")
    other = StoreHeader("beef", "radfinder-1", "float32", 6, 8, (128, 128, 32), (0.75, 0.75, 3.0), 4)
    with pytest.raises(InputError, match="differs from what is asked for in weights"):
        FeatureWriter(tmp_path, other, "set")


def test_damage_is_told_at_opening(tmp_path):
    write(tmp_path, "ab")
    write_records(tmp_path, "set", [line_of(scan) for scan in "abc"])
    with pytest.raises(InputError, match="the scan c of set has no features"):
        FeatureStore(tmp_path)
    write_records(tmp_path, "set", [line_of("a")])
    file = tmp_path / "features" / "set-0of1-00000.npy"
    content = file.read_bytes()
    file.write_bytes(content[:-100])
    with pytest.raises(InputError, match="damaged"):
        FeatureStore(tmp_path)
    file.unlink()
    with pytest.raises(InputError, match="is missing"):
        FeatureStore(tmp_path)


def test_a_store_of_another_format_is_refused(tmp_path):
    write(tmp_path, "a")
    content = json.loads((tmp_path / "store.json").read_text())
    (tmp_path / "store.json").write_text(json.dumps({**content, "format_version": 9}))
    with pytest.raises(InputError, match="has the format 9"):
        FeatureStore(tmp_path)


def test_features_that_are_not_finite_in_float16_are_refused(tmp_path):
    seen = features_of("a", GRIDS["a"])
    seen.depth[...] = np.inf
    with FeatureWriter(tmp_path, HEADER, "set") as writer, pytest.raises(InputError, match="not finite"):
        writer.add("a", place_of(GRIDS["a"]), seen)
