"""What a user saves appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_ct_grounding.core import whole_file as files
from napari_ct_grounding.core.errors import InputError

__all__ = ["whole_file"]


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to, as `core.whole_file` does: a full disk, a cancelled job or a fault leaves an older file as it was.

    Raises
    ------
    InputError
        When the place cannot be written to.
    """
    try:
        with files.whole_file(path) as partial:
            yield partial
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be written ({error.strerror or 'output error'}). Choose another place."
        ) from error
