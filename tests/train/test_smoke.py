"""The chain of `make train-smoke` in short, in one process; being killed has tests of its own."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_ct_grounding.core.evaluation_results import read_evaluation_results
from napari_ct_grounding.inference.session import GroundingSession
from train.__main__ import main
from train.data.datasets.manifest import Manifest
from train.data.stored_features import FeatureStore
from train.smoke import RECIPE, write_smoke_data


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """Folder in which two small data sets became weights."""
    out = tmp_path_factory.mktemp("smoke")
    write_smoke_data(out, num_scans=5, num_studies=4, spacing_mm=(8.0, 8.0, 8.0))
    recipe = out / "recipe.toml"
    recipe.write_text(
        RECIPE.read_text().replace("epochs = 5", "epochs = 2").replace("num_held_out = 4", "num_held_out = 2")
    )
    for dataset, root in (("ct-rate", out / "ct-rate"), ("manifest", out / "clinic" / "clinic.csv")):
        command = f"features --dataset {dataset} --root {root} --weights {out / 'start'} --out {out / 'store'}"
        main([*command.split(), "--device", "cpu", "--precision", "float32"])
    main(f"features --dataset ct-rate --root {out / 'ct-rate'} --out {out / 'store'} --records-only".split())
    main(
        f"fit --recipe {recipe} --features {out / 'store'} --weights {out / 'start'} --out {out / 'run'} --device cpu".split()
    )
    main(f"export --run {out / 'run'} --out {out / 'weights'} --name smoke".split())
    main(
        f"evaluate --weights {out / 'weights'} --features {out / 'store'} --resamples 50 --out {out / 'figures'}".split()
    )
    return out


def test_the_store_holds_both_data_sets_with_texts_labels_and_places(walked):
    store = FeatureStore(walked / "store")
    by_dataset = {name: [r for r in store.records if r.dataset == name] for name in ("ct-rate", "clinic")}
    assert {name: len(records) for name, records in by_dataset.items()} == {"ct-rate": 5 + 2, "clinic": 4}
    assert all(record.texts.findings for record in store.records)
    assert (store.labels[:, :18] >= 0).all()
    assert all(record.snippets for record in by_dataset["clinic"])
    assert {record.split for record in store.records} == {"train", "valid"}


def test_sentences_lie_where_the_volumes_were_told_to_have_them(walked):
    store = FeatureStore(walked / "store")
    scans = {scan.scan_id: scan for scan in Manifest(walked / "clinic" / "clinic.csv").scans()}
    record = next(record for record in store.records if record.dataset == "clinic")
    placed = {item.sentences: item.where for item in scans[record.scan_id].placed}
    volume = Manifest(walked / "clinic" / "clinic.csv").read(scans[record.scan_id]).volume
    z_of_image = {item.image_number: volume.geometry.z_of_slice(i) for i, item in enumerate(volume.slice_table)}
    for snippet in record.snippets:
        if snippet.extent is None:
            z_mm = z_of_image[placed[snippet.sentences].number]
            assert abs(record.place.depths_mm[snippet.depth] - z_mm) <= 6 + 1e-6
        else:
            low, high = np.interp(snippet.extent, np.arange(len(record.place.depths_mm)), record.place.depths_mm)
            where = placed[snippet.sentences]
            assert where.lo_mm - 6 <= low <= high <= where.hi_mm + 6


def test_training_moved_the_weights_and_they_answer(walked):
    log = [json.loads(line) for line in (walked / "run" / "log.jsonl").read_text().splitlines()]
    assert {"siglip", "localization", "prompts"} <= log[0].keys()
    before, after = (
        GroundingSession.from_pretrained(str(walked / name), device="cpu") for name in ("start", "weights")
    )
    assert before.weights_fingerprint != after.weights_fingerprint
    dataset = Manifest(walked / "clinic" / "clinic.csv")
    volume = dataset.read(dataset.scans()[0]).volume
    answers = [session.ground(["Pleural effusion."], session.encode(volume))[0] for session in (before, after)]
    assert np.isfinite(answers[1].profile).all()
    assert not np.allclose(answers[0].profile, answers[1].profile)
    low, high = volume.geometry.z_extent_mm
    assert low - 6 <= answers[1].z_mm <= high + 6


def test_the_weights_were_measured_on_the_held_out_scans(walked):
    files = (walked / "figures").glob("*.json")
    tasks = {(found.task, found.dataset): found for found in map(read_evaluation_results, files)}
    assert {dataset for _, dataset in tasks} == {"ct-rate valid", "clinic valid"}
    localization = tasks["localization", "clinic valid"]
    assert localization.figure("mean_mm").value >= 0
    assert localization.figure("per_scan_mean_mm", answer="middle").value >= 0
    retrieval = tasks.get(("report_retrieval", "ct-rate valid"))
    assert all(0 <= figure.value <= 1 for figure in (retrieval.figures if retrieval else ()) if "recall" in figure.name)
