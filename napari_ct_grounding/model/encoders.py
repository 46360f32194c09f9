"""Models of other packages behind the names of weights: the protocol, and finding them (docs/own-encoder.md).

A package offers a model by an entry point of the group ``napari_ct_grounding.encoders``: its name is the name of the weights,
its object a factory ``factory(device) -> Encoder``. Looking for them imports none of them, and no torch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from napari_ct_grounding.core.errors import GroundingError, WeightsError

if TYPE_CHECKING:
    import torch

    from napari_ct_grounding.core.volume import CTVolume
    from napari_ct_grounding.model.base import ImageEmbeddings, Progress, TextEmbeddings

__all__ = ["ENTRY_POINT_GROUP", "Encoder", "EncoderEntry", "list_encoders", "make_encoder", "missing_modules"]

ENTRY_POINT_GROUP = "napari_ct_grounding.encoders"


@runtime_checkable
class Encoder(Protocol):
    """What a session needs of a model; `model.base.GroundingModel` is one.

    An encoder may have more, and what it has is used: ``card`` (`model.card.WeightsCard`: how a profile is read), ``fingerprint``
    (str; the same weights, the same text), ``preprocessing_version`` (str; with it and a fingerprint, embeddings are kept on
    disk) and ``unknown_share(sentence)`` (0 to 1; above one half a sentence is refused).
    """

    coverages: tuple[str, ...]

    def encode_volume(
        self,
        volume: CTVolume,
        *,
        coverage: str,
        on_progress: Progress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> ImageEmbeddings:
        """Encode a scan; ``cancel()`` is asked now and then, and True ends in `core.errors.Cancelled`."""
        ...

    def embed_sentences(self, sentences: Sequence[str]) -> TextEmbeddings:
        """Encode sentences, as unit vectors."""
        ...


@dataclass(frozen=True)
class EncoderEntry:
    """An encoder that some installed package offers.

    Parameters
    ----------
    name : str
        Name of the weights.
    description : str
        Which package it comes from.
    reason : str or None
        Why it cannot be used here; None when nothing speaks against it.
    """

    name: str
    description: str
    reason: str | None = None


def list_encoders() -> list[EncoderEntry]:
    """Return the encoders of all installed packages, by name."""
    return [
        EncoderEntry(name, f"encoder of {_origin(entry)}", _why_not(entry))
        for name, entry in sorted(_entries().items())
    ]


def missing_modules(names: Sequence[str]) -> list[str]:
    """Return those of some top-level modules that are not installed; imports none of them."""
    return [name for name in names if name not in sys.modules and find_spec(name) is None]


def make_encoder(name: str, device: torch.device) -> Encoder:
    """Import and call the factory of an encoder.

    Raises
    ------
    WeightsError
        When there is none by that name, or it cannot be imported, or fails, or gives something else.
    """
    entries = _entries()
    if name not in entries:
        names = ", ".join(repr(known) for known in sorted(entries)) or "none"
        raise WeightsError(f"No installed package offers an encoder {name!r}; there are: {names}.")
    origin = _origin(entries[name])
    try:
        encoder = entries[name].load()(device)
    except GroundingError:
        raise
    except ImportError as error:
        raise WeightsError(
            f"The encoder {name!r} of {origin} needs {error.name or 'a module'}, which cannot be imported ({error}). Install "
            "what that package asks for."
        ) from error
    except Exception as error:
        raise WeightsError(
            f"The encoder {name!r} of {origin} could not be made ({type(error).__name__}: {error}). That package must mend it."
        ) from error
    if not isinstance(encoder, Encoder) or not _are_names(encoder.coverages):
        raise WeightsError(
            f"The encoder {name!r} of {origin} is a {type(encoder).__name__} without coverages (a tuple of names), encode_volume "
            "or embed_sentences; all three are needed. That package must mend it."
        )
    return encoder


def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}


def _why_not(entry: EntryPoint) -> str | None:
    missing = missing_modules([entry.module.partition(".")[0]])
    return f"{missing[0]}, in which the encoder lies, is not installed" if missing else None


def _origin(entry: EntryPoint) -> str:
    return f"the package {entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value


def _are_names(coverages: object) -> bool:
    return isinstance(coverages, tuple) and len(coverages) > 0 and all(isinstance(name, str) for name in coverages)
