from __future__ import annotations

import numpy as np
import torch

from train.data.detections import detection_labels, detector_names, detectors_of
from train.losses.detections import detections_loss


def test_a_nodule_teaches_its_kind_its_side_and_its_place():
    names = {detector_names()[number] for number in detectors_of("lung_nodule@right_upper_lobe")}
    assert names == {"lung_nodule", "lung_nodule:right", "lung_nodule@right_upper_lobe"}
    assert {detector_names()[number] for number in detectors_of("carina")} == {"carina"}
    assert detectors_of("no_such_thing@nowhere") == ()


def test_slabs_are_marked_where_things_lie_and_thin_things_in_one():
    labels = detection_labels(["carina", "liver"], np.array([3.2, 6.0]), np.array([0.1, 4.0]), 8)
    assert np.flatnonzero(labels[:, detector_names().index("carina")]).tolist() == [3]
    assert np.flatnonzero(labels[:, detector_names().index("liver")]).tolist() == [4, 5, 6, 7]


def test_the_right_detections_cost_less_and_padding_costs_nothing():
    mask = torch.tensor([[True, True, True], [True, False, False]])
    labels = torch.zeros(4, 5, dtype=torch.bool)
    labels[1, 2] = True
    right = torch.full((2, 3, 5), -8.0)
    right[0, 1, 2] = 8.0
    padded = right.clone()
    padded[1, 1:] = 50.0
    assert detections_loss(right, mask, labels) < 0.01 < detections_loss(-right, mask, labels)
    assert torch.equal(detections_loss(right, mask, labels), detections_loss(padded, mask, labels))
