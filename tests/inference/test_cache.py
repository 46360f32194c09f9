"""Embeddings on disk: bit for bit, damaged in any place, written by two processes, killed, on a full disk, too many."""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from napari_ct_grounding.core.errors import Cancelled, InputError
from napari_ct_grounding.inference.cache import (
    PARTIAL_AGE_S,
    EmbeddingCache,
    KeptEncoding,
    default_cache,
)
from napari_ct_grounding.inference.session import EncodedVolume
from napari_ct_grounding.model.base import ImageEmbeddings
from tests.inference.encodings import a_key, embedding_fields
from tests.inference.oracle import OracleModel, body_with_sphere, oracle_session

SENTENCE = "A bright ball."


def an_encoding(seed: int = 0, num_depths: int = 7) -> KeptEncoding:
    return KeptEncoding(ImageEmbeddings(**embedding_fields(seed, num_depths)), lung_ml=float(seed))


def assert_same(one: KeptEncoding | EncodedVolume, other: KeptEncoding | EncodedVolume) -> None:
    for field in fields(ImageEmbeddings):
        left, right = (getattr(item.embeddings, field.name) for item in (one, other))
        if isinstance(left, np.ndarray):
            assert (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes()), field.name
        else:
            assert left == right, field.name
            assert type(left) is type(right), field.name
    assert one.lung_ml == other.lung_ml


@pytest.fixture
def cache(tmp_path: Path) -> EmbeddingCache:
    return EmbeddingCache(tmp_path / "embeddings")


# Hits ------------------------------------------------------------------------------------------------------------


def test_what_was_kept_comes_back_bit_for_bit(cache: EmbeddingCache) -> None:
    assert cache.get(a_key()) is None
    assert a_key() not in cache
    assert cache.put(a_key(), an_encoding())
    assert a_key() in cache
    kept = cache.get(a_key())
    assert kept is not None
    assert_same(kept, an_encoding())


