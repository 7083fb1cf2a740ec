import contextlib
import hashlib
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import xxhash
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import triaged
from triaged.ml import export, network
from triaged.ml.backbone import (
    BackboneSettings,
    BackboneUnavailable,
    Encoder,
    open_backbone,
    resolve_auto,
)
from triaged.ml.weights import exported_path, fetch_weights, find_exported, weights_path

REAL = Path("/work/shared/backbones/mobilenet_v2_imagenet.onnx")
SETTINGS = BackboneSettings(threads=1)
ENVIRONMENT = os.environ | {"PYTHONPATH": os.fspath(Path(triaged.__file__).parents[1])}
Pixels = NDArray[np.uint8]

# One 1x1 convolution from RGB to four numbers: what an encoder must give can be worked out by hand.
KERNEL = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], np.float32)  # (4, 3)


def tiny_onnx(
    path: Path,
    *,
    batch: int | str = "batch",
    side: int | str = 8,
    dtype: int = TensorProto.FLOAT,
    is_channels_last: bool = False,
    outputs: tuple[str, ...] = ("embedding", "levels"),
    is_map: bool = False,
) -> str:
    """Write an encoder: the first output is a mean colour through `KERNEL`, the second twice it."""
    numbers = np.float16 if dtype == TensorProto.FLOAT16 else np.float32
    kernel = numpy_helper.from_array(KERNEL.reshape(4, 3, 1, 1).astype(numbers), "kernel")
    two = numpy_helper.from_array(np.array(2, numbers), "two")
    shape = [batch, side, side, 3] if is_channels_last else [batch, 3, side, side]
    nodes = [helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2])]
    planes = "planes" if is_channels_last else "pixels"
    nodes = nodes if is_channels_last else []
    nodes += [
        helper.make_node("Conv", [planes, "kernel"], ["colours"]),
        helper.make_node("GlobalAveragePool", ["colours"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Identity", ["colours" if is_map else "flat"], [outputs[0]]),
    ]
    nodes += [helper.make_node("Mul", ["flat", "two"], [name]) for name in outputs[1:]]
    first = [batch, 4, side, side] if is_map else [batch, 4]
    given = [helper.make_tensor_value_info(outputs[0], dtype, first)]
    given += [helper.make_tensor_value_info(name, dtype, [batch, 4]) for name in outputs[1:]]
    taken = [helper.make_tensor_value_info("pixels", dtype, shape)]
    graph = helper.make_graph(nodes, "tiny", taken, given, [kernel, two])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return os.fspath(path)


def colours(count: int, side: int = 8) -> Pixels:
    """Return pictures of one colour each."""
    rows = np.random.default_rng(count).integers(0, 256, (count, 1, 1, 3), dtype=np.uint8)
    return np.tile(rows, (1, side, side, 1))


def expected(pixels: Pixels) -> NDArray[np.float32]:
    raw = (pixels[:, 0, 0] / 255.0) @ KERNEL.T  # (B, 4)
    return np.asarray(raw, np.float32)


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def opened(path: str, settings: BackboneSettings = SETTINGS) -> Encoder:
    return open_backbone(f"onnx:{path}", settings, "unused")


@pytest.mark.parametrize("count", [1, 3, 33, 70])
def test_an_onnx_file_gives_unit_embeddings_and_plain_levels(tmp_path: Path, count: int) -> None:
    encoder = opened(tiny_onnx(tmp_path / "a.onnx"))
    pixels = colours(count)
    embedding, levels = encoder.embed(pixels)
    assert levels is not None
    np.testing.assert_allclose(embedding, unit(expected(pixels)), atol=1e-5)
    np.testing.assert_allclose(levels, 2 * expected(pixels), atol=1e-5)
    assert embedding.dtype == levels.dtype == np.float32


@pytest.mark.parametrize(
    "variant",
    [
        {"batch": 2},
        {"batch": 1, "outputs": ("anything",)},
        {"is_channels_last": True},
        {"dtype": TensorProto.FLOAT16},
        {"side": "side"},
        {"is_map": True},
        {"outputs": ("levels", "embedding")},
        {"outputs": ("features", "logits")},
    ],
    ids=[
        "batches of two",
        "one by one",
        "channels last",
        "half",
        "any size",
        "map",
        "order",
        "names",
    ],
)
def test_encoders_of_other_makes_give_the_same(tmp_path: Path, variant: dict[str, object]) -> None:
    encoder = opened(tiny_onnx(tmp_path / "a.onnx", **variant))  # type: ignore[arg-type]
    pixels = colours(5)
    embedding, levels = encoder.embed(pixels)
    np.testing.assert_allclose(embedding, unit(expected(pixels)), atol=2e-3)
    has_levels = "levels" in variant.get("outputs", ("embedding", "levels"))  # type: ignore[operator]
    assert (levels is not None) == has_levels


def test_mean_and_deviation_of_the_settings_are_taken_out(tmp_path: Path) -> None:
    settings = BackboneSettings(mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.5), threads=1)
    encoder = opened(tiny_onnx(tmp_path / "a.onnx"), settings)
    pixels = colours(4)
    prepared = (pixels[:, 0, 0] / 255.0 - settings.mean) / settings.std
    _, levels = encoder.embed(pixels)
    assert levels is not None
    np.testing.assert_allclose(levels, 2 * prepared @ KERNEL.T, atol=1e-4)


def test_a_black_picture_has_an_embedding_of_zeros_and_no_division_by_zero(tmp_path: Path) -> None:
    encoder = opened(tiny_onnx(tmp_path / "a.onnx"))
    embedding, _ = encoder.embed(np.zeros((1, 8, 8, 3), np.uint8))
    assert embedding.tolist() == [[0.0, 0.0, 0.0, 0.0]]


@pytest.mark.parametrize(("side", "input_px"), [(8, 8), ("side", 96)], ids=["fixed", "open"])
def test_the_size_of_the_settings_counts_where_the_file_leaves_it_open(
    tmp_path: Path, side: int | str, input_px: int
) -> None:
    path = tiny_onnx(tmp_path / "a.onnx", side=side)
    assert opened(path, BackboneSettings(size_px=96, threads=1)).input_px == input_px


def test_the_version_of_an_onnx_file_is_the_hash_of_its_bytes(tmp_path: Path) -> None:
    path = tiny_onnx(tmp_path / "a.onnx")
    assert opened(path).version == xxhash.xxh3_128_hexdigest(Path(path).read_bytes())


def two_inputs(path: Path) -> None:
    taken = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "ab"]
    given = [helper.make_tensor_value_info("c", TensorProto.FLOAT, [1, 2])]
    graph = helper.make_graph([helper.make_node("Add", ["a", "b"], ["c"])], "add", taken, given)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


