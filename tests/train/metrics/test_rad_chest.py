from __future__ import annotations

import numpy as np
import pytest

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from train.metrics.rad_chest import PROTOCOL_DISEASES, ct_rate_labels, standard_protocol

COLUMNS = [
    "nodule*left_lung",
    "nodulegr1cm*right_lung",
    "calcification*aorta",
    "coronary_artery_disease*heart",
    "air_trapping*lung",
]


def of(labels, name):
    return labels[:, CT_RATE_DISEASES.index(name)].tolist()


def test_a_class_is_true_where_any_abnormality_is_true_anywhere():
    values = np.array([[1, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1]])
    labels = ct_rate_labels(COLUMNS, values)
    assert of(labels, "Lung nodule") == [1, 1, 0]
    assert of(labels, "Arterial wall calcification") == of(labels, "Coronary artery wall calcification") == [0, 1, 0]
    assert of(labels, "Mosaic attenuation pattern") == [-1, -1, -1]
    assert of(labels, "Emphysema") == [-1, -1, -1]
    extended = ct_rate_labels(COLUMNS, values, "extended")
    assert of(extended, "Coronary artery wall calcification") == of(extended, "Mosaic attenuation pattern") == [0, 0, 1]
    with pytest.raises(ValueError, match="extended"):
        ct_rate_labels(COLUMNS, values, "other")


def test_the_standard_protocol_joins_the_calcifications_and_has_sixteen_classes():
    scores = np.arange(18.0)[None]
    labels, joined = standard_protocol(np.arange(18)[None], scores)
    assert len(PROTOCOL_DISEASES) == labels.shape[1] == joined.shape[1] == 16
    assert PROTOCOL_DISEASES[1] == "Arterial wall calcification"
    assert joined[0, 1] == 4.0
    assert 4 not in labels
    assert 13 not in labels
    assert scores[0, 1] == 1.0
