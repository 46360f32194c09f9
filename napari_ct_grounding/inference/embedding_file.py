"""A scan's embeddings as a plain `.npz`, for whoever wants to compute with them: no package of ours is needed to read it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.provenance import this_program
from napari_ct_grounding.inference.session import EncodedVolume, GroundingSession

__all__ = ["EMBEDDING_FILE_VERSION", "embedding_arrays", "write_embeddings"]

EMBEDDING_FILE_VERSION = 1


def embedding_arrays(encoded: EncodedVolume, session: GroundingSession) -> dict[str, Any]:
    """Return the arrays of the file, by name; d depth positions, e numbers in a vector. Texts are arrays of no axes.

    Neither the scan's name nor its path is among them.

    Raises
    ------
    InputError
        When the scan was encoded with other weights than the session's.
    """
    if encoded.weights_fingerprint != session.weights_fingerprint:
        raise InputError("The scan was encoded with other weights than this session's. Encode it again.")
    seen, program = encoded.embeddings, this_program()
    return {
        "format_version": np.array(EMBEDDING_FILE_VERSION),
        "depth_embeddings": seen.depth,  # (d, e) float32, most inferior first
        "depths_mm": seen.depths_mm,  # (d,) float64, world z of each position's centre, RAS+
        "is_valid": seen.is_valid,  # (d,) bool, False outside the scan
        "depth_width_mm": np.array(seen.depth_width_mm),
        "volume_embedding": seen.retrieval,  # (e,) float32
        "disease_embedding": seen.disease,  # (e,) float32
        "covered_mm": np.array(seen.covered_mm),  # (lo, hi)
        "covered_body_fraction": np.array(seen.covered_body_fraction),
        "lung_ml": np.array(encoded.lung_ml),
        "affine": encoded.geometry.affine,  # (4, 4), voxel (x, y, z) of the canonical volume to RAS+ mm
        "shape": np.array(encoded.geometry.shape),  # (z, y, x)
        "volume_fingerprint": np.array(encoded.volume_fingerprint),
        "weights_fingerprint": np.array(encoded.weights_fingerprint),
        "weights_name": np.array(session.weights_name),
        "card_name": np.array(session.card.name),
        "coverage": np.array(encoded.coverage),
        "precision": np.array(session.precision),
        "preprocessing_version": np.array(session.model.preprocessing_version or ""),
        "program_version": np.array(program.version),
        "program_commit": np.array(program.commit or ""),
    }


def write_embeddings(path: Path, encoded: EncodedVolume, session: GroundingSession) -> None:
    """Write `embedding_arrays` to an `.npz` file; it is never seen half written.

    Raises
    ------
    InputError
        When the place cannot be written to, or the name does not end in `.npz`.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise InputError(f"The embeddings are written as .npz, but the name is {path.name!r}. Let it end in .npz.")
    arrays = embedding_arrays(encoded, session)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            np.savez(file, **arrays)
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise InputError(f"{path.name} cannot be written ({error.strerror}). Choose another place.") from error
