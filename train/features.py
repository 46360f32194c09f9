"""Run the frozen window encoder once over every scan of a data set, into a store that training reads.

::

    python -m train features --dataset ct-rate --root data/ct-rate --weights radfinder --out stores/radfinder
    python -m train features ... --shard 1/4 --device cuda:1             # one of four processes, each on its own GPU
    python -m train features ... --records-only                          # after reports, labels or mined sentences changed

Scans are cut as the released model reads them (coverage "paper"). A process may be killed and begun again: it goes on with
the scan it was at. Scans that cannot be read are named with the reason, left out, and tried again next time. At its end each
process writes the records of all scans that have features by then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from tqdm import tqdm

from napari_ct_grounding.core.errors import DeviceMemoryError, GroundingError, InputError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.resampling import spaced_grid
from napari_ct_grounding.core.window_grid import WindowGrid, centred_window_grid
from napari_ct_grounding.model.radfinder.model import RadFinderModel, RadFinderNetwork
from napari_ct_grounding.model.radfinder.preprocessing import PREPROCESSING_VERSION, cut_windows
from napari_ct_grounding.model.radfinder.window_batches import WindowBatches, batch_size
from napari_ct_grounding.model.weights.loading import load_weights
from train.data.datasets.scans import Dataset, DatasetScan, PlacedSentence
from train.data.depth_targets import ImagePlanes, placed_snippets
from train.data.encoder_identity import window_encoder_fingerprint
from train.data.feature_writer import FeatureWriter, record_line, write_records
from train.data.scan_records import ScanFeatures, ScanPlace, Snippet, StoreHeader
from train.data.stored_features import read_header, rows_of_scans

__all__ = [
    "FeatureExtractor",
    "Outcome",
    "extract_features",
    "place_of_grid",
    "refresh_records",
]

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Outcome:
    """What one process did.

    Parameters
    ----------
    num_encoded : int
        By this process, now.
    refused : dict
        Scan to the reason why it cannot be used.
    num_records : int
        Scans of the data set in the store, whoever encoded them.
    """

    num_encoded: int
    refused: dict[str, str]
    num_records: int


@dataclass(frozen=True, eq=False)
class _CutScan:
    """A scan read and cut, waiting for the encoder."""

    pixels: NDArray[np.float16]
    grid: WindowGrid
    seen: dict[str, Any]


class FeatureExtractor:
    """The window encoder of some weights, as it made the released features.

    Parameters
    ----------
    network : RadFinderNetwork
    device : torch.device
    precision : {"float32", "bfloat16"}
        "bfloat16" is autocast with weights in float32, as for the released features.
    """

    def __init__(self, network: RadFinderNetwork, device: torch.device, precision: str = "float32") -> None:
        if precision not in PRECISIONS:
            raise InputError(f"The precision is {precision!r}; it must be {' or '.join(PRECISIONS)}.")
        config = network.config
        self._encoder = network.backbone_image.to(device=device, dtype=torch.float32).eval()
        self._device = device
        self._precision = precision
        self._window_hwd = config.window_hwd
        width, height, depth = config.window_hwd
        x, y, z = config.spacing_hwd_mm
        self._window, self._spacing_mm = (depth, height, width), (z, y, x)
        self._batch_size = batch_size(self._encoder, config.window_hwd, device)
        self.header = StoreHeader(
            weights=window_encoder_fingerprint(network.backbone_image.state_dict()),
            preprocessing=PREPROCESSING_VERSION,
            precision=precision,
            width=config.encoder.dim,
            positions_per_window=network.positions_per_window,
            window_hwd=config.window_hwd,
            spacing_hwd_mm=config.spacing_hwd_mm,
            voxels_per_position=config.patch_hwd[2],
        )

    def grid(self, geometry: VolumeGeometry) -> WindowGrid:
        """Return how a scan is cut."""
        spaced = spaced_grid(geometry, self._spacing_mm)
        return centred_window_grid(spaced, self._window, self.header.voxels_per_position)

    @torch.inference_mode()
    def encode(self, pixels: NDArray[np.float16], grid_hwd: tuple[int, int, int]) -> ScanFeatures:
        """Return the features of windows (n, 1, h, w, d)."""
        batches = WindowBatches(
            self._encoder, self._device, torch.float32, size=self._batch_size, num_total=len(pixels)
        )
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._precision == "bfloat16"):
            features = batches(pixels)
        self._batch_size = batches.size
        cls, average, depth = (part.float().cpu().numpy().reshape(*grid_hwd, *part.shape[1:]) for part in features)
        return ScanFeatures(cls, average, depth)


def extract_features(
    dataset: Dataset,
    weights: str | Path,
    out: Path,
    *,
    part: tuple[int, int] = (0, 1),
    device: torch.device | str = "cpu",
    precision: str = "bfloat16",
    num_readers: int = 2,
    limit: int | None = None,
    tokenizer: str | Path | None = None,
    accept_licence: bool = False,
    shows_progress: bool = True,
) -> Outcome:
    """Encode the scans of a data set that the store does not hold yet, and write their records.

    Parameters
    ----------
    dataset : Dataset
    weights : str or Path
        Name or folder, of RadFinder's type.
    out : Path
        Folder of the store.
    part : tuple of int
        (i, n): every n-th scan from the i-th on.
    device, precision
        See `FeatureExtractor`.
    num_readers : int
        Threads that read and cut the scans ahead of the encoder.
    limit : int, optional
        Only the first so many scans of the data set.
    tokenizer, accept_licence
        See `load_weights`.
    shows_progress : bool

    Raises
    ------
    InputError
        When the weights are of another type, or the store is of other weights.
    """
    known = dataset.scans()
    scans = known[:limit]
    network = _network(weights, tokenizer, accept_licence)
    extractor = FeatureExtractor(network, torch.device(device), precision)
    refused: dict[str, str] = {}
    num_encoded = 0
    with FeatureWriter(out, extractor.header, dataset.name, part) as writer:
        done = writer.done
        mine = [scan for index, scan in enumerate(scans) if index % part[1] == part[0] and scan.scan_id not in done]
        with tqdm(total=len(mine), desc=dataset.name, unit="scan", disable=not shows_progress) as progress:
            for scan, waiting in _read_ahead(dataset, mine, extractor, num_readers):
                try:
                    cut = waiting.result()
                    place = place_of_grid(cut.grid)
                    writer.add(scan.scan_id, place, extractor.encode(cut.pixels, place.grid_hwd), cut.seen)
                    num_encoded += 1
                except DeviceMemoryError:
                    raise
                except GroundingError as error:
                    refused[scan.scan_id] = str(error)
                    progress.write(f"{scan.scan_id} is left out: {error}")
                progress.update()
    return Outcome(num_encoded, refused, refresh_records(out, dataset, known))


def refresh_records(out: Path, dataset: Dataset, scans: Sequence[DatasetScan] | None = None) -> int:
    """Write the records of all scans of a data set that have features; return how many these are.

    Processes that end at the same time take turns, so that the last one has seen the scans of all.
    """
    header = read_header(out)
    with FileLock(Path(out) / "records" / f".{dataset.name}.lock"):
        stored = {scan: rows for (name, scan), rows in rows_of_scans(Path(out)).items() if name == dataset.name}
        known = dataset.scans() if scans is None else scans
        lines = (
            _line(dataset, scan, stored[scan.scan_id].place, stored[scan.scan_id].seen, header)
            for scan in known
            if scan.scan_id in stored
        )
        return write_records(out, dataset.name, lines)


def place_of_grid(grid: WindowGrid) -> ScanPlace:
    """Return where a scan cut by `grid` lies; the released code forgets the shift of its padding, this does not."""
    z, y, x = grid.num_windows
    pad_z, pad_y, pad_x = (max(0, -start) for start in grid.start)
    return ScanPlace((x, y, z), grid.geometry.affine, (pad_x, pad_y, pad_z), grid.depths_mm, grid.is_inside)


def _network(weights: str | Path, tokenizer: str | Path | None, accept_licence: bool) -> RadFinderNetwork:
    model = load_weights(weights, tokenizer=tokenizer, accept_licence=accept_licence).model
    if not isinstance(model, RadFinderModel):
        raise InputError(
            f"The weights {Path(weights).name!r} have no window encoder; features need weights of RadFinder's type."
        )
    return model.model


def _read_ahead(
    dataset: Dataset, scans: Sequence[DatasetScan], extractor: FeatureExtractor, num_readers: int
) -> Iterator[tuple[DatasetScan, Future[_CutScan]]]:
    """Yield the scans in order, each with what becomes of it; one more than there are readers is held in memory."""
    coming = iter(scans)
    with ThreadPoolExecutor(max(1, num_readers)) as pool:
        waiting: deque[tuple[DatasetScan, Future[_CutScan]]] = deque()
        try:
            while True:
                while len(waiting) <= num_readers and (scan := next(coming, None)) is not None:
                    waiting.append((scan, pool.submit(_cut, dataset, scan, extractor)))
                if not waiting:
                    return
                yield waiting.popleft()
        finally:
            for _, job in waiting:
                job.cancel()


def _cut(dataset: Dataset, scan: DatasetScan, extractor: FeatureExtractor) -> _CutScan:
    read = dataset.read(scan)
    grid = extractor.grid(read.volume.geometry)
    seen = {
        "affine": read.volume.geometry.affine.tolist(),
        "shape": list(read.volume.geometry.shape),
        "image_numbers": _image_numbers([record.image_number for record in read.volume.slice_table]),
        "placed": [item.as_json() for item in read.placed],
    }
    return _CutScan(cut_windows(read.volume.hu, grid), grid, seen)


def _image_numbers(numbers: list[int | None]) -> list[int | None] | None:
    return None if all(number is None for number in numbers) else numbers


def _line(dataset: Dataset, scan: DatasetScan, place: ScanPlace, seen: Any, header: StoreHeader) -> dict[str, Any]:
    placed = [*scan.placed, *(PlacedSentence.from_json(item) for item in seen["placed"])]
    geometry = VolumeGeometry(np.array(seen["affine"]), tuple(seen["shape"]))
    images = ImagePlanes(geometry, seen["image_numbers"] or [])

    def snippets(*, forgets_padding: bool) -> list[Snippet]:
        return placed_snippets(
            placed,
            place,
            images,
            window_hwd=header.window_hwd,
            voxels_per_position=header.voxels_per_position,
            forgets_padding=forgets_padding,
        )

    return record_line(
        scan_id=scan.scan_id,
        report_id=scan.report_id,
        patient_id=f"{dataset.patients}/{scan.patient_id}",
        dataset=dataset.name,
        split=scan.split,
        texts=scan.texts,
        labels=scan.labels,
        snippets=snippets(forgets_padding=False),
        released_snippets=snippets(forgets_padding=True),
        facts={key: value for key, value in scan.facts.items() if _is_plain(value)},
    )


def _is_plain(value: object) -> bool:
    return isinstance(value, (bool, int, float, str))
