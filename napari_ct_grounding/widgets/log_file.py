"""A log on disk that may be sent to anybody: what failed and where in the code, never what it was about.

Report text, names and paths of patients come in through the messages of foreign errors ("no such file: ..."), so messages of
errors are never written, only their types and the places they passed through.
"""

from __future__ import annotations

import logging
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path, PurePath

import platformdirs

__all__ = ["failure_text", "log_folder", "start_log"]

_LOGGER = "napari_ct_grounding"
_FILE = "napari-ct-grounding.log"
_MAX_BYTES = 500_000
_NUM_OLD = 2
#: Parts of a source file's path to name: enough to find it, too few to name the user.
_NUM_PARTS = 3


def log_folder() -> Path:
    """Return the platform's folder for our logs; it need not exist."""
    return platformdirs.user_log_path("napari-ct-grounding", appauthor=False)


def start_log() -> None:
    """Write warnings and errors of this package to a file from now on; calling it again changes nothing."""
    logger = logging.getLogger(_LOGGER)
    if not any(isinstance(handler, _PrivateFile) for handler in logger.handlers):
        logger.addHandler(_PrivateFile(log_folder() / _FILE))


def failure_text(error: BaseException) -> str:
    """Return types and code places of an error and of those it came from, the first one first; no messages."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return "\n".join(line for link in reversed(chain) for line in _lines(link))


def _lines(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"  {_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in frames]
    return [type(error).__name__, *places]


def _short(path: str) -> str:
    return "/".join(PurePath(path).parts[-_NUM_PARTS:])


class _PrivateFile(RotatingFileHandler):
    """Opens its file at the first warning, and says nothing when it cannot: a full disk must not stop a reader."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=_MAX_BYTES, backupCount=_NUM_OLD, encoding="utf-8", delay=True)
        self.setLevel(logging.WARNING)
        self.setFormatter(_PrivateFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def _open(self):  # type: ignore[no-untyped-def]
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        pass


class _PrivateFormatter(logging.Formatter):
    """Writes errors without their messages."""

    def formatException(self, ei) -> str:  # type: ignore[no-untyped-def]  # noqa: N802 (logging's name)
        return failure_text(ei[1])
