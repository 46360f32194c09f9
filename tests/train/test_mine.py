"""Mining end to end, on DICOM studies exported from phantoms, where the truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from napari_ct_grounding.core.slice_table import write_slice_tables
from napari_ct_grounding.readers import read_volume
from napari_ct_grounding.readers.dicom.index import index_folder
from napari_ct_grounding.readers.dicom.slice_tables import slice_tables
from train import mine as mine_module
from train.__main__ import main
from train.mine import mine
from train.mining_study import judge, table_of, write_studies

#: One report in English, one in German, short scans with many findings.
SEEDS = (9_100_003, 9_100_010)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    write_studies(root, SEEDS, spacing_mm=(10.0, 40.0, 40.0))
    return root


@pytest.fixture(scope="module")
def mined(corpus: Path, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("mined")
    main(
        [
            "mine",
            *("--reports", str(corpus / "reports")),
            *("--studies", str(corpus / "studies")),
            "--out",
            str(out),
            "--workers",
            "1",
        ]
    )
    return out


def test_what_is_mined_is_what_was_written(corpus: Path, mined: Path) -> None:
    figures = judge(corpus, mined)
    assert figures.num_references >= 5
    assert figures.num_to_refuse == 3 * len(SEEDS)
    assert figures.precision == 1.0
    assert figures.recall == 1.0
    assert figures.num_refused_rightly == figures.num_to_refuse
    assert figures.z_error_mm_max < 1e-3
    assert f"| studies | {len(SEEDS)} |" in table_of(figures)


def test_judge_sees_a_wrong_height_and_a_missing_pair(corpus: Path, mined: Path, tmp_path: Path) -> None:
    table = pq.read_table(mined / "pairs.parquet").to_pylist()
    for row in table:
        row["z_mm"] += 7.0
    schema = pq.read_schema(mined / "pairs.parquet")
    pq.write_table(mine_module.pa.Table.from_pylist(table[1:], schema), tmp_path / "pairs.parquet")
    (tmp_path / "refused.parquet").write_bytes((mined / "refused.parquet").read_bytes())
    figures = judge(corpus, tmp_path)
    assert figures.recall < 1.0
    assert figures.z_error_mm_mean == pytest.approx(7.0)


def test_mined_slice_is_the_slice_of_the_volume_that_the_viewer_opens(corpus: Path, mined: Path) -> None:
    pair = pq.read_table(mined / "pairs.parquet").to_pylist()[0]
    volume = read_volume(corpus / "studies" / pair["volume"], series=pair["series_key"])
    record = volume.slice_table[pair["slice"]]
    assert record.image_number == pair["image_number"]
    assert record.sop_instance_uid == pair["sop_instance_uid"]
    assert volume.geometry.z_of_slice(pair["slice"]) == pytest.approx(pair["z_mm"], abs=1e-4)


def test_sidecars_of_converted_studies_give_the_same_pairs(corpus: Path, mined: Path, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    for folder in (corpus / "studies").iterdir():
        write_slice_tables(
            tmp_path / "tables" / f"{folder.name}.slices.json", slice_tables(index_folder(folder), folder.name)
        )
    mine(corpus / "reports", tmp_path / "tables", tmp_path / "out")
    assert pq.read_table(tmp_path / "out" / "pairs.parquet").equals(pq.read_table(mined / "pairs.parquet"))


def test_summary_counts_add_up(mined: Path) -> None:
    summary = json.loads((mined / "summary.json").read_text(encoding="utf-8"))
    assert summary["num_pairs"] == pq.read_metadata(mined / "pairs.parquet").num_rows
    assert sum(summary["refused"].values()) == pq.read_metadata(mined / "refused.parquet").num_rows
    assert summary["program"]["name"] == "napari-ct-grounding"


def test_stopped_mining_goes_on_and_ends_with_the_same_tables(
    corpus: Path, mined: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    whole = mine_module.mine_report

    def failing(report, tables):
        calls.append(report.report_id)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(report, tables)

    monkeypatch.setattr(mine_module, "mine_report", failing)
    with pytest.raises(KeyboardInterrupt):
        mine(corpus / "reports", corpus / "studies", tmp_path, portion=1)
    assert not (tmp_path / "pairs.parquet").exists()
    mine(corpus / "reports", corpus / "studies", tmp_path, portion=1)
    assert len(calls) == 3  # the first report was not read again
    assert pq.read_table(tmp_path / "pairs.parquet").equals(pq.read_table(mined / "pairs.parquet"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pairs.parquet", "refused.parquet", "summary.json"]


def test_tables_of_a_study_hold_every_image_at_its_height(corpus: Path) -> None:
    folder = next((corpus / "studies").iterdir())
    tables = {table.number: table for table in slice_tables(index_folder(folder)) if table.is_axial}
    volume = read_volume(folder, series=2)
    heights = sorted(image.z_mm for image in tables[2].images)
    assert np.allclose(heights, [volume.geometry.z_of_slice(k) for k in range(volume.hu.shape[0])], atol=1e-4)


def test_folder_that_is_not_there_ends_with_code_2(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(
            [
                "mine",
                "--reports",
                str(corpus / "reports"),
                "--studies",
                str(tmp_path / "no"),
                "--out",
                str(tmp_path / "out"),
            ]
        )
    assert stopped.value.code == 2
    assert "is no folder" in capsys.readouterr().err
