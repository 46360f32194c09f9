"""A cache of five small phantoms, made once."""

from __future__ import annotations

import pytest

from napari_ct_grounding.model.slab.preprocessing import SlabFrame, prepare_slabs
from napari_ct_grounding.phantom.scan import generate_scan
from train.data.phantoms import generate_cache, load_cache


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    generate_cache(folder, range(5), SlabFrame(), num_workers=1)
    return folder


@pytest.fixture(scope="session")
def phantoms(cache):
    return load_cache(cache)


@pytest.fixture(scope="session")
def prepared_again():
    """The slabs of seed 1 as the session would prepare them."""
    return prepare_slabs(generate_scan(1).volume, SlabFrame())
