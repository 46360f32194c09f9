"""Tiny data sets in exactly the layouts in which the public ones come."""

from __future__ import annotations

import csv
import json

import nibabel
import numpy as np
import pandas as pd

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES

SHAPE_XYZ = (24, 20, 12)


def torso_hu(shape=SHAPE_XYZ, seed=0):
    """(x, y, z) voxels of soft tissue in air."""
    hu = np.full(shape, -1000, dtype=np.int16)
    hu[4:-4, 4:-4] = 40
    hu[9:13, 8:12, 3:7] = 300
    return hu + np.random.default_rng(seed).integers(-8, 8, shape).astype(np.int16)


def write_nifti(path, values, spacing_mm=(0.8, 0.8, 1.5)):
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([*spacing_mm, 1.0])
    nibabel.save(nibabel.Nifti1Image(values, affine), path)


def write_csv(path, header, rows, delimiter=","):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(header)
        writer.writerows(rows)


def ct_rate_path(dataset, folder, name):
    split, patient, letter, _ = name.split("_")
    return dataset / folder / f"{split}_{patient}" / f"{split}_{patient}_{letter}" / f"{name}.nii.gz"


def write_ct_rate(root, names, *, raw=(), intercept=-1024, no_chest=()):
    """`names` become fixed files, `raw` stored values with spacing and intercept in the metadata alone."""
    dataset = root / "dataset"
    for number, name in enumerate(names):
        write_nifti(ct_rate_path(dataset, f"{name.partition('_')[0]}_fixed", name), torso_hu(seed=number))
    for number, name in enumerate(raw):
        values = torso_hu(seed=number) - np.int16(intercept)
        write_nifti(ct_rate_path(dataset, name.partition("_")[0], name), values, (1.0, 1.0, 1.0))
    for split, long in (("train", "train"), ("valid", "validation")):
        volumes = [name for name in (*names, *raw) if name.startswith(split)]
        write_csv(
            dataset / "radiology_text_reports" / f"{long}_reports.csv",
            ["VolumeName", "ClinicalInformation_EN", "Technique_EN", "Findings_EN", "Impressions_EN"],
            [
                [f"{v}.nii.gz", "", "", f'Findings of {v[:-2]}, with "quotes",\nand a line.', f"Impression {v[:-2]}."]
                for v in volumes
            ],
        )
        write_csv(
            dataset / "multi_abnormality_labels" / f"{split}_predicted_labels.csv",
            ["VolumeName", *CT_RATE_DISEASES],
            [[f"{v}.nii.gz", *(int(v.endswith("a_1")) for _ in CT_RATE_DISEASES)] for v in volumes],
        )
        write_csv(
            dataset / "metadata" / f"{long}_metadata.csv",
            [
                "VolumeName",
                "Manufacturer",
                "RescaleIntercept",
                "RescaleSlope",
                "XYSpacing",
                "ZSpacing",
                "NumberofSlices",
            ],
            [[f"{v}.nii.gz", "X", intercept, 1, "[0.68359375, 0.68359375]", 1.5, SHAPE_XYZ[2]] for v in volumes],
        )
        (dataset / "metadata" / f"no_chest_{split}.txt").write_text(
            "".join(f"{v}.nii.gz\n" for v in no_chest if v.startswith(split))
        )


def write_merlin(root, reports):
    for study in reports:
        if study != "absent":
            write_nifti(root / "merlin_data" / f"{study}.nii.gz", torso_hu())
    table = [{"study id": study, "Findings": text, "Split": split} for study, (text, split) in reports.items()]
    pd.DataFrame(table).to_excel(root / "reports_final.xlsx", index=False)


def write_inspect(root):
    for image in ("PE4a", "PE4b", "PE4c"):
        write_nifti(root / "full" / "CTPA" / f"{image}.nii.gz", torso_hu())
    ids = [("1", "PE4a", "10"), ("2", "PE4b", "11"), ("3", "PE4c", "11"), ("4", "PE4d", "12")]
    write_csv(root / "study_mapping_20250611.tsv", ["impression_id", "image_id", "person_id"], ids, "\t")
    texts = [(i, f'1. Embolus, "large".\n2. Study {i}.') for i, _, _ in ids]
    write_csv(root / "impressions_20250611.tsv", ["impression_id", "impressions"], texts, "\t")
    write_csv(
        root / "labels_20250611.tsv",
        ["impression_id", "pe_positive_nlp"],
        [("1", "True"), ("2", "False"), ("3", "Censored")],
        "\t",
    )
    write_csv(
        root / "splits_20250611.tsv",
        ["impression_id", "split"],
        [("1", "train"), ("2", "valid"), ("3", "test"), ("4", "test")],
        "\t",
    )


def write_rad_chest(root):
    """Array axes of the file run to Inferior, Posterior, Left."""
    (root / "npz").mkdir(parents=True)
    hu = torso_hu()
    hu[..., -1] = 1500  # the most superior slice
    for name in ("trn00001", "val00002"):
        np.savez(root / "npz" / f"{name}.npz", ct=hu[::-1, ::-1, ::-1].transpose())
    columns = [
        "NoteAcc_DEID",
        "nodule*right_upper",
        "nodulegr1cm*left_lower",
        "calcification*heart",
        "pleural_effusion*left",
    ]
    write_csv(root / "imgtrain_Abnormality_and_Location_Labels.csv", columns, [["trn00001", 0, 1, 0, 0]])
    write_csv(root / "imgvalid_Abnormality_and_Location_Labels.csv", columns, [["val00002", 0, 0, 1, 0]])
    return hu


def write_rex_grounding(root, entries):
    """`entries`: split to {volume: {finding number: (text, stored slices)}}."""
    content = {}
    for split, volumes in entries.items():
        content[split] = [
            {
                "name": f"{v}.nii.gz",
                "shape": list(SHAPE_XYZ),
                "findings": {str(n): text for n, (text, _) in findings.items()},
            }
            for v, findings in volumes.items()
        ]
        for volume, findings in volumes.items():
            masks = np.zeros((len(findings), *SHAPE_XYZ), dtype=np.uint8)
            for number, (_, slices) in findings.items():
                for instance, z in enumerate(slices, start=1):
                    masks[number, 5, 6, z] = instance
            write_nifti(root / "segmentations" / f"{volume}.nii.gz", masks)
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset.json").write_text(json.dumps(content))
