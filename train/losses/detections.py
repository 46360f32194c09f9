"""What does each slab show: the dense lesson beside the losses that sentences give.

Phantoms know the extent of everything in them, so every slab has a true answer for every detector, and the strongest along a
scan has one too. Sentences alone tell one place of a scan at a time.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

__all__ = ["detections_loss"]

#: A missed slab weighs as much as this many false ones: things are seen in few slabs.
_SLAB_WEIGHT = 4.0
_SCAN_WEIGHT = 3.0

#: Brings sums over some hundred detectors to the size of one cross-entropy.
_NUM_TYPICAL = 20.0


def detections_loss(detections: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
    """Return the weighted binary cross-entropy over slabs, and over whole scans by each detector's maximum.

    ::

        loss = ( mean_slabs sum_k BCE(x_sk, y_sk; 4) + mean_scans sum_k BCE(max_s x_sk, max_s y_sk; 3) ) / 20

    Parameters
    ----------
    detections : Tensor, (b, n, k)
        Logits.
    mask : Tensor[bool], (b, n)
        Real slabs.
    labels : Tensor[bool], (m, k)
        Of the m real slabs, scan after scan.
    """
    truth = labels.to(detections.dtype)
    slabs = F.binary_cross_entropy_with_logits(
        detections[mask], truth, pos_weight=truth.new_tensor(_SLAB_WEIGHT), reduction="none"
    )
    padded = truth.new_zeros(detections.shape)
    padded[mask] = truth
    strongest = detections.masked_fill(~mask[..., None], torch.finfo(detections.dtype).min).amax(1)
    scans = F.binary_cross_entropy_with_logits(
        strongest, padded.amax(1), pos_weight=truth.new_tensor(_SCAN_WEIGHT), reduction="none"
    )
    return (slabs.sum(1).mean() + scans.sum(1).mean()) / _NUM_TYPICAL
