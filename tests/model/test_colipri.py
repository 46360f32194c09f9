"""The COLIPRI adapter: how it walks a scan (with a stand-in network), and the package itself with random weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_ct_grounding.core.errors import Cancelled, InputError, WeightsError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.model import colipri
from napari_ct_grounding.model.checked_encoder import CheckedEncoder
from napari_ct_grounding.model.colipri import PATCH, WINDOW, ColipriEncoder, SpacedImage, window_starts
from napari_ct_grounding.model.encoders import make_encoder

CPU = torch.device("cpu")


class Pooler:
    def to_dense(self) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda patches: 3 * patches

    def __call__(self, sequence: torch.Tensor) -> torch.Tensor:
        assert sequence.shape[1:] == (24**3, 2)
        return sequence.mean(dim=1)


class BrightLayers:
    """Stands in for the network: a patch's vector turns with its mean, so that a layer tells how bright its body is."""

    def __init__(self) -> None:
        self.cubes: list[tuple[int, ...]] = []
        self.image_encoder = self

    def encode_image(self, cube: torch.Tensor) -> torch.Tensor:
        self.cubes.append(tuple(cube.shape))
        angle = torch.nn.functional.avg_pool3d(cube, PATCH)[:, 0]
        return torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)

    def projector(self, patches: torch.Tensor) -> torch.Tensor:
        return patches

    @property
    def pooler(self) -> Pooler:
        return Pooler()

    def encode_text(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot(ids[:, 0], 2).float()


def prepared(values: torch.Tensor) -> Callable[[CTVolume], SpacedImage]:
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = (-100.0, -120.0, -300.0)
    return lambda volume: SpacedImage(values, affine)


def encoder(values: torch.Tensor) -> tuple[ColipriEncoder, BrightLayers]:
    network = BrightLayers()

    def tokenize(sentences: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.tensor([[len(text) % 2] for text in sentences]), torch.ones(len(sentences), 1)

    return ColipriEncoder(network, prepared(values), tokenize, CPU, "1234"), network


def body(num_slices: int, size_xy: int = 150) -> torch.Tensor:
    """A column of tissue in air whose density grows upwards."""
    values = torch.full((size_xy, size_xy, num_slices), -1.0)
    values[30:-30, 30:-30] = torch.linspace(-0.2, 0.9, num_slices)
    return values


def volume() -> CTVolume:
    return CTVolume(np.zeros((2, 2, 2), np.int16), VolumeGeometry.from_spacing((2, 2, 2), (2.0, 2.0, 2.0)))


@pytest.mark.parametrize("num_layers", [*range(1, 80), 200])
def test_cubes_leave_no_layer_out_and_share_enough(num_layers: int) -> None:
    starts = window_starts(num_layers * PATCH)
    layers = WINDOW // PATCH
    first = [start // PATCH for start in starts]
    assert all(start % PATCH == 0 for start in starts)
    assert first[0] == 0
    assert num_layers <= layers or first[-1] == num_layers - layers
    assert all(b - a <= layers - colipri.OVERLAP for a, b in pairwise(first))


@pytest.mark.parametrize("num_slices", [5, 100, 192, 193, 250, 420])
def test_depths_lie_where_their_tissue_lies(num_slices: int) -> None:
    """Density grows upwards, so each layer's vector says at which slice its tissue lies."""
    model, network = encoder(body(num_slices))
    calls: list[tuple[int, int]] = []
    seen = CheckedEncoder(model, "colipri", CPU).encode_volume(
        volume(), coverage="full", on_progress=lambda done, total: calls.append((done, total))
    )
    assert set(network.cubes) == {(1, 1, WINDOW, WINDOW, WINDOW)}
    assert calls == [(n + 1, len(calls)) for n in range(len(calls))]
    assert seen.depth_width_mm == 16.0
    assert seen.covered_mm == (-301.0, -301.0 + 2 * num_slices)
    assert seen.covered_body_fraction == 1.0
    np.testing.assert_allclose(np.diff(seen.depths_mm), 16.0)
    slices = (seen.depths_mm + 300) / 2
    whole = (slices > 4) & (slices < num_slices - 5)  # patches that hold no padding
    assert seen.is_valid[whole].all()
    assert seen.is_valid.any()
    assert not seen.is_valid[(slices < -4.5) | (slices > num_slices + 3.5)].any()
    # In the plane the column's border cuts patches, which all layers share; the angle then tells the density in order.
    angle = np.arctan2(seen.depth[whole, 1], seen.depth[whole, 0])
    assert (np.diff(angle) > 0).all()


def test_a_scan_of_one_cube_is_centred_as_its_own_processor_does() -> None:
    model, _ = encoder(body(100))
    seen = model.encode_volume(volume(), coverage="full")
    assert len(seen.depth) == WINDOW // PATCH
    assert seen.depths_mm[0] == -300 + 2 * (3.5 - 46)


def test_a_field_of_view_that_is_too_wide_is_cropped_and_says_so() -> None:
    values = torch.zeros(WINDOW + 64, 40, 40)
    model, _ = encoder(values)
    assert model.encode_volume(volume(), coverage="full").covered_body_fraction == pytest.approx(192 / 256)


def test_overlapping_cubes_are_mixed_smoothly() -> None:
    class Moody(BrightLayers):
        """Every cube answers with a direction of its own."""

        def encode_image(self, cube: torch.Tensor) -> torch.Tensor:
            self.cubes.append(tuple(cube.shape))
            angle = torch.tensor(0.5 * len(self.cubes))
            vector = torch.stack([torch.cos(angle), torch.sin(angle)])
            return vector[None, :, None, None, None].expand(1, 2, 24, 24, 24)

    model, _ = encoder(body(300))
    model._model = Moody()
    seen = model.encode_volume(volume(), coverage="full")
    angle = np.arctan2(seen.depth[:, 1], seen.depth[:, 0])
    assert angle[0] == pytest.approx(0.5)
    assert angle[-1] == pytest.approx(1.0)
    assert (np.diff(angle) >= -1e-6).all()
    assert np.diff(angle).max() < 0.2


def test_encoding_is_cancelled_between_cubes() -> None:
    model, network = encoder(body(420))
    with pytest.raises(Cancelled):
        model.encode_volume(volume(), coverage="full", cancel=lambda: len(network.cubes) == 1)
    assert len(network.cubes) == 1


def test_another_coverage_is_refused() -> None:
    with pytest.raises(InputError, match="'paper' is unknown to 'colipri'; it offers full"):
        encoder(body(10))[0].encode_volume(volume(), coverage="paper")


def test_many_sentences_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colipri, "SENTENCES_AT_ONCE", 2)
    text = encoder(body(10))[0].embed_sentences(["a", "bb", "c", "dd", "e"])
    np.testing.assert_array_equal(text.report, np.eye(2, dtype=np.float32)[[1, 0, 1, 0, 1]])


@pytest.mark.parametrize("error", [ImportError("No module named 'colipri'"), RuntimeError("torchvision::nms")])
def test_a_package_that_cannot_be_imported_is_named_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(name: str) -> None:
        raise error

    monkeypatch.setattr(colipri.importlib, "import_module", fail)
    with pytest.raises(WeightsError, match=r"napari-ct-grounding\[colipri\].*torchvision in the same build"):
        make_encoder("colipri", CPU)


def test_weights_that_are_not_here_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colipri.importlib, "import_module", lambda name: None)
    monkeypatch.setattr(colipri, "local_folders", lambda name: [])
    with pytest.raises(WeightsError, match="ct-grounding weights pull colipri"):
        colipri.make_encoder(CPU)


# The package itself, where it is installed and can be imported


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the package's network with a small text side, stored under the names of the released ones."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of the package and of what it imports are not ours
            from colipri.checkpoint import load_model_config
    except Exception as error:  # a torchvision of another build fails with a RuntimeError
        pytest.skip(f"the package colipri cannot be imported here ({type(error).__name__}: {str(error)[:80]})")
    from hydra.utils import instantiate
    from safetensors.torch import save_model

    folder = tmp_path_factory.mktemp("colipri")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "left", "lung", "nodule", "."]
    (folder / "vocab.txt").write_text("\n".join(words))
    config = load_model_config()
    config.image_encoder.backbone.eva_depth = 0
    config.text_encoder.backbone = {
        "_target_": "transformers.BertModel",
        "config": {
            "_target_": "transformers.BertConfig",
            "vocab_size": len(words),
            "num_hidden_layers": 1,
            "intermediate_size": 64,
            "max_position_embeddings": 512,
        },
        "add_pooling_layer": False,
    }
    torch.manual_seed(0)
    save_model(instantiate(config).eval(), str(folder / "model.safetensors"))
    return folder


