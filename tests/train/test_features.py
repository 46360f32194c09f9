from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.model.weights.loading import load_weights
from tests.train.data.datasets.layouts import torso_hu
from train.__main__ import main
from train.data.datasets.scans import Dataset, DatasetScan, InExtent, OnImage, PlacedSentence, ReadScan
from train.data.encoder_identity import check_window_encoder
from train.data.scan_records import ReportTexts
from train.data.stored_features import FeatureStore
from train.features import FeatureExtractor, extract_features, refresh_records
from train.tiny_weights import write_tiny_weights


class Phantoms(Dataset):
    """Four scans in memory; the third is damaged."""

    name = "phantoms"

    def __init__(self, num=4, broken=(2,), report="Nodule in the left lung."):
        self._num, self._broken, self._report = num, broken, report
        self.num_read = 0

    def scans(self):
        return [
            DatasetScan(
                f"s{i}",
                f"r{i}",
                f"p{i}",
                "train",
                path=None,
                texts=ReportTexts(findings=self._report),
                labels={"Emphysema": i % 2},
                placed=(PlacedSentence(("A nodule.",), InExtent(12.0, 24.0)), PlacedSentence(("Erguss.",), OnImage(3))),
                facts={"no_chest": False, "findings": {"0": "not kept"}},
            )
            for i in range(self._num)
        ]

    def read(self, scan):
        self.num_read += 1
        number = int(scan.scan_id[1:])
        if number in self._broken:
            from napari_ct_grounding.core.errors import VolumeError

            raise VolumeError("The file was cut short.")
        hu = torso_hu((40 + number, 44, 20), seed=number).transpose()
        geometry = VolumeGeometry.from_spacing(hu.shape, (3.0, 3.0, 3.0), (0.0, -60.0, -60.0))
        volume = CTVolume(hu, geometry)
        return ReadScan(volume, (PlacedSentence(("From a mask.",), InExtent(0.0, 6.0)),))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_tiny_weights(tmp_path_factory.mktemp("tiny"), ["Nodule in the left lung."])


def run(dataset, weights, out, **options):
    return extract_features(dataset, weights, out, precision="float32", shows_progress=False, **options)


def test_stored_features_give_the_vectors_that_the_session_would_compute(tmp_path, weights):
    dataset = Phantoms()
    run(dataset, weights, tmp_path)
    store = FeatureStore(tmp_path)
    model = load_weights(weights).model
    for index, record in enumerate(store.records):
        features, grid = store.features(index), [record.place.grid_hwd]
        parts = (
            torch.from_numpy(np.array(part, dtype=np.float32))[None]
            for part in (features.cls, features.patch_average, features.depth)
        )
        with torch.inference_mode():
            vectors = model.model.embed_scans(*parts, grid)
        want = model.encode_volume(dataset.read(dataset.scans()[int(record.scan_id[1:])]).volume, coverage="paper")
        depth = torch.nn.functional.normalize(vectors.depth[0], dim=-1)
        np.testing.assert_allclose(depth, want.depth, atol=2e-3)  # float16 in between
        np.testing.assert_allclose(record.place.depths_mm, want.depths_mm)


def test_scans_that_cannot_be_read_are_named_and_tried_again(tmp_path, weights):
    first = run(Phantoms(), weights, tmp_path)
    assert (first.num_encoded, first.num_records) == (3, 3)
    assert first.refused == {"s2": "The file was cut short."}
    mended = Phantoms(broken=())
    second = run(mended, weights, tmp_path)
    assert (second.num_encoded, second.num_records, mended.num_read) == (1, 4, 1)
    assert [record.scan_id for record in FeatureStore(tmp_path).records] == ["s0", "s1", "s2", "s3"]


def test_records_hold_sentences_of_reports_and_of_masks_on_their_depths(tmp_path, weights):
    run(Phantoms(num=1), weights, tmp_path)
    (record,) = FeatureStore(tmp_path).records
    # 20 slices of 3 mm in a window of 32: six slices of air below, so z = 0 is position (6 - 1.5) / 4.
    assert [(s.sentences, s.extent) for s in record.snippets] == [
        (("A nodule.",), pytest.approx((1.125 + 1, 1.125 + 2))),
        (("From a mask.",), pytest.approx((1.125, 1.125 + 0.5))),
    ]
    assert record.facts == {"no_chest": False}
    (released,) = FeatureStore(tmp_path, forgets_padding=True).records
    assert released.snippets[0].extent == pytest.approx((1.125 - 0.5, 1.125 + 0.5))


