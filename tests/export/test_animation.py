"""The moving walk: frames in order, GIF and MP4 that other programs read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from napari_ct_grounding.core.errors import Cancelled, InputError
from napari_ct_grounding.export.animation import walk_frames, write_gif, write_mp4
from napari_ct_grounding.export.walk import Finding
from tests.export.walks import FINDINGS, a_result, a_volume, a_walk

WALK = a_walk(Finding("Low.", a_result("Low.", 3)), Finding("Mass.", a_result("Mass.", 12)), volume=a_volume())


def test_slices_roll_by_between_findings_and_each_finding_rests() -> None:
    durations = [frame.duration_ms for frame in walk_frames(WALK, a_volume())]
    rests = [place for place, duration in enumerate(durations) if duration > 1000]
    assert rests == [0, len(durations) - 1]
    assert 4 <= len(durations) - 2 <= 8


def test_all_frames_have_one_even_size() -> None:
    sizes = {frame.picture.size for frame in walk_frames(WALK, a_volume())}
    assert len(sizes) == 1
    assert all(side % 2 == 0 for side in sizes.pop())


def test_a_gif_keeps_frames_durations_and_plays_without_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_gif(tmp_path / "walk.gif", WALK, a_volume(), lambda done, total: told.append((done, total)))
    frames = list(walk_frames(WALK, a_volume()))
    with Image.open(tmp_path / "walk.gif") as gif:
        assert gif.n_frames == len(frames)
        assert gif.info["loop"] == 0
        assert gif.info["duration"] == frames[0].duration_ms // 10 * 10
        grey = gif.convert("RGB").getpixel((200, 200))
        assert grey == pytest.approx(frames[0].picture.getpixel((200, 200)), abs=3)
    assert told == [(1, 2), (2, 2)]


def test_an_mp4_is_read_by_another_program(tmp_path: Path) -> None:
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="the extra video is not installed")
    write_mp4(tmp_path / "walk.mp4", WALK, a_volume())
    assert [path.name for path in tmp_path.iterdir()] == ["walk.mp4"]
    num_frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "walk.mp4"))
    expected = sum(frame.duration_ms for frame in walk_frames(WALK, a_volume())) / 1000
    assert seconds == pytest.approx(expected, abs=0.2)
    assert num_frames == pytest.approx(expected * 20, abs=3)


def test_without_ffmpeg_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(InputError, match=r"MP4 needs the program ffmpeg.*A GIF needs nothing"):
        write_mp4(tmp_path / "walk.mp4", WALK, a_volume())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [write_gif, write_mp4])
def test_a_cancelled_film_leaves_nothing(write: object, tmp_path: Path) -> None:
    if write is write_mp4:
        pytest.importorskip("imageio_ffmpeg", reason="the extra video is not installed")
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        write(tmp_path / "walk.film.mp4", WALK, a_volume(), cancel=lambda: next(asked))  # type: ignore[operator]
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_show_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no key image"):
        write_gif(tmp_path / "walk.gif", a_walk(FINDINGS[1]), a_volume())
    assert list(tmp_path.iterdir()) == []