@pytest.fixture
def package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ColipriEncoder:
    """The encoder around these weights; the image side has no layer of attention instead of sixteen, which take minutes."""
    import colipri.checkpoint as checkpoint

    original = checkpoint.load_model_config

    def load_model_config() -> object:
        config = original()
        config.image_encoder.backbone.eva_depth = 0
        return config

    monkeypatch.setattr(checkpoint, "load_model_config", load_model_config)
    monkeypatch.setattr(colipri, "local_folders", lambda name: [folder, folder])
    return colipri.make_encoder(CPU)


def chest() -> CTVolume:
    geometry = VolumeGeometry.from_spacing((40, 60, 64), (7.5, 5.0, 5.0), (-420.0, -130.0, -155.0))
    rng = np.random.default_rng(0)
    hu = np.full(geometry.shape, -1000, dtype=np.int16)
    hu[2:-2, 10:-10, 8:-8] = rng.integers(-900, 1200, size=(36, 40, 48))
    return CTVolume(hu, geometry, name="chest")


@pytest.mark.filterwarnings("ignore")
def test_the_package_reads_a_scan_as_its_own_processor_does(package: ColipriEncoder) -> None:
    import torchio
    from colipri import get_processor

    scan = chest()
    image = torchio.ScalarImage(
        tensor=torch.from_numpy(scan.hu.transpose(2, 1, 0).astype(np.float32))[None], affine=scan.geometry.affine
    )
    (wanted,) = get_processor(image_only=True).process_images(image)
    ours = package._prepare(scan)
    values, *_ = colipri._fitted(ours.values, np.ones(ours.values.shape, dtype=bool))
    torch.testing.assert_close(values, wanted.data[0])
    # The world position of the first voxel agrees, too.
    front = (WINDOW - ours.values.shape[2]) // 2
    np.testing.assert_allclose((ours.affine @ [0, 0, -front, 1])[2], wanted.affine[2, 3], atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_the_package_answers_behind_the_protocol(package: ColipriEncoder) -> None:
    model = CheckedEncoder(package, "colipri", CPU)
    seen = model.encode_volume(chest(), coverage="full")
    assert seen.depth.shape == (24, 768)
    # Patches and pooled vector are those of the package's own calls.
    values, share, *_ = colipri._fitted(image := package._prepare(chest()).values, image.numpy() > colipri.BODY)
    with torch.no_grad():
        dense = package._model.encode_image(values[None, None], project=True, normalize=True)[0]
        whole = package._model.encode_image(values[None, None], project=True, pool=True, normalize=True)[0]
    layer = torch.nn.functional.normalize((dense[..., 12] * share[..., 12]).sum((1, 2)), dim=0)
    np.testing.assert_allclose(seen.depth[12], layer, atol=1e-5)
    np.testing.assert_allclose(seen.retrieval, whole, atol=1e-5)
    text = model.embed_sentences(["Left lung nodule.", "Nodule."])
    assert text.report.shape == (2, 768)
    alone = model.embed_sentences(["Nodule."])  # padding to the longest changes nothing
    np.testing.assert_allclose(alone.report[0], text.report[1], atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_tensors_of_another_network_are_refused(folder: Path, package: ColipriEncoder, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors.pop("image_encoder.projector.bias")
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match=r"do not match the network.*image_encoder\.projector\.bias"):
        colipri.load_model(tmp_path)