def test_two_processes_share_a_data_set_and_the_last_one_writes_all_records(tmp_path, weights):
    assert run(Phantoms(broken=()), weights, tmp_path, part=(1, 2)).num_records == 2
    assert run(Phantoms(broken=()), weights, tmp_path, part=(0, 2)).num_records == 4
    whole = tmp_path / "whole"
    run(Phantoms(broken=()), weights, whole)
    for (record, seen), (other, want) in zip(FeatureStore(tmp_path), FeatureStore(whole), strict=True):
        assert record.scan_id == other.scan_id
        np.testing.assert_array_equal(seen.depth, want.depth)


def test_patients_held_out_in_one_data_set_are_not_trained_on_in_another(tmp_path, weights):
    class Marked(Phantoms):
        """Made of the scans of the other, and holds one of them out."""

        name, patients = "marked", "phantoms"

        def scans(self):
            return [replace(scan, split="test") for scan in super().scans()[1:2]]

    run(Phantoms(broken=()), weights, tmp_path)
    run(Marked(broken=()), weights, tmp_path)
    store = FeatureStore(tmp_path)
    assert [store.records[i].scan_id for i in store.chosen(split="train")] == ["s0", "s2", "s3"]
    assert [store.records[i].dataset for i in store.chosen(split="test")] == ["marked"]


def test_a_limited_run_forgets_no_scan_encoded_before(tmp_path, weights):
    run(Phantoms(broken=()), weights, tmp_path)
    assert run(Phantoms(broken=()), weights, tmp_path, limit=1).num_records == 4


def test_records_follow_the_reports_without_encoding_again(tmp_path, weights):
    run(Phantoms(), weights, tmp_path)
    assert refresh_records(tmp_path, Phantoms(report="Corrected.")) == 3
    assert {record.texts.findings for record in FeatureStore(tmp_path).records} == {"Corrected."}


def test_weights_without_windows_and_other_weights_are_refused(tmp_path, weights):
    with pytest.raises(InputError, match="no window encoder"):
        run(Phantoms(), "bundled", tmp_path / "bundled")
    run(Phantoms(num=1), weights, tmp_path / "store")
    other = write_tiny_weights(tmp_path / "other", ["Lung."], seed=1)
    with pytest.raises(InputError, match="differs from what is asked for in weights"):
        run(Phantoms(num=1), other, tmp_path / "store")


def test_features_know_which_window_encoder_made_them(tmp_path, weights):
    run(Phantoms(num=1), weights, tmp_path / "store")
    header = FeatureStore(tmp_path / "store").header
    check_window_encoder(header, weights)
    with pytest.raises(InputError, match="that of the weights 'other' is"):
        check_window_encoder(header, write_tiny_weights(tmp_path / "other", ["Lung."], seed=1))


def test_bfloat16_is_near_float32(weights):
    network = load_weights(weights).model.model
    pixels = np.random.default_rng(0).random((2, 1, 32, 32, 32)).astype(np.float16)
    exact = FeatureExtractor(network, torch.device("cpu"), "float32").encode(pixels, (2, 1, 1))
    rough = FeatureExtractor(network, torch.device("cpu"), "bfloat16").encode(pixels, (2, 1, 1))
    assert 0 < np.abs(exact.depth - rough.depth).max() < 0.1


_KILLED_AT_THE_THIRD_SCAN = """
import os, signal, sys
from pathlib import Path
from tests.train.test_features import Phantoms, run
class Deadly(Phantoms):
    def read(self, scan):
        if scan.scan_id == "s3":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(scan)
run(Deadly(num=6, broken=()), Path(sys.argv[1]), Path(sys.argv[2]), num_readers=1)
"""


def test_a_run_that_was_killed_ends_with_the_features_of_one_that_was_not(tmp_path, weights, repository):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    environment = {**os.environ, "PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"}
    process = subprocess.run(
        [sys.executable, "-c", _KILLED_AT_THE_THIRD_SCAN, str(weights), str(killed)],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    outcome = run(Phantoms(num=6, broken=()), weights, killed)
    assert 3 <= outcome.num_encoded <= 5
    run(Phantoms(num=6, broken=()), weights, whole)
    for name in (
        "features/phantoms-0of1-00000.npy",
        "features/phantoms-0of1.jsonl",
        "records/phantoms.jsonl",
        "store.json",
    ):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("part", ["4/4", "1", "a/2", "-1/2"])
def test_a_part_beyond_the_number_of_processes_is_refused_by_the_command(part, capsys):
    with pytest.raises(SystemExit):
        main(f"features --dataset merlin --root . --out store --shard={part}".split())
    assert "is not i/n with i from 0 to n - 1" in capsys.readouterr().err
