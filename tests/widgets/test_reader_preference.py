"""napari's setting which reader opens what."""

from __future__ import annotations

import pytest
from napari.plugins.utils import get_preferred_reader
from napari.settings import get_settings

from napari_ct_grounding.widgets.reader_preference import PLUGIN, is_preferred, set_preferred


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch):
    monkeypatch.setattr(get_settings().plugins, "extension2reader", {"*.tif": "other", "*.nii": "other"})


def test_agreeing_opens_cts_and_folders_with_our_reader_and_leaves_the_rest(tmp_path):
    assert not is_preferred()
    set_preferred(True)
    assert is_preferred()
    names = ("case.nii", "case.nii.gz", "case.nrrd", "case.mha", "im.dcm", "photo.png", "a.tif")
    assert [get_preferred_reader(str(tmp_path / name)) for name in names] == [PLUGIN] * 5 + [None, "other"]
    assert get_preferred_reader(str(tmp_path)) == PLUGIN


def test_taking_it_back_removes_only_what_is_ours():
    set_preferred(True)
    get_settings().plugins.extension2reader = {**get_settings().plugins.extension2reader, "*.mha": "other"}
    assert not is_preferred()
    set_preferred(False)
    assert get_settings().plugins.extension2reader == {"*.tif": "other", "*.mha": "other"}
