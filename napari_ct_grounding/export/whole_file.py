"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_ct_grounding.core.errors import InputError

__all__ = ["whole_file"]


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; it takes the place of `path` when the block ends well, and goes when it does not.

    A disk that fills up, a cancelled job or a fault leaves an older file as it was. The ending of the name is kept, since
    libraries choose the format by it.

    Raises
    ------
    InputError
        When the place cannot be written to.
    """
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be written ({error.strerror or 'output error'}). Choose another place."
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()
