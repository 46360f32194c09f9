"""The film of the README: ten seconds of the running program, frame by frame. The wait for the encoding is left out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image
from qtpy.QtCore import QBuffer, QIODevice, Qt
from qtpy.QtTest import QTest

from napari_ct_grounding.widgets.report.list_view import ReportListView
from tests.shots.material import make_study
from tests.shots.user import User, opened_viewer

__all__ = ["take_film"]

_NAME = "film.gif"
_SIZE = (960, 600)
_NUM_COLORS = 160
_LETTERS_PER_FRAME = 3
_TYPING_MS, _PAUSE_MS, _ANSWER_MS, _STEP_MS = 80, 400, 1300, 900
_NUM_STEPS = 4
_SENTENCES = ("Calcified plaques in the aortic arch.", "Cyst in the right lobe of the liver.")
_BOX = "Report sentence, then Enter"


class Film:
    """Pictures of the window, and how long each stays."""

    def __init__(self, user: User) -> None:
        self._user = user
        self._frames: list[Image.Image] = []
        self._durations_ms: list[int] = []

    def take(self, duration_ms: int) -> None:
        """Add what stands on the screen now."""
        self._user.pause(0.15)
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        self._user.picture().save(buffer, "PNG")
        picture = Image.open(io.BytesIO(bytes(buffer.data().data()))).convert("RGB")
        self._frames.append(picture.resize(_SIZE, Image.Resampling.LANCZOS))
        self._durations_ms.append(duration_ms)

    def save(self, path: Path) -> None:
        """Write an endless GIF; all frames share one palette, so that only what changes is stored."""
        some = self._frames[:: max(1, len(self._frames) // 6)]
        sheet = Image.new("RGB", (_SIZE[0], _SIZE[1] * len(some)))
        for number, frame in enumerate(some):
            sheet.paste(frame, (0, number * _SIZE[1]))
        palette = sheet.quantize(_NUM_COLORS, method=Image.Quantize.MEDIANCUT)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in self._frames]
        path.parent.mkdir(parents=True, exist_ok=True)
        frames[0].save(
            path, save_all=True, append_images=frames[1:], duration=self._durations_ms, loop=0, optimize=False
        )


def take_film(out: Path, scratch: Path) -> None:
    """Record it: a sentence, another one, a report pasted, and its findings walked with the arrow key."""
    study = make_study(scratch / "study of the film")
    with opened_viewer(title="CT Grounding") as viewer:
        user = User(viewer, out)
        dock = user.open_dock("CT Grounding")
        user.drop(dock, study.folder)
        user.wait(lambda: viewer.layers, "the scan")
        user.wait(lambda: user.can_press("Encode"), "the button Encode")
        user.click("Encode")
        user.wait(lambda: dock.controller.answers is not None, "the encoded scan")
        user.wait_for_quiet(dock)
        film = Film(user)
        film.take(_PAUSE_MS)
        for sentence in _SENTENCES:
            _type(user, film, dock, sentence)
        user.tab("Report")
        film.take(_PAUSE_MS)
        user.paste(user.focused(), study.report)
        user.wait(lambda: not user.has_button("Stop"), "the places of all sentences")
        user.wait_for_quiet(dock)
        film.take(_STEP_MS)
        for _ in range(_NUM_STEPS):
            user.key(user.see(ReportListView), Qt.Key.Key_Down)
            film.take(_STEP_MS)
    film.save(out / _NAME)


def _type(user: User, film: Film, dock: Any, sentence: str) -> None:
    line = user.line(_BOX)
    line.setFocus()
    line.selectAll()
    for start in range(0, len(sentence), _LETTERS_PER_FRAME):
        QTest.keyClicks(line, sentence[start : start + _LETTERS_PER_FRAME])
        film.take(_TYPING_MS)
    QTest.keyClick(line, Qt.Key.Key_Return)
    user.wait(lambda: dock.controller.answers.find(sentence), f"the answer to {sentence!r}")
    user.wait_for_quiet(dock)
    film.take(_ANSWER_MS)