def test_what_cannot_be_opened_says_why_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("Dear diary")
    two_inputs(tmp_path / "sum.onnx")
    for id, reason in {  # noqa: A001
        f"onnx:{tmp_path}/none.onnx": "there is no file",
        f"onnx:{tmp_path}/text.onnx": "cannot load",
        f"onnx:{tmp_path}/sum.onnx": "takes one square picture",
        "onnx:": "use torchvision:NAME or onnx:PATH",
        "descriptor": "use torchvision:NAME or onnx:PATH",
        "torchvision:efficientnet_bo": "did you mean `efficientnet_b",
    }.items():
        with pytest.raises(BackboneUnavailable, match=reason):
            open_backbone(id, SETTINGS, os.fspath(tmp_path))


@pytest.mark.skipif(not REAL.exists(), reason="the real backbone is not here")
def test_a_real_encoder_gives_its_embedding_and_levels() -> None:
    encoder = opened(os.fspath(REAL))
    pixels = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    embedding, levels = encoder.embed(pixels)
    assert levels is not None
    assert (encoder.input_px, embedding.shape, levels.shape) == (224, (3, 1280), (3, 1488))
    alone, _ = encoder.embed(pixels[1:2])
    np.testing.assert_allclose(alone[0], embedding[1], atol=1e-5)


