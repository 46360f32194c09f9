"""Embeddings to take away: documented names, plain arrays, readable with numpy alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_ct_grounding import __version__
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.inference.embedding_file import embedding_arrays, write_embeddings
from tests.inference.oracle import body_with_sphere, oracle_session


def test_the_file_holds_what_the_session_holds(tmp_path: Path) -> None:
    session, volume = oracle_session(), replace(body_with_sphere(), name="Doe^Jane")
    encoded = session.encode(volume)
    path = tmp_path / "a.npz"
    write_embeddings(path, encoded, session)
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    seen = encoded.embeddings
    for name, expected in {
        "depth_embeddings": seen.depth,
        "depths_mm": seen.depths_mm,
        "is_valid": seen.is_valid,
        "volume_embedding": seen.retrieval,
        "disease_embedding": seen.disease,
        "affine": volume.geometry.affine,
        "shape": np.array(volume.geometry.shape),
        "covered_mm": np.array(seen.covered_mm),
    }.items():
        assert arrays[name].dtype == expected.dtype
        np.testing.assert_array_equal(arrays[name], expected)
    texts = {name: str(array) for name, array in arrays.items() if array.dtype.kind == "U"}
    texts.pop("program_commit")
    assert texts == {
        "volume_fingerprint": volume.fingerprint,
        "weights_fingerprint": session.weights_fingerprint,
        "weights_name": "oracle",
        "card_name": "oracle",
        "coverage": "masked",
        "precision": "float32",
        "preprocessing_version": "oracle-1",
        "program_version": __version__,
    }
    assert int(arrays["format_version"]) == 1
    assert b"Doe" not in path.read_bytes()


def test_numpy_alone_computes_the_profile_from_it(tmp_path: Path) -> None:
    session = oracle_session()
    encoded = session.encode(body_with_sphere())
    path = tmp_path / "a.npz"
    write_embeddings(path, encoded, session)
    sentence = session.model.embed_sentences(["A bright ball."]).localization[0]
    program = (
        "import sys, numpy as np\n"
        "with np.load(sys.argv[1], allow_pickle=False) as scan:\n"
        "    profile = scan['depth_embeddings'] @ np.array(eval(sys.argv[2]), dtype=np.float32)\n"
        "    print(scan['depths_mm'][np.where(scan['is_valid'], profile, -np.inf).argmax()])\n"
        "assert not {'torch', 'napari_ct_grounding'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", program, str(path), repr(sentence.tolist())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (result,) = session.ground(["A bright ball."], encoded)
    assert float(done.stdout) == result.z_mm


def test_every_name_of_the_file_is_in_the_documentation(repository: Path) -> None:
    session = oracle_session()
    names = embedding_arrays(session.encode(body_with_sphere()), session)
    page = (repository / "docs" / "batch.md").read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in page] == []


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    session = oracle_session()
    encoded = session.encode(body_with_sphere())
    with pytest.raises(InputError, match=r"Let it end in \.npz"):
        write_embeddings(tmp_path / "a.pkl", encoded, session)
    with pytest.raises(InputError, match=r"a\.npz cannot be written"):
        write_embeddings(tmp_path / "missing" / "a.npz", encoded, session)
    with pytest.raises(InputError, match="other weights"):
        write_embeddings(tmp_path / "a.npz", replace(encoded, weights_fingerprint="f" * 32), session)
    assert list(tmp_path.iterdir()) == []
