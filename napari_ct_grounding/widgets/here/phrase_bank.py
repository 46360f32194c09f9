"""The phrases that the tab "Here" knows: those of the package, less what the user took out, and the user's own."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["LANGUAGES", "Landmark", "PhraseBank", "bundled_bank", "edited_bank"]

#: Code and name of each language that comes with the package.
LANGUAGES = (("en", "English"), ("de", "Deutsch"))


@dataclass(frozen=True)
class Landmark:
    """A place that every body has at a known height.

    Parameters
    ----------
    label : str
        For the ruler.
    phrase : str
        What finds it.
    height_mm : float
        Above the carina in an average adult; only the order counts.
    """

    label: str
    phrase: str
    height_mm: float


@dataclass(frozen=True)
class PhraseBank:
    """What the tab asks of a scan.

    Parameters
    ----------
    landmarks : tuple of Landmark
        Head to feet. They are phrases, too.
    phrases : tuple of str
        All others.
    """

    landmarks: tuple[Landmark, ...]
    phrases: tuple[str, ...]

    @property
    def all_phrases(self) -> tuple[str, ...]:
        """Landmarks first: the ruler is there before the rest."""
        return (*(landmark.phrase for landmark in self.landmarks), *self.phrases)


@cache
def bundled_bank(language: str) -> PhraseBank:
    """Return the phrases that come with the package, in one of `LANGUAGES`."""
    text = (files(__package__) / f"phrases_{language}.toml").read_text(encoding="utf-8")
    record = tomllib.loads(text)
    landmarks = tuple(Landmark(**entry) for entry in record["landmarks"])
    return PhraseBank(landmarks, tuple(phrase for group in record["phrases"].values() for phrase in group))


def edited_bank(language: str, own: Iterable[str], removed: Collection[str]) -> PhraseBank:
    """Return the bundled phrases without those `removed`, and the user's own, each once.

    Landmarks stay: the ruler and the check of the order need them.
    """
    bank = bundled_bank(language)
    kept = [phrase for phrase in bank.phrases if phrase not in removed]
    known = {landmark.phrase for landmark in bank.landmarks}
    return PhraseBank(bank.landmarks, tuple(p for p in dict.fromkeys([*own, *kept]) if p not in known))