def weights_of(name: str, folder: Path) -> Path:
    """Save a network's random weights under a published kind of name and return where."""
    torch.manual_seed(5)
    net = network.import_torchvision().models.get_model(name, weights=None)
    unnamed = folder / "unnamed"
    torch.save(net.state_dict(), unnamed)
    digits = hashlib.sha256(unnamed.read_bytes()).hexdigest()[:8]
    return unnamed.rename(folder / f"{name}-{digits}.pth")


@pytest.mark.parametrize(
    ("name", "embedding_size", "channels"),
    [
        ("resnet18", 512, [64, 64, 128, 256, 512]),
        ("mobilenet_v2", 1280, [32, 16, 24, 32, 64, 96, 160, 320]),
        ("mobilenet_v3_small", 1024, [16, 16, 24, 40, 48, 96]),
        ("efficientnet_b0", 1280, [32, 16, 24, 40, 80, 112, 192, 320]),
        ("convnext_tiny", 768, [96, 96, 192, 384, 768]),
        ("squeezenet1_1", 512, [64, 128, 256, 384, 512]),
        ("swin_t", 768, []),
    ],
)
def test_a_network_gives_its_pooled_features_and_the_levels_of_its_stages(
    name: str, embedding_size: int, channels: list[int]
) -> None:
    net = network.import_torchvision().models.get_model(name, weights=None)
    source = network.Published(name, "", 64, [0.5] * 3, [0.25] * 3)
    encoder = network.without_head(net, source)
    with torch.inference_mode():
        embedding, levels = encoder(torch.rand(2, 3, 64, 64))
    assert embedding.shape == (2, embedding_size)
    assert levels.shape == (2, 2 * sum(channels))


def test_levels_are_mean_and_deviation_of_every_channel() -> None:
    net = network.import_torchvision().models.get_model("resnet18", weights=None).eval()
    pixels = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        stem = net.relu(net.bn1(net.conv1((pixels - 0.5) / 0.25)))  # (2, 64, 32, 32)
        source = network.Published("resnet18", "", 64, [0.5] * 3, [0.25] * 3)
        _, levels = network.without_head(net, source)(pixels)
    torch.testing.assert_close(levels[:, :64], stem.mean(dim=(2, 3)))
    torch.testing.assert_close(levels[:, 64:128], stem.std(dim=(2, 3), correction=0))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a cache that holds one exported network of random weights."""
    folder = tmp_path_factory.mktemp("published")
    cache_dir = os.fspath(tmp_path_factory.mktemp("cache"))
    export.export(
        "mobilenet_v3_small", cache_dir, weights_of("mobilenet_v3_small", folder).as_uri()
    )
    return cache_dir


def test_an_exported_network_computes_what_torch_does(cache: str) -> None:
    encoder = open_backbone("torchvision:mobilenet_v3_small", SETTINGS, cache)
    (weights,) = Path(cache, "weights").iterdir()
    source = network.published("mobilenet_v3_small")
    eager = network.load(source, os.fspath(weights))
    pixels = np.random.default_rng(1).integers(0, 256, (5, 224, 224, 3), dtype=np.uint8)
    embedding, levels = encoder.embed(pixels)
    with torch.inference_mode():
        planes = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        e, l = eager(planes)  # noqa: E741
    np.testing.assert_allclose(embedding, unit(e.numpy()), atol=1e-4)
    np.testing.assert_allclose(levels, l.numpy(), atol=1e-4 * float(l.abs().max()))  # type: ignore[arg-type]


def test_an_exported_network_is_named_after_its_weights(cache: str) -> None:
    (weights,) = Path(cache, "weights").iterdir()
    digits = weights.stem.partition("-")[2]
    encoder = open_backbone("torchvision:mobilenet_v3_small", SETTINGS, cache)
    assert encoder.version.startswith(f"{digits}-")
    assert [path.name for path in Path(cache, "exported").iterdir()] == [
        f"mobilenet_v3_small-{encoder.version}.onnx"
    ]


def test_weights_of_another_network_are_refused_and_nothing_is_exported(tmp_path: Path) -> None:
    url = weights_of("squeezenet1_1", tmp_path).as_uri()
    with pytest.raises(BackboneUnavailable, match="does not fit mobilenet_v3_small"):
        export.export("mobilenet_v3_small", os.fspath(tmp_path), url)
    assert find_exported("mobilenet_v3_small", os.fspath(tmp_path)) is None


def test_weights_that_carry_code_are_refused(tmp_path: Path) -> None:
    unnamed = tmp_path / "unnamed"
    torch.save({"features.0.0.weight": os.system}, unnamed)
    digits = hashlib.sha256(unnamed.read_bytes()).hexdigest()[:8]
    url = unnamed.rename(tmp_path / f"net-{digits}.pth").as_uri()
    with pytest.raises(BackboneUnavailable, match="does not fit"):
        export.export("mobilenet_v3_small", os.fspath(tmp_path), url)


CONTENT = b"weights" * 1000
NAME = f"net-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves the content; cuts it short for one name and damages it for another."""

    def do_GET(self) -> None:
        if self.path.startswith("/gone"):
            return self.send_error(404)
        content = CONTENT[::-1] if self.path.startswith("/damaged") else CONTENT
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:500] if self.path.startswith("/cut") else content)
        return None

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_weights_are_downloaded_once(address: str, tmp_path: Path) -> None:
    url = f"{address}/whole/{NAME}"
    path = fetch_weights(url, os.fspath(tmp_path))
    assert Path(path).read_bytes() == CONTENT
    first = os.stat(path).st_ino
    assert os.stat(fetch_weights(url, os.fspath(tmp_path))).st_ino == first


