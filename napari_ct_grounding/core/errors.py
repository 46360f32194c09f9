"""What can go wrong, in one tree.

::

    GroundingError                  base of all errors raised on purpose
    ├── InputError                  something the caller gave cannot be used (exit code 2 in the shell)
    │   ├── VolumeError             a file, a folder or an array is not a CT volume
    │   │   ├── GeometryError       slices or axes do not form one even grid
    │   │   └── NotHounsfieldError  values are not Hounsfield units; the caller may insist
    │   ├── SentenceError           a sentence or prompt cannot be encoded
    │   └── WeightsError            a weights name, folder or file cannot be used
    └── Cancelled                   the caller asked a running computation to stop

A message says what is wrong with its value, the rule, and what to do.
"""

from __future__ import annotations

__all__ = [
    "Cancelled",
    "GeometryError",
    "GroundingError",
    "InputError",
    "NotHounsfieldError",
    "SentenceError",
    "VolumeError",
    "WeightsError",
]


class GroundingError(Exception):
    """Base of all errors that this package raises on purpose."""


class InputError(GroundingError, ValueError):
    """Something the caller gave cannot be used."""


class VolumeError(InputError):
    """A file, a folder or an array is not a CT volume."""


class GeometryError(VolumeError):
    """Slices or axes do not form one even grid."""


class NotHounsfieldError(VolumeError):
    """The values are not Hounsfield units; a caller who knows better may insist."""


class SentenceError(InputError):
    """A sentence or prompt cannot be encoded."""


class WeightsError(InputError):
    """A weights name, folder or file cannot be used."""


class Cancelled(GroundingError):
    """The caller asked a running computation to stop."""