def test_a_second_session_answers_from_the_cache_without_running_the_model(
    cache: EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = body_with_sphere()
    fresh_session = oracle_session(cache=cache)
    fresh = fresh_session.encode(volume)
    monkeypatch.setattr(OracleModel, "encode_volume", None)  # to call it would be an error
    monkeypatch.setattr("napari_ct_grounding.inference.session.lung_volume_ml", None)
    session = oracle_session(cache=EmbeddingCache(cache.folder))
    kept = session.encode(replace(volume, name="another name"))
    assert_same(kept, fresh)
    assert kept.name == "another name"
    (result,), (before,) = session.ground([SENTENCE], kept), fresh_session.ground([SENTENCE], fresh)
    np.testing.assert_array_equal(result.profile, before.profile)
    assert (result.z_mm, result.interval_mm, result.peaks_mm) == (before.z_mm, before.interval_mm, before.peaks_mm)
    assert session.score_diseases(encoded=kept) == fresh_session.score_diseases(encoded=fresh)


@pytest.mark.parametrize(
    "change",
    [
        {"volume_fingerprint": "f" * 32},
        {"weights_fingerprint": "f" * 16},
        {"preprocessing_version": "oracle-2"},
        {"coverage": "paper"},
        {"precision": "bfloat16"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_an_encoding_depends_on_is_part_of_its_key(cache: EmbeddingCache, change: dict[str, str]) -> None:
    cache.put(a_key(), an_encoding())
    assert cache.get(a_key(**change)) is None
    assert cache.get(a_key()) is not None


def test_another_format_version_is_another_key(cache: EmbeddingCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.put(a_key(), an_encoding())
    monkeypatch.setattr("napari_ct_grounding.inference.cache.FORMAT_VERSION", 2)
    assert cache.get(a_key()) is None


def test_each_coverage_and_each_preprocessing_of_a_scan_is_encoded_for_itself(
    cache: EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = body_with_sphere()
    for coverage in ("masked", "paper"):
        oracle_session(coverage=coverage, cache=cache).encode(volume)
    assert cache.num_entries == 2
    monkeypatch.setattr(OracleModel, "preprocessing_version", "oracle-2")
    oracle_session(cache=cache).encode(volume)
    assert cache.num_entries == 3


def test_a_model_without_a_version_of_its_preprocessing_is_never_kept(
    cache: EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OracleModel, "preprocessing_version", None)
    oracle_session(cache=cache).encode(body_with_sphere())
    assert cache.num_entries == 0


def test_a_cancelled_encoding_is_not_kept(cache: EmbeddingCache) -> None:
    with pytest.raises(Cancelled):
        oracle_session(cache=cache).encode(body_with_sphere(), cancel=lambda: True)
    assert cache.num_entries == 0


def test_a_file_holds_neither_voxels_nor_names(cache: EmbeddingCache) -> None:
    volume = replace(body_with_sphere(), name="Doe^Jane", modality_facts={"series": "Thorax of Jane Doe"})
    oracle_session(cache=cache).encode(volume)
    (path,) = cache.folder.iterdir()
    content = path.read_bytes()
    assert b"Doe" not in content
    assert b"Thorax" not in content
    assert b"/" not in content[: int.from_bytes(content[:8], "little")]
    assert len(content) < volume.hu.nbytes / 20


# Damage ----------------------------------------------------------------------------------------------------------


def test_no_flipped_byte_goes_unnoticed(cache: EmbeddingCache) -> None:
    """Every byte of the file in turn: length, header, key, checksum, numbers, vectors."""
    key, encoding = a_key(), an_encoding(num_depths=2)
    cache.put(key, encoding)
    (path,) = cache.folder.iterdir()
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        kept = cache.get(key)
        if kept is not None:  # the header is JSON; a byte of it may be spelt in another way and mean the same
            assert_same(kept, encoding)
        else:
            assert not path.exists()


@pytest.mark.parametrize("num_bytes", [0, 1, 7, 8, 9, 100, 600, -1])
def test_a_file_cut_short_is_removed_and_written_anew(cache: EmbeddingCache, num_bytes: int) -> None:
    session = oracle_session(cache=cache)
    fresh = session.encode(body_with_sphere())
    (path,) = cache.folder.iterdir()
    path.write_bytes(path.read_bytes()[:num_bytes])
    again = oracle_session(cache=cache)
    assert_same(again.encode(body_with_sphere()), fresh)
    assert again.model.num_encoded == 1
    assert_same(oracle_session(cache=cache).encode(body_with_sphere()), fresh)


@pytest.mark.parametrize(
    "content",
    [
        b"not an encoding at all",
        b"\x80\x04N.",
        b"PK\x03\x04" + b"\0" * 100,
        (2).to_bytes(8, "little") + b"[]",
        (100_000).to_bytes(8, "little") + b"[" * 100_000,
        (2**63).to_bytes(8, "little"),
    ],
    ids=["text", "pickle", "zip", "list", "nested", "long header"],
)
def test_a_foreign_file_in_the_place_of_an_entry_is_removed(cache: EmbeddingCache, content: bytes) -> None:
    cache.put(a_key(), an_encoding())
    (path,) = cache.folder.iterdir()
    path.write_bytes(content)
    assert cache.get(a_key()) is None
    assert not path.exists()


def test_an_entry_under_the_name_of_another_is_not_believed(cache: EmbeddingCache) -> None:
    cache.put(a_key(1), an_encoding(1))
    (path,) = cache.folder.iterdir()
    path.rename(cache.folder / f"{a_key(2).digest}.embeddings")
    assert cache.get(a_key(2)) is None


# Size ------------------------------------------------------------------------------------------------------------


def make_older(path: Path, seconds: float) -> None:
    status = path.stat()
    os.utime(path, (status.st_atime - seconds, status.st_mtime - seconds))


def test_what_was_not_used_for_longest_goes_first(cache: EmbeddingCache) -> None:
    cache.put(a_key(0), an_encoding(0))
    cache.max_bytes = 3 * cache.size_bytes
    for number in (1, 2):
        cache.put(a_key(number), an_encoding(number))
    for age, number in enumerate((2, 1, 0)):
        make_older(cache.folder / f"{a_key(number).digest}.embeddings", 100.0 + age)
    assert cache.get(a_key(0)) is not None  # the oldest is used again
    cache.put(a_key(3), an_encoding(3))
    assert [number for number in range(4) if a_key(number) in cache] == [0, 2, 3]
    assert cache.size_bytes <= cache.max_bytes


def test_what_is_larger_than_the_limit_is_not_kept_and_drives_nothing_out(cache: EmbeddingCache) -> None:
    cache.put(a_key(0), an_encoding(0))
    cache.max_bytes = cache.size_bytes
    assert not cache.put(a_key(1), an_encoding(1, num_depths=500))
    assert a_key(0) in cache


def test_clearing_frees_what_the_size_said_and_leaves_strangers_alone(cache: EmbeddingCache) -> None:
    assert (cache.size_bytes, cache.num_entries, cache.clear()) == (0, 0, 0)
    for number in range(3):
        cache.put(a_key(number), an_encoding(number))
    (cache.folder / "holiday.jpg").write_bytes(b"1234")
    (cache.folder / f"{'0' * 32}.abc.partial").write_bytes(b"123456")
    size = cache.size_bytes
    assert cache.num_entries == 3
    assert cache.clear() == size
    assert [path.name for path in cache.folder.iterdir()] == ["holiday.jpg"]
    assert (cache.size_bytes, cache.num_entries) == (0, 0)


def test_partial_files_of_a_process_that_died_are_swept_and_those_of_a_living_one_are_not(
    cache: EmbeddingCache,
) -> None:
    cache.folder.mkdir()
    dead, living = (cache.folder / f"{'0' * 32}.{name}.partial" for name in ("dead", "living"))
    for path in (dead, living):
        path.write_bytes(b"half")
    make_older(dead, PARTIAL_AGE_S + 60)
    cache.put(a_key(), an_encoding())
    assert not dead.exists()
    assert living.exists()


# Disks that refuse -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["mkstemp", "write", "replace"])
def test_a_full_disk_costs_one_warning_and_no_answer(
    cache: EmbeddingCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stage: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    class FullFile:
        def __init__(self, handle: int) -> None:
            os.close(handle)

        def __enter__(self) -> FullFile:
            return self

        def __exit__(self, *_: object) -> None: ...

        write = refuse

    place = "napari_ct_grounding.inference.cache."
    if stage == "write":
        monkeypatch.setattr(place + "open", lambda handle, mode: FullFile(handle), raising=False)
    else:
        monkeypatch.setattr(place + {"mkstemp": "tempfile.mkstemp", "replace": "os.replace"}[stage], refuse)
    session = oracle_session(cache=cache)
    with caplog.at_level(logging.INFO):
        for sphere_slice in (10, 29):
            session.encode(body_with_sphere(sphere_slice))
            assert session.ground([SENTENCE])[0].has_location
    (record,) = caplog.records
    assert "No space left on device" in record.getMessage()
    assert str(cache.folder) not in record.getMessage()
    assert list(cache.folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_costs_one_warning_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = EmbeddingCache(tmp_path / "file" / "embeddings")
    for number in range(2):
        assert not cache.put(a_key(number), an_encoding())
        assert cache.get(a_key(number)) is None
    assert len(caplog.records) == 1
    assert (cache.size_bytes, cache.clear()) == (0, 0)


# Other processes -------------------------------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from types import SimpleNamespace
from napari_ct_grounding.inference.cache import EmbeddingCache, KeptEncoding
from tests.inference.encodings import a_key, embedding_fields
cache = EmbeddingCache(Path(sys.argv[1]), int(sys.argv[2]))
encodings = [KeptEncoding(SimpleNamespace(**embedding_fields(number)), float(number)) for number in range(6)]
print("ready", flush=True)
sys.stdin.readline()
for round in range(int(sys.argv[3])):
    cache.put(a_key(round % 6), encodings[round % 6])
    if round % 50 == 49:
        cache.clear()
assert "torch" not in sys.modules
"""


def writers(count: int, folder: Path, max_bytes: int, num_rounds: int) -> list[subprocess.Popen[str]]:
    """Processes that are ready to write on a word from us."""
    command = [sys.executable, "-c", WRITER, str(folder), str(max_bytes), str(num_rounds)]
    root = Path(__file__).resolve().parents[2]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    children = [subprocess.Popen(command, cwd=root, text=True, **pipes) for _ in range(count)]
    for child in children:
        assert child.stdout.readline() == "ready\n", child.communicate()[1]
    return children


def start(child: subprocess.Popen[str]) -> None:
    child.stdin.write("go\n")
    child.stdin.flush()


def check_entries(cache: EmbeddingCache) -> int:
    """Whatever is there must be what was put there; return how many were."""
    kept = {number: cache.get(a_key(number)) for number in range(6)}
    for number, encoding in kept.items():
        if encoding is not None:
            assert_same(encoding, an_encoding(number))
    return sum(encoding is not None for encoding in kept.values())


def test_several_processes_write_read_evict_and_clear_at_once(cache: EmbeddingCache) -> None:
    cache.put(a_key(), an_encoding())
    children = writers(2, cache.folder, 3 * cache.size_bytes, 300)
    for child in children:
        start(child)
    num_read = 0
    while any(child.poll() is None for child in children):
        num_read += check_entries(cache)
    # Clearing removes the other's partial file, whose move then fails: a warning there and no entry, never an error.
    errors = [child.communicate()[1] for child in children]
    assert [child.returncode for child in children] == [0, 0], errors
    assert num_read > 0
    assert not [path for path in cache.folder.iterdir() if path.suffix == ".partial"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_process_killed_while_it_writes_leaves_nothing_that_misleads(cache: EmbeddingCache) -> None:
    rng = np.random.default_rng(0)
    for child in writers(6, cache.folder, 10**9, 10**9):
        start(child)
        num_read = 0
        while num_read == 0:  # it is in the midst of writing
            num_read = check_entries(cache)
        time.sleep(rng.uniform(0, 0.01))
        child.kill()
        child.communicate()
        assert child.returncode == -signal.SIGKILL
        check_entries(cache)
    for path in cache.folder.iterdir():
        make_older(path, PARTIAL_AGE_S + 60)
    cache.put(a_key(), an_encoding())
    assert not [path for path in cache.folder.iterdir() if path.suffix == ".partial"]


# The user's cache ------------------------------------------------------------------------------------------------


def test_the_environment_names_folder_and_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CT_GROUNDING_CACHE", str(tmp_path))
    monkeypatch.setenv("CT_GROUNDING_CACHE_MB", "3")
    cache = default_cache()
    assert cache is not None
    assert (cache.folder, cache.max_bytes) == (tmp_path, 3_000_000)


def test_without_a_word_the_cache_is_the_users_own_of_512_mb(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CT_GROUNDING_CACHE", "CT_GROUNDING_CACHE_MB"):
        monkeypatch.delenv(name, raising=False)
    cache = default_cache()
    assert cache is not None
    assert cache.folder.parts[-2:] == ("napari-ct-grounding", "embeddings")
    assert cache.max_bytes == 512_000_000


@pytest.mark.parametrize("value", ["off", " OFF "])
def test_the_cache_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CT_GROUNDING_CACHE", value)
    assert default_cache() is None


@pytest.mark.parametrize("value", ["much", "-1", "1.5", "½"])
def test_a_size_that_is_no_number_is_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CT_GROUNDING_CACHE_MB", value)
    with pytest.raises(InputError, match="whole number of megabytes"):
        default_cache()


def test_counting_and_clearing_load_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom napari_ct_grounding.inference.cache import default_cache\n"
        "cache = default_cache()\nassert cache.clear() == 0\nassert 'torch' not in sys.modules"
    )
    environment = {**os.environ, "CT_GROUNDING_CACHE": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
