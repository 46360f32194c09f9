"""What can go wrong, in one tree.

::

    GroundingError                  base of all errors raised on purpose
    ├── InputError                  something the caller gave cannot be used (exit code 2 in the shell)
    │   ├── VolumeError             a file, a folder or an array is not a CT volume
    │   │   ├── GeometryError       slices or axes do not form one even grid
    │   │   │   └── UnevenSpacingError   slices are unevenly spaced; the caller may have them resampled
    │   │   ├── FrameNeededError    a file holds several volumes; the caller must choose one
    │   │   └── NotHounsfieldError  values are not Hounsfield units; the caller may insist
    │   ├── SentenceError           a sentence or prompt cannot be encoded
    │   └── WeightsError            a weights name, folder or file cannot be used
    │       └── LicenceNeededError  weights must be downloaded, and their licence was not accepted
    ├── DeviceMemoryError           a device has too little memory for one window; another device may have enough
    └── Cancelled                   the caller asked a running computation to stop

A message says what is wrong with its value, the rule, and what to do.
"""

from __future__ import annotations

__all__ = [
    "Cancelled",
    "DeviceMemoryError",
    "FrameNeededError",
    "GeometryError",
    "GroundingError",
    "InputError",
    "LicenceNeededError",
    "NotHounsfieldError",
    "SentenceError",
    "UnevenSpacingError",
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


class UnevenSpacingError(GeometryError):
    """Slices are unevenly spaced; a caller may ask for them to be resampled to an even grid (``uneven="resample"``).

    Parameters
    ----------
    message : str
    problem : str
        What is wrong, without the remedy, for a caller that offers one of its own (a button); the message by default.
    """

    def __init__(self, message: str, problem: str = "") -> None:
        super().__init__(message)
        self.problem = problem or message


class FrameNeededError(VolumeError):
    """A file holds several volumes, and none was chosen (``frame=``).

    Parameters
    ----------
    message : str
    num_frames : int
        How many volumes there are to choose from.
    """

    def __init__(self, message: str, num_frames: int) -> None:
        super().__init__(message)
        self.num_frames = num_frames


class NotHounsfieldError(VolumeError):
    """The values are not Hounsfield units; a caller who knows better may insist."""


class SentenceError(InputError):
    """A sentence or prompt cannot be encoded."""


class WeightsError(InputError):
    """A weights name, folder or file cannot be used."""


class LicenceNeededError(WeightsError):
    """Weights must be downloaded first, and their licence was not accepted.

    Parameters
    ----------
    message : str
    licence : str
        Its name.
    num_bytes : int
        Size of the download.
    weights : str
        Name under which this package fetches them; empty for weights that only somebody else can fetch.
    """

    def __init__(self, message: str, licence: str, num_bytes: int, weights: str = "") -> None:
        super().__init__(message)
        self.licence = licence
        self.num_bytes = num_bytes
        self.weights = weights


class DeviceMemoryError(GroundingError):
    """A device has too little memory for even one window; another device may have enough.

    Parameters
    ----------
    message : str
    device : str
        The device that ran out of memory ("cuda:0").
    """

    def __init__(self, message: str, device: str) -> None:
        super().__init__(message)
        self.device = device


class Cancelled(GroundingError):
    """The caller asked a running computation to stop."""
