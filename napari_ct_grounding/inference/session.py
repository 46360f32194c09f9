"""A session: one pair of encoders, scans encoded once, sentences answered in a blink."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from napari_ct_grounding.core.coverage import frame_note
from napari_ct_grounding.core.diseases import CT_RATE_DISEASES, prompt_pairs
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.results import DiseaseScore, GroundingResult
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.inference.answer import answer_of
from napari_ct_grounding.inference.cache import CacheChoice, EmbeddingCache, EncodingKey, KeptEncoding, default_cache
from napari_ct_grounding.inference.device import DeviceChoice, choose_device
from napari_ct_grounding.inference.encoded_volume import EncodedVolume
from napari_ct_grounding.inference.estimate import EncodingEstimate, EncodingTimes, matmul_rate, seconds_of, timing_key
from napari_ct_grounding.inference.precision import check_precision, choose_precision
from napari_ct_grounding.inference.sentence_memory import SentenceMemory
from napari_ct_grounding.model.base import GroundingModel, Progress
from napari_ct_grounding.model.body import lung_volume_ml
from napari_ct_grounding.model.device_memory import device_memory_errors
from napari_ct_grounding.model.weights.card import WeightsCard
from napari_ct_grounding.model.weights.loading import load_weights
from napari_ct_grounding.model.weights.probe import check_first_probe, check_probe

__all__ = ["EncodedVolume", "GroundingSession"]

_NUM_KEPT_SCANS = 8


class GroundingSession:
    """Answers sentences against scans.

    One thread at a time: the session owns a model and a device and is not locked.

    Parameters
    ----------
    model : GroundingModel
        In eval mode, on `device`.
    card : WeightsCard
    weights_name, weights_fingerprint : str
    device : DeviceChoice
    coverage : str
        One of the model's `coverages`; "auto" for its first; "full" for the one that leaves nothing of the scan out.
    precision : str
        In which the model computes: one of its `precisions`.
    cache : EmbeddingCache, optional
        Keeps encodings on disk.
    times : EncodingTimes, optional
        Remembers how long windows took; for the life of the session by default.
    """

    def __init__(
        self,
        model: GroundingModel,
        card: WeightsCard,
        *,
        weights_name: str,
        weights_fingerprint: str,
        device: DeviceChoice,
        coverage: str = "auto",
        precision: str = "float32",
        cache: EmbeddingCache | None = None,
        times: EncodingTimes | None = None,
    ) -> None:
        self.model = model
        self.card = card
        self.weights_name = weights_name
        self.weights_fingerprint = weights_fingerprint
        self.device = device
        self.coverage = self._offered(coverage)
        self.precision = precision
        self.cache = cache
        self._times = times or EncodingTimes(None)
        self._matmul_rate: float | None = None
        self._scans: OrderedDict[tuple[str, str], EncodedVolume] = OrderedDict()
        self._sentences = SentenceMemory(model, weights_name)
        self._last: EncodedVolume | None = None

    @classmethod
    def from_pretrained(
        cls,
        weights: str | Path = "bundled",
        *,
        device: str = "auto",
        coverage: str = "auto",
        precision: str = "auto",
        tokenizer: str | Path | None = None,
        accept_licence: bool = False,
        cache: CacheChoice = "default",
    ) -> GroundingSession:
        """Load weights by name ("bundled", "radfinder") or folder and return a session.

        Parameters
        ----------
        weights : str or Path
        device : str
            "auto", "cpu", "mps", "cuda" or "cuda:N".
        coverage : str
            "auto" takes what the weights were made for; "full" the whole scan, where the weights offer it.
        precision : str
            "float32", "bfloat16", or "auto" for the faster one where the weights offer both.
        tokenizer : str or Path, optional
            Folder of tokenizer files, for released weights stored without one.
        accept_licence : bool
            Whether the licence of weights that must be downloaded was read and accepted.
        cache : {"default"}, EmbeddingCache or None
            Where encodings are kept on disk; None keeps none.

        Raises
        ------
        WeightsError
            When the weights cannot be found or used, or do not give the embedding that their card recorded.
        InputError
            When the device, coverage or precision is not to be had.
        DeviceMemoryError
            When the weights do not fit into the device's memory.
        """
        check_precision(precision)
        choice = choose_device(device)
        kept = default_cache() if cache == "default" else cache
        loaded = load_weights(weights, "cpu", tokenizer=tokenizer, accept_licence=accept_licence)
        number = choose_precision(precision, choice.device, loaded.model.precisions).precision
        with device_memory_errors(choice.device):
            # Made smaller before they travel: a device then needs no room for the larger form.
            loaded.model.set_precision(number)
            loaded.model.to(choice.device)
        if loaded.card.probe is not None:
            check_probe(loaded.model, loaded.card.probe)
        else:
            check_first_probe(loaded.model, loaded.fingerprint)
        return cls(
            loaded.model,
            loaded.card,
            weights_name=loaded.name,
            weights_fingerprint=loaded.fingerprint,
            device=choice,
            coverage=coverage,
            precision=number,
            cache=kept,
            times=EncodingTimes(None if kept is None else kept.folder),
        )

    def encode(
        self,
        volume: CTVolume,
        on_progress: Progress | None = None,
        cancel: Callable[[], bool] | None = None,
        coverage: str | None = None,
    ) -> EncodedVolume:
        """Run the image side, once per scan; a scan seen before, in this session or by the cache, comes back at once.

        Parameters
        ----------
        volume : CTVolume
        on_progress : callable, optional
            ``on_progress(done, total)`` after each window, on this thread.
        cancel : callable, optional
            Asked between windows; returning True ends the call.
        coverage : str, optional
            For this scan alone; the session's by default.

        Raises
        ------
        Cancelled
            When `cancel` said so. Nothing is kept of the scan.
        InputError
            When the weights do not offer the coverage.
        """
        coverage = self.coverage if coverage is None else self._offered(coverage)
        key = (volume.fingerprint, coverage)
        encoded = self._scans.pop(key, None)
        if encoded is None:
            kept = self._kept_or_computed(volume, coverage, on_progress, cancel)
            encoded = EncodedVolume(
                embeddings=kept.embeddings,
                geometry=volume.geometry,
                slice_table=volume.slice_table,
                name=volume.name,
                volume_fingerprint=volume.fingerprint,
                weights_fingerprint=self.weights_fingerprint,
                coverage=coverage,
                lung_ml=kept.lung_ml,
                notes=self._notes(volume.geometry, coverage),
            )
        else:
            # The same voxels may come again under another name, or with the image numbers that the first file lacked.
            encoded = replace(encoded, geometry=volume.geometry, slice_table=volume.slice_table, name=volume.name)
        _remember(self._scans, key, encoded, _NUM_KEPT_SCANS)
        self._last = encoded
        return encoded

    def estimate(self, scan: CTVolume | VolumeGeometry, coverage: str | None = None) -> EncodingEstimate:
        """Say how long `encode` would take, without beginning it.

        Takes a fraction of a second, and once for each volume the time of its fingerprint, which `encode` then need not take.

        Parameters
        ----------
        scan : CTVolume or VolumeGeometry
            Of a geometry alone it is not known whether the scan is cached, nor whether its body needs a wider crop.
        coverage : str, optional
            The session's by default.

        Raises
        ------
        InputError
            When the weights do not offer the coverage.
        """
        coverage = self.coverage if coverage is None else self._offered(coverage)
        work = self.model.workload(scan, coverage)
        is_cached = isinstance(scan, CTVolume) and self._is_at_hand(scan, coverage)
        seconds = 0.0 if is_cached else seconds_of(work, self._times.get(self._timing_key), self._effective_rate)
        return EncodingEstimate(seconds, work.num_windows, coverage, is_cached, work.left_out_mm)

    def ground(self, sentences: Sequence[str], encoded: EncodedVolume | None = None) -> list[GroundingResult]:
        """Say where in the scan each sentence points.

        Parameters
        ----------
        sentences : sequence of str
        encoded : EncodedVolume, optional
            The last encoded one by default.

        Raises
        ------
        SentenceError
            When a sentence is empty, too long, or mostly unknown to the tokenizer.
        InputError
            When no scan was encoded yet.
        """
        encoded = self._encoded_or_last(encoded)
        localization, _ = self._sentences.embed(self._sentences.cleaned(sentences))
        if not len(localization):
            return []
        profiles = localization @ encoded.embeddings.depth.T
        return [
            answer_of(sentence, profile, encoded, self.card, vector)
            for sentence, profile, vector in zip(sentences, profiles, localization, strict=True)
        ]

    def score_diseases(
        self, names: Sequence[str] | None = None, encoded: EncodedVolume | None = None
    ) -> list[DiseaseScore]:
        """Return a score for each disease, highest first ("mean7" of the released evaluation, SPEC section 7).

        Parameters
        ----------
        names : sequence of str, optional
            The 18 CT-RATE abnormalities by default.
        encoded : EncodedVolume, optional
            The last encoded one by default.
        """
        encoded = self._encoded_or_last(encoded)
        names = self._sentences.cleaned(CT_RATE_DISEASES if names is None else names)
        if not names:
            return []
        pairs = [pair for name in names for pair in prompt_pairs(name)]
        _, report = self._sentences.embed([prompt for pair in pairs for prompt in pair])
        # Each prompt's unit vector; the seven of a sign are averaged and made unit again.
        prompts = report.reshape(len(names), -1, 2, report.shape[-1]).mean(axis=1)
        prompts /= np.linalg.norm(prompts, axis=-1, keepdims=True)
        cosines = prompts @ encoded.embeddings.disease
        positive = 1.0 / (1.0 + np.exp(cosines[:, 1] - cosines[:, 0]))
        scores = [self._disease_score(name, float(score)) for name, score in zip(names, positive, strict=True)]
        return sorted(scores, key=lambda entry: -entry.score)

    def _disease_score(self, name: str, score: float) -> DiseaseScore:
        """A score with what the card knows of its meaning."""
        reference = self.card.disease_reference.get(name)
        if reference is None:
            return DiseaseScore(name, score)
        return DiseaseScore(name, score, reference.probability(score), reference.percentile(score))

    def embed_text(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors (n, e) to be compared with `EncodedVolume.volume_embedding`."""
        return self._sentences.embed(self._sentences.cleaned(sentences))[1]

    def _kept_or_computed(
        self, volume: CTVolume, coverage: str, on_progress: Progress | None, cancel: Callable[[], bool] | None
    ) -> KeptEncoding:
        key = self._key(volume, coverage)
        if self.cache is not None and key is not None and (kept := self.cache.get(key)) is not None:
            return kept
        started = time.perf_counter()
        with device_memory_errors(self.device.device):
            embeddings = self.model.encode_volume(volume, coverage=coverage, on_progress=on_progress, cancel=cancel)
        took = time.perf_counter() - started
        self._times.keep(self._timing_key, took / self.model.workload(volume, coverage).num_windows)
        kept = KeptEncoding(embeddings, lung_volume_ml(volume))
        if self.cache is not None and key is not None:
            self.cache.put(key, kept)
        return kept

    def _is_at_hand(self, volume: CTVolume, coverage: str) -> bool:
        if (volume.fingerprint, coverage) in self._scans:
            return True
        key = self._key(volume, coverage)
        return self.cache is not None and key is not None and key in self.cache

    @property
    def _timing_key(self) -> str:
        return timing_key(self.weights_fingerprint, self.device.device, self.precision)

    def _effective_rate(self) -> float:
        """Operations a second that the image side can be expected to reach here; measured once a session."""
        if self._matmul_rate is None:
            dtype = getattr(torch, self.precision, torch.float32)
            self._matmul_rate = matmul_rate(self.device.device, dtype)
        return self._matmul_rate * self.model.matmul_share

    def _key(self, volume: CTVolume, coverage: str) -> EncodingKey | None:
        """What an encoding of `volume` depends on; None for a model whose preprocessing has no version to tell apart."""
        if self.model.preprocessing_version is None:
            return None
        return EncodingKey(
            volume_fingerprint=volume.fingerprint,
            weights_fingerprint=self.weights_fingerprint,
            preprocessing_version=self.model.preprocessing_version,
            coverage=coverage,
            precision=self.precision,
        )

    def _offered(self, coverage: str) -> str:
        """The model's own name for a wish; `InputError` where it offers no such coverage."""
        if coverage == "auto":
            return self.model.coverages[0]
        if coverage == "full" and "masked" in self.model.coverages:
            return "masked"  # weights trained with a validity mask see the whole scan in one pass
        if coverage not in self.model.coverages:
            raise InputError(
                f"The coverage {coverage!r} is not offered by the weights {self.weights_name!r}; "
                f"they offer {', '.join(self.model.coverages)}."
            )
        return coverage

    def _notes(self, geometry: VolumeGeometry, coverage: str) -> tuple[str, ...]:
        note = frame_note(geometry, self.model.resamples_upright(geometry, coverage))
        return () if note is None else (note,)

    def _encoded_or_last(self, encoded: EncodedVolume | None) -> EncodedVolume:
        encoded = encoded or self._last
        if encoded is None:
            raise InputError("No scan has been encoded yet. Call encode(volume) first.")
        if encoded.weights_fingerprint != self.weights_fingerprint:
            raise InputError(
                f"The scan {encoded.name!r} was encoded with other weights than this session's. Encode it again."
            )
        return encoded


def _remember(store: OrderedDict, key: object, value: object, limit: int) -> None:
    """Put an entry last and drop the oldest beyond `limit`."""
    store[key] = value
    store.move_to_end(key)
    while len(store) > limit:
        store.popitem(last=False)
