"""A torchvision network made into an ONNX file: once, checked against torch, kept in the cache.

ONNX Runtime runs these networks two to seven times faster than eager torch on a CPU, and the
worker needs neither torchvision nor its memory afterwards. Only with a CUDA device does torch run
them itself.
"""

import contextlib
import io
import logging
import os
import warnings

import numpy as np
import torch
from numpy.typing import NDArray

from triaged.ml import network
from triaged.ml.session import Pixels, Run, Vectors, open_onnx
from triaged.ml.weights import (
    BackboneUnavailable,
    exported_path,
    fetch_weights,
    hash_in_name,
    kept_when_whole,
    version_of,
)

log = logging.getLogger(__name__)

_TOLERANCE = 1e-4  # of any number, relative to the largest in its row


def export(name: str, cache_dir: str, url: str | None = None) -> str:
    """Return the path of the exported network, made anew from its weights.

    `url` is where the weights are, if not where torchvision says. Raises BackboneUnavailable.
    """
    source = network.published(name)
    weights = fetch_weights(url or source.url, cache_dir)
    net = network.load(source, weights)
    path = exported_path(name, hash_in_name(weights), cache_dir)
    log.info("exporting %s to %r", name, path)
    try:
        with kept_when_whole(path) as unchecked:
            _write(net, unchecked, source.input_px)
            _check(net, unchecked, source.input_px)
    except (torch.onnx.OnnxExporterError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise BackboneUnavailable(
            f"cannot export {name} to {path} ({reason}): set another `backbone:`"
        ) from error
    return path


def _write(net: network.Network, path: str, input_px: int) -> None:
    names = ["embedding", "levels"] if net.levels else ["embedding"]
    example = torch.zeros(2, 3, input_px, input_px)
    for library in ("onnx_ir", "onnxscript", "torch.onnx"):
        logging.getLogger(library).setLevel(logging.ERROR)  # hundreds of lines a network
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            (example,),
            path,
            input_names=["pixels"],
            output_names=names,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=1024)},),
            external_data=False,
            dynamo=True,
            verbose=False,
        )


def _check(net: network.Network, path: str, input_px: int) -> None:
    """Raise BackboneUnavailable unless the file computes what torch does, for 1 and 3 pictures."""
    _, run = open_onnx(path, input_px)
    for count in (1, 3):
        pixels = np.random.default_rng(count).integers(
            0, 256, (count, input_px, input_px, 3), dtype=np.uint8
        )
        for exported, eager in zip(run(pixels), _run_eager(net, pixels), strict=True):
            if exported is None or eager is None:
                is_same = exported is eager
            else:
                is_same = _difference(exported, eager) <= _TOLERANCE
            if not is_same:
                raise BackboneUnavailable(
                    f"{os.path.basename(path)} does not compute what torch does: "
                    "set another `backbone:`, and please report it"
                )


def _difference(one: Vectors, other: Vectors) -> float:
    if one.shape != other.shape:
        return float("inf")
    largest = np.abs(other).max(axis=1, keepdims=True) + 1e-6  # (B, 1)
    return float((np.abs(one - other) / largest).max())


def _run_eager(net: network.Network, pixels: Pixels) -> tuple[Vectors, Vectors | None]:
    with torch.inference_mode():
        embedding, levels = net(_planes(pixels).to(net.mean.device))
    return _numpy(embedding), _numpy(levels) if net.levels else None


def _planes(pixels: Pixels) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255  # (B, 3, S, S)


def _numpy(tensor: torch.Tensor) -> NDArray[np.float32]:
    return tensor.float().cpu().numpy()


def open_cuda(name: str, cache_dir: str, url: str | None = None) -> tuple[str, int, Run] | None:
    """Return version, input side and run function of a network in torch on the CUDA device.

    None without such a device. In half precision the vectors should differ from those on the CPU
    in the third digit (not yet measured on a device), so the version is the same.
    Raises BackboneUnavailable.
    """
    if not torch.cuda.is_available():
        return None
    source = network.published(name)
    weights = fetch_weights(url or source.url, cache_dir)
    net = network.load(source, weights).cuda()
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(pixels: Pixels) -> tuple[Vectors, Vectors | None]:
        with torch.autocast("cuda", dtype=torch.float16):
            return _run_eager(net, pixels)

    return version_of(exported_path(name, hash_in_name(weights), cache_dir)), source.input_px, run