def test_damaged_weights_in_the_cache_are_downloaded_again(address: str, tmp_path: Path) -> None:
    path = Path(weights_path(NAME, os.fspath(tmp_path)))
    path.parent.mkdir()
    path.write_bytes(b"half")
    fetch_weights(f"{address}/whole/{NAME}", os.fspath(tmp_path))
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("folder", "reason"),
    [("gone", "Not Found"), ("damaged", "came damaged"), ("cut", "came damaged")],
)
def test_a_failed_download_leaves_nothing_behind(
    address: str, tmp_path: Path, folder: str, reason: str
) -> None:
    with pytest.raises(BackboneUnavailable, match=reason):
        fetch_weights(f"{address}/{folder}/{NAME}", os.fspath(tmp_path))
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []


def test_a_silent_server_is_given_up(tmp_path: Path) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/{NAME}"
        with pytest.raises(BackboneUnavailable, match="timed out"):
            fetch_weights(url, os.fspath(tmp_path), silence_seconds=0.2)


def test_a_name_without_a_hash_is_not_even_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BackboneUnavailable, match="no hash"):
        fetch_weights("http://127.0.0.1:9/weights.pth", os.fspath(tmp_path))


def test_auto_is_the_default_network_once_it_is_in_the_cache(tmp_path: Path) -> None:
    path = Path(exported_path("efficientnet_b0", "00000000", os.fspath(tmp_path)))
    path.parent.mkdir()
    shutil.copy(tiny_onnx(tmp_path / "a.onnx"), path)
    assert resolve_auto(SETTINGS, os.fspath(tmp_path)) == "torchvision:efficientnet_b0"


def test_auto_is_the_descriptor_without_a_network(tmp_path: Path) -> None:
    source = f"""
from triaged.ml.backbone import BackboneSettings, resolve_auto
print(resolve_auto(BackboneSettings(), {os.fspath(tmp_path)!r}))
"""
    nowhere = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    command = [sys.executable, "-W", "ignore", "-c", source]
    said = subprocess.run(command, env=ENVIRONMENT | nowhere, stdout=subprocess.PIPE, check=True)
    assert said.stdout.decode().strip() == "descriptor"


def test_an_onnx_encoder_loads_no_torch(tmp_path: Path) -> None:
    path = tiny_onnx(tmp_path / "a.onnx")
    source = f"""
import sys
from triaged.ml.backbone import BackboneSettings, open_backbone
open_backbone({f"onnx:{path}"!r}, BackboneSettings(), "unused")
print(sorted({{"torch", "torchvision"}} & set(sys.modules)))
"""
    command = [sys.executable, "-c", source]
    said = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, check=True)
    assert said.stdout.decode().strip() == "[]"
