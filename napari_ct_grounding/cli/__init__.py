"""`ct-grounding`: the session in a shell.

Answers go to stdout, everything else (progress, notes, errors) to stderr. Exit codes: 0 done, 2 the input cannot be used
(one sentence says why), 1 a fault of ours, 130 interrupted. Each command imports what it needs when it runs, so that
``--help`` and ``--version`` load neither torch nor napari.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from napari_ct_grounding.cli.parser import make_parser
from napari_ct_grounding.core.errors import InputError

__all__ = ["main"]

EXIT_FAULT = 1
EXIT_INPUT = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the shell by default.
    """
    options = make_parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except InputError as error:
        return _fail(str(error), EXIT_INPUT)
    except KeyboardInterrupt:
        return _fail("interrupted.", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our answer has left (``| head``); the interpreter must not complain when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if options.traceback:
            raise
        return _fail(f"unexpected {type(error).__name__}: {error} (--traceback shows where)", EXIT_FAULT)
    return 0


def _fail(message: str, code: int) -> int:
    print(f"ct-grounding: {' '.join(message.split())}", file=sys.stderr)
    return code
